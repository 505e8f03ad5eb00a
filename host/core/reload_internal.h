#ifndef PENSTOCK_CORE_RELOAD_INTERNAL_H
#define PENSTOCK_CORE_RELOAD_INTERNAL_H

/* reload_internal.h: what reload.c and reload_answer.c share. */

#include "core/refusal.h"
#include "core/reload.h"

struct changes_report;

struct reload {
    struct core *core;
    struct loop_timer *begin, *look;
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

#endif
