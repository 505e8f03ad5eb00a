#ifndef PENSTOCK_CORE_PUSH_H
#define PENSTOCK_CORE_PUSH_H

/* push.h: EVENTs to those who asked. They can be lost when a client reads too slowly. */

#include "core/core.h"
#include "sandbox/box.h"

void push_state(struct core *c, const struct task *t);
void push_progress(struct core *c, const struct task *t, double fraction, const char *message,
                   size_t len);
void push_log(struct core *c, const struct task *t, enum box_stream stream, int level,
              const char *text, size_t len);
/* The end of a job: between the two its counts are written. To its owner if the mask (enum event_mask)
 * has states, and to those who watch them. */
void push_begin_job(struct core *c, struct json_writer *w);
void push_end_job(struct core *c, struct json_writer *w, struct owner *o, unsigned events);
/* Soon, one EVENT for all changes till then. */
void push_capacity_soon(struct core *c);
int push_init(struct core *c);
void push_clear(struct core *c);
/* PEN_LOG_* as a word; what is none of them is "info". */
const char *plugin_level_name(int level);
/* The object "capacity" of WELCOME, STATS and EVENT. */
void push_write_capacity(const struct core *c, struct json_writer *w);

#endif
