/*
 * box.c: the life of a box as the core sees it. Runs in the core and the command line, which never
 * fork: the launcher starts the box's warden and reaps it. We hold the box's control channel and,
 * for each slot, the data channel and the page. A task is over when its worker has said so (warm)
 * or was reaped (fork, exec); the box when the launcher says that the warden is gone.
 */
#include "sandbox/box.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fdutil.h"
#include "base/log.h"
#include "base/table.h"
#include "sandbox/box_internal.h"
#include "sandbox/walls.h"

/* A task that still runs after this gets its watch on processor time; shorter ones cost no message.
 */
enum { WATCH_STEP_MS = 10 };

/* ---- start
 * ---------------------------------------------------------------------------------------- */

static size_t length(const char *s)
{
    return s != NULL ? strlen(s) : 0;
}

/* Each path with its NUL. */
static size_t inputs_length(const struct box_spec *spec)
{
    size_t n = 0;
    for (size_t i = 0; i < spec->n_inputs; i++)
        n += strlen(spec->inputs[i]) + 1;
    return n;
}

static void put_inputs(const struct box_spec *spec, char *at)
{
    for (size_t i = 0; i < spec->n_inputs; i++)
        at = stpcpy(at, spec->inputs[i]) + 1;
}

static int check_spec(const struct box_spec *spec)
{
    if (spec->plugin_path == NULL || spec->plugin_path[0] != '/' || spec->slots < 1 ||
        spec->slots > BOX_SLOTS_MAX || spec->depth > BOX_DEPTH_MAX || spec->mode < BOX_FORK ||
        spec->mode > BOX_EXEC || (spec->mode == BOX_EXEC && spec->slots != 1) ||
        (spec->mode != BOX_SCAN && length(spec->slug) == 0)) {
        errno = EINVAL;
        return -1;
    }
    if (strlen(spec->plugin_path) >= PATH_MAX || length(spec->slug) >= BOX_SLUG_MAX ||
        length(spec->plugin_id) >= BOX_ID_MAX || length(spec->config) > BOX_CONFIG_MAX ||
        inputs_length(spec) > BOX_INPUTS_MAX || length(spec->sha256) >= BOX_DIGEST_MAX ||
        spec->n_ports > BOX_PORTS_MAX) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return 0;
}

static int send_start(struct launcher *l, const struct box *b, const struct box_spec *spec)
{
    const size_t config_len = length(spec->config), inputs_len = inputs_length(spec);
    struct launch_start *m = calloc(1, sizeof *m + config_len + inputs_len);
    if (m == NULL)
        return -1;
    m->head = (struct chan_head){CHAN_MAGIC, CHAN_VERSION, LAUNCH_START};
    m->box = b->number;
    m->mode = spec->mode;
    m->slots = spec->slots;
    m->rights = spec->rights;
    m->config_len = (uint32_t)config_len;
    m->inputs_len = (uint32_t)inputs_len;
    m->flags = spec->flags;
    m->extra_calls = spec->extra_calls;
    m->n_ports = spec->n_ports;
    memcpy(m->ports, spec->ports, sizeof m->ports);
    m->limits = spec->limits;
    snprintf(m->slug, sizeof m->slug, "%s", spec->slug != NULL ? spec->slug : "");
    snprintf(m->plugin_id, sizeof m->plugin_id, "%s",
             spec->plugin_id != NULL ? spec->plugin_id : "");
    snprintf(m->plugin_path, sizeof m->plugin_path, "%s", spec->plugin_path);
    snprintf(m->sha256, sizeof m->sha256, "%s", spec->sha256 != NULL ? spec->sha256 : "");
    if (config_len > 0)
        memcpy(m + 1, spec->config, config_len);
    put_inputs(spec, (char *)(m + 1) + config_len);
    int rc = launcher_send(l, m, sizeof *m + config_len + inputs_len);
    free(m);
    return rc;
}

static void on_watch(void *arg);

static struct box *box_new(struct launcher *l, const struct box_spec *spec,
                           const struct box_events *events, void *arg)
{
    struct box *b = calloc(1, sizeof *b);
    if (b == NULL)
        return NULL;
    *b = (struct box){.launcher = l,
                      .number = ++l->last_box,
                      .events = *events,
                      .arg = arg,
                      .mode = spec->mode,
                      .limits = spec->limits,
                      .result_max = spec->result_max,
                      .outputs_max = spec->outputs_max,
                      .control_fd = -1,
                      .n_slots = spec->slots,
                      .depth = spec->depth > 1 ? spec->depth : 1};
    buf_init(&b->last_log, TAIL_ROOM);
    b->slots = calloc(spec->slots, sizeof *b->slots);
    b->watch_timer = loop_timer_new(l->loop, on_watch, b);
    for (uint32_t i = 0; b->slots != NULL && i < b->n_slots; i++)
        b->slots[i].data_fd = -1;
    if (b->slots != NULL && b->watch_timer != NULL)
        return b;
    box_forget(b);
    return NULL;
}

struct box *box_start(struct launcher *l, const struct box_spec *spec,
                      const struct box_events *events, void *arg)
{
    if (check_spec(spec) < 0)
        return NULL;
    struct box *b = box_new(l, spec, events, arg);
    if (b == NULL)
        return NULL;
    if (table_put(l->boxes, &b->number, sizeof b->number, b) < 0) {
        box_forget(b);
        return NULL;
    }
    if (send_start(l, b, spec) < 0) {
        table_take(l->boxes, &b->number, sizeof b->number);
        box_forget(b);
        return NULL;
    }
    return b;
}

void box_forget(struct box *b)
{
    for (uint32_t i = 0; b->slots != NULL && i < b->n_slots; i++)
        slot_clear(&b->slots[i]);
    free(b->slots);
    loop_timer_free(b->watch_timer);
    loop_io_del(b->control_io);
    fd_close(&b->control_fd);
    buf_clear(&b->last_log);
    free(b);
}

/* ---- what the launcher says
 * ----------------------------------------------------------------------- */

static int take_channels(struct box *b, int *fds)
{
    struct loop *loop = b->launcher->loop;
    b->control_fd = fds[0];
    fds[0] = -1;
    b->control_io = loop_io_add(loop, b->control_fd, EPOLLIN, box_on_control, b);
    if (b->control_io == NULL)
        return -1;
    for (uint32_t i = 0; i < b->n_slots; i++) {
        if (slot_init(&b->slots[i], b, i, fds[1 + 2 * i], fds[2 + 2 * i]) < 0)
            return -1;
        fds[1 + 2 * i] = -1;
    }
    return 0;
}

void box_on_started(struct box *b, int *fds, size_t n_fds)
{
    if (b->is_started || n_fds != 1 + 2 * (size_t)b->n_slots) {
        box_note_end(b, CODE_SANDBOX_ERROR, "the launcher sent %zu descriptors, expected %u", n_fds,
                     1 + 2 * b->n_slots);
        box_abort(b);
        return;
    }
    b->is_started = true;
    if (take_channels(b, fds) < 0) {
        box_note_end(b, CODE_SANDBOX_ERROR, "the box's channels: %s", log_errno_text(errno));
        box_abort(b);
    } else if (b->is_stopping) {
        b->is_stopping = false;
        box_stop(b);
    }
}

void box_note_end(struct box *b, enum code code, const char *format, ...)
{
    va_list ap;
    if (b->has_end)
        return;
    va_start(ap, format);
    vsnprintf(b->end_text, sizeof b->end_text, format, ap);
    va_end(ap);
    b->has_end = true;
    b->end_code = code;
}

static void note_default_end(struct box *b)
{
    if (b->is_killed)
        box_note_end(b, CODE_KILLED, "the box was ended");
    else if (b->is_stopping || b->has_descriptor)
        box_note_end(b, CODE_OK, "the box was stopped");
    else if (b->mode == BOX_SCAN)
        box_note_end(b, CODE_PLUGIN_LOAD_FAILED,
                     "the process ended while the plugin was loaded, without an answer");
    else
        box_note_end(b, CODE_SANDBOX_ERROR, "the warden of the box ended");
}

void box_finish(struct box *b)
{
    struct launcher *l = b->launcher;
    for (uint32_t i = 0; i < b->n_slots; i++) {
        if (b->mode == BOX_SCAN && b->slots[i].data_fd >= 0)
            slot_drain(&b->slots[i]);
        slot_lost(&b->slots[i]);
    }
    note_default_end(b);
    table_take(l->boxes, &b->number, sizeof b->number);
    b->events.on_ended(b->arg, b, b->end_code, b->end_text);
    box_forget(b);
}

/* ---- what the user says
 * --------------------------------------------------------------------------- */

void box_abort(struct box *b)
{
    const struct launch_kill m = {{CHAN_MAGIC, CHAN_VERSION, LAUNCH_KILL}, b->number};
    /* If the channel is gone, so is the box: its end comes from there. */
    launcher_send(b->launcher, &m, sizeof m);
}

void box_kill(struct box *b)
{
    if (b->is_killed)
        return;
    b->is_killed = true;
    box_abort(b);
}

void box_stop(struct box *b)
{
    const struct control_stop m = {{CHAN_MAGIC, CHAN_VERSION, CONTROL_STOP}};
    if (b->is_stopping)
        return;
    b->is_stopping = true;
    if (!b->is_started)
        return;
    box_tell(b, &m, sizeof m);
    for (uint32_t i = 0; i < b->n_slots; i++)
        slot_stop(&b->slots[i]);
}

static void on_watch(void *arg)
{
    struct box *b = arg;
    bool is_wanted = false;
    for (uint32_t i = 0; i < b->n_slots; i++) {
        slot_on_watch(&b->slots[i]);
        is_wanted = is_wanted || (b->slots[i].user != NULL && !b->slots[i].is_watched);
    }
    if (is_wanted)
        loop_timer_after(b->watch_timer, WATCH_STEP_MS);
}

void box_want_watch(struct box *b)
{
    if (!loop_timer_is_set(b->watch_timer))
        loop_timer_after(b->watch_timer, WATCH_STEP_MS);
}

const char *box_mode_name(enum box_mode mode)
{
    static const char *const names[] = {
        [BOX_FORK] = "fork", [BOX_WARM] = "warm", [BOX_SCAN] = "scan", [BOX_EXEC] = "exec"};
    return names[mode];
}

const char *box_sha256(const struct box *b)
{
    return b->sha256;
}

void box_walls_text(uint32_t walls, uint32_t landlock_abi, char *out)
{
    walls_text(walls, landlock_abi, out);
}
