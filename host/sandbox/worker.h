#ifndef PENSTOCK_SANDBOX_WORKER_H
#define PENSTOCK_SANDBOX_WORKER_H

/*
 * worker.h: serves a slot's data channel: takes a task, calls the plugin's run, sends what it
 * gives. Runs in a task (one task, then the end) or in a warm worker (one after another). Made
 * before a fork, served after it.
 */

#include <stdbool.h>
#include <stdint.h>

#include <penstock/plugin.h>

#include "sandbox/chan.h"

struct worker;

/* Status of a process whose own preparations failed, with words on its standard error. */
enum { WORKER_SETUP_EXIT = 125 };

struct worker_setup {
    const pen_pipeline *pipeline;  /* a full copy; must outlive the worker */
    void *self;                    /* of the plugin's open */
    enum box_mode mode;            /* BOX_FORK: one task; BOX_WARM */
    uint32_t recycle_after;        /* warm: tasks before the end; 0: no end */
    uint32_t recycle_ms;           /* warm: age at which it takes no further task; 0: none */
    uint64_t recycle_growth_bytes; /* warm: growth after which it takes none; 0: none */
    uint32_t slot;
    uint64_t generation;
    int data_fd;            /* borrowed */
    struct slot_page *page; /* mapped */
    bool may_fork;          /* the plugin may start processes (profile off) */
    const char *task_dir;   /* the slots' directories lie in it; "" : none */
};

/* NULL: no memory. Lives as long as its process. */
struct worker *worker_new(void);
/* Whether the pipeline lists that word in its needs. */
int worker_needs(const pen_pipeline *pipeline, const char *need);
/* What needs rights that the last filter takes: empties the slot's directory. -1 with errno. */
int worker_prepare(struct worker *w, const struct worker_setup *setup);
/* Serves until its end; returns the status to exit with. */
int worker_serve(struct worker *w);

#endif
