#ifndef PENSTOCK_WAIT_H
#define PENSTOCK_WAIT_H

/* wait.h: waits for the RESULT of a task that was accepted: shows events, keeps the host's pulse,
 * cancels on ^C. [loop] */

#include <stdbool.h>
#include <stdint.h>

#include "session.h"

struct progress;

struct wait {
    struct session *session;
    struct progress *progress; /* or NULL */
    struct loop_timer *pulse, *hurry;
    char uid[64];
    char resume[128];
    int64_t epoch;
    int64_t heard_ms; /* monotonic: the host's last word */
    bool wants_events, is_durable;
    bool is_accepted, is_over;
    int signo; /* that asked to stop, 0: none */
    int status;
    struct answer result; /* verb WIRE_RESULT once it is there */
};

/* Before SUBMIT: takes over the session's pushes and SIGINT, SIGTERM. welcome: the answer to HELLO.
 * Returns an exit status; errors are told. */
int wait_begin(struct wait *w, struct session *s, const struct answer *welcome, const char *label,
               bool wants_events);
/* The answer to SUBMIT. */
void wait_accepted(struct wait *w, const struct answer *accepted);
/* Runs until w->result is there (CLI_OK), or it is told why it never comes. */
int wait_run(struct wait *w);
void wait_end(struct wait *w);

#endif
