#ifndef PENSTOCK_SHIM_BRIDGE_INTERNAL_H
#define PENSTOCK_SHIM_BRIDGE_INTERNAL_H

/* bridge_internal.h: what bridge.c, bridge_task.c and bridge_read.c share. */

#include "base/buf.h"
#include "shim/backoff.h"
#include "shim/bridge.h"
#include "shim/corelink.h"

struct loop_timer;
struct table;
struct told;

enum bridge_state {
    BRIDGE_WAITING, /* to be sent: the core is away or had no room */
    BRIDGE_SENT,    /* no answer yet */
    BRIDGE_ACCEPTED,
    BRIDGE_ENDED, /* result called, bridge_done due */
};

struct bridge_task {
    struct bridge *bridge;
    struct bridge_task *prev, *next;
    char *task_id;
    uint32_t number; /* requests: "t<number>" of its SUBMIT, "q", "c" of its QUERY and CANCEL */
    void *context;
    enum bridge_state state;
    bool is_cancelled, has_result; /* has_result: the core waits for our ACK */
    unsigned sends;
    struct buf header; /* of SUBMIT, and inputs: until it is accepted */
    struct bridge_input *inputs;
    size_t n_inputs;
    struct backoff backoff;
    struct loop_timer *again;
    int64_t patience_end_ms; /* wall clock: until then it is offered again and again */
};

enum reserve_state { RESERVE_NONE, RESERVE_ASKED, RESERVE_GRANTED, RESERVE_USED };

struct bridge_reserve {
    enum reserve_state state;
    bool is_short;
    unsigned refusals; /* in a row */
    unsigned number;   /* "r<number>" is the request at hand */
    int64_t count, bytes, bytes_most;
    int64_t since_ms, not_before_ms; /* monotonic */
    struct loop_timer *timer;
};

struct bridge {
    struct loop *loop;
    struct corelink *link;
    const struct bridge_calls *calls;
    void *arg;
    const struct conf_list *wanted;
    struct pipelines pipelines;
    bool knows_pipelines, is_stopping, is_draining;
    int64_t max_concurrent, queued, queue_max;
    struct loop_timer *refresh;
    struct table *by_id;
    struct bridge_task *first, *last;
    uint32_t last_number;
    struct told *told;
    struct bridge_reserve reserve;
};

/* One that the core has and we did not know: object is its row of LIST, or its RESULT. NULL: it
 * cannot be reported. */
struct bridge_task *bridge_adopt(struct bridge *b, const struct json_doc *doc, uint32_t object);
/* Asks a core that has kept us which of our tasks have not ended: those that we do not know are
 * adopted. */
void bridge_list(struct bridge *b);
/* Asks it for one that it has accepted: without a journal it may have lost it. */
void bridge_query(struct bridge_task *t);
void bridge_send_cancel(struct bridge_task *t);
/* It was refused: once more. */
void bridge_cancel_later(struct bridge_task *t);
/* The INFO to these; rest: of the request, behind its first letters. May end tasks. */
void bridge_listed(struct bridge *b, const struct json_doc *doc, const char *rest);
void bridge_queried(struct bridge *b, const struct json_doc *doc, const char *rest);
void bridge_cancelled(struct bridge *b, const struct json_doc *doc, const char *rest);
/* -1: ENOMEM. */
int bridge_reserve_init(struct bridge *b);
/* The core is gone, and the room with it. */
void bridge_reserve_lost(struct bridge *b);
/* The answers to RESERVE. */
void bridge_reserved(struct bridge *b, const struct json_doc *doc, const char *number);
void bridge_reserve_refused(struct bridge *b, const char *number, const char *why);
/* A string member, owned by the caller, or NULL. */
char *bridge_text(const struct json_doc *doc, uint32_t object, const char *key);
/* The task of that id, or of that number; or NULL. */
struct bridge_task *bridge_find(struct bridge *b, const char *task_id);
struct bridge_task *bridge_numbered(struct bridge *b, const char *number);

/* Sends or sends again what is due; ends what cannot be. */
void bridge_task_send(struct bridge_task *t);
/* After WELCOME; is_kept as in corelink.h. May end the task. */
void bridge_task_after_welcome(struct bridge_task *t, bool is_kept);
void bridge_task_accepted(struct bridge_task *t);
void bridge_task_refused(struct bridge_task *t, const struct json_doc *refusal);
void bridge_task_result(struct bridge_task *t, const struct corelink_message *m);
/* Ends it without the core. */
void bridge_task_fail(struct bridge_task *t, enum code code, const char *message,
                      struct json_span details);
/* One that the core has accepted, in the list. NULL: ENOMEM. */
struct bridge_task *bridge_task_adopt(struct bridge *b, const char *task_id);
void bridge_task_free(struct bridge_task *t);
/* Only tells the core. */
void bridge_send_id(struct bridge *b, enum wire_verb verb, const char *task_id,
                    const char *request);

enum { BRIDGE_OUTPUTS_MAX = 256 };
/* Reads the header of a RESULT. texts: memory behind the strings, freed by outcome_clear. */
struct outcome_reader {
    struct bridge_outcome outcome;
    struct bridge_output outputs[BRIDGE_OUTPUTS_MAX];
    char *texts[2 + 2 * BRIDGE_OUTPUTS_MAX];
    size_t n_texts;
};
/* Never fails: what cannot be understood reads as a failure with CODE_INTERNAL. */
void outcome_read(struct outcome_reader *r, const struct corelink_message *m);
void outcome_clear(struct outcome_reader *r);

/* The header of SUBMIT. -1: ENOMEM, EMSGSIZE. */
int submit_header(const struct bridge_order *o, uint32_t number, struct buf *out);

#endif
