#ifndef PENSTOCK_CONF_SETTINGS_H
#define PENSTOCK_CONF_SETTINGS_H

/*
 * settings.h: the configuration as the programs read it. Times are milliseconds, sizes are bytes;
 * strings are never NULL, "" is "not set". What each one means stands once, in tables.c (and in
 * `penstock config reference`). Everything belongs to the struct conf it came from.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conf_list {
    char **items;
    size_t n;
};

enum conf_mode { CONF_MODE_FORK, CONF_MODE_WARM, CONF_MODE_EXEC };
enum conf_profile {
    CONF_PROFILE_STRICT,
    CONF_PROFILE_DEFAULT,
    CONF_PROFILE_NETWORK,
    CONF_PROFILE_GPU,
    CONF_PROFILE_OFF
};
enum conf_scratch { CONF_SCRATCH_MEMORY, CONF_SCRATCH_DISK };
enum conf_start { CONF_START_LAZY, CONF_START_EAGER };
enum conf_files { CONF_FILES_ORCHESTRATOR, CONF_FILES_OFF };

enum { CONF_KEYS_MAX = 16 }; /* trusted at once */

struct conf_host {
    char *runtime_dir, *state_dir; /* absolute, like all paths here */
    struct conf_list plugin_dirs;
    bool watch_plugins;
    char *tasks_socket, *control_socket;
    char *tcp;            /* "127.0.0.1:0", "[::1]:7000"; "": off */
    char *allowed_keys;   /* a file; "": no CURVE */
    char *curve_key_file; /* the host's secret key */
    char *socket_group;
    int64_t max_concurrent; /* at least 1: the number of processors is filled in */
    int64_t queue_max, queue_max_bytes;
    int64_t client_queue_max, client_queue_max_bytes;                        /* 0: no limit */
    int64_t tenant_queue_max, tenant_queue_max_bytes, tenant_max_concurrent; /* 0: no limit */
    int64_t ageing_ms;                                                       /* 0: none */
    int64_t max_frame_bytes, max_message_bytes, max_unfinished_bytes, max_frames, max_header_bytes;
    int64_t max_result_bytes, max_outputs_bytes, max_log_bytes;
    int64_t result_retention_ms, results_max_bytes;
    int64_t history_retention_ms, history_max;
    bool durable; /* what a SUBMIT without that member means */
    int64_t spool_above_bytes, journal_ballast_bytes, journal_reserve_bytes;
    int64_t dead_letter_retention_ms, dead_letters_max;
    int64_t drain_timeout_ms, heartbeat_ms, gone_ttl_ms, load_timeout_ms, scan_timeout_ms;
    int64_t box_uid_base;
    struct conf_list require, require_strong; /* names of guarantees */
    char *cgroup;                             /* "auto", "off", or a folder */
    bool require_signature;
    struct conf_list trusted_keys; /* files */
    int log_level;                 /* enum log_level */
    int log_format;                /* enum log_format */
};

/* In each of those with a title the first member is that title. */
struct conf_task_type {
    const char *name;
    int64_t max_concurrent; /* at least 1 */
};

struct conf_tenant {
    const char *name;
    int64_t weight;
    int64_t queue_max, queue_max_bytes, max_concurrent; /* 0: no limit */
};

struct conf_shim {
    const char *name;
    bool enabled;
    char *dialect, *url;
    char *token_file, *token; /* at most one is set; conf_shim_token reads either */
    char *worker_id;          /* "": made once and kept in state_dir */
    char *worker_type;
    int64_t poll_timeout_ms, heartbeat_interval_ms;
    int64_t max_concurrent;     /* 0: as much as the core takes */
    int64_t max_attempts;       /* of each task; the pipeline's limit holds too */
    int files;                  /* enum conf_files */
    struct conf_list pipelines; /* none: all */
};

struct conf_plugin {
    const char *id;
    bool enabled;
    char *config; /* a JSON object as text, or "" */
    char *sha256; /* 64 small hex digits, or "" */
};

struct conf_pipeline {
    const char *slug;
    int64_t timeout_ms;
    int64_t cpu_limit_ms; /* 0: off */
    int64_t memory_bytes; /* 0: no limit */
    int64_t max_concurrent;
    int64_t load_timeout_ms;
    int64_t max_file_bytes, max_files, max_threads;
    int64_t idle_stop_ms;                         /* 0: never */
    int64_t recycle_after;                        /* 0: never */
    int64_t recycle_age_ms, recycle_growth_bytes; /* 0: never */
    int64_t max_scratch_bytes, max_scratch_files;
    int64_t max_attempts, retry_delay_ms, retry_delay_max_ms;
    struct conf_list retry_on; /* names of codes */
    bool dead_letters;
    struct conf_list extra_syscalls, connect_ports, inputs;
    bool jit;
    int profile; /* enum conf_profile */
    int scratch; /* enum conf_scratch */
    int mode;    /* enum conf_mode */
    int start;   /* enum conf_start */
};

#endif
