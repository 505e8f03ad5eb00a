#ifndef PENSTOCK_SANDBOX_BOX_INTERNAL_H
#define PENSTOCK_SANDBOX_BOX_INTERNAL_H

/*
 * box_internal.h: what launcher_client.c and box*.c share. All [loop]. Callbacks to the user come
 * out of events of the loop only, never out of a call of his, so that he may call anything from
 * anywhere.
 */

#include "base/json.h"
#include "loop/loop.h"
#include "sandbox/box.h"
#include "sandbox/data_reader.h"
#include "sandbox/tail.h"
#include "sandbox/verdict.h"

enum {
    SCRATCH_SIZE = 64 * 1024, /* one read of a data channel */
    NONCES = 64,              /* drawn at once: one getrandom for so many tasks */
    WARDEN_PATIENCE_MS = 5000 /* from a kill to the news of the death */
};

struct table;

/* A message to the launcher that found no room in the socket. */
struct queued {
    struct queued *next;
    size_t len;
    unsigned char bytes[];
};

struct launcher {
    struct loop *loop;
    int fd;
    struct loop_io *io;
    void (*on_lost)(void *arg);
    void *arg;
    void (*on_report)(void *arg, const struct launch_report *report);
    void *report_arg;
    bool has_report;
    struct launch_report report;
    struct table *boxes; /* by number */
    uint64_t last_box;
    struct queued *queue, **queue_end;
    uint64_t nonces[NONCES];
    unsigned n_nonces;
    /* Used within one event, by one slot at a time. */
    struct json_doc doc;
    char message[DATA_TEXT_MAX + 1];
    struct buf details;
    unsigned char scratch[SCRATCH_SIZE];
};

/* What a worker says about its task. */
struct claim {
    bool has_any; /* a frame of this task came */
    bool has_result, has_fail, is_done, is_broken, is_too_big, is_doubled;
    int fail_status, run_status;
    uint64_t cpu_us;
    char why[160]; /* of is_broken, is_too_big */
    char status[64];
    struct buf fail_text;
    struct buf data;
    struct box_output *outputs;
    size_t n_outputs, cap_outputs;
    struct box_child *children;
    size_t n_children, cap_children;
    uint64_t outputs_bytes, children_bytes, log_bytes;
};

/* The bytes of a task that are still to be written; large pieces stay where the user has them. */
struct outgoing {
    struct buf small; /* heads and small pieces; iov points into it */
    struct buf held;  /* small tasks before this one, not yet on their way */
    struct iovec *iov;
    size_t n, cap, at;
};

/* A task that was given ahead. */
struct ahead {
    void *user; /* NULL: taken back */
    uint64_t nonce;
    uint32_t cell; /* its place in the slot page */
    uint32_t timeout_ms, cpu_ms;
    enum kill_reason asked; /* to be stopped when it is at work; KILL_NONE: no */
    int64_t grace_ms;
};

enum slot_state {
    SLOT_STARTING, /* no worker yet */
    SLOT_IDLE,     /* its worker waits, but the user does not know yet */
    SLOT_FREE,
    SLOT_RUNNING,
    SLOT_ENDING /* takes no task any more; the end of its worker is awaited */
};

struct slot {
    struct box *box;
    uint32_t index;
    enum slot_state state;
    int data_fd;
    struct loop_io *data_io;
    bool is_deaf;      /* what this worker sends is no longer looked at */
    bool has_worker;   /* told of, and not yet told of its end */
    bool is_condemned; /* a task of its was faulty: it is replaced as soon as it has none */
    struct slot_page *page;
    uint64_t generation;
    uint32_t tasks_of_worker;
    uint32_t useless_workers; /* in a row: ended without having had a task */
    struct loop_timer *timer; /* wall clock; then grace; then the patience with the warden */
    struct data_reader in;
    struct outgoing out;
    struct claim claim;
    struct buf last_log; /* of the task at work (tail.h) */
    /* The task at work. */
    void *user; /* NULL: none */
    uint64_t nonce, last_nonce;
    int64_t started_us;
    uint32_t timeout_ms, cpu_ms;
    enum kill_reason killed; /* decided here, whether or not the warden has been told */
    bool is_kill_sent;
    bool is_watched;
    /* Those behind it, in a ring. */
    struct ahead ahead[BOX_DEPTH_MAX];
    uint32_t first_ahead, n_ahead;
    uint64_t received; /* bytes of the worker's stream that were looked at */
    uint64_t known;    /* of them, were found in the page and are still to come */
};

struct box {
    struct launcher *launcher;
    uint64_t number;
    struct box_events events;
    void *arg;
    enum box_mode mode;
    struct box_limits limits;
    size_t result_max, outputs_max;
    bool is_started; /* LAUNCH_STARTED came */
    char sha256[BOX_DIGEST_MAX];
    bool is_stopping, is_killed, has_descriptor;
    int control_fd;
    struct loop_io *control_io;
    struct loop_timer *watch_timer;
    bool
        is_measured; /* its task directories lie on the disk: their limits need the warden's look */
    bool is_held;    /* between box_hold and box_release */
    uint32_t n_slots, depth;
    struct slot *slots;
    struct buf last_log; /* what no task has printed (tail.h) */
    bool has_end;        /* why it ends is known */
    enum code end_code;
    char end_text[BOX_TEXT_MAX + 64];
};

/* launcher_client.c */
/* Queued if the socket is full. -1 with errno: the channel is gone, or no memory. */
int launcher_send(struct launcher *l, const void *bytes, size_t n);
uint64_t launcher_nonce(struct launcher *l);

/* box.c */
void box_on_started(struct box *b, int *fds, size_t n_fds);
/* Notes why the box ends; the first reason stays. */
__attribute__((format(printf, 3, 4))) void box_note_end(struct box *b, enum code code,
                                                        const char *format, ...);
/* The launcher said that the warden is gone, or is gone itself: last callbacks, and the box is
 * freed. */
void box_finish(struct box *b);
/* Frees it without a callback. Its number must be out of the table, or the table about to go. */
void box_forget(struct box *b);
/* The box is of no use any more: has it ended by the launcher. */
void box_abort(struct box *b);

/* A task has begun: its processor time will have to be watched. */
void box_want_watch(struct box *b);

/* box_control.c */
void box_on_control(void *arg, uint32_t events);
/* Reads what is left. */
void box_drain_control(struct box *b);
/* A message to the warden; if it cannot be sent the box is ended. */
void box_tell(struct box *b, const void *message, size_t n);

/* box_slot.c */
int slot_init(struct slot *s, struct box *b, uint32_t index, int data_fd, int page_fd);
void slot_clear(struct slot *s);
void slot_on_worker(struct slot *s, uint64_t generation);
void slot_on_exit(struct slot *s, const struct control_exit *e);
void slot_on_watch(struct slot *s);
/* Has the worker killed; the first reason stays. */
void slot_kill(struct slot *s, enum kill_reason reason);
/* Tells the user of a slot whose worker waits. */
void slot_announce(struct slot *s);
/* No more tasks: idle workers end by themselves. */
void slot_stop(struct slot *s);
/* The box is gone with the task in it. */
void slot_lost(struct slot *s);
/* Ends the task with what is known; exit NULL: its worker goes on, or its end is not known. */
void slot_finish(struct slot *s, const struct control_exit *exit);

/* Begins the task in the slot's books. */
void slot_begin(struct slot *s, const struct ahead *task);
/* Has the task at work stop; after the grace its worker is killed. */
void slot_ask_to_stop(struct slot *s, enum kill_reason reason, int64_t grace_ms);

/* box_recycle.c */
/* Whether a warm worker is not to be trusted with another task after this one. */
bool slot_is_fault(const struct evidence *e, const struct box_outcome *o);
/* Whether its worker takes no task that it has not begun. */
bool slot_is_going(const struct slot *s);
/* A warm worker is done with a task: it goes on, or takes its leave. */
void slot_next(struct slot *s);

/* box_ahead.c */
/* A task for the slot, behind others or at once; its cell is marked. */
struct ahead ahead_make(struct slot *s, const struct box_task *task, void *user, uint64_t nonce);
void ahead_put(struct slot *s, const struct ahead *task);
/* The next task is at work. false: there is none. */
bool ahead_promote(struct slot *s);
/* Gives all back that are not started. is_dead: the worker is, or will never be heard of again. */
void ahead_give_back(struct slot *s, bool is_dead);
/* Looks at what the worker has said so far, sent or not. true: the task at work is another now, or
 * there is none. */
bool ahead_catch_up(struct slot *s);
/* As far as a dead worker came with its answers. */
void ahead_take_unsent(struct slot *s, bool is_dead);
/* For the next worker, which has no task yet: what the last one had gathered is not its word. */
void ahead_forget_unsent(struct slot *s);

/* box_data.c */
/* Reads for a while. */
void slot_read(struct slot *s);
/* Takes bytes of the stream in that did not come by it. */
void slot_feed(struct slot *s, const void *bytes, size_t n);
void slot_on_data(void *arg, uint32_t events);
/* Reads until there is nothing more. */
void slot_drain(struct slot *s);

/* box_claim.c */
void claim_clear(struct claim *c);
/* For the next task; keeps what memory it can use again. */
void claim_reset(struct claim *c);
/* Takes one frame of the task at work in. */
void claim_take(struct slot *s, const struct data_frame *f);
__attribute__((format(printf, 2, 3))) void claim_break(struct slot *s, const char *format, ...);
void claim_too_big(struct slot *s, const char *why);

/* box_send.c */
int outgoing_set(struct outgoing *o, const struct box_task *task, uint64_t nonce,
                 uint64_t generation);
/* 1: all written; 0: the socket is full; -1 with errno. */
int outgoing_write(struct outgoing *o, int fd);
/* Puts the task to those that are held, if it is small. false: it is not. */
bool outgoing_hold(struct outgoing *o);
/* What is held goes first now. */
void outgoing_release(struct outgoing *o);
void outgoing_drop(struct outgoing *o);
void outgoing_clear(struct outgoing *o);

#endif
