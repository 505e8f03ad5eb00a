#ifndef PENSTOCK_CORE_PIPELINES_H
#define PENSTOCK_CORE_PIPELINES_H

/* pipelines.h: the pipelines of this host and their boxes: started when first needed, stopped when
 * idle, put into quarantine with growing pauses when they do not load, and for good when their
 * configuration does not allow them to run. */

#include "core/core.h"
#include "core/refusal.h"
#include "plugin/catalog.h"
#include "sandbox/box.h"

enum pipeline_state {
    PIPELINE_IDLE,
    PIPELINE_STARTING,
    PIPELINE_READY,
    PIPELINE_STOPPING,
    PIPELINE_QUARANTINED
};

struct pipeline {
    struct pipeline *next;
    struct core *core;
    const struct catalog_pipeline *info;
    const struct conf_pipeline *conf; /* defaults and configuration, merged */
    const struct conf_plugin *plugin_conf;
    struct sched_lane *lane;
    enum pipeline_state state;
    enum box_mode mode; /* in force: warm where the plugin leaves threads */
    struct box *box;
    uint64_t free_slots;          /* bit: the slot's worker waits for a task */
    int64_t mean_run_us;          /* of the last tasks, the latest weigh most */
    struct pipeline *next_hungry; /* in core.hungry: may take tasks ahead */
    bool is_hungry;
    uint32_t slots;
    uint32_t walls, landlock_abi;
    unsigned failures;            /* loads in a row that failed */
    int64_t quarantined_until_ms; /* monotonic; INT64_MAX: for good */
    enum code reason_code;
    char reason[512];
    struct loop_timer *idle;  /* stops the box when nothing came for a while */
    struct loop_timer *retry; /* starts it again after an error of ours */
};

const char *pipeline_slug(const struct pipeline *p);
struct pipeline *pipeline_find(const struct core *c, const char *slug, size_t len);
const char *pipeline_state_name(const struct pipeline *p);
/* Its configuration does not allow it to run; only another start of the host changes that. */
bool pipeline_is_forbidden(const struct pipeline *p);
/* Milliseconds of quarantine left, 0: none. */
int64_t pipeline_quarantine_ms(const struct pipeline *p);
/* Checks params (token 0: none were given) against the pipeline's schema; all errors are told. -1:
 * refused. */
int pipeline_check_params(const struct pipeline *p, const struct json_doc *doc, uint32_t params,
                          struct refusal *r);
/* Makes the pipelines of the catalogue. -1: logged. */
int pipelines_init(struct core *c);
void pipelines_clear(struct core *c);
/* Starts the box if there is none; called when a task has been queued. */
void pipeline_wanted(struct pipeline *p);
/* Gives the task to a free slot. -1: the box could not take it; the slot is gone. */
int pipeline_run(struct pipeline *p, struct task *t);
/* Gives short tasks ahead to workers that are at work; after all free slots have theirs. */
void pipelines_write_ahead(struct core *c);

#endif
