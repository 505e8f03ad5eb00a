#ifndef PENSTOCK_SUPERVISOR_SUPERVISOR_INTERNAL_H
#define PENSTOCK_SUPERVISOR_SUPERVISOR_INTERNAL_H

/* supervisor_internal.h: what the sources of the supervisor share. */

#include <limits.h>
#include <stdbool.h>

#include "base/buf.h"
#include "supervisor/role.h"
#include "supervisor/supervisor.h"

struct conf_host;
struct loop_io;
struct loop_timer;
struct shims;

enum { LINE_MAX_BYTES = 64 };

struct supervisor {
    struct loop *loop;
    const struct conf_request *request;
    struct conf *conf; /* in force, counted */
    const struct conf_host *host;
    char bin_dir[PATH_MAX];
    char **conf_arguments;
    char **environment;
    int lock_fd, ready_fd;
    int status_fd;       /* our end of the channel on which the core tells how it is */
    struct buf in_force; /* the files that conf was loaded from */
    struct buf bundle;   /* the configuration's files, as they were read last */
    struct loop_io *status;
    char line[LINE_MAX_BYTES]; /* the beginning of one */
    size_t line_len;
    struct role *launcher, *core;
    struct shims *shims;
    struct loop_timer *pair_again, *last_resort;
    unsigned failed_starts; /* in a row, before the core ever served */
    unsigned restarts;      /* of the pair */
    char last_end[64];      /* why the pair was started again the last time: "core: signal 9" */
    unsigned end_weight;    /* of the ends since the pair's last start; 0: both run */
    bool has_served;
    bool is_stopping;
    bool is_core_told; /* to drain */
    bool has_failed;
    int exit_status;
};

/* supervisor_roles.c: makes launcher, core and shims; nothing is started. -1: logged, or no memory. */
int supervisor_make_roles(struct supervisor *s, role_ended_fn on_pair_ended,
                          void (*on_shim_ended)(void *arg));

/* supervisor_status.c: the channel on which the core tells how it is. */
/* Takes our end of it. -1: errno. */
int supervisor_watch_status(struct supervisor *s, int fd);
void supervisor_drop_status(struct supervisor *s);
/* Reads the configuration's files; what is wrong with them the core tells. */
void supervisor_read(struct supervisor *s);
/* A file in memory with these bytes. -1: errno. */
int supervisor_memory_file(const struct buf *b);
/* Hands them to the core, which may not be able to read them, and says what it makes of them. -1:
 * logged. */
int supervisor_hand_over(struct supervisor *s);
/* What was read last comes in force here too: the core has checked it. */
void supervisor_configure(struct supervisor *s);

#endif
