#ifndef PENSTOCK_CORE_VERBS_H
#define PENSTOCK_CORE_VERBS_H

/* verbs.h: what the host does for each message. */

#include <zmq.h>

#include "core/core.h"

/* One message from a router: answered, ignored or counted. */
void verbs_message(void *core, struct router *r, zmq_msg_t *frames, size_t n, int is_cut);

/* verbs_lists.c: the answers that show things. */
struct peer;
void verbs_plugins(struct core *c, struct peer *p);
void verbs_stats(struct core *c, struct peer *p);
void verbs_query(struct core *c, struct peer *p);
void verbs_list(struct core *c, struct peer *p);

/* The task that the request names by task_id or uid, if the peer may see it; NULL: there is none,
 * or it may not. */
struct task *verbs_named_task(struct core *c, struct peer *p);

#endif
