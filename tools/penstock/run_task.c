/* run_task.c: drives a box through one task. Part of the command line. */
#include "run_task.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "learn.h"
#include "local.h"
#include "outputs.h"
#include "progress.h"
#include "result.h"
#include "run_result.h"

#include "base/text.h"
#include "loop/loop.h"
#include "plugin/catalog.h"
#include "sandbox/box.h"
#include "sandbox/spec.h"

enum { CANCEL_GRACE_MS = 2000 };

struct drive {
    const struct run_task *task;
    struct outputs *outputs;
    struct progress *progress;
    struct box *box;
    struct box_task given;
    struct box_input *inputs;
    char id[ID_TEXT];
    bool is_running, is_done, is_over;
    int signo, status;
};

static int start_task(struct drive *d, uint32_t slot)
{
    const struct run_task *t = d->task;
    const char *metadata = t->metadata != NULL ? t->metadata : "{}";
    for (size_t i = 0; i < t->inputs->n; i++) {
        const struct input *in = &t->inputs->items[i];
        d->inputs[i] = (struct box_input){in->name, in->media_type, in->bytes, in->len};
    }
    id_new(d->id);
    d->given = (struct box_task){
        .id = d->id,
        .params = t->params->data,
        .params_len = t->params->len,
        .metadata = metadata,
        .metadata_len = strlen(metadata),
        .inputs = d->inputs,
        .n_inputs = (uint32_t)t->inputs->n,
        .attempt = 1,
        .priority = 5,
        .timeout_ms = (uint32_t)(t->timeout_ms < UINT32_MAX ? t->timeout_ms : UINT32_MAX),
    };
    return box_run(d->box, slot, &d->given, d);
}

static void on_slot_free(void *arg, struct box *b, uint32_t slot)
{
    struct drive *d = arg;
    (void)b;
    if (d->is_running || d->is_done || d->signo != 0)
        return;
    d->is_running = true;
    if (d->task->learn != NULL)
        learn_begin_task(d->task->learn);
    progress_state(d->progress, "running");
    if (start_task(d, slot) < 0)
        box_kill(d->box);
}

static void on_ready(void *arg, struct box *b, uint32_t walls, uint32_t landlock_abi,
                     enum box_mode mode)
{
    struct drive *d = arg;
    char text[256], what[SPEC_WHY];
    (void)b;
    box_walls_text(walls, landlock_abi, text);
    if (d->task->cli->common.is_verbose)
        cli_note(d->task->cli, "box ready: %s, walls: %s", box_mode_name(mode), text);
    if (spec_is_weak(d->task->spec, what))
        cli_warn(d->task->cli, "the configuration gives this box more than the profile default: %s",
                 what);
    if (mode == BOX_WARM && d->task->spec->mode == BOX_FORK)
        cli_warn(d->task->cli,
                 "open left threads, which a fork does not copy: the task runs in warm mode");
}

static void on_log(void *arg, struct box *b, void *task, enum box_stream stream, int level,
                   const char *text, size_t len)
{
    static const char *const levels[] = {"error", "warn", "info", "debug"};
    struct drive *d = arg;
    (void)b;
    (void)task;
    progress_hide(d->progress);
    result_log(d->task->cli, stream == BOX_LOG_OUTPUT ? "output" : "plugin", levels[level & 3],
               text, len);
}

static void on_progress(void *arg, struct box *b, void *task, double fraction, const char *message,
                        size_t len)
{
    struct drive *d = arg;
    (void)b;
    (void)task;
    progress_set(d->progress, fraction, message, len);
}

static void on_done(void *arg, struct box *b, uint32_t slot, void *task,
                    struct box_outcome *outcome)
{
    struct drive *d = arg;
    (void)b;
    (void)slot;
    (void)task;
    d->is_done = true;
    progress_free(d->progress);
    d->progress = NULL;
    d->status = d->task->learn != NULL
                    ? learn_end_task(d->task->learn, d->task->cli, outcome->code, outcome->message)
                    : run_result(d->task, d->id, outcome, d->outputs);
    box_stop(d->box);
}

static void on_listener(void *arg, struct box *b, int fd)
{
    struct drive *d = arg;
    if (learn_listen(d->task->learn, fd) < 0)
        box_kill(b);
}

static int tell_end(struct drive *d, enum code code, const char *message)
{
    if (d->task->learn != NULL)
        return learn_end_task(d->task->learn, d->task->cli, code, message);
    return run_result_of_code(d->task, d->id, code, message, d->outputs);
}

static void on_ended(void *arg, struct box *b, enum code code, const char *message)
{
    struct drive *d = arg;
    (void)b;
    progress_free(d->progress);
    d->progress = NULL;
    d->box = NULL;
    d->is_over = true;
    if (!d->is_done && d->signo == 0)
        d->status = tell_end(d, code != CODE_OK ? code : CODE_SANDBOX_ERROR, message);
    loop_stop(d->task->local->loop);
}

static void on_signal(void *arg, int signo)
{
    struct drive *d = arg;
    bool is_again = d->signo != 0;
    d->signo = signo;
    progress_hide(d->progress);
    if (d->box == NULL)
        return;
    if (is_again || !d->is_running) {
        box_kill(d->box);
        return;
    }
    cli_note(d->task->cli, "stopping the task; once more to kill it");
    box_cancel(d->box, 0, d, KILL_CANCEL, CANCEL_GRACE_MS);
}

static int drive(struct drive *d)
{
    const struct run_task *t = d->task;
    const struct box_events events = {
        .on_ready = on_ready,
        .on_slot_free = on_slot_free,
        .on_log = on_log,
        .on_progress = on_progress,
        .on_done = on_done,
        .on_listener = t->learn != NULL ? on_listener : NULL,
        .on_ended = on_ended,
    };
    t->local->on_signal = on_signal;
    t->local->arg = d;
    d->progress = progress_new(t->cli, t->local->loop, t->pipeline->slug);
    progress_state(d->progress, "loading");
    d->box = box_start(t->local->launcher, t->spec, &events, d);
    if (d->box == NULL)
        return cli_fail(t->cli, CLI_FAIL, "penstock doctor looks closer",
                        "the box cannot be started: %s", strerror(errno));
    int status = local_run(t->local, &d->is_over);
    return status != CLI_OK ? status : d->status;
}

int run_task(const struct run_task *t, struct outputs *outputs)
{
    struct drive d = {.task = t, .outputs = outputs, .status = CLI_FAIL};
    d.inputs = calloc(t->inputs->n > 0 ? t->inputs->n : 1, sizeof *d.inputs);
    int status = d.inputs != NULL ? drive(&d) : cli_no_memory(t->cli);
    progress_free(d.progress);
    free(d.inputs);
    return status;
}
