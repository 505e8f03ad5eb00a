/* try_open.c: opens a plugin in its box. Part of the command line. */
#include "try_open.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "local.h"
#include "result.h"

#include "base/clock.h"
#include "loop/loop.h"
#include "sandbox/box.h"

enum { TASK_MS = 10000 };

struct attempt {
    struct local *local;
    struct try_open *out;
    struct box_task task;
    bool runs, is_ready, is_done, is_over;
};

static void on_ready(void *arg, struct box *b, uint32_t walls, uint32_t landlock_abi,
                     enum box_mode mode)
{
    struct attempt *a = arg;
    a->is_ready = true;
    a->out->walls = walls;
    a->out->landlock_abi = landlock_abi;
    a->out->mode = mode;
    a->out->ms = clock_mono_ms() - a->out->ms;
    if (!a->runs)
        box_stop(b);
}

static void on_slot_free(void *arg, struct box *b, uint32_t slot)
{
    struct attempt *a = arg;
    if (!a->runs)
        return;
    a->runs = false;
    a->is_done = false;
    a->task = (struct box_task){.id = "test",
                                .params = "{}",
                                .params_len = 2,
                                .metadata = "{}",
                                .metadata_len = 2,
                                .attempt = 1,
                                .timeout_ms = TASK_MS};
    if (box_run(b, slot, &a->task, a) < 0)
        box_kill(b);
}

static void on_done(void *arg, struct box *b, uint32_t slot, void *task,
                    struct box_outcome *outcome)
{
    struct attempt *a = arg;
    (void)slot;
    (void)task;
    a->is_done = true;
    a->out->code = outcome->code;
    a->out->run_ms = outcome->run_ms;
    snprintf(a->out->message, sizeof a->out->message, "%s", outcome->message);
    box_stop(b);
}

static void on_log(void *arg, struct box *b, void *task, enum box_stream stream, int level,
                   const char *text, size_t len)
{
    static const char *const levels[] = {"error", "warn", "info", "debug"};
    struct attempt *a = arg;
    (void)b;
    (void)task;
    result_log(a->local->cli, stream == BOX_LOG_OUTPUT ? "output" : "plugin", levels[level & 3],
               text, len);
}

static void on_ended(void *arg, struct box *b, enum code code, const char *message)
{
    struct attempt *a = arg;
    (void)b;
    a->is_over = true;
    if (!a->is_ready || !a->is_done) {
        a->out->code = code != CODE_OK ? code : CODE_SANDBOX_ERROR;
        snprintf(a->out->message, sizeof a->out->message, "%s", message);
    }
    loop_stop(a->local->loop);
}

int try_open(struct local *l, const struct box_spec *spec, bool runs, struct try_open *out)
{
    static const struct box_events events = {.on_ready = on_ready,
                                             .on_slot_free = on_slot_free,
                                             .on_log = on_log,
                                             .on_done = on_done,
                                             .on_ended = on_ended};
    struct attempt a = {.local = l, .out = out, .runs = runs, .is_done = !runs};
    *out = (struct try_open){.code = CODE_OK, .ms = clock_mono_ms()};
    l->box = l->is_lost || l->signo != 0 ? NULL : box_start(l->launcher, spec, &events, &a);
    if (l->box == NULL && l->signo == 0)
        return cli_fail(l->cli, CLI_FAIL, NULL,
                        "the box cannot be started: the launcher does not answer");
    a.is_over = l->box == NULL;
    return local_run(l, &a.is_over);
}
