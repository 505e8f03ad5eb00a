/* inner_host.c: a real launcher with real boxes. */
#include "inner_host.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fdutil.h"

/* We are BUILD/tests/<name>. */
void host_build_path(char *out, size_t size, const char *file)
{
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = '\0';
    for (int i = 0; i < 2 && strrchr(self, '/') != NULL; i++)
        *strrchr(self, '/') = '\0';
    snprintf(out, size, "%s/%s", self, file);
}

/* ---- callbacks
 * ------------------------------------------------------------------------------------ */

static void on_ready(void *arg, struct box *b, uint32_t walls, uint32_t landlock_abi,
                     enum box_mode mode)
{
    struct host *h = arg;
    (void)b;
    h->is_ready = true;
    h->walls = walls;
    h->landlock_abi = landlock_abi;
    h->mode = mode;
}

static void on_slot_free(void *arg, struct box *b, uint32_t slot)
{
    struct host *h = arg;
    (void)b;
    h->is_free[slot] = true;
}

static void on_log(void *arg, struct box *b, void *task, enum box_stream stream, int level,
                   const char *text, size_t len)
{
    struct host *h = arg;
    (void)b;
    (void)task;
    (void)level;
    h->n_logs++;
    h->log_bytes += len;
    h->log_stream = stream;
    snprintf(h->log, sizeof h->log, "%.*s", (int)len, text);
    const size_t used = strlen(h->logs);
    snprintf(h->logs + used, sizeof h->logs - used, "%.*s", (int)len, text);
    if (getenv("INNER_LOG") != NULL)
        fprintf(stderr, "log: %.*s\n", (int)len, text);
}

static void on_progress(void *arg, struct box *b, void *task, double fraction, const char *message,
                        size_t len)
{
    struct host *h = arg;
    (void)b;
    (void)task;
    (void)fraction;
    (void)message;
    (void)len;
    h->n_progress++;
}

static void text_of(char *out, size_t size, const struct buf *b)
{
    snprintf(out, size, "%.*s", (int)b->len, b->len > 0 ? (const char *)b->data : "");
}

static void on_done(void *arg, struct box *b, uint32_t slot, void *task,
                    struct box_outcome *outcome)
{
    struct host *h = arg;
    struct host_outcome *o = &h->last;
    (void)b;
    (void)slot;
    (void)task;
    *o = (struct host_outcome){.code = outcome->code,
                               .data_len = outcome->data.len,
                               .n_outputs = outcome->n_outputs,
                               .n_children = outcome->n_children,
                               .run_ms = outcome->run_ms,
                               .cpu_ms = outcome->cpu_ms,
                               .max_rss_bytes = outcome->max_rss_bytes,
                               .was_started = outcome->was_started};
    snprintf(o->message, sizeof o->message, "%s", outcome->message);
    snprintf(o->status, sizeof o->status, "%s", outcome->status);
    text_of(o->details, sizeof o->details, &outcome->details);
    text_of(o->data, sizeof o->data, &outcome->data);
    if (o->n_outputs > 0) {
        snprintf(o->output_name, sizeof o->output_name, "%s", outcome->outputs[0].name);
        o->output_len = outcome->outputs[0].bytes.len;
        text_of(o->output, sizeof o->output, &outcome->outputs[0].bytes);
    }
    if (o->n_children > 0)
        snprintf(o->child, sizeof o->child, "%s %s", outcome->children[0].pipeline,
                 outcome->children[0].step);
    h->n_done++;
    h->n_running--;
}

static void on_descriptor(void *arg, struct box *b, const char *json, size_t len)
{
    struct host *h = arg;
    (void)b;
    snprintf(h->descriptor, sizeof h->descriptor, "%.*s", (int)len, json);
}

static void on_ended(void *arg, struct box *b, enum code code, const char *message)
{
    struct host *h = arg;
    (void)b;
    h->box = NULL;
    h->ended_code = code;
    snprintf(h->ended_text, sizeof h->ended_text, "%s", message);
}

static void on_lost(void *arg)
{
    struct host *h = arg;
    h->is_lost = true;
}

/* ---- the launcher
 * --------------------------------------------------------------------------------- */

struct command {
    const char *argv[3 * HOST_ARGS];
    size_t n;
};

static void add(struct command *c, const char *word)
{
    c->argv[c->n++] = word;
}

static void add_all(struct command *c, const char *const *words)
{
    while (*words != NULL)
        add(c, *words++);
}

static _Noreturn void be_launcher(int channel, const char *state, const struct host_options *o)
{
    char path[2 * PATH_MAX], uid_base[64];
    struct command c = {.n = 0};
    /* Processes are counted by user: no test beside this one has the same. */
    snprintf(uid_base, sizeof uid_base, "--box-uid-base=%d",
             200000000 + (int)(getpgrp() % 20000) * 65536);
    host_build_path(path, sizeof path, "bin/penstock-launcher");
    /* Below it comes the same descriptor in the launcher; CLOEXEC is dropped by the copy. */
    dup2(channel, 3);
    fd_set_cloexec(3, 0);
    add_all(&c, o->wrapper);
    add(&c, path);
    add(&c, "--channel-fd=3");
    add(&c, "--state-dir");
    add(&c, state);
    add(&c, uid_base);
    add(&c, "--log-level");
    add(&c, getenv("INNER_LOG") != NULL ? "debug" : "error");
    add(&c, "--cgroup");
    add(&c, getenv("INNER_CGROUP") != NULL ? getenv("INNER_CGROUP") : "auto");
    if (!o->is_strict)
        add(&c, "--lenient-files");
    add_all(&c, o->args);
    execv(c.argv[0], (char *const *)(uintptr_t)c.argv);
    fprintf(stderr, "%s: %s\n", c.argv[0], strerror(errno));
    _exit(127);
}

static int start_launcher(struct host *h, const struct host_options *options)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return -1;
    /* So that whatever outlives the launcher comes to us. */
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    h->launcher_pid = fork();
    if (h->launcher_pid == 0)
        be_launcher(pair[1], h->state, options);
    close(pair[1]);
    h->loop = loop_new();
    h->launcher = h->loop != NULL ? launcher_new(h->loop, pair[0], on_lost, h) : NULL;
    return h->launcher_pid > 0 && h->launcher != NULL ? 0 : -1;
}

int host_start(struct host *h)
{
    static const struct host_options nothing;
    return host_start_with(h, &nothing);
}

int host_start_as(struct host *h, bool is_user, bool is_bare)
{
    /* Root's rights would else stay in the bounding set, which a user's login does not have. */
    static const char *const as_user[] = {"/usr/bin/setpriv", "--reuid=65534", "--regid=65534",
                                          "--clear-groups", "--bounding-set=-all"};
    char bare[2 * PATH_MAX];
    struct host_options o = {.owner = is_user ? HOST_USER : 0};
    size_t n = 0;
    for (size_t i = 0; is_user && i < sizeof as_user / sizeof *as_user; i++)
        o.wrapper[n++] = as_user[i];
    host_build_path(bare, sizeof bare, "tests/no_namespaces");
    if (is_bare)
        o.wrapper[n++] = bare;
    return host_start_with(h, &o);
}

int host_start_with(struct host *h, const struct host_options *options)
{
    const char *tmp = getenv("TMPDIR");
    memset(h, 0, sizeof *h);
    snprintf(h->state, sizeof h->state, "%s/state-XXXXXX", tmp != NULL ? tmp : "/tmp");
    if (mkdtemp(h->state) == NULL || chmod(h->state, 0755) < 0 ||
        (options->owner != 0 && chown(h->state, options->owner, options->owner) < 0))
        return -1;
    return start_launcher(h, options);
}

int host_restart(struct host *h)
{
    static const struct host_options nothing;
    host_stop(h);
    h->is_lost = false;
    return start_launcher(h, &nothing);
}

void host_stop(struct host *h)
{
    launcher_free(h->launcher);
    loop_free(h->loop);
    waitpid(h->launcher_pid, NULL, 0);
    h->launcher = NULL;
    h->loop = NULL;
}

/* ---- boxes
 * ---------------------------------------------------------------------------------------- */

void host_spec(struct host *h, const char *plugin, const char *slug, enum box_mode mode,
               uint32_t slots)
{
    static char path[2 * PATH_MAX];
    char file[256];
    snprintf(file, sizeof file, "%s.so", plugin);
    if (plugin[0] == '/')
        snprintf(path, sizeof path, "%s", file);
    else
        host_build_path(path, sizeof path, file);
    h->spec = (struct box_spec){.plugin_path = path,
                                .plugin_id = mode == BOX_SCAN ? NULL : "org.test",
                                .slug = slug,
                                .mode = mode,
                                .slots = slots,
                                .result_max = 1 << 20,
                                .outputs_max = 2 << 20,
                                .limits = {.memory_bytes = 256 << 20,
                                           .file_bytes = 64 << 20,
                                           .log_bytes = 16 << 10,
                                           .cpu_ms = 20000,
                                           .load_timeout_ms = 10000,
                                           .files = 64,
                                           .threads = 16,
                                           .dir_files = 10000,
                                           .dir_bytes = 256 << 20}};
}

static bool are_free(const struct host *h)
{
    for (uint32_t i = 0; i < h->spec.slots; i++) {
        if (!h->is_free[i])
            return false;
    }
    return true;
}

void host_wait_free(struct host *h)
{
    while (h->box != NULL && !are_free(h))
        loop_turn(h->loop, 1000);
}

void host_begin_box(struct host *h)
{
    static const struct box_events events = {.on_ready = on_ready,
                                             .on_slot_free = on_slot_free,
                                             .on_log = on_log,
                                             .on_progress = on_progress,
                                             .on_done = on_done,
                                             .on_descriptor = on_descriptor,
                                             .on_ended = on_ended};
    memset(h->is_free, 0, sizeof h->is_free);
    h->is_ready = false;
    h->n_done = h->n_running = h->n_logs = h->n_progress = 0;
    h->log_bytes = 0;
    h->descriptor[0] = h->ended_text[0] = h->log[0] = h->logs[0] = '\0';
    h->ended_code = CODE_COUNT;
    h->box = box_start(h->launcher, &h->spec, &events, h);
}

void host_box(struct host *h)
{
    host_begin_box(h);
    host_wait_free(h);
}

void host_end_box(struct host *h)
{
    if (h->box != NULL)
        box_stop(h->box);
    while (h->box != NULL)
        loop_turn(h->loop, 1000);
}

void host_turn_until(struct host *h, const int *count, int n)
{
    while (h->box != NULL && *count < n)
        loop_turn(h->loop, 1000);
}

void host_task(struct host *h, const struct box_task *task)
{
    host_wait_free(h);
    const int before = h->n_done;
    if (h->box == NULL || box_run(h->box, 0, task, h) < 0)
        return;
    h->is_free[0] = false;
    h->n_running++;
    host_turn_until(h, &h->n_done, before + 1);
}

void host_params(struct host *h, const char *params, uint32_t timeout_ms)
{
    const struct box_task task = {.id = "task-1",
                                  .tenant = "test",
                                  .params = params,
                                  .params_len = strlen(params),
                                  .attempt = 1,
                                  .timeout_ms = timeout_ms};
    host_task(h, &task);
}
