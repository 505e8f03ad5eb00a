#ifndef PENSTOCK_SANDBOX_WARDEN_INTERNAL_H
#define PENSTOCK_SANDBOX_WARDEN_INTERNAL_H

/* warden_internal.h: what the files of the warden share. The theory of operation stands in
 * warden.c. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "sandbox/chan.h"
#include "sandbox/warden_setup.h"

struct loop;
struct loop_io;
struct loop_timer;
struct warden;

/* Standard output and error of one process of the box. */
struct output {
    struct warden *warden;
    int fd; /* -1: none */
    struct loop_io *io;
    uint32_t slot; /* or CONTROL_LOG_ZYGOTE */
    uint64_t generation;
    uint64_t room;    /* bytes that may still be kept */
    uint64_t dropped; /* bytes over that */
    int64_t renewed_ms;
    size_t len; /* of a line that has no end yet */
    char line[CONTROL_LOG_MAX];
};

enum zygote_state {
    ZYGOTE_NONE,    /* no process; its timer, if set, starts one */
    ZYGOTE_LOADING, /* its timer is the load timeout */
    ZYGOTE_SERVING,
    ZYGOTE_CLOSING /* told to go; its timer kills it */
};

/* A process with the plugin loaded: one a box in fork mode and in a scan, one a slot in warm mode.
 */
struct zygote {
    struct warden *warden;
    enum zygote_state state;
    uint32_t slot;
    pid_t pid;
    int channel;
    int birth; /* read end: an errno comes if it could not be executed */
    struct loop_io *io;
    struct loop_timer *timer;
    struct output output;
    int64_t started_ms;
    uint64_t old_oom_kills; /* of its control group, when it was started */
    unsigned failures;      /* in a row */
    unsigned ordered;       /* forks asked for and not yet named */
};

enum slot_state {
    SLOT_EMPTY,
    SLOT_ORDERED, /* a fork is asked for */
    SLOT_LIVE,    /* a worker is announced to the core */
    SLOT_CLEANING /* its worker is gone; pid is a child of ours that empties its directory */
};

struct slot {
    struct warden *warden;
    enum slot_state state;
    uint32_t index;
    pid_t pid;
    uint64_t generation;
    enum kill_reason reason;
    int dir;                          /* the task directory */
    struct output output;             /* of a forked worker; a warm one writes to its zygote's */
    uint64_t cpu_limit_us;            /* of its process clock; 0: not watched */
    struct loop_timer *timer;         /* the next look at its clock */
    struct loop_timer *measure_timer; /* the next look at its directory */
    pid_t measurer;                   /* a child of ours that looks at it now; 0: none */
    bool is_measured;                 /* the task is watched, and what it looks for counts */
    uint64_t n_watches;               /* of this slot so far, and when the child began */
    uint64_t measurer_watch;
    /* Of its control group, when the worker was announced. */
    uint64_t old_oom_kills, old_peak;
    uint64_t cpu_loaded_us; /* its process clock when it was announced */
};

/* A child that ended before the zygote had named it. */
struct early_exit {
    pid_t pid;
    int wait_status;
    struct rusage usage;
};

struct warden {
    struct warden_setup setup;
    char config[BOX_CONFIG_MAX + 1];
    char inputs[WARDEN_INPUTS_MAX]; /* setup.inputs_len bytes of them */
    struct loop *loop;
    struct loop_io *control;
    enum box_mode mode;         /* in force; of BOX_EXEC: BOX_WARM */
    bool is_once;               /* BOX_EXEC: the box ends with its first worker */
    char plugin_path[PATH_MAX]; /* in the box */
    char task_dir[PATH_MAX];
    int root;                /* of the new root, while it is built */
    char why[PATH_MAX + 64]; /* of a step that failed: more than its name; "" */
    int children;            /* the kernel's list of our children; -1: none here */
    int64_t begun_ms;
    bool is_ready;          /* CONTROL_READY is sent */
    bool is_stopping;       /* CONTROL_STOP came */
    bool is_ending;         /* everything is killed; the loop is left */
    unsigned fork_failures; /* in a row */
    int exit_status;
    struct zygote zygotes[BOX_SLOTS_MAX];
    struct slot slots[BOX_SLOTS_MAX];
    struct early_exit early[BOX_SLOTS_MAX];
    unsigned n_early;
};

/* warden.c */
/* Ends the box: kills and reaps all its processes, then leaves the loop. */
void warden_end(struct warden *w, int status);
/* The same after telling why. error: errno. */
void warden_end_error(struct warden *w, int error, const char *what);
void warden_end_load_failed(struct warden *w, enum load_failure why, int wait_status,
                            const char *text);
void warden_send(const struct warden *w, const void *message, size_t n);
/* After CONTROL_STOP: ends the box if nothing is left to wait for. */
void warden_check_stop(struct warden *w);

/* warden_steps.c: builds the box; 0, or -1 with a CONTROL_ERROR sent. A probe goes on without a wall
 * that zygotes build for themselves, and clears its bit in setup.walls. */
int warden_build(struct warden *w);

/* warden_probe.c: with WARDEN_PROBE, after warden_build: attacks each guarantee from a child behind
 * all walls, and tells what came of it (CONTROL_PROBE). */
void warden_probe(struct warden *w);
/* Runs the function in a child of ours: its errno, 0 if it returned 0, or that of the child's death:
 * EINTR if it was killed by a filter, ECHILD else. */
int warden_in_child(int (*fn)(struct warden *w, void *arg), struct warden *w, void *arg);

/* warden_basics.c, warden_root.c, warden_inputs.c, warden_files.c, warden_rights.c, warden_group.c: the
 * steps. 0, or -1 with errno.
 */
int warden_begin_session(struct warden *w);
int warden_reset_signals(struct warden *w);
int warden_set_umask(struct warden *w);
int warden_tie_to_parent(struct warden *w);
int warden_expose_to_oom(struct warden *w);
int warden_hide_memory(struct warden *w);
int warden_adopt_orphans(struct warden *w);
int warden_watch_children(struct warden *w);
int warden_forbid_cores(struct warden *w);
int warden_set_host_name(struct warden *w);
int warden_forbid_namespaces(struct warden *w);
int warden_tame_memfds(struct warden *w);

/* A new file system that is not attached yet; options are pairs of key and value. -1 with errno. */
int warden_make_mount(const char *type, const char *const (*options)[2], size_t n, unsigned attr);
/* Something to mount on in the new root, a folder or a file; name without a leading slash. */
int warden_make_place(int root, const char *name, mode_t mode);
int warden_privatise_mounts(struct warden *w);
int warden_make_root(struct warden *w);
int warden_mount_scratch(struct warden *w);
int warden_bind_system(struct warden *w);
int warden_bind_devices(struct warden *w);
int warden_mount_proc(struct warden *w);
int warden_copy_plugin(struct warden *w);
/* Puts the declared inputs into the new root. */
int warden_show_inputs(struct warden *w);
/* Whether the box's user may read them. */
int warden_read_inputs(struct warden *w);
int warden_pivot(struct warden *w);
int warden_freeze_root(struct warden *w);
int warden_open_slots(struct warden *w);

int warden_drop_bounding(struct warden *w);
int warden_lock_securebits(struct warden *w);
int warden_switch_user(struct warden *w);
int warden_drop_caps(struct warden *w);
int warden_refuse_privileges(struct warden *w);
int warden_try_group(struct warden *w);
int warden_try_mdwe(struct warden *w);
int warden_try_landlock(struct warden *w);
int warden_try_seccomp(struct warden *w);

/* warden_zygote.c */
/* Starts the process of z; its slot is set for a warm worker. A failure ends the box. */
void warden_start_zygote(struct zygote *z);
void warden_zygote_ended(struct zygote *z, int wait_status, const struct rusage *usage);
/* Reads what a zygote has said. */
void warden_hear_zygote(struct zygote *z);
/* Asks it to close its plugin and go. */
void warden_close_zygote(struct zygote *z);
/* Asks the zygote for the slot's next worker. */
void warden_order_fork(struct slot *s);
void warden_zygote_timer(struct zygote *z);
/* warden_exec.c: forks and executes a zygote and fills in pid, channel, birth, output. -1 with
 * errno. */
int warden_exec_zygote(struct zygote *z);
int warden_send_setup(struct zygote *z);
/* Binds this process and its children, if the box has WALL_LIMITS. -1 with errno. */
int warden_set_limits(const struct warden *w);

/* warden_worker.c */
void warden_worker_live(struct slot *s, pid_t pid);
void warden_worker_ended(struct slot *s, int wait_status, const struct rusage *usage);
void warden_cleaner_ended(struct slot *s, int wait_status);
/* Gives an empty slot its next worker, if the box goes on. */
void warden_fill_slot(struct slot *s);
void warden_kill_worker(struct slot *s, enum kill_reason reason);

/* warden_group.c: control groups; without WALL_CGROUP all of it does nothing. -1 with errno. */
/* The group that a zygote lives in. */
static inline uint32_t warden_group_of(const struct zygote *z)
{
    return z->warden->mode == BOX_FORK ? (uint32_t)WARDEN_GROUP_ZYGOTE : z->slot;
}
/* The caller goes into that group: a slot's, or WARDEN_GROUP_ZYGOTE. */
int warden_group_join(const struct warden *w, uint32_t group);
/* The descriptors by which a task of the slot joins its group itself, into fds; 0: we move it. */
enum { GROUP_PASS_MAX = 2 };
size_t warden_group_pass(const struct slot *s, int *fds);
/* Moves a worker into its slot's group, if it does not go itself. */
int warden_group_move(const struct slot *s, pid_t pid);
/* Notes the kernel's counters when a worker is announced, and tells at its end what they are since.
 */
int warden_group_begin(struct slot *s);
void warden_group_end(const struct slot *s, struct control_exit *m);
/* Kills in that group so far, for want of memory; and whether there were more since. */
uint64_t warden_group_oom_kills(const struct warden *w, uint32_t group);
bool warden_group_was_full(const struct warden *w, uint32_t group, uint64_t old_oom_kills);

/* warden_reap.c */
void warden_reap(struct warden *w);
/* Whether pid is a child of ours that belongs to nothing yet. */
bool warden_may_claim(const struct warden *w, pid_t pid);
/* Takes the early exit of pid out, if there is one. */
bool warden_take_early(struct warden *w, pid_t pid, struct early_exit *e);
/* Forks asked for and not yet named. */
unsigned warden_ordered(const struct warden *w);
/* 0, or -1: there are more children than were ordered. */
int warden_check_children(const struct warden *w);
/* Kills all processes of the box and reaps them. */
void warden_kill_all(struct warden *w);

/* warden_strays.c */
/* In a box whose processes may make others (BOX_MAY_ALL): kills and reaps those of them whose parent
 * has ended. They wait until every order of a fork is answered. Too many: ends the box. */
void warden_kill_strays(struct warden *w);
/* Whether processes that nobody ordered are allowed. */
bool warden_allows_strays(const struct warden *w);

/* warden_watch.c */
/* What the process has used so far; 0 of a zombie. */
uint64_t warden_cpu_us(pid_t pid);
/* The task of a slot is a long one; cpu_ms as in control_watch. */
void warden_watch(struct slot *s, uint32_t cpu_ms);
void warden_watch_end(struct slot *s);
void warden_look_at_cpu(struct slot *s);
/* Looks at the directory of a slot that is watched; by a child, which ends some time later. */
void warden_measure(struct slot *s);
void warden_measurer_ended(struct slot *s, int wait_status);

/* warden_output.c */
/* Opens a pipe; returns the write end, or -1 with errno. */
int warden_output_open(struct output *o, uint32_t slot, uint64_t generation);
/* Reads it from now on. -1 with errno. */
int warden_output_read(struct output *o);
/* Reads what is left, sends it, closes. */
void warden_output_close(struct output *o);

#endif
