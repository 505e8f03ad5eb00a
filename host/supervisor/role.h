#ifndef PENSTOCK_SUPERVISOR_ROLE_H
#define PENSTOCK_SUPERVISOR_ROLE_H

/* role.h: one program that the supervisor keeps running: started, restarted with growing pauses,
 * stopped. SIGHUP is blocked when it starts: the programs that take it read it from their loops, and
 * one that comes earlier is not lost and kills nobody. [loop] */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct loop;
struct role;

enum { ROLE_FDS_MAX = 4 };

struct role_spec {
    const char *name;    /* for the log; copied */
    const char *program; /* absolute path; copied */
    char **arguments;    /* without argv[0]; NULL-ended; copied */
    char **environment;  /* NULL-ended; the strings must live as long as the role */
};

/* The program has ended; next_ms: the pause after which the owner should start it again. */
typedef void (*role_ended_fn)(void *arg, struct role *r, int wait_status, int64_t next_ms);

struct role *role_new(struct loop *loop, const struct role_spec *spec, role_ended_fn fn, void *arg);
/* Starts it with these descriptors as 3, 4, ...; they stay the caller's. -1 with errno. */
int role_start(struct role *r, const int *fds, unsigned n_fds);
/* Calls role_start without descriptors after the pause. */
void role_start_later(struct role *r, int64_t delay_ms);
/* Changes the value of an argument, from the next start on; one that is not there is added. -1: no
 * memory or room. */
int role_set_argument(struct role *r, const char *flag, const char *value);
/* How its last run ended: "signal 9", "exit 1"; "" before that. */
const char *role_last_end(const struct role *r);
/* Writes its last end into the log. */
void role_log_end(const struct role *r, bool is_expected, int64_t next_ms);
/* Sends a signal if it runs. */
void role_signal(struct role *r, int signo);
/* Does not start it again; if it runs it gets TERM, and KILL after grace_ms. */
void role_stop(struct role *r, int64_t grace_ms);
bool role_is_running(const struct role *r);
const char *role_name(const struct role *r);
/* Kills it if it runs and waits for it. NULL is fine. */
void role_free(struct role *r);

#endif
