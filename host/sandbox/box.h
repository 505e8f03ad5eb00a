#ifndef PENSTOCK_SANDBOX_BOX_H
#define PENSTOCK_SANDBOX_BOX_H

/*
 * box.h: boxes as the core and the command line see them. A box holds one pipeline of one plugin;
 * it has slots, and each free slot takes one task. All calls and callbacks [loop].
 *
 * A box of BOX_EXEC has one slot, takes one task, and ends after it (on_ended: CODE_OK).
 *
 * A warm box may be given tasks ahead (depth): a slot's worker then goes from one to the next
 * without waiting for us. The first of a slot is at work; those behind it come to work in order, or
 * are given back untouched.
 *
 * Life: box_start ... on_ready (or on_ended) ... on_slot_free per slot ... box_run ... on_done ...
 * box_stop ... on_ended. on_ended comes exactly once and is the last callback; the box is freed
 * after it returns.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/codes.h"
#include "sandbox/chan.h"

struct box;
struct launcher;
struct loop;

/* The channel to penstock-launcher; takes fd. on_lost: it is gone, and with it every box (their
 * on_ended come first). */
struct launcher *launcher_new(struct loop *loop, int fd, void (*on_lost)(void *arg), void *arg);
/* The launcher's first word: what boxes guarantee here. is_refused: below what is required; the
 * channel ends behind it, so nothing should be asked for before it has come. fn may not free the
 * launcher. */
void launcher_on_report(struct launcher *l,
                        void (*fn)(void *arg, const struct launch_report *report), void *arg);
/* The same, kept; borrowed. NULL: it has not come yet. */
const struct launch_report *launcher_report(const struct launcher *l);
/* Boxes still in it are freed without a callback. Not from inside a box's callback; on_lost is
 * fine. */
void launcher_free(struct launcher *l);

/* Everything is copied. */
struct box_spec {
    const char *plugin_path; /* absolute */
    const char *plugin_id;   /* NULL in a scan */
    const char *slug;        /* NULL in a scan */
    const char *config;      /* the plugin's configuration, JSON text, or NULL */
    enum box_mode mode;
    uint32_t slots;       /* 1 to BOX_SLOTS_MAX */
    uint32_t depth;       /* tasks that a warm worker may hold, to BOX_DEPTH_MAX; 0 is 1 */
    uint32_t rights;      /* enum box_rights */
    uint32_t flags;       /* enum launch_flags */
    uint64_t extra_calls; /* bits of conf/extra_calls.h */
    uint32_t n_ports;     /* TCP ports it may connect to; 0 among them: all */
    uint16_t ports[BOX_PORTS_MAX];
    const char *const *inputs; /* absolute paths that it may read */
    size_t n_inputs;
    const char *sha256; /* of the plugin's file in small hex, or NULL */
    struct box_limits limits;
    size_t result_max;  /* bytes of result JSON */
    size_t outputs_max; /* bytes of all outputs together */
};

enum { BOX_DEPTH_MAX = SLOT_CELLS };

struct box_input {
    const char *name;
    const char *media_type; /* or NULL */
    const void *bytes;
    size_t len;
};

/* All of it, bytes too, must live until on_done or on_returned of this task. */
struct box_task {
    const char *id, *job_id, *tenant; /* the last two may be NULL */
    const void *params;
    size_t params_len;
    const void *metadata;
    size_t metadata_len;
    const struct box_input *inputs;
    uint32_t n_inputs;
    int32_t attempt;
    int64_t deadline_ms; /* epoch, told to the plugin; 0: none */
    double priority;
    uint32_t timeout_ms; /* wall clock; enforced here */
    uint32_t cpu_ms;     /* 0: the box's own limit */
};

struct box_output {
    char *name, *media_type; /* media_type may be NULL */
    struct buf bytes;
};

struct box_child {
    char *pipeline, *step;
    struct buf params;
};

/* What became of a task: the verdict joins the claim with what the kernel says. Everything belongs
 * to the box and is freed after on_done; a struct buf may be moved out (copy it, then set its data
 * to NULL and len and cap to 0). */
struct box_outcome {
    enum code
        code; /* CODE_OK: status, data, outputs, children are the claim; else they are empty */
    const char *message; /* for a person, never NULL */
    struct buf details;  /* a JSON object, or empty */
    const char *status;  /* "success", or a custom status the plugin gave */
    struct buf
        data; /* the result's JSON as the plugin wrote it; checked to be one value; may be empty */
    struct box_output *outputs;
    size_t n_outputs;
    struct box_child *children;
    size_t n_children;
    int64_t run_ms, run_us, cpu_ms;
    int64_t max_rss_bytes; /* 0: not known (a warm worker that goes on) */
    bool was_started;      /* false: the worker died before it can have touched the task */
    bool is_refused; /* to be set by on_done: the claim breaks a rule that only the user knows. A
                        warm worker is replaced then, as after any fault */
};

enum box_stream { BOX_LOG_PLUGIN, BOX_LOG_OUTPUT }; /* host->log; stdout and stderr */

struct box_events {
    /* walls: enum wall; mode: BOX_WARM where the plugin left threads. */
    void (*on_ready)(void *arg, struct box *b, uint32_t walls, uint32_t landlock_abi,
                     enum box_mode mode);
    /* The slot has a worker and takes one task: box_run, now or later. Comes again after each task.
     */
    void (*on_slot_free)(void *arg, struct box *b, uint32_t slot);
    /* task: the user pointer of box_run, NULL if no task runs there. level: PEN_LOG_*. */
    void (*on_log)(void *arg, struct box *b, void *task, enum box_stream stream, int level,
                   const char *text, size_t len);
    void (*on_progress)(void *arg, struct box *b, void *task, double fraction, const char *message,
                        size_t len);
    void (*on_done)(void *arg, struct box *b, uint32_t slot, void *task,
                    struct box_outcome *outcome);
    /* A task that was given ahead is at work now. Returns its time limit (box_task.timeout_ms).
     * NULL: as it was given. */
    uint32_t (*on_head)(void *arg, struct box *b, void *task);
    /* A task that was given ahead is given back: it was not started, and its box has nothing more
     * to do with it. Only needed if depth is above 1. */
    void (*on_returned)(void *arg, struct box *b, uint32_t slot, void *task);
    /* A scan's answer: the plugin's own description, a claim. */
    void (*on_descriptor)(void *arg, struct box *b, const char *json, size_t len);
    /* LAUNCH_LEARN: system calls of the plugin's process wait here for an answer (seccomp_unotify).
     * Takes fd. Without it they fail. */
    void (*on_listener)(void *arg, struct box *b, int fd);
    /* The box is gone. code: CODE_OK after box_stop, the task of
     * BOX_EXEC, or a scan that answered; else
     * PLUGIN_LOAD_FAILED, PLUGIN_LOAD_TIMEOUT, SANDBOX_ERROR, KILLED with words. Tasks that were in
     * it have had their on_done before. */
    void (*on_ended)(void *arg, struct box *b, enum code code, const char *message);
};

/* Asks for a box. NULL with errno: the channel is gone or no memory; then no callback comes. */
struct box *box_start(struct launcher *l, const struct box_spec *spec,
                      const struct box_events *events, void *arg);
/* Whether the worker of the slot, which is free, has served nobody yet. */
bool box_is_fresh(const struct box *b, uint32_t slot);
/* Has the idle worker of a free slot of a warm box replaced; on_slot_free comes when the next one
 * is there. Neither failure nor end of anything. -1 with errno: EBUSY, the slot is not free. */
int box_recycle(struct box *b, uint32_t slot);
/* How many tasks may be given ahead to a slot that is at work; 0 too when that would be unwise now,
 * for example behind a long task. */
unsigned box_room(const struct box *b, uint32_t slot);
/* Gives a task to the slot, which is free or has room; user comes back in callbacks, not NULL. -1
 * with errno: neither. */
int box_run(struct box *b, uint32_t slot, const struct box_task *task, void *user);
/* From box_hold on, small tasks that are given to the box wait for each other until box_release, so
 * that each worker gets its own with one write and one wake-up. Both within one event of the loop.
 */
void box_hold(struct box *b);
void box_release(struct box *b);
/* Asks the task to stop (should_stop); after grace_ms its worker is killed. on_done comes with
 * CANCELLED unless the task was done before. reason may be KILL_CANCEL, KILL_STOP (the host
 * stops: CODE_CANCELLED too) or KILL_DEADLINE (CODE_TIMEOUT, done or not). true: it was given ahead and not started, and is taken back: no
 * callback comes for it. One whose turn comes meanwhile is asked as soon as it is known to be at
 * work. */
bool box_cancel(struct box *b, uint32_t slot, const void *user, enum kill_reason reason,
                int64_t grace_ms);
/* No new tasks; running ones finish; then on_ended. */
void box_stop(struct box *b);
/* Ends it now: on_done (KILLED) for what runs, then on_ended. */
void box_kill(struct box *b);
/* "fork", "warm", "exec", "scan". */
const char *box_mode_name(enum box_mode mode);
/* SHA-256 of the plugin's file that it has, small hex, if it was asked for (spec.sha256,
 * LAUNCH_DIGEST) and the box was started; else "". */
const char *box_sha256(const struct box *b);
/* "userns pidns ..." for logs and doctor; out holds 256 bytes. */
void box_walls_text(uint32_t walls, uint32_t landlock_abi, char *out);

#endif
