#ifndef PENSTOCK_CORE_PIPELINES_H
#define PENSTOCK_CORE_PIPELINES_H

/*
 * pipelines.h: the pipelines of this host and their boxes: started when first needed, stopped when
 * idle, put into quarantine with growing pauses when they do not load, and for good when
 * their configuration does not allow them to run.
 *
 * A pipeline has as many seats as tasks of it may run at once. In fork and warm mode they are the
 * slots of one box; in exec mode each is a box of its own, which is loaded before its task comes.
 */

#include "core/core.h"
#include "core/refusal.h"
#include "plugin/catalog.h"
#include "sandbox/box.h"

enum pipeline_state {
    PIPELINE_IDLE,
    PIPELINE_STARTING,
    PIPELINE_READY,
    PIPELINE_STOPPING,
    PIPELINE_QUARANTINED,
    PIPELINE_GONE /* no plugin provides it now: info is NULL, it has no seats, its tasks wait */
};

enum { TENANT_MAX = 128 };

/* Whom tasks are for: by the name that they give, or else by whose they are. */
struct tenant {
    uint64_t owner; /* 0: the name counts */
    char name[TENANT_MAX + 1];
};

/* Where a task may run. */
struct seat {
    struct box *box; /* NULL: none */
    uint32_t slot;   /* of the box */
    bool is_free;    /* its worker waits for a task */
    bool has_tenant; /* its warm worker has served one */
    struct tenant tenant;
    struct task *waits;       /* for the worker that replaces another tenant's; or NULL */
    int64_t born_ms, used_ms; /* monotonic: its worker is there since; it got its last task */
};

/* What became of a task that may run now. */
enum place {
    PLACE_NOW,   /* t->slot is its seat: task_start */
    PLACE_AHEAD, /* the worker of t->slot gets it ahead: task_start_ahead */
    PLACE_LATER  /* t->slot is its seat once that has another worker */
};

/* Why the pipeline in force is not the one that its plugin's file, and the configuration, would make
 * now. */
struct failed_candidate {
    char reason[512];
    int64_t since_ms;              /* epoch */
    struct file_identity identity; /* of the file */
};

/*
 * One generation of a pipeline: what one plugin file and one configuration make of it. A reload makes
 * others (changes.h).
 *
 * Counted: the tasks that name it, finished ones too, its boxes, and its place in core.pipelines. The
 * lane belongs to the slug: what waits there waits for whoever provides the pipeline.
 */
struct pipeline {
    struct pipeline *prev, *next; /* all there are */
    struct core *core;
    unsigned n_refs;
    char *slug;
    uint64_t generation;                 /* never used twice; 0: gone */
    const struct catalog_pipeline *info; /* NULL: gone */
    struct catalog *catalog;             /* of info, counted */
    struct conf *whole_conf;             /* of conf, counted */
    const struct conf_pipeline *conf;    /* defaults and configuration, merged */
    const struct conf_plugin *plugin_conf;
    struct sched_lane *lane;
    enum pipeline_state state;
    enum box_mode mode; /* in force: warm where the plugin leaves threads */
    struct seat *seats; /* slots of them */
    uint32_t n_boxes;
    int64_t mean_run_us;          /* of the last tasks, the latest weigh most */
    struct pipeline *next_hungry; /* in core.hungry: may take tasks ahead */
    bool is_hungry;
    uint32_t slots;
    uint32_t walls, landlock_abi;
    unsigned failures;            /* loads in a row that failed */
    int64_t quarantined_until_ms; /* monotonic; INT64_MAX: for good */
    int64_t quarantined_ms;       /* epoch, since when */
    enum code reason_code;
    char reason[512];
    bool
        is_candidate; /* its box is tried; if it gets ready, it takes the place of the one in force */
    bool is_retired; /* it had a place, or might have had: its boxes finish what they have */
    struct pipeline *next_candidate; /* in core.changes */
    struct failed_candidate *failed; /* the last one that was to take its place; or NULL */
    struct loop_timer *idle;         /* stops the box when nothing came for a while */
    struct loop_timer *retry; /* starts it again after an error of ours; gone: gives up waiting */
    struct loop_timer *age;   /* replaces idle workers that are too old */
};

const char *pipeline_slug(const struct pipeline *p);
/* "" while nobody provides it. */
const char *pipeline_version(const struct pipeline *p);
/* That of the plugin that provides it now, or NULL. */
struct pipeline *pipeline_find(const struct core *c, const char *slug, size_t len);
/* One that is gone, too. */
struct pipeline *pipeline_find_any(const struct core *c, const char *slug, size_t len);
/* As pipeline_find; for a slug that no plugin provides now, one that is gone: tasks may be queued
 * there, and wait until a plugin provides it, or their ttl or gone_ttl is over. NULL: no memory, or
 * it is no name of a pipeline. */
struct pipeline *pipeline_find_or_gone(struct core *c, const char *slug);
bool pipeline_is_gone(const struct pipeline *p);
struct pipeline *pipeline_ref(struct pipeline *p);
void pipeline_unref(struct pipeline *p);
const char *pipeline_state_name(const struct pipeline *p);
/* Its configuration does not allow it to run; only another one changes that. */
bool pipeline_is_forbidden(const struct pipeline *p);
/* Milliseconds of quarantine left, 0: none. */
int64_t pipeline_quarantine_ms(const struct pipeline *p);
/* Checks params (token 0: none were given) against the pipeline's schema; all errors are told. -1:
 * refused. */
int pipeline_check_params(const struct pipeline *p, const struct json_doc *doc, uint32_t params,
                          struct refusal *r);
/* The same of params that stand alone. */
int pipeline_check_params_text(const struct pipeline *p, struct json_span params,
                               struct refusal *r);
void pipelines_clear(struct core *c);
/* Starts the box if there is none; called when a task has been queued. */
void pipeline_wanted(struct pipeline *p);
/* Finds a seat for the task, which the scheduler has popped. */
enum place pipeline_place(struct pipeline *p, struct task *t);
/* Gives the task to its seat. -1: the box could not take it; the slot is gone. */
int pipeline_run(struct pipeline *p, struct task *t);
/* As box_cancel, of a task that runs. */
bool pipeline_cancel(const struct task *t, enum kill_reason reason, int64_t grace_ms);
/* The task does not wait for its seat's next worker any more. */
void pipeline_unreserve(const struct task *t);
/* Gives short tasks ahead to workers that are at work; after all free slots have theirs. */
void pipelines_write_ahead(struct core *c);

#endif
