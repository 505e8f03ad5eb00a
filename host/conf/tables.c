/*
 * tables.c: every option with its type, default, range and meaning. The same rows serve the file,
 * the environment, the flags, `config show` and the reference. Runs in every program that loads the
 * configuration.
 *
 * A new option: a member in settings.h and a row here, nothing else. One of the host that is read
 * once, at the start, has the flag OPTION_RESTART.
 */
#include "conf/tables.h"

#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "conf/checks.h"
#include "conf/conf.h"
#include "conf/settings.h"

#define KI     ((int64_t)1 << 10)
#define MI     ((int64_t)1 << 20)
#define GI     ((int64_t)1 << 30)
#define SECOND ((int64_t)1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

enum { RETRY_ATTEMPTS_MAX = 100 /* as in task/retry.h, which no layer below it sees */ };

#ifndef PENSTOCK_PLUGIN_DIRS
#define PENSTOCK_PLUGIN_DIRS "/usr/lib/penstock/plugins, /usr/local/lib/penstock/plugins"
#endif

static const char *const profile_words[] = {"strict", "default", "network", "gpu", "off", NULL};
static const char *const scratch_words[] = {"memory", "disk", NULL};
static const char *const level_words[] = {"error", "warn", "info", "debug", NULL};
static const char *const format_words[] = {"text", "json", NULL};
static const char *const mode_words[] = {"fork", "warm", "exec", NULL};
static const char *const start_words[] = {"lazy", "eager", NULL};
static const char *const files_words[] = {"orchestrator", "off", NULL};

#define HOST(member) offsetof(struct conf_host, member)
static const struct option host_options[] = {
    {"runtime_dir", OPTION_PATH, HOST(runtime_dir), "", 0, 0,
     .help = "Folder for sockets; must not outlive a boot.", .flags = OPTION_FLAG | OPTION_RESTART,
     .derived = "$RUNTIME_DIRECTORY; as root /run/penstock; else $XDG_RUNTIME_DIR/penstock"},
    {"state_dir", OPTION_PATH, HOST(state_dir), "", 0, 0,
     .help = "Folder for what must survive a restart: the journal, the host's id, ids and secrets "
             "of shims, files of tasks.",
     .flags = OPTION_FLAG | OPTION_RESTART,
     .derived = "$STATE_DIRECTORY; as root /var/lib/penstock; else $XDG_STATE_HOME/penstock"},
    {"plugin_dirs", OPTION_PATHS, HOST(plugin_dirs), "", 0, 0,
     .help = "Folders searched for plugins (*.so), first to last.", .flags = OPTION_FLAG,
     .derived = PENSTOCK_PLUGIN_DIRS},
    {"watch_plugins", OPTION_BOOL, HOST(watch_plugins), "no", 0, 0,
     .help = "Whether a change in plugin_dirs is noticed by itself. Otherwise plugins are looked "
             "for at "
             "the start, and by penstock reload or SIGHUP."},
    {"tasks_socket", OPTION_PATH, HOST(tasks_socket), "", 0, 0,
     .help = "Unix socket where clients hand in tasks.", .derived = "tasks.sock in runtime_dir",
     .flags = OPTION_RESTART},
    {"control_socket", OPTION_PATH, HOST(control_socket), "", 0, 0,
     .help = "Unix socket of the operator: shut down, drain, all tasks.",
     .derived = "control.sock in runtime_dir", .flags = OPTION_RESTART},
    {"tcp", OPTION_STRING, HOST(tcp), "", 0, 0,
     .help = "Address where clients hand in tasks too, such as 127.0.0.1:7000; port 0 takes any "
             "free one. Beyond 127.0.0.1 and [::1] only with allowed_keys. Empty: off.",
     .check = check_tcp, .flags = OPTION_RESTART},
    {"allowed_keys", OPTION_PATH, HOST(allowed_keys), "", 0, 0,
     .help = "File with the public keys of clients that may come in over TCP (penstock key allow). "
             "With it connections over TCP are encrypted by CURVE, and nobody else is let in; "
             "changes are noticed by themselves. Empty: TCP is open to every user of this machine.",
     .flags = OPTION_RESTART},
    {"curve_key_file", OPTION_PATH, HOST(curve_key_file), "", 0, 0,
     .help = "File with the host's own secret key for CURVE (penstock key new --host). "
             "\"${CREDENTIALS_DIRECTORY}/name\" names a systemd credential.",
     .derived = "curve.key in state_dir", .flags = OPTION_RESTART},
    {"socket_group", OPTION_NAME, HOST(socket_group), "", 0, 0,
     .help = "Group that may use the tasks socket. Empty: only the owner.",
     .flags = OPTION_RESTART},
    {"max_concurrent", OPTION_INT, HOST(max_concurrent), "0", 1, 4096,
     .help = "Tasks that run at once on this host. 0: the number of processors it may use.",
     .flags = OPTION_ZERO},
    {"queue_max", OPTION_INT, HOST(queue_max), "10000", 1, 10000000,
     .help = "Tasks that may wait; one more is refused as OVERLOADED."},
    {"queue_max_bytes", OPTION_SIZE, HOST(queue_max_bytes), "256Mi", MI, 1024 * GI,
     .help = "Bytes of params and inputs of all waiting tasks together."},
    {"client_queue_max", OPTION_INT, HOST(client_queue_max), "0", 1, 10000000,
     .help = "Tasks of one client that may wait; one more is refused as QUOTA. 0: no limit of its "
             "own.",
     .flags = OPTION_ZERO},
    {"client_queue_max_bytes", OPTION_SIZE, HOST(client_queue_max_bytes), "0", KI, 1024 * GI,
     .help = "Bytes of params and inputs of one client's waiting tasks. 0: no limit of its own.",
     .flags = OPTION_ZERO},
    {"tenant_queue_max", OPTION_INT, HOST(tenant_queue_max), "0", 1, 10000000,
     .help = "Tasks for one tenant that may wait; one more is refused as QUOTA. 0: no limit of its "
             "own.",
     .flags = OPTION_ZERO},
    {"tenant_queue_max_bytes", OPTION_SIZE, HOST(tenant_queue_max_bytes), "0", KI, 1024 * GI,
     .help = "Bytes of params and inputs of one tenant's waiting tasks. 0: no limit of its own.",
     .flags = OPTION_ZERO},
    {"tenant_max_concurrent", OPTION_INT, HOST(tenant_max_concurrent), "0", 1, 4096,
     .help = "Tasks for one tenant that run at once. 0: no limit of its own.",
     .flags = OPTION_ZERO},
    {"ageing", OPTION_DURATION, HOST(ageing_ms), "60s", 100, 30 * DAY,
     .help = "A waiting task counts as one priority higher for each time it has waited so long, so "
             "that low ones have their turn too. 0: never.",
     .flags = OPTION_ZERO | OPTION_RESTART},
    {"max_frame", OPTION_SIZE, HOST(max_frame_bytes), "64Mi", 64 * KI, 2 * GI,
     .help = "Largest single frame of a message: an input or output by value.",
     .flags = OPTION_RESTART},
    {"max_message", OPTION_SIZE, HOST(max_message_bytes), "128Mi", 64 * KI, 4 * GI,
     .help = "Largest message, all frames together."},
    {"max_unfinished", OPTION_SIZE, HOST(max_unfinished_bytes), "0", 64 * KI, 64 * GI,
     .help =
         "Bytes of messages that have begun to come or to go, of all peers together. When it is "
         "more, all connections are cut and the sockets opened again: it is the only way to be "
         "rid of a message that never ends.",
     .flags = OPTION_ZERO, .derived = "twice max_message, at least 64Mi"},
    {"max_frames", OPTION_INT, HOST(max_frames), "64", 8, 256,
     .help = "Most frames of one message.", .flags = OPTION_RESTART},
    {"max_header", OPTION_SIZE, HOST(max_header_bytes), "1Mi", 4 * KI, 64 * MI,
     .help = "Largest header of a message (its JSON, params included)."},
    {"max_result", OPTION_SIZE, HOST(max_result_bytes), "16Mi", KI, GI,
     .help = "Largest result JSON of a task; more is RESULT_TOO_BIG.", .flags = OPTION_BOXES},
    {"max_outputs", OPTION_SIZE, HOST(max_outputs_bytes), "64Mi", KI, 4 * GI,
     .help = "Bytes of all outputs of one task together.", .flags = OPTION_BOXES},
    {"max_log", OPTION_SIZE, HOST(max_log_bytes), "64Ki", KI, 64 * MI,
     .help = "Bytes of stdout and stderr kept of one task; the rest is counted and dropped.",
     .flags = OPTION_BOXES},
    {"result_retention", OPTION_DURATION, HOST(result_retention_ms), "1d", SECOND, 30 * DAY,
     .help =
         "How long a result waits for a client that has not acknowledged it, and is sent again."},
    {"history_retention", OPTION_DURATION, HOST(history_retention_ms), "7d", SECOND, 3650 * DAY,
     .help = "How long a finished durable task stays in the journal, with its result: for QUERY "
             "and LIST, "
             "and to answer for its idempotency key."},
    {"history_max", OPTION_INT, HOST(history_max), "100000", 1, 1000000000,
     .help = "Finished durable tasks in the journal at most; the oldest go first."},
    {"results_max_bytes", OPTION_SIZE, HOST(results_max_bytes), "256Mi", MI, 1024 * GI,
     .help = "Bytes of all kept results together; past it the oldest delivered ones go first."},
    {"durable", OPTION_BOOL, HOST(durable), "yes", 0, 0,
     .help =
         "Whether a task is kept in the journal if its SUBMIT does not say: accepted once it is "
         "on the disk, and not lost whatever dies. no: as quick as memory, and gone with the "
         "core."},
    {"spool_above", OPTION_SIZE, HOST(spool_above_bytes), "64Ki", 4 * KI, GI,
     .help = "Inputs and results larger than this lie in files beside the journal.",
     .flags = OPTION_RESTART},
    {"journal_ballast", OPTION_SIZE, HOST(journal_ballast_bytes), "16Mi", MI, 64 * GI,
     .help = "Room that the journal holds so that verdicts can still be written to a full disk. 0: "
             "none.",
     .flags = OPTION_ZERO | OPTION_RESTART},
    {"journal_reserve", OPTION_SIZE, HOST(journal_reserve_bytes), "64Mi", MI, 1024 * GI,
     .help = "Free bytes in state_dir's file system below which no durable task is taken in. 0: "
             "until it is full.",
     .flags = OPTION_ZERO | OPTION_RESTART},
    {"gone_ttl", OPTION_DURATION, HOST(gone_ttl_ms), "10m", SECOND, 30 * DAY,
     .help = "How long a queued task waits for a pipeline that no plugin provides any more, unless "
             "its own ttl is shorter."},
    {"dead_letter_retention", OPTION_DURATION, HOST(dead_letter_retention_ms), "30d", SECOND,
     3650 * DAY, .help = "How long a task that failed for good is kept as a dead letter."},
    {"dead_letters_max", OPTION_INT, HOST(dead_letters_max), "10000", 1, 10000000,
     .help = "Dead letters that are kept; past it the oldest go first."},
    {"drain_timeout", OPTION_DURATION, HOST(drain_timeout_ms), "45s", SECOND, DAY,
     .help =
         "How long a stop waits for running tasks. Longer than a shim's poll_timeout and 5s; the "
         "unit's "
         "TimeoutStopSec must be longer still."},
    {"heartbeat", OPTION_DURATION, HOST(heartbeat_ms), "10s", SECOND, HOUR,
     .help = "How often clients should give a sign of life (PING)."},
    {"load_timeout", OPTION_DURATION, HOST(load_timeout_ms), "30s", 100, HOUR,
     .help = "How long a plugin may take to load and open."},
    {"scan_timeout", OPTION_DURATION, HOST(scan_timeout_ms), "10s", 100, HOUR,
     .help = "How long reading a plugin's description may take."},
    {"require", OPTION_NAMES, HOST(require), "fs, net, syscalls, process", 0, 0,
     .help =
         "Guarantees that boxes must give here, weak or strong, or the host does not start: fs, "
         "net, process, syscalls, memory, pids, cpu, kill, wx, disk. They are those of the profile "
         "default: a pipeline that its configuration gives more holds less.",
     .check = check_guarantee, .flags = OPTION_RESTART},
    {"require_strong", OPTION_NAMES, HOST(require_strong), "", 0, 0,
     .help = "Guarantees that must be strong, or the host does not start.",
     .check = check_guarantee, .flags = OPTION_RESTART},
    {"cgroup", OPTION_STRING, HOST(cgroup), "auto", 0, 0,
     .help =
         "Where control groups of tasks are made: auto (below the host's own), off, or a folder "
         "of a cgroup file system that the host may write.",
     .check = check_cgroup, .flags = OPTION_RESTART},
    {"require_signature", OPTION_BOOL, HOST(require_signature), "no", 0, 0,
     .help = "Whether a plugin's file must be signed by one of trusted_keys.",
     .flags = OPTION_RESTART},
    {"trusted_keys", OPTION_PATHS, HOST(trusted_keys), "", 0, 0,
     .help = "Files with public keys of those who may sign plugins (penstock plugin sign).",
     .flags = OPTION_RESTART},
    /* 65535 and below are users of others: 65534 is nobody. */
    {"box_uid_base", OPTION_INT, HOST(box_uid_base), "1900000000", 131072, 4000000000,
     .help = "User ids of a host that root starts: a box has one of the 65536 from here on; the "
             "core has the one before, and each shim one before that.",
     .flags = OPTION_RESTART},
    {"log_level", OPTION_ENUM, HOST(log_level), "info", 0, 0,
     .help = "Least important lines that are logged.", .flags = OPTION_FLAG, .words = level_words},
    {"log_format", OPTION_ENUM, HOST(log_format), "text", 0, 0,
     .help = "Form of log lines on stderr.", .flags = OPTION_FLAG | OPTION_RESTART,
     .words = format_words},
};

#define TASK_TYPE(member) offsetof(struct conf_task_type, member)
static const struct option task_type_options[] = {
    {"max_concurrent", OPTION_INT, TASK_TYPE(max_concurrent), "1", 1, 4096,
     .help = "Tasks of this type that run at once, over all pipelines."},
};

#define TENANT(member) offsetof(struct conf_tenant, member)
static const struct option tenant_options[] = {
    {"weight", OPTION_INT, TENANT(weight), "1", 1, 1000,
     .help = "Its share beside other tenants whose tasks wait: 2 has twice the turns of 1."},
    {"queue_max", OPTION_INT, TENANT(queue_max), "0", 1, 10000000,
     .help = "Its tasks that may wait. 0: the host's tenant_queue_max.", .flags = OPTION_ZERO},
    {"queue_max_bytes", OPTION_SIZE, TENANT(queue_max_bytes), "0", KI, 1024 * GI,
     .help = "Bytes of params and inputs of its waiting tasks. 0: the host's "
             "tenant_queue_max_bytes.",
     .flags = OPTION_ZERO},
    {"max_concurrent", OPTION_INT, TENANT(max_concurrent), "0", 1, 4096,
     .help = "Its tasks that run at once. 0: the host's tenant_max_concurrent.",
     .flags = OPTION_ZERO},
};

#define SHIM(member) offsetof(struct conf_shim, member)
static const struct option shim_options[] = {
    {"enabled", OPTION_BOOL, SHIM(enabled), "yes", 0, 0, .help = "Whether the shim is started."},
    {"dialect", OPTION_NAME, SHIM(dialect), "", 0, 0,
     .help = "The API the orchestrator speaks, such as avtomatika.", .flags = OPTION_REQUIRED},
    {"url", OPTION_STRING, SHIM(url), "", 0, 0, .help = "Address of the orchestrator.",
     .flags = OPTION_REQUIRED, .check = check_url},
    {"token_file", OPTION_PATH, SHIM(token_file), "", 0, 0,
     .help = "File with the token for the orchestrator, read by the shim alone. "
             "\"${CREDENTIALS_DIRECTORY}/name\" "
             "names a systemd credential."},
    {"token", OPTION_STRING, SHIM(token), "", 0, 0,
     .help = "The token itself. Prefer token_file; never taken from a flag.",
     .flags = OPTION_SECRET, .check = check_token},
    {"worker_id", OPTION_STRING, SHIM(worker_id), "", 0, 0,
     .help = "Name of this worker at the orchestrator. Empty: made once and kept in state_dir.",
     .check = check_worker_id},
    {"worker_type", OPTION_NAME, SHIM(worker_type), "", 0, 0,
     .help = "Kind of worker told to the orchestrator. Empty: the dialect's default."},
    {"poll_timeout", OPTION_DURATION, SHIM(poll_timeout_ms), "30s", 100, 10 * MINUTE,
     .help = "How long one poll waits at the orchestrator for a task."},
    {"heartbeat_interval", OPTION_DURATION, SHIM(heartbeat_interval_ms), "15s", 100, HOUR,
     .help = "How often the orchestrator hears from this worker."},
    {"max_concurrent", OPTION_INT, SHIM(max_concurrent), "0", 1, 4096,
     .help = "Tasks of this orchestrator at once. 0: as many as the host takes.",
     .flags = OPTION_ZERO},
    {"max_attempts", OPTION_INT, SHIM(max_attempts), "1", 1, RETRY_ATTEMPTS_MAX,
     .help =
         "How often this host tries a task of the orchestrator, which usually tries failed ones "
         "again by itself. Failures of the host's own making do not count; the pipeline's "
         "max_attempts holds too."},
    {"pipelines", OPTION_NAMES, SHIM(pipelines), "", 0, 0,
     .help = "Pipelines offered to this orchestrator. Empty: all."},
    {"files", OPTION_ENUM, SHIM(files), "orchestrator", 0, 0,
     .help = "orchestrator: params that are addresses below <url>/files/ are fetched and become "
             "inputs, outputs are stored by POST <url>/files. off: params stay as they are, and a "
             "task with outputs fails.",
     .words = files_words},
};

#define PLUGIN(member) offsetof(struct conf_plugin, member)
static const struct option plugin_options[] = {
    {"enabled", OPTION_BOOL, PLUGIN(enabled), "yes", 0, 0, .help = "Whether the plugin is used."},
    {"config", OPTION_STRING, PLUGIN(config), "", 0, 0,
     .help =
         "A JSON object handed to the plugin's open. Easiest in single quotes: '{\"size\": 128}'.",
     .check = check_json_object},
    {"sha256", OPTION_STRING, PLUGIN(sha256), "", 0, 0,
     .help = "Digest the plugin's file must have. Empty: any.", .check = check_sha256},
};

#define PIPELINE(member) offsetof(struct conf_pipeline, member)
static const struct option pipeline_options[] = {
    {"timeout", OPTION_DURATION, PIPELINE(timeout_ms), "30s", 1, 20 * DAY,
     .help = "Longest time of one task; a task may ask for less."},
    {"cpu_limit", OPTION_DURATION, PIPELINE(cpu_limit_ms), "0", 10, 20 * DAY,
     .help = "Processor time of one task, all its threads together. 0: no limit.",
     .flags = OPTION_ZERO},
    {"memory", OPTION_SIZE, PIPELINE(memory_bytes), "512M", MI, 1024 * GI,
     .help = "Memory of one task beyond what the loaded plugin shares with it. 0: no limit.",
     .flags = OPTION_ZERO},
    {"max_concurrent", OPTION_INT, PIPELINE(max_concurrent), "0", 1, 64,
     .help = "Tasks of this pipeline at once. 0: the host's max_concurrent.", .flags = OPTION_ZERO},
    {"mode", OPTION_ENUM, PIPELINE(mode), "fork", 0, 0,
     .help = "fork: each task in a fresh copy of the loaded plugin. warm: one process runs task "
             "after task (thread pools, GPUs). exec: each task in a new box that loads the plugin "
             "anew.",
     .words = mode_words},
    {"start", OPTION_ENUM, PIPELINE(start), "lazy", 0, 0,
     .help = "lazy: loaded with its first task. eager: loaded when the host starts.",
     .words = start_words},
    {"load_timeout", OPTION_DURATION, PIPELINE(load_timeout_ms), "0", 100, HOUR,
     .help = "How long loading and open may take. 0: the host's load_timeout.",
     .flags = OPTION_ZERO},
    {"idle_stop", OPTION_DURATION, PIPELINE(idle_stop_ms), "0", SECOND, 20 * DAY,
     .help = "Unload after so long without a task. 0: never.", .flags = OPTION_ZERO},
    {"recycle_after", OPTION_INT, PIPELINE(recycle_after), "0", 1, 1000000000,
     .help = "Tasks after which a warm process is replaced. 0: never.", .flags = OPTION_ZERO},
    {"recycle_age", OPTION_DURATION, PIPELINE(recycle_age_ms), "0", SECOND, 20 * DAY,
     .help = "Age at which a warm process is replaced, between two tasks. 0: never.",
     .flags = OPTION_ZERO},
    {"recycle_growth", OPTION_SIZE, PIPELINE(recycle_growth_bytes), "0", MI, 1024 * GI,
     .help = "Growth of memory since its first task after which a warm process is replaced. 0: "
             "never.",
     .flags = OPTION_ZERO},
    {"profile", OPTION_ENUM, PIPELINE(profile), "default", 0, 0,
     .help =
         "strict: its own files, no /proc. default: and /proc of its own processes, and what "
         "inputs names. network: default and the host's network, to connect_ports. gpu: default "
         "and the accelerator's devices with all their requests (a draft: it may still change). "
         "off: what the host's user of boxes may; limits stay.",
     .words = profile_words},
    {"jit", OPTION_BOOL, PIPELINE(jit), "no", 0, 0,
     .help = "Whether it may make code while it runs: pages that are written and executed."},
    {"extra_syscalls", OPTION_NAMES, PIPELINE(extra_syscalls), "", 0, 0,
     .help =
         "System calls allowed beyond the list, of a catalogue of harmless ones; penstock plugin "
         "learn prints what a plugin needs.",
     .check = check_extra_call},
    {"connect_ports", OPTION_NAMES, PIPELINE(connect_ports), "53, 80, 443", 0, 0,
     .help = "TCP ports that the profile network may connect to; 0 stands for all.",
     .check = check_port},
    {"inputs", OPTION_PATHS, PIPELINE(inputs), "", 0, 0,
     .help = "Files and folders of the host, such as models, that it may read at their own paths."},
    {"scratch", OPTION_ENUM, PIPELINE(scratch), "memory", 0, 0,
     .help =
         "Where a task's directory lies. memory: with limits that hold. disk: in state_dir, for "
         "large files; limits are looked at from time to time.",
     .words = scratch_words},
    {"max_scratch", OPTION_SIZE, PIPELINE(max_scratch_bytes), "256Mi", MI, 1024 * GI,
     .help = "Bytes in a task's directory, all its files together."},
    {"max_scratch_files", OPTION_INT, PIPELINE(max_scratch_files), "10000", 16, 100000000,
     .help = "Files and folders in a task's directory."},
    {"max_file", OPTION_SIZE, PIPELINE(max_file_bytes), "64M", KI, 1024 * GI,
     .help = "Largest file a task may write."},
    {"max_files", OPTION_INT, PIPELINE(max_files), "64", 16, 65536,
     .help = "Open descriptors of a task."},
    {"max_attempts", OPTION_INT, PIPELINE(max_attempts), "3", 1, RETRY_ATTEMPTS_MAX,
     .help = "How often a task is tried if it fails with a code of retry_on; a task may ask for "
             "less. What is the host's own fault does not count. 1: a task that may have begun is "
             "not run again."},
    {"retry_delay", OPTION_DURATION, PIPELINE(retry_delay_ms), "1s", 0, DAY,
     .help =
         "Pause before the second attempt, doubled before each that follows; half of each pause "
         "is left to chance."},
    {"retry_delay_max", OPTION_DURATION, PIPELINE(retry_delay_max_ms), "5m", 0, 30 * DAY,
     .help = "Longest pause between two attempts."},
    {"retry_on", OPTION_NAMES, PIPELINE(retry_on),
     "TRANSIENT, STAGING_FAILED, CRASH, KILLED, OVERLOADED, INTERNAL", 0, 0,
     .help = "Error codes after which a task is tried again. TIMEOUT and OOM are not among the "
             "defaults: the next attempt has the same limit, and costs as much again.",
     .check = check_retry_code},
    {"dead_letters", OPTION_BOOL, PIPELINE(dead_letters), "yes", 0, 0,
     .help = "Whether a durable task that failed for good is kept with its inputs and its history, "
             "to be looked at and run again (penstock dlq)."},
    {"max_threads", OPTION_INT, PIPELINE(max_threads), "64", 1, 4096, .help = "Threads of a task."},
};

#define ROWS(table) (table), sizeof(table) / sizeof *(table)
const struct section sections[SECTION_KINDS] = {
    [SECTION_HOST] = {"host", NULL, SECTION_TOP, sizeof(struct conf_host), ROWS(host_options),
                      "The host itself."},
    [SECTION_TASK_TYPE] = {"task_type", "<name>", SECTION_HOST, sizeof(struct conf_task_type),
                           ROWS(task_type_options),
                           "A limit shared by all pipelines of one task type."},
    [SECTION_TENANT] = {"tenant", "<name>", SECTION_TOP, sizeof(struct conf_tenant),
                        ROWS(tenant_options),
                        "One of those whom tasks are for: the tenant that they name. The others "
                        "have the host's tenant_ limits and weight 1."},
    [SECTION_SHIM] = {"shim", "<name>", SECTION_TOP, sizeof(struct conf_shim), ROWS(shim_options),
                      "The connection to one orchestrator; one process each."},
    [SECTION_PLUGIN] =
        {"plugin", "<id>", SECTION_TOP, sizeof(struct conf_plugin), ROWS(plugin_options),
         "One plugin by the id it declares. Plugins without a section run with the defaults."},
    [SECTION_PIPELINE] = {"pipeline", "<slug>", SECTION_PLUGIN, sizeof(struct conf_pipeline),
                          ROWS(pipeline_options), "One pipeline of that plugin."},
};

const char *conf_profile_name(int profile)
{
    return profile_words[profile];
}

const struct option *section_option(const struct section *s, const char *name)
{
    for (size_t i = 0; i < s->n_options; i++) {
        if (strcmp(s->options[i].name, name) == 0)
            return &s->options[i];
    }
    return NULL;
}

int section_find(int parent, const char *name)
{
    for (int i = 0; i < SECTION_KINDS; i++) {
        if (sections[i].parent == parent && strcmp(sections[i].name, name) == 0)
            return i;
    }
    return -1;
}

/* The section an option of this name does belong to; "timeout" straight in a plugin is the usual
 * case. */
static const struct section *section_with(const char *name)
{
    const struct section *found = NULL;
    for (int i = 0; i < SECTION_KINDS; i++) {
        if (section_option(&sections[i], name) == NULL)
            continue;
        if (found != NULL)
            return NULL; /* in several: no telling which was meant */
        found = &sections[i];
    }
    return found;
}

void section_hint(int kind, const char *name, struct buf *out)
{
    const char *words[64];
    size_t n = 0, room = sizeof words / sizeof *words;
    for (size_t i = 0; kind >= 0 && i < sections[kind].n_options && n < room; i++)
        words[n++] = sections[kind].options[i].name;
    for (int i = 0; i < SECTION_KINDS && n < room; i++) {
        if (sections[i].parent == kind)
            words[n++] = sections[i].name;
    }
    const struct section *home = section_with(name);
    const char *near = text_nearest(name, words, n);
    if (home != NULL)
        buf_printf(out, "; it belongs in a section \"%s\"", home->name);
    else if (near != NULL)
        buf_printf(out, "; did you mean \"%s\"?", near);
}
