#ifndef PENSTOCK_SHIM_AVTOMATIKA_H
#define PENSTOCK_SHIM_AVTOMATIKA_H

/*
 * avtomatika.h: the dialect of Avtomatika's current worker protocol (rxon 1.0b11 to 1.0b17): long
 * polls over HTTP, bodies signed by HMAC. What its files share; all calls [loop].
 *
 *   dialect_avtomatika.c     the dialect's table; tasks; draining
 *   avtomatika_presence.c    registration and heartbeats
 *   avtomatika_skills.c      the list of skills, as JSON
 *   avtomatika_poll.c        the long poll
 *   avtomatika_task.c        from a task of theirs to one of ours
 *   avtomatika_adopt.c       tasks that an earlier process took, and work that was issued again
 *   avtomatika_end.c         its end: the result as they can take it
 *   avtomatika_result.c      results back, until they are taken
 *   avtomatika_events.c      progress
 *   avtomatika_call.c        one HTTP call with headers and signature, and what its answer means
 *   avtomatika_sign.c        pure: the signature of a body
 *   avtomatika_map.c         pure: the translation of numbers, codes and limits
 *   avtomatika_order.c       pure: a task of theirs, read
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "shim/avtomatika_map.h"
#include "shim/backoff.h"
#include "shim/files.h"
#include "shim/shim.h"

struct http_answer;
struct http_call;
struct loop_timer;

extern const struct dialect dialect_avtomatika;

enum avt_phase {
    AVT_FETCHING, /* its files are on their way */
    AVT_AT_CORE,
    AVT_READY, /* the result waits for its turn: first its outputs are stored, then it is sent */
};

struct avt_task {
    struct avt *avt;
    struct avt_task *prev, *next;
    struct avt_order order;
    enum avt_phase phase;
    bool is_cancelled;           /* by the orchestrator */
    struct bridge_task *at_core; /* until bridge_done */
    struct fetch *fetch;
    /* The newest progress not yet told. */
    bool has_news;
    double progress;
    char *progress_message;
    int64_t event_due_ms;
    /* The result: status, and data or error. */
    char *status;
    struct buf data, error; /* a JSON object each, or empty */
    struct store *store;    /* outputs that are not yet stored */
    char *late_status;      /* what it ended with before it could be cancelled; or NULL */
    uint64_t result_number; /* in the order in which they ended; 0: it has not */
    int64_t result_due_ms;  /* monotonic; set aside until then */
    unsigned stumbles;      /* tries in a row that did not go through */
    unsigned strikes;       /* answers 500 while others went through */
    uint64_t taken_at_500;  /* avt.n_taken at the last 500, and one; 0: none yet */
};

/* Calls of one kind: at most one runs, and there are times without any. */
struct avt_line {
    struct http_call *call;
    struct loop_timer *timer;
    struct backoff backoff; /* after failures that concern the kind */
    int64_t not_before_ms;
    bool has_complained; /* of wrong credentials */
};

struct avt {
    struct shim *shim;
    struct files_place place;
    char token_header[600], id_header[128];
    const char *headers[4]; /* who we are */
    struct avt_line presence, poll, results, events;
    /* presence */
    bool is_registered, has_skills, wants_beat, wants_skills_sent, said_goodbye, is_touch;
    int64_t heard_ms, beat_ms; /* of the last answer and the last heartbeat */
    const char *status_told, *status_sending;
    unsigned beats;
    struct buf skills; /* the array, as JSON */
    char skills_hash[65];
    /* poll */
    int64_t poll_started_ms;
    /* tasks */
    struct avt_task *first;
    size_t n_tasks, n_active; /* active: not yet answered by the core */
    struct avt_task *telling;
    /* results */
    struct avt_task *sending; /* or being stored */
    struct avt_task *aside;   /* set aside last, and since then nothing went through */
    struct backoff result_pauses;
    int64_t results_due_ms; /* monotonic; the orchestrator does not take any before that */
    bool was_held_up;       /* all were, since one went through */
    uint64_t n_ended, n_taken;
};

/* ---- avtomatika_call.c ---- */

enum avt_verdict {
    AVT_OK,          /* 2xx */
    AVT_AWAY,        /* no answer */
    AVT_BROKEN,      /* 5xx */
    AVT_TOO_MANY,    /* 429 */
    AVT_CREDENTIALS, /* 403 of token or id */
    AVT_REPLAY,      /* 403: a message like it came before */
    AVT_CLOCK,       /* 403: the time in it is too far off */
    AVT_SIGNATURE,   /* 403 of the signature */
    AVT_TOO_BIG,     /* 413 */
    AVT_REFUSED,     /* any other */
};
/* Pure. error: the text of the answer's "error". */
enum avt_verdict avt_verdict_of(int status, const char *error);

enum { AVT_ERROR_TEXT = 256 };
/* What an answer means; error (AVT_ERROR_TEXT bytes) gets its words for logs. */
enum avt_verdict avt_judge(const struct http_answer *answer, char *error);

struct avt_call {
    const char *method, *path; /* path: behind the orchestrator's url */
    const char *body;          /* NULL: none */
    size_t body_size;
    int64_t timeout_ms; /* 0: 30 s */
    size_t max_body;    /* of the answer; 0: 1 MiB */
};
typedef void (*avt_done_fn)(void *arg, const struct http_answer *answer);
/* -1 with errno as http_start. */
int avt_start(struct avt *a, struct avt_line *line, const struct avt_call *call, avt_done_fn done,
              void *arg);
/* Adds timestamp and nonce to what was written, closes the object and signs it, as avt_sign. */
int avt_seal(const struct avt *a, struct json_writer *w, struct buf *body,
             const char *unsigned_name);
/* How long a kind of calls has to pause after this verdict: 0 not at all. */
int64_t avt_pause(struct avt_line *line, enum avt_verdict verdict,
                  const struct http_answer *answer);
/* Logs wrong credentials once until they are right again. */
void avt_complain(struct avt_line *line, enum avt_verdict verdict, const char *what,
                  const char *error);

/* ---- avtomatika_presence.c ---- */

int avt_presence_init(struct avt *a);
/* The list of skills is new. */
void avt_presence_skills(struct avt *a);
/* Something changed that a heartbeat tells. */
void avt_presence_changed(struct avt *a);
/* A call had no answer: whoever answers next may not know us. */
void avt_presence_lost(struct avt *a);
/* Says goodbye, then calls shim_end. */
void avt_presence_goodbye(struct avt *a);

/* ---- avtomatika_skills.c ---- */

/* The supported_skills of registrations and heartbeats, and their digest. -1: ENOMEM. */
int avt_skills_write(const struct pipelines *p, bool with_files, struct buf *out, char *hash);

/* ---- avtomatika_poll.c ---- */

int avt_poll_init(struct avt *a);
/* Polls if it is time to. */
void avt_poll_kick(struct avt *a);
bool avt_poll_is_running(const struct avt *a);

/* ---- avtomatika_task.c ---- */

/* A task as the orchestrator gave it. */
void avt_task_take(struct avt *a, const char *json, size_t n);
/* Calls task_cancel for each task of that task or job id. */
void avt_task_cancel(struct avt *a, const char *id);

/* One more task; takes what order holds. NULL: ENOMEM. */
struct avt_task *avt_task_new(struct avt *a, struct avt_order *order);
/* It is no longer wanted: its result comes all the same. */
void avt_task_stop(struct avt_task *t, const char *why);

/* ---- avtomatika_adopt.c ---- */

/* As found in struct dialect. */
void *avt_adopt(void *self, struct bridge_task *at_core, const struct bridge_found *f);
/* Stops older runs of the work that t does. */
void avt_supersede(struct avt_task *t);
/* Whether the newer of two tasks does what the older one did. Pure. */
bool avt_is_same_work(const struct avt_order *older, const struct avt_order *newer);

/* ---- avtomatika_end.c ---- */

/* The core, or a step before or behind it, has an outcome for the task. */
void avt_task_ended(struct avt_task *t, const struct bridge_outcome *o);
/* Ends it here, whatever it was at. */
void avt_task_fail(struct avt_task *t, const char *code, const char *message);
/* It ended with that status, and then its cancellation was heard of: a success would move on a job
 * that is cancelled, so it is told as cancelled, and that it was too late. */
void avt_task_late(struct avt_task *t, const char *status);
/* The result was taken, or never will be. */
void avt_task_done(struct avt_task *t);
void avt_task_free(struct avt_task *t);
/* Its outputs are stored: what goes into the result for them. */
void avt_task_stored(struct avt_task *t, struct json_span outputs);
/* How many tasks this worker takes at once. */
size_t avt_limit(const struct avt *a);
bool avt_is_full(const struct avt *a);

/* ---- avtomatika_result.c, avtomatika_events.c ---- */

int avt_results_init(struct avt *a);
/* The task has its result: send it when it is its turn. */
void avt_results_add(struct avt_task *t);
void avt_results_kick(struct avt *a);
/* The orchestrator is back. was_away: others than results had noticed. */
void avt_results_again(struct avt *a, bool was_away);
/* As store_fn; arg is the task. */
void avt_results_stored(void *arg, enum code code, const char *message, int64_t pause_ms,
                        struct json_span outputs);
int avt_events_init(struct avt *a);
void avt_events_add(struct avt_task *t, double progress, const char *message);

/* Shared with the drain: whether everything has been done. */
void avt_check_drained(struct avt *a);

#endif
