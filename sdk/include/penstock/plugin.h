#ifndef PENSTOCK_PLUGIN_H
#define PENSTOCK_PLUGIN_H

/*
 * penstock/plugin.h: what a Penstock plugin and its host know of each other. A plugin is a shared
 * object that exports one symbol, the constant pen_plugin_entry. It needs this header and nothing
 * else.
 *
 * Ownership: nobody frees what came across. What a plugin is given is borrowed for that call; what
 * it hands over is copied before the call returns. Its descriptor (pen_plugin and all it points to)
 * is constant data and lives as long as the library.
 *
 * Sizes: each struct that crosses starts with its size, set by who fills it in. Fields are only
 * ever appended; a field that is missing in the shorter struct reads as zero, and zero is always
 * the documented default.
 *
 * Threads: [main] is called in the process that loads the plugin, once, before any task. [run] is
 * called in the process of a task, by one thread. [any] may be called by any thread between start
 * and end of run. A run may start threads; before it returns it joins them, or leaves them idle (a
 * library's pool) without anything that was borrowed. open should leave none behind: a fork copies
 * only one.
 *
 * Time: a task's process can be killed at any moment (time limit, cancellation, memory), so close
 * may never be called, and nothing may depend on it.
 *
 * Text is UTF-8 and ends with NUL; pen_bytes has a length and need not. Times are milliseconds.
 */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PEN_ABI_MAGIC 0x314e4550u /* "PEN1" */
#define PEN_ABI_MAJOR 1           /* a host takes the same major only */
#define PEN_ABI_MINOR 0           /* counts appended fields; a host takes any */

#if defined(__GNUC__)
#define PEN_EXPORT extern __attribute__((visibility("default")))
#else
#define PEN_EXPORT extern
#endif

/* Whose fault it is, and whether trying again can help. Nothing else below zero is allowed. */
typedef int32_t pen_status;
enum {
    PEN_OK = 0,
    PEN_E_INPUT = -1, /* params or inputs are wrong; the same task will never succeed */
    PEN_E_RETRY = -2, /* try again later, perhaps elsewhere: a service is down, memory is short */
    PEN_E_CANCELLED = -3, /* stopped because should_stop said so */
    PEN_E_PERMANENT = -4, /* the task is fine, but this plugin can never do it */
    PEN_E_INTERNAL = -5   /* the plugin's own mistake, or it called the host wrongly */
};

enum { PEN_LOG_ERROR = 0, PEN_LOG_WARN = 1, PEN_LOG_INFO = 2, PEN_LOG_DEBUG = 3 };

/* data may be NULL if len is 0. */
typedef struct pen_bytes {
    const void *data;
    size_t len;
} pen_bytes;

/*
 * What the host offers. Every function takes the host it was got from. Valid until the call that it
 * was passed to (open or run) returns; a host of open is not the host of run.
 */
typedef struct pen_host {
    uint32_t size;
    uint16_t abi_major, abi_minor; /* of the host */
    void *ctx;                     /* the host's own; leave it alone */

    /* One event for the host's log; level is PEN_LOG_*. Copied; cut at 4096 bytes; rate-limited.
     * [main] [any] */
    void (*log)(const struct pen_host *host, int level, const char *text);

    /* Nonzero once the task is cancelled or its deadline has passed: clean up and return
     * PEN_E_CANCELLED. Cheap; ask some times a second. After a grace (2 s by default) the process
     * is killed. [main] [any] */
    int (*should_stop)(const struct pen_host *host);

    /* The task's result: one JSON value, copied. status is NULL or "success", or one of the
     * pipeline's output_statuses. Call it once. It counts only if run then returns PEN_OK and the
     * process ends well. PEN_E_INTERNAL: not JSON, too big, unknown status, called twice or outside
     * run. The task then fails; return the value. [run] */
    pen_status (*result)(const struct pen_host *host, const char *status, pen_bytes json);

    /* One output beside the result, copied. name is unique in the task
     * ([A-Za-z0-9][A-Za-z0-9._-]{0,62}); media_type NULL is "application/octet-stream". Outputs of
     * a failed task are dropped. PEN_E_INTERNAL: bad or used name, too many, too big, outside run.
     * [run] */
    pen_status (*output)(const struct pen_host *host, const char *name, const char *media_type,
                         pen_bytes bytes);

    /* Says why: status is one of PEN_E_*, why a short sentence for the task's owner, copied, cut at
     * 4096 bytes. Returns status, so that a function can end with `return host->fail(...)`. It
     * beats a later PEN_OK and a result. Call it once. In open it says why open failed. [main]
     * [run] */
    pen_status (*fail)(const struct pen_host *host, pen_status status, const char *why);

    /* The extension of that id (penstock/ext/), a constant struct valid as long as host, or NULL if
     * the host does not have it or the pipeline does not list it in needs. [main] [run] */
    const void *(*extension)(const struct pen_host *host, const char *id);
} pen_host;

/* One input of a task. Borrowed until run returns. Bytes are read-only: large ones are a mapped
 * file. */
typedef struct pen_input {
    uint32_t size;
    const char *name;       /* unique in the task, never NULL */
    const char *media_type; /* as the client named it, not checked; NULL if it did not */
    pen_bytes bytes;
} pen_input;

/* One task. All of it is borrowed until run returns. */
typedef struct pen_task {
    uint32_t size;
    uint32_t n_inputs;
    const char *id;     /* unique among its client's tasks, never NULL */
    const char *job_id; /* what it belongs to, or NULL */
    const char *tenant; /* whom it is done for, never NULL */
    pen_bytes params;   /* JSON, already valid under params_schema; {} if the client gave none */
    pen_bytes metadata; /* a JSON object that travels with the task, {} if there is none */
    const pen_input *const
        *inputs;         /* n_inputs pointers, in the client's order; NULL if there are none */
    int64_t deadline_ms; /* since 1970; 0: none */
    int32_t attempt;     /* 1 = first */
    double priority;     /* 0 to 9, 9 first */
} pen_task;

/*
 * One kind of work. Only size, slug, version and run are required. Texts of JSON are NUL-ended.
 */
typedef struct pen_pipeline {
    uint32_t size;
    const char *slug;      /* its name, unique on a host: [A-Za-z0-9][A-Za-z0-9._-]{0,62} */
    const char *version;   /* "1.2.0" */
    const char *summary;   /* one line for people */
    const char *task_type; /* a name that pipelines with a common limit share; NULL: the slug */

    const char
        *params_schema; /* JSON Schema 2020-12; params are checked before run. NULL: any JSON */
    const char *result_schema; /* the result is checked after run. NULL: any JSON */
    const char *events_schema; /* what progress messages look like, for readers; not checked */
    const char *manifest;      /* a JSON object for orchestrators, passed on as it is */

    /* NULL-ended lists, or NULL. needs: ids of extensions ("pen.files/1") and rights ("network",
     * "gpu", "jit", "threads"); a host refuses a plugin whose need it does not know.
     * output_statuses: what result may say besides "success". */
    const char *const *needs;
    const char *const *output_statuses;

    /* Loads what all tasks share, such as a model. NULL: nothing to do. config is the JSON object
     * from the host's configuration, "{}" by default, never NULL, borrowed. *self is NULL before;
     * what is stored there is given to run and close, and stays the plugin's. Anything but PEN_OK
     * (say why with fail): never opened; close is not called. Called once in a process. [main] */
    pen_status (*open)(const pen_host *host, const char *config, void **self);

    /* Does one task: gives the result and returns PEN_OK, or returns PEN_E_*. Without result and
     * without failure the task fails as NO_RESULT. Mostly called in a fork of the process that
     * opened the plugin, so that changes to self are seen by nobody; in warm mode once after
     * another. [run] */
    pen_status (*run)(void *self, const pen_host *host, const pen_task *task);

    /* Releases self after a good open. May be skipped. NULL: nothing to do. [main] */
    void (*close)(void *self);

    /* The plugin's side of extensions: a constant struct for that id, or NULL. NULL: it has none.
     * [main] */
    const void *(*extension)(const char *id);
} pen_pipeline;

/* What a library is. id, version and pipelines are required. */
typedef struct pen_plugin {
    uint32_t size;
    uint32_t magic;
    uint16_t abi_major, abi_minor; /* of the header it was compiled with */
    const char *id;                /* "org.example.echo", unique on a host, at most 128 bytes */
    const char *version;           /* "1.2.0" */
    const char *vendor;            /* or NULL */
    const char *license;           /* SPDX expression, or NULL */
    const pen_pipeline *const *pipelines; /* NULL-ended; 1 to 64 */
} pen_plugin;

/* The first fields of the entry. In C, designated initialisers may follow; in C++, write the rest
 * in order. */
#define PEN_PLUGIN_HEADER sizeof(pen_plugin), PEN_ABI_MAGIC, PEN_ABI_MAJOR, PEN_ABI_MINOR

/* The one symbol. The plugin defines it: const pen_plugin pen_plugin_entry = {PEN_PLUGIN_HEADER,
 * ...}; */
PEN_EXPORT const pen_plugin pen_plugin_entry;

#ifdef __cplusplus
}
#endif

#endif
