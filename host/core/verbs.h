#ifndef PENSTOCK_CORE_VERBS_H
#define PENSTOCK_CORE_VERBS_H

/* verbs.h: what the host does for each message. */

#include <zmq.h>

#include "core/core.h"

struct peer;

/* A message on its way through its verb's handler; its header has been scanned into core.doc. */
struct request {
    struct peer *peer;
    const struct wire_message *m;
    zmq_msg_t *header, *body; /* header NULL: none came */
};

/* One message from a router: answered, ignored or counted. */
void verbs_message(void *core, struct router *r, zmq_msg_t *frames, size_t n, int is_cut);

/* verbs_tasks.c */
void verbs_submit(struct core *c, struct request *q);
void verbs_ack(struct core *c, struct request *q);
void verbs_watch(struct core *c, struct request *q);

/* verbs_cancel.c */
void verbs_cancel(struct core *c, struct request *q);

/* verbs_stats.c, verbs_query.c, verbs_list.c: the answers that show things. */
void verbs_plugins(struct core *c, struct request *q);
void verbs_stats(struct core *c, struct request *q);
void verbs_query(struct core *c, struct request *q);
void verbs_list(struct core *c, struct request *q);

/* The peer is told once; then what it sends is thrown away until it connects anew. */
void verbs_break_off(struct core *c, struct peer *p, enum code code, const char *why);

/* Members of the header at hand. Whether it is there, and true. */
bool verbs_is_true(const struct core *c, const char *member);
/* An integer; to stays as it is if it is absent. -1: it is none, or out of range. */
int verbs_read_int(const struct core *c, const char *member, int64_t min, int64_t max, int64_t *to);
/* Texts, one a name, the caller's (also after -1: no string, or no memory); NULL: absent. */
int verbs_read_words(const struct core *c, const char *const *names, size_t n, char **words);

/* The task that the request names by task_id or uid, if the peer may see it; NULL: there is none,
 * or it may not. */
struct task *verbs_named_task(struct core *c, struct peer *p);

#endif
