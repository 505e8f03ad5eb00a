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
/* The same of what a plugin of the catalogue provides, as the configuration wants it. */
struct pipeline *pipeline_new_provided(struct core *c, const struct catalog_pipeline *info);
/* The task type's limit is that of the configuration; the lane is in its group. -1: no memory. */
int pipeline_settle_lane(struct pipeline *p);

/* pipelines_gone.c */
/* p->retry of one that is gone. */
void pipeline_on_gone_ttl(void *arg);
/* A task waits for it: not after gone_ttl. */
void pipeline_gone_wanted(struct pipeline *p);

/* pipeline_box.c */
/* The box, or the timers p->idle and p->retry, of a pipeline whose arg is p. */
void pipeline_on_retry(void *arg);
void pipeline_on_idle(void *arg);

/* pipeline_down.c */
/* Gives up its place: no task comes to it any more, and its boxes end when they have finished. */
void pipeline_retire(struct pipeline *p);
/* Those that have a task finish it. */
void pipeline_stop_boxes(struct pipeline *p);
/* It does not load: until its pause is over, or its file has changed. What waits fails. */
void pipeline_quarantine(struct pipeline *p, enum code code, const char *message);
/* The same before anything was tried; what waits fails when this turn is over. is_for_good: until
 * another generation takes its place. */
void pipeline_put_aside(struct pipeline *p, bool is_for_good, const char *why);
/* Ends all that wait. */
void pipeline_fail_waiting(struct pipeline *p, enum code code, const char *message);
/* first, twice first, four times ..., most. */
int64_t doubled_ms(int64_t first_ms, unsigned times, int64_t max_ms);

/* pipeline_seats.c */
void pipeline_on_age(void *arg);
/* The worker of the seat waits for a task. */
void seat_is_free(struct pipeline *p, struct seat *s);
/* Who waits for another worker goes back into the queue. */
void seats_unreserve(struct pipeline *p);
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
