#ifndef PENSTOCK_CORE_SUBMISSION_H
#define PENSTOCK_CORE_SUBMISSION_H

/* submission.h: a SUBMIT on its way from the header that was read to a task, or to a refusal. */

#include "core/core.h"
#include "core/refusal.h"
#include "core/submit.h"

/* When to come again after STORAGE_UNAVAILABLE. */
enum { STORAGE_RETRY_MS = 1000 };

struct submission {
    struct core *c;
    struct submit s;
    struct owner *owner;
    struct pipeline *pipeline;
    zmq_msg_t *header, *body; /* header may be NULL */
    size_t n_body;
    struct refusal refusal;
    struct task *same; /* the task this one turned out to be */
    bool is_durable;
    bool is_reserved; /* it has room in its client's reservation */
};

/* Whether it may become a task, or is one already (x->same). -1: x->refusal says why not. */
int submission_check(struct submission *x);
/* Pipeline, params and inputs: what makes a task the same task. Before its frames are moved. */
void submission_hash(const struct submission *x, uint64_t digest[2]);

#endif
