#ifndef PENSTOCK_CORE_CHANGES_H
#define PENSTOCK_CORE_CHANGES_H

/*
 * changes.h: from the pipelines in force to those that the catalogue and the configuration make now,
 * while tasks run.
 *
 * A pipeline whose file or options have changed comes as a new generation. If the old one has a box,
 * the new one is a candidate first: it takes the place when its own box is ready, and if that does not
 * load the old one stays in service. New tasks and queued ones go to the pipeline in force; running
 * ones finish where they are. What no plugin provides any more is taken out; its queued tasks wait
 * (pipeline_find_or_gone).
 */

#include <stdbool.h>

#include "core/core.h"

struct changes_report {
    struct conf_list added, changed, removed; /* slugs */
    struct conf_list failed, reasons;         /* slugs that stay as they were, and why */
    size_t n_unchanged;
};

/* The pipelines of the first catalogue. -1: logged. */
int changes_begin(struct core *c);
/* Settles the pipelines by core.catalog and core.conf. is_forced: unchanged ones are made anew too.
 * done is called once, when each candidate is in force or has failed; the report is borrowed. -1: no
 * memory, and some may not be settled. One at a time. */
typedef void (*changes_done_fn)(void *arg, const struct changes_report *report);
int changes_start(struct core *c, bool is_forced, changes_done_fn done, void *arg);
void changes_clear(struct core *c);

/* The box of a candidate is ready: it takes its place. */
void changes_ready(struct pipeline *p);
/* It does not load: whoever is in force stays. p may be gone afterwards. */
void changes_failed(struct pipeline *p, const char *why);

#endif
