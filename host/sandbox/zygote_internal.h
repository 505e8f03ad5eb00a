#ifndef PENSTOCK_SANDBOX_ZYGOTE_INTERNAL_H
#define PENSTOCK_SANDBOX_ZYGOTE_INTERNAL_H

/* zygote_internal.h: what zygote.c, zygote_fork.c and zygote_tid.c share. */

#include <stddef.h>

#include "sandbox/chan.h"
#include "sandbox/load.h"
#include "sandbox/warden_setup.h"
#include "sandbox/worker.h"

struct zygote {
    int channel;
    pid_t warden;                   /* our parent, and that of tasks */
    int zygote_filter, task_filter; /* -1 when they are loaded, or not there */
    int data, page;                 /* of warm worker and scan; else -1 */
    int threads;                    /* /proc/self/task, or -1 */
    struct zygote_setup setup;
    char config[BOX_CONFIG_MAX + WARDEN_INPUTS_MAX]; /* right behind setup, as in the message */
    char inputs[WARDEN_INPUTS_MAX];                  /* setup.inputs_len bytes, taken from there */
    struct loaded plugin;
    struct worker *worker;
    /* What a raw clone has to mend in a child. */
    void *tid_address;
    void *robust_list;
    size_t robust_len;
    int rulesets[BOX_SLOTS_MAX]; /* of Landlock, one a slot, made once; -1 */
};

/* One of a list of steps, each of which must succeed: 0, or -1 with errno. */
struct zygote_step {
    const char *what;
    int (*take)(void *arg);
};
/* The name of the first step that failed, with errno; NULL: none did. */
const char *zygote_take_steps(const struct zygote_step *steps, size_t n, void *arg);

/* parent: who it has to be; the signal never comes from one that is gone already. -1: ESRCH then. */
int zygote_die_with_parent(pid_t parent);
int zygote_hide_memory(void);
/* Where the plugin may start processes: what they leave is ours, until we end. */
int zygote_adopt_orphans(const struct zygote *z);
/* The slot's page, mapped; NULL with errno. Closes *fd. */
struct slot_page *zygote_map_page(int *fd);

/* zygote_tid.c: the address of the calling thread's id in libc, or NULL with errno. _search_ does
 * without the kernel's help; it takes a fork. */
void *zygote_find_tid(void);
void *zygote_search_tid(void);

/* zygote_fork.c: before any filter or plugin code: finds out what a raw clone leaves stale, makes
 * the rulesets of the slots. -1 with errno. */
int zygote_prepare_fork(struct zygote *z);
/* Clones tasks until the warden closes the channel; the status to exit with. */
int zygote_serve_forks(struct zygote *z);

#endif
