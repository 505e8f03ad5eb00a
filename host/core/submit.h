#ifndef PENSTOCK_CORE_SUBMIT_H
#define PENSTOCK_CORE_SUBMIT_H

/* submit.h: reads and checks the header of a SUBMIT. */

#include <zmq.h>

#include "core/core.h"
#include "core/refusal.h"

struct peer;

enum {
    SUBMIT_INPUTS_MAX = 128,
    SUBMIT_IGNORED_MAX = 16,
    SUBMIT_CONTENT = 80, /* "content:" and 64 digits */
    IGNORED_NAME_MAX = 1024
};

struct submit_input {
    uint32_t name, media_type, sha256; /* tokens; 0: absent */
    uint32_t frame;
};

/* Tokens point into doc; 0 means absent. */
struct submit {
    const struct json_doc *doc;
    uint32_t pipeline, version, task_id, job_id, tenant, key, params, metadata, trace;
    uint32_t ignored[SUBMIT_IGNORED_MAX];
    size_t n_ignored;
    size_t n_inputs;
    double priority;
    int64_t timeout_ms;   /* 0: not given */
    int64_t deadline_ms;  /* epoch, 0: none */
    int64_t ttl_ms;       /* 0: none */
    int64_t max_attempts; /* 0: as the pipeline has it */
    unsigned events;
    bool wait, digest;
    bool has_durable, durable; /* what it says of that, if it does */
    bool no_children;
    bool wants_content_key;
    const char *given_id;         /* instead of task_id; NULL: none */
    char content[SUBMIT_CONTENT]; /* the key made of its content, once it is made; or "" */
    const char *key_tenant;       /* of the connection's key: whom the task is for; NULL: none */
    struct submit_input inputs[SUBMIT_INPUTS_MAX]; /* last: only n_inputs of them are set */
};

/* Reads the object at token 0. -1: refused. */
int submit_read(struct submit *s, const struct json_doc *doc, size_t n_body, struct refusal *r);
/* The bits of an array of event names. -1: there is another word in it. */
int events_read(const struct json_doc *doc, uint32_t array, unsigned *events);
/* A SUBMIT from a peer: answered in any case. frames: header (may be NULL: none came) and body;
 * taken if accepted. */
void submit_handle(struct core *c, struct peer *p, const struct wire_message *m, zmq_msg_t *header,
                   zmq_msg_t *body);
#endif
