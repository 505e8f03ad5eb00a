#ifndef PENSTOCK_SHIM_TOLD_H
#define PENSTOCK_SHIM_TOLD_H

/*
 * told.h: the tasks whose results were delivered lately. The core sends a result again that it has
 * not heard us acknowledge, and the orchestrator should not get it twice for that. As many as may be
 * unacknowledged at once, and some more; the oldest are forgotten.
 */

#include <stdbool.h>

struct told;

/* NULL: ENOMEM. */
struct told *told_new(void);
/* NULL is fine. */
void told_free(struct told *t);
/* Without memory it is not noted: it may be delivered twice then. */
void told_add(struct told *t, const char *task_id);
bool told_has(const struct told *t, const char *task_id);
/* The orchestrator has given that task again. */
void told_remove(struct told *t, const char *task_id);

#endif
