#ifndef PENSTOCK_CORE_TASKS_H
#define PENSTOCK_CORE_TASKS_H

/* tasks.h: task objects: from acceptance to the last copy of the result. */

#include "core/core.h"
#include "core/result.h"
#include "sandbox/box.h"
#include "task/sched.h"
#include "task/state.h"

struct account;
struct submit;

#define CANCELLED_ON_REQUEST "cancelled on request"

enum { TASK_ID_MAX = 128, CANCEL_GRACE_MS = 2000, DEADLINE_GRACE_MS = 200 };

struct task {
    struct sched_item item;             /* first */
    struct account *account;            /* of its tenant, while it is open; quota.h */
    struct task *prev, *next;           /* in core.all */
    struct task *kept_prev, *kept_next; /* in a list of kept results */
    struct job *job;                    /* NULL: of none */
    struct task *job_older, *job_newer;
    struct task *leader; /* whose result this one waits for, or NULL */
    struct task *followers, *next_follower, *prev_follower;
    struct owner *owner;
    struct pipeline *pipeline;
    enum task_state state;
    uint64_t seq;
    char uid[ID_TEXT];
    const char *task_id, *job_id, *tenant, *key; /* the last three may be NULL */

    zmq_msg_t header; /* holds params, metadata, trace */
    zmq_msg_t *body;
    size_t n_body;
    struct json_span params, metadata, trace; /* at NULL: none */
    size_t bytes;                             /* of header and body */
    size_t own_bytes;                         /* of this object, what stands behind it included */
    uint64_t digest[2];                       /* of pipeline, params, inputs; for attachment */

    struct box_task box;
    uint32_t slot;             /* its seat in the pipeline */
    int64_t asked_timeout_ms;  /* of the submission; 0: none */
    uint64_t checked;          /* generation of the pipeline that its params were checked against */
    const char *wants_version; /* of the pipeline, or NULL */

    uint32_t max_attempts;    /* asked for; 0: as its pipeline has it */
    uint32_t ours;            /* times in a row that it came back by a cause of ours */
    uint32_t deaths;          /* attempts during which the host died */
    enum code last_code;      /* why it waits for another attempt */
    bool is_counted;          /* what it waits for is its next attempt, not the same once more */
    bool is_noted;            /* the journal knows that this attempt has begun */
    bool is_watched;          /* it stands in core.began */
    int64_t not_before_ms;    /* epoch: of its next attempt; 0: at once */
    struct loop_timer *again; /* ends the pause */
    struct task *began_before, *began_after;
    int64_t began_ms;       /* monotonic */
    char retry_of[ID_TEXT]; /* uid of the dead letter that it repeats, or "" */

    unsigned events;            /* enum event_mask, wanted by the submitter */
    unsigned depth;             /* 0: from outside; n: child of a child ... */
    char parent[ID_TEXT];       /* uid of the task whose child it is, or "" */
    bool is_durable;            /* the journal has it, or will */
    bool is_open;               /* counts among those of its job without a verdict */
    bool is_left;               /* the host stops: without verdict it stays in the journal */
    bool is_job_cancelled;      /* its whole job: what it starts is cancelled too */
    const char *cancelled_why;  /* asked for while it was being accepted; or NULL */
    bool is_waiting;            /* for the quotas */
    bool is_ahead;              /* given to a worker that is not yet done with another */
    bool is_reserved;           /* queued, but in no lane: the next worker of its slot is for it */
    bool is_answered_by_result; /* "wait": no ACCEPTED */
    bool wants_digest, wants_children;
    bool is_silent; /* its RESULT is not sent: a child whose submitter does not want it */
    bool is_cached;
    bool is_dead;         /* finished, and kept as a dead letter */
    bool is_sent;         /* over the connection that its owner has now */
    bool is_delivered;    /* sent, and nobody will acknowledge it */
    bool is_acknowledged; /* only a line of LIST is left of it */
    bool is_kept;
    double progress;                               /* below 0: none yet */
    int64_t submitted_ms, started_ms, finished_ms; /* epoch */
    int64_t expires_ms; /* epoch; waiting after that is EXPIRED; 0: never */
    struct loop_timer *expiry;
    struct result *result; /* when finished */
};

/* A task from a checked submission; takes the frames (moves the messages out). NULL: no memory. */
struct task *task_new(struct core *c, struct owner *owner, struct pipeline *p,
                      const struct submit *s, zmq_msg_t *header, zmq_msg_t *body, size_t n_body);
/* Into the tables, where it is found by others; it waits to be durable. digest: of its content,
 * zeros if nobody can ask. -1: no memory; the task is freed then. */
int task_enter(struct core *c, struct task *t, const uint64_t digest[2]);
/* It could not be made durable: out of everything, and freed. */
void task_reject(struct core *c, struct task *t);
/* It is accepted: the word for the state that it will have. To be told before task_admit. */
const char *task_prospect(struct core *c, const struct task *t, bool *is_attached);
/* The two, as the durable_fn of a task that nobody waits to hear of. */
void task_accepted(struct core *c, struct task *t, void *arg, enum code code, const char *why);
/* Into the queue, behind the task that has its key, or at once to that one's result. */
void task_admit(struct core *c, struct task *t);
/* The task in memory that answers for its key, to be followed or with its result; NULL: none. */
struct task *task_leader(struct core *c, const struct task *t);
/* It is accepted, and ends at once with the kept result of an earlier task. Takes kept. */
void task_admit_known(struct core *c, struct task *t, struct result *kept);
/* Out of an earlier core, with its result. */
void task_restore_finished(struct core *c, struct task *t, struct result *r);
/* What the pipeline in force, which is not the one that accepted the task, has against it: the end of
 * it; NULL: nothing. */
struct result *task_objection(struct task *t);
/* Tasks that wait go to the pipelines in force now. */
void tasks_adopt(struct core *c);
/* Answers it by the kept result of another. */
void task_finish_cached(struct core *c, struct task *t, struct task *kept);
/* Whether so many tasks more may wait. */
bool tasks_have_room(const struct core *c, size_t n, size_t bytes);
/* Gives tasks to free slots. */
void tasks_dispatch(struct core *c);
/* The verdict is there. Takes r (NULL: no memory was left; the task still ends, as INTERNAL). */
void task_finish(struct core *c, struct task *t, struct result *r);
/* Whether another task of the same key can have its result: not if it was cancelled, expired, or failed in a way that a
 * retry may mend. */
bool task_may_answer(const struct task *t);
bool code_may_answer(enum code code);
/* Gives it to its seat (t->slot). */
void task_start(struct core *c, struct task *t);
/* The worker that it waited for will not come: to its old place. */
void task_unreserved(struct core *c, struct task *t);
/* It was given to a box ahead: it is at work now. Returns its time limit. */
uint32_t task_is_head(struct core *c, struct task *t);
/* It was given to a box ahead and comes back untouched: to its old place. */
void task_returned(struct core *c, struct task *t);
/* Gives it to its box ahead. -1: the box could not take it; it is back in the queue. */
int task_start_ahead(struct core *c, struct task *t, uint32_t slot);
/* What was found: "queued", "running", "finished". */
const char *task_cancel(struct core *c, struct task *t, const char *why);
struct task *task_find_id(struct core *c, const struct owner *o, const char *task_id);
struct task *task_find_uid(struct core *c, const char *uid);
/* tenant NULL: among the client's own keys. */
struct task *task_find_key(struct core *c, const struct owner *o, const char *tenant,
                           const struct pipeline *p, const char *key);
/* Its id may be used again; it still answers for its key. */
void task_give_up_id(struct core *c, struct task *t);
/* Its id and key may be used again; it is still found by uid. */
void task_give_up_names(struct core *c, struct task *t);
/* Out of tables and lists, and freed: a finished task that is kept nowhere. */
void task_free_finished(struct core *c, struct task *t);
/* Those that the journal has stay there, without a verdict; the others are cancelled. */
void tasks_stop_all(struct core *c, const char *why);
void tasks_clear(struct core *c);

#endif
