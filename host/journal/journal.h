#ifndef PENSTOCK_JOURNAL_JOURNAL_H
#define PENSTOCK_JOURNAL_JOURNAL_H

/*
 * journal.h: the durable memory of the core: tasks that were accepted, what became of them, and
 * whose they are. A SQLite file (WAL, synchronous FULL) in a folder of its own; bytes over
 * spool_above lie in files beside it.
 *
 * Theory of operation: the loop puts operations; journal_flush, once a turn, hands them to the
 * writer thread, which commits all that came since its last commit in one transaction: many
 * submissions share one fsync, and the loop never waits for the disk. What was put between two
 * flushes is committed together or not at all, but for refusable operations, which are left out
 * when the disk does not take them. Completions come back to the loop in the order of the puts, but
 * a refusal does not wait for what is tried again. Reads run in a thread of their own, on a
 * connection of their own.
 *
 * When the disk takes nothing (full, read-only, failing) refusable operations are refused at once;
 * all others are kept and tried again until they are durable: the ballast file is given up for
 * them, and taken again when there is room.
 *
 * All functions: [loop], unless they say otherwise.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/codes.h"

struct journal;
struct loop;

enum { JOURNAL_WHY = 256 };

/* What it holds itself, beside what it was given: the caches of its two connections. And an answer
 * with more than ANSWER_MAX has more rows behind it. */
enum { JOURNAL_MEMORY = 2 * 16 * 1024 * 1024, JOURNAL_ANSWER_MAX = 64 * 1024 * 1024 };

struct journal_options {
    const char *dir;     /* made if it is not there, 0700; must be the caller's user's; borrowed */
    int64_t spool_above; /* bytes: larger frames and results lie in files of their own */
    int64_t ballast_bytes;   /* 0: none */
    int64_t low_water_bytes; /* free bytes of the file system below which nothing new is taken */
};

/* Opens or makes the file; an older schema is migrated, after a copy of the file was made beside
 * it; a newer one is refused, and so is a file that quick_check does not like. NULL: why (JOURNAL_WHY bytes)
 * says what was expected, what was found, and what to do. Takes seconds on a large file. */
struct journal *journal_open(const struct journal_options *o, char *why);
/* Everything that was put is tried once more. Completions come from inside this call: CODE_OK as
 * ever, CODE_STORAGE_UNAVAILABLE, whatever the kind, for what the disk did not take; reads that have
 * not been answered are dropped without a call. Returns how many operations were lost. NULL is fine. */
size_t journal_close(struct journal *j);

/* ---- what is kept ---- */

/* data NULL: none. */
struct journal_bytes {
    const void *data;
    size_t len;
};

struct journal_frame {
    const char *name, *media_type; /* media_type may be NULL */
    struct journal_bytes bytes;
};

/* A client that can come back, or an owner whose tasks need a key. Others have no row, only a number. */
struct journal_owner {
    uint64_t number;
    const char *client;      /* its public id */
    const char *resume_hash; /* hex; the secret itself is not kept. NULL: it cannot come back */
    const char *curve_key;   /* hex; NULL: none */
    const char *name, *kind;
    int64_t seen_ms; /* epoch */
};

/* A task as it was accepted. Strings may be NULL but for uid, task_id, pipeline. */
struct journal_task {
    uint64_t seq;   /* in the order of acceptance, never used twice */
    uint64_t owner; /* a number */
    const char *uid, *task_id, *job_id, *tenant, *key, *pipeline;
    const char *parent;   /* uid of the task whose child it is */
    const char *retry_of; /* uid of the dead letter that it repeats */
    uint64_t digest[2];
    double priority;
    uint32_t depth;
    bool is_silent;                   /* its RESULT is not sent */
    int64_t submitted_ms, expires_ms; /* epoch; expires 0: never */
    struct journal_bytes header;      /* of its SUBMIT, as it came */
    const struct journal_frame *frames;
    size_t n_frames;
};

/* One line of a task's history. */
struct journal_note {
    int64_t at_ms;    /* epoch */
    uint32_t attempt; /* 0: of none */
    const char
        *event;       /* "started", "failed", "requeued", "interrupted", "cancel", "finished" ... */
    const char *code; /* or NULL */
    const char *message; /* or NULL */
    struct journal_bytes details;
    int64_t run_ms, cpu_ms, max_rss_bytes;
};

struct journal_result {
    const char *status, *code; /* code: of base/codes, "OK" */
    const char *message;       /* or NULL */
    const char *version;       /* of the pipeline that made it, or NULL */
    struct journal_bytes data, details, children;
    const struct journal_frame *outputs;
    size_t n_outputs;
    int64_t started_ms, finished_ms; /* epoch */
    int64_t run_ms, cpu_ms, max_rss_bytes;
    const char *fault; /* when read: why some of its bytes cannot be, or NULL */
    uint32_t attempt;
    bool is_cached;
    bool is_dead;      /* a dead letter: header and frames are kept with it */
    bool is_delivered; /* nobody will acknowledge it */
};

/* ---- writing ---- */

enum journal_kind {
    JOURNAL_BARRIER,    /* nothing: its completion comes behind those put before it */
    JOURNAL_OWNER,      /* owner: new, or changed */
    JOURNAL_OWNER_GONE, /* owner.number */
    JOURNAL_ACCEPT,     /* task */
    JOURNAL_NOTE,       /* seq, note; attempt and not_before_ms become the task's */
    JOURNAL_FINISH, /* seq, result, note. Frames of what is no dead letter go, its header stays */
    JOURNAL_DELIVERED, /* seq: nobody will acknowledge its result */
    JOURNAL_ACK,       /* seq: acknowledged; the result goes with its retention */
    JOURNAL_FORGET,    /* seq: everything of it goes */
    JOURNAL_REVIVED, /* seq, note: a dead letter that runs again as the task in note.message, or shall not be
                        * one: its inputs go, its result stays as long as any other's */
    JOURNAL_SWEEP /* sweep */
};

/* What is older goes, a bounded number at a time. Times are epoch milliseconds. */
struct journal_sweep {
    int64_t unacknowledged_before_ms; /* results that nobody acknowledged */
    int64_t finished_before_ms;       /* the others */
    int64_t dead_before_ms;           /* dead letters */
    int64_t finished_max, dead_max;   /* rows of each that stay at most, the newest; 0: any */
    /* When it is done: */
    size_t n_gone;
    bool has_more; /* another pass would find more */
};

struct journal_op {
    struct journal_op *next; /* the journal's, and so is verdict */
    enum code verdict;
    enum journal_kind kind;
    bool is_refusable; /* left out if the disk does not take it */
    /* CODE_OK: durable. STORAGE_UNAVAILABLE (only refusable ones): not kept, why says what the disk
     * said. INTERNAL: it can never be kept (a seq that is there already, bytes beyond all limits).
     * The op may be freed in it. NULL: nobody waits; the journal frees the op with free(). */
    void (*done)(struct journal_op *op, enum code code, const char *why);
    void *arg;
    union {
        struct journal_owner owner;
        struct journal_task task;
        struct journal_sweep sweep;
        struct {
            uint64_t seq;
            uint32_t attempt;         /* attempts that count, this one included */
            int64_t not_before_ms;    /* epoch; 0: at once */
            struct journal_note note; /* event NULL: no line */
            struct journal_result result;
        } task_end; /* NOTE, FINISH, DELIVERED, ACK, FORGET */
    } u;
};

/* Appends op to what the next flush hands over. op and all it points to must stay as they are until
 * done. Never fails. */
void journal_put(struct journal *j, struct journal_op *op);
/* To be called at the end of each turn of the loop; cheap when nothing was put. */
void journal_flush(struct journal *j);
/* Starts the threads; completions and answers come as calls from the loop. After journal_replay.
 * -1 with errno. */
int journal_start(struct journal *j, struct loop *loop);

/* ---- how it is ---- */

struct journal_status {
    bool takes;            /* new tasks can be made durable */
    char why[JOURNAL_WHY]; /* why not */
    int64_t free_bytes, file_bytes, wal_bytes, spool_bytes, ballast_bytes;
    int64_t commits, operations, failed_commits; /* since the start */
    int64_t waiting;                             /* operations put and not yet durable */
    int64_t last_commit_us;
};
/* Whether a refusable operation has a chance now; else why is set (borrowed until the next call). */
bool journal_takes(struct journal *j, const char **why);
void journal_status(struct journal *j, struct journal_status *out);

/* ---- reading ---- */

enum journal_phase {
    JOURNAL_OPEN,           /* no verdict yet */
    JOURNAL_UNACKNOWLEDGED, /* its result waits for its owner */
    JOURNAL_CLOSED,         /* acknowledged or delivered */
    JOURNAL_DEAD            /* a dead letter */
};

/* Everything in it is owned by the list of rows that it came in. */
struct journal_row {
    struct journal_task task; /* header and frames: if they were asked for */
    enum journal_phase phase;
    bool is_acknowledged;
    uint32_t attempt;
    int64_t not_before_ms;
    const char *fault;            /* why some of header and frames cannot be read, or NULL */
    struct journal_result result; /* status NULL while OPEN; data and outputs: if asked for */
    const struct journal_note *notes;
    size_t n_notes;
};

/* Before journal_start, in the calling thread: clients first, then tasks in the order of seq that are open, or whose
 * result waits for its owner, with everything they have. Pointers live for the call. -1: why. */
struct journal_replay {
    int (*owner)(void *arg, const struct journal_owner *o);
    int (*task)(void *arg, const struct journal_row *row); /* -1: stop */
    void *arg;
};
int journal_replay(struct journal *j, const struct journal_replay *r, char *why);
/* Numbers that were never used, after journal_replay. */
uint64_t journal_next_seq(const struct journal *j);
uint64_t journal_next_owner(const struct journal *j);
/* The same for ever in one journal: what digests are made with. */
void journal_hash_seed(const struct journal *j, uint64_t seed[2]);

enum journal_want {
    JOURNAL_WANT_INPUTS = 1, /* header and frames */
    JOURNAL_WANT_RESULT = 2, /* data, children and outputs */
    JOURNAL_WANT_NOTES = 4
};

/* All that is given must hold; strings are copied. */
struct journal_query {
    uint64_t owner; /* 0: of anybody */
    uint64_t seq;   /* 0: any */
    const char *uid, *task_id, *job_id, *tenant, *pipeline, *code, *client, *key;
    unsigned phases;    /* bits 1 << enum journal_phase; 0: all */
    int64_t before_seq; /* 0: none; the newest come first */
    int64_t finished_before_ms, finished_after_ms;
    unsigned want;
    size_t limit;
};

struct journal_rows {
    struct journal_row *items;
    size_t n;
    bool has_more;
};

/* Called once in a later turn of the loop. code not OK: why says what went wrong. rows is freed by
 * the callee with journal_rows_free (NULL if code is not OK). */
typedef void (*journal_read_fn)(void *arg, enum code code, const char *why,
                                struct journal_rows *rows);
/* -1: ENOMEM, EAGAIN (too many reads wait); fn is not called then. */
int journal_read(struct journal *j, const struct journal_query *q, journal_read_fn fn, void *arg);
void journal_rows_free(struct journal_rows *rows);

/* Durable tasks that named the same job, also those whose rows have gone since. */
struct journal_job {
    int64_t tasks, open, succeeded, failed, cancelled;
    int64_t finished_ms; /* epoch: of the last verdict; 0: none */
    int64_t dead;        /* dead letters that are there */
};
typedef void (*journal_job_fn)(void *arg, enum code code, const char *why,
                               const struct journal_job *job);
/* As journal_read, for the counts of a job. owner 0: of all owners. job_id NULL: nothing but dead, of
 * all tasks. */
int journal_read_job(struct journal *j, uint64_t owner, const char *job_id, journal_job_fn fn,
                     void *arg);

#endif
