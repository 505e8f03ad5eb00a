#ifndef PENSTOCK_CORE_PIPELINES_INTERNAL_H
#define PENSTOCK_CORE_PIPELINES_INTERNAL_H

/* pipelines_internal.h: what pipelines.c, pipeline_box.c, pipeline_seats.c and pipelines_ahead.c
 * share. */

#include "core/pipelines.h"

/* Tasks that a warm worker may hold. */
enum { PIPELINE_DEPTH = 16 };

/* pipelines.c */
/* One that stands nowhere yet, with one reference and the lane of its slug. NULL: no memory. */
struct pipeline *pipeline_new(struct core *c, const char *slug, const char *task_type);

/* pipelines_gone.c */
/* p->retry of one that is gone. */
void pipeline_on_gone_ttl(void *arg);
/* A task waits for it: not after gone_ttl. */
void pipeline_gone_wanted(struct pipeline *p);

/* pipeline_box.c */
/* Ends all that wait. */
void pipeline_fail_waiting(struct pipeline *p, enum code code, const char *message);
/* The box, or the timers p->idle and p->retry, of a pipeline whose arg is p. */
void pipeline_on_retry(void *arg);
void pipeline_on_idle(void *arg);

/* pipeline_seats.c */
void pipeline_on_age(void *arg);
/* The worker of the seat waits for a task. */
void seat_is_free(struct pipeline *p, struct seat *s);
/* No seat of the pipeline takes a task any more. */
void seats_close(struct pipeline *p);
/* The box is gone: so are its seats, and whoever waits for one goes back into the queue. */
void seats_lose(struct pipeline *p, const struct box *b);
/* Whether the seat's warm worker may serve the task's tenant, and has served it before. */
bool seat_knows(const struct seat *s, const struct task *t);

/* pipelines_ahead.c */
/* The pipeline may take tasks ahead at the end of this turn. */
void pipeline_be_hungry(struct pipeline *p);
void pipeline_be_sated(struct pipeline *p);
void pipeline_note_run(struct pipeline *p, int64_t run_us);
/* A seat at work whose worker can be given the task ahead; NULL: none. */
struct seat *pipeline_ahead_seat(const struct pipeline *p, const struct task *t);
/* No run is known yet: nothing is written ahead. */
void pipeline_forget_runs(struct pipeline *p);

#endif
