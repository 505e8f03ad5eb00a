#ifndef PENSTOCK_SUPERVISOR_SUPERVISOR_H
#define PENSTOCK_SUPERVISOR_SUPERVISOR_H

/* supervisor.h: the roles of one host, started in order, kept running, stopped in order. [loop] */

struct buf;
struct conf;
struct conf_request;
struct loop;
struct supervisor;

struct supervisor_options {
    struct conf *conf;                  /* counted */
    const struct conf_request *request; /* handed to the roles, and used for a reload; borrowed */
    struct buf *bundle;                 /* the files that conf was loaded from; taken */
    int ready_fd;                       /* gets "ready\n"; taken; -1: none */
};

/* Makes the folders, takes the host's lock and starts the roles. NULL: logged. */
struct supervisor *supervisor_new(struct loop *loop, const struct supervisor_options *o);
/* The core reads the configuration anew, and if it is good we do. */
void supervisor_reload(struct supervisor *s);
/* The first call drains, the second one stops at once; the loop ends when all roles have. */
void supervisor_stop(struct supervisor *s);
/* The exit status of the program. */
int supervisor_exit_status(const struct supervisor *s);
void supervisor_free(struct supervisor *s);

#endif
