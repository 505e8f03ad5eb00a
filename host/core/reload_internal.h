#ifndef PENSTOCK_CORE_RELOAD_INTERNAL_H
#define PENSTOCK_CORE_RELOAD_INTERNAL_H

/* reload_internal.h: what reload.c and reload_answer.c share. */

#include "core/refusal.h"
#include "core/reload.h"

struct changes_report;

struct reload {
    struct core *core;
    struct loop_timer *begin, *look;
    struct loop_io *io; /* of the supervisor, who reads the files; NULL: we do */
    struct buf bundle;  /* what it has read last */
    unsigned n_asked;   /* times that it was asked and has not answered */
    bool is_wanted, wants_conf, wants_force; /* of the next one */
    bool is_running, reads_conf, is_forced;  /* of this one */
    struct reload_waiter *waiters, *next_waiters;
    struct conf *conf; /* to come in force, counted */
    struct conf_list needs_restart, changing;
    struct refusal refusal; /* CODE_OK: none */
    const struct changes_report *report;
};

/* The peer whose request is at hand waits for the next reload. -1: no memory. */
int reload_add_waiter(struct reload *r, struct peer *p);
/* Answers who waits for this one. */
void reload_answer(struct reload *r);
void reload_forget_waiters(struct reload *r);

/* reload_source.c */
/* -1: no memory. */
int reload_listen(struct reload *r);
void reload_unlisten(struct reload *r);
/* Asks for the files as they are now. */
void reload_fetch(struct reload *r);
/* As conf_load, of what came last. */
struct conf *reload_load(struct reload *r, struct conf_errors *errors);

#endif
