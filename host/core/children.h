#ifndef PENSTOCK_CORE_CHILDREN_H
#define PENSTOCK_CORE_CHILDREN_H

/* children.h: tasks that a task starts (pen.next). They are published with its successful result,
 * all or none. */

#include "core/core.h"
#include "sandbox/box.h"

struct result;

/* Another code than CODE_OK: the children cannot be taken; message says why, and none was started. Else r->children
 * names them. */
enum code children_submit(struct core *c, struct task *parent, const struct box_outcome *o,
                          struct result *r, char *message, size_t size);

#endif
