/* core.c: puts the core together: places, tables, the scan, and the end. Runs in penstock-core. */
#include "core/core.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fdutil.h"
#include "base/log.h"
#include "base/privileges.h"
#include "base/table.h"
#include "conf/users.h"
#include "core/changes.h"
#include "core/dead_letters.h"
#include "core/doors.h"
#include "core/durable.h"
#include "core/growth.h"
#include "core/kept.h"
#include "core/keys.h"
#include "core/known.h"
#include "core/peers.h"
#include "core/pipelines.h"
#include "core/push.h"
#include "core/quota.h"
#include "core/reading.h"
#include "core/reload.h"
#include "core/replay.h"
#include "core/reserve.h"
#include "core/retention.h"
#include "core/retries.h"
#include "core/scan.h"
#include "core/tasks.h"
#include "core/verbs.h"
#include "core/watch.h"
#include "loop/loop.h"

/* A turn reads at most this many messages of each door, so that boxes and timers get their turn. */
enum { MESSAGES_A_TURN = 64, LAST_WORDS_MS = 1000, OUT_MAX = 512 * 1024 * 1024 };

/* ---- the turn
 * ------------------------------------------------------------------------------------- */

/* Answers and results are sent all through a turn, and each send may hide that a message came: so the doors are asked
 * last whether they want another look at once. */
static int on_turn(void *arg)
{
    struct core *c = arg;
    if (c->phase == CORE_STARTING)
        return -1;
    doors_serve(c, MESSAGES_A_TURN);
    tasks_dispatch(c);
    kept_make_room(c);
    known_resume(c);
    durable_flush(c);
    peers_bury(c);
    return doors_are_due(c) ? 0 : -1;
}

/* ---- start
 * ---------------------------------------------------------------------------------------- */

/* The host's name for itself is made once and kept. */
static int load_host_id(struct core *c)
{
    char path[PATH_MAX];
    if ((size_t)snprintf(path, sizeof path, "%s/host_id", c->host->state_dir) >= sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && read(fd, c->host_id, ID_TEXT - 1) == ID_TEXT - 1) {
        close(fd);
        return 0;
    }
    fd_close(&fd);
    id_new(c->host_id);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    int rc = fd >= 0 ? fd_write_all(fd, c->host_id, ID_TEXT - 1) : -1;
    if (rc == 0)
        rc = fsync(fd);
    fd_close(&fd);
    return rc == 0 ? fd_sync_folder_of(path) : -1;
}

static int make_tables(struct core *c)
{
    c->peers = table_new();
    c->clients = table_new();
    c->by_uid = table_new();
    c->by_id = table_new();
    c->by_key = table_new();
    c->jobs = table_new();
    c->pipelines = table_new();
    c->lanes = table_new();
    c->groups = table_new();
    c->sched = sched_new((uint32_t)c->host->max_concurrent);
    if (c->sched != NULL)
        sched_set_ageing(c->sched, c->host->ageing_ms);
    bool is_complete = c->peers != NULL && c->clients != NULL && c->by_uid != NULL &&
                       c->by_id != NULL && c->by_key != NULL && c->jobs != NULL &&
                       c->pipelines != NULL && c->lanes != NULL && c->groups != NULL &&
                       c->sched != NULL;
    return is_complete && kept_init(c) == 0 && push_init(c) == 0 && started_init(c) == 0 &&
                   quota_init(c) == 0 && reserve_init(c) == 0
               ? 0
               : -1;
}

void core_tell_status(struct core *c, const char *line)
{
    if (c->status_fd >= 0 && fd_write_all(c->status_fd, line, strlen(line)) < 0)
        log_warn("the supervisor cannot be told", LS("line", line), LE(errno));
}

static void on_scanned(void *arg, struct catalog *catalog, const struct conf_list *changing)
{
    struct core *c = arg;
    (void)changing;
    c->catalog = catalog;
    if (catalog == NULL || changes_begin(c) < 0 || replay(c) < 0 || retention_init(c) < 0 ||
        doors_open(c) < 0 || growth_init(c) < 0) {
        c->has_failed = true;
        loop_stop(c->loop);
        return;
    }
    c->phase = CORE_SERVING;
    dead_letters_count(c);
    log_info("serving", LS("tasks", c->host->tasks_socket), LS("control", c->host->control_socket),
             LI("plugins", catalog_count(catalog)), LI("pipelines", catalog_pipelines(catalog)),
             LI("max_concurrent", c->host->max_concurrent));
    core_tell_status(c, "ready\n");
    reload_watch_broken(c);
    reload_begin_waiting(c);
}

/* Only now is it known whether there can be boxes at all. */
static void on_launcher_report(void *arg, const struct launch_report *report)
{
    struct core *c = arg;
    const struct scan_options o = {.launcher = c->launcher, .conf = c->conf};
    watch_begin(c, c->conf);
    if (report->is_refused != 0) {
        log_error("boxes do not hold here what require and require_strong ask for",
                  LS("why", report->why));
        c->is_refused = c->has_failed = true;
    } else if (scan_start(c->loop, &o, on_scanned, c) == NULL) {
        log_error("no memory to start");
        c->has_failed = true;
    }
    if (c->has_failed)
        loop_stop(c->loop);
}

static void on_launcher_lost(void *arg)
{
    struct core *c = arg;
    if (c->phase == CORE_STOPPING || c->is_refused)
        return;
    log_error("the launcher is gone: no box can be started");
    c->has_failed = true;
    loop_stop(c->loop);
}

static void on_drain_over(void *arg)
{
    struct core *c = arg;
    log_warn("drain took too long", LI("running", sched_running(c->sched)),
             LI("queued", sched_waiting(c->sched)));
    core_stop_now(c);
}

static void set_limits(struct core *c)
{
    c->wire_limits = (struct wire_limits){.frame_bytes = (size_t)c->host->max_frame_bytes,
                                          .message_bytes = (size_t)c->host->max_message_bytes,
                                          .header_bytes = (size_t)c->host->max_header_bytes,
                                          .frames = (size_t)c->host->max_frames};
}

void core_configure(struct core *c, struct conf *conf)
{
    conf_ref(conf);
    conf_free(c->conf);
    c->conf = conf;
    c->host = conf_host(conf);
    set_limits(c);
    log_set_level((enum log_level)c->host->log_level);
    sched_limit(c->sched, (uint32_t)c->host->max_concurrent);
    push_capacity_soon(c);
}

/* What root may have to do: see the host's folders, and take the doors' places in them. */
static int take_places(struct core *c)
{
    if (load_host_id(c) < 0) {
        log_error("host id cannot be kept", LS("state_dir", c->host->state_dir), LE(errno));
        return -1;
    }
    return durable_make_place(c) < 0 || keys_init(c) < 0 ? -1 : doors_listen(c);
}

/* Before the first thread and the first byte from outside: what is wrong in us is not root's then. */
static int give_up_root(const struct core *c)
{
    const uid_t user = users_core(c->host);
    const char *step;
    if (geteuid() != 0)
        return 0;
    if (privileges_drop(user, user, 0, &step) < 0) {
        log_error("the core cannot give up root", LS("step", step), LI("uid", user), LE(errno));
        return -1;
    }
    log_info("the core has given up root", LI("uid", user));
    return 0;
}

static int start(struct core *c, int launcher_fd)
{
    c->drain = loop_timer_new(c->loop, on_drain_over, c);
    c->launcher = launcher_new(c->loop, launcher_fd, on_launcher_lost, c);
    if (durable_open(c) < 0)
        return -1;
    if (c->drain == NULL || c->launcher == NULL || make_tables(c) < 0 || reload_init(c) < 0) {
        log_error("no memory to start");
        return -1;
    }
    loop_on_turn(c->loop, on_turn, c);
    launcher_on_report(c->launcher, on_launcher_report, c);
    return 0;
}

int core_init(struct core *c, struct loop *loop, const struct core_options *o)
{
    *c = (struct core){.loop = loop,
                       .request = o->request,
                       .conf = conf_ref(o->conf),
                       .host = conf_host(o->conf),
                       .tasks_fd = -1,
                       .control_fd = -1,
                       .tcp_fd = -1,
                       .statm_fd = -1,
                       .status_fd = o->status_fd,
                       .restarts = o->restarts,
                       .last_end = o->last_end};
    buf_init(&c->out, OUT_MAX);
    c->epoch = clock_wall_ms();
    c->started_mono_ms = clock_mono_ms();
    set_limits(c);
    return take_places(c) == 0 && give_up_root(c) == 0 ? start(c, o->launcher_fd) : -1;
}

/* ---- the end
 * -------------------------------------------------------------------------------------- */

void core_drain(struct core *c, bool stop)
{
    c->stops_when_idle |= stop;
    if (c->phase == CORE_STARTING) {
        loop_stop(c->loop);
        return;
    }
    if (c->phase == CORE_SERVING) {
        log_info("draining", LI("running", sched_running(c->sched)),
                 LI("queued", sched_waiting(c->sched)));
        c->phase = CORE_DRAINING;
        push_capacity_soon(c);
    }
    if (c->stops_when_idle && !loop_timer_is_set(c->drain))
        loop_timer_after(c->drain, c->host->drain_timeout_ms);
    core_check_idle(c);
}

void core_resume(struct core *c)
{
    if (c->phase != CORE_DRAINING || c->stops_when_idle)
        return;
    log_info("serving again");
    c->phase = CORE_SERVING;
    push_capacity_soon(c);
}

void core_stop_now(struct core *c)
{
    if (c->phase == CORE_STOPPING) {
        loop_stop(c->loop);
        return;
    }
    c->phase = CORE_STOPPING;
    c->stops_when_idle = true;
    tasks_stop_all(c, "the host stops");
    /* What does not stop within its grace is killed; then the loop ends at the latest here. */
    loop_timer_after(c->drain, CANCEL_GRACE_MS + LAST_WORDS_MS);
    core_check_idle(c);
}

void core_check_idle(struct core *c)
{
    if (!c->stops_when_idle || c->phase < CORE_DRAINING)
        return;
    /* Who has reserved room may still bring a task. */
    const bool is_idle = sched_running(c->sched) == 0 && sched_waiting(c->sched) == 0 &&
                         c->n_retrying_here == 0 &&
                         (c->phase == CORE_STOPPING || reserve_total(c).n == 0);
    if (is_idle && durable_is_idle(c))
        loop_stop(c->loop);
}

void core_clear(struct core *c)
{
    c->phase = CORE_STOPPING;
    growth_clear(c);
    durable_close(c); /* what it completes is still sent */
    readings_clear(c);
    known_clear(c);
    retention_clear(c);
    doors_close(c, LAST_WORDS_MS);
    keys_clear(c);
    launcher_free(c->launcher);
    changes_clear(c);
    reload_clear(c);
    watch_clear(c);
    if (c->by_uid != NULL)
        tasks_clear(c);
    peers_clear(c);
    reserve_clear(c);
    quota_clear(c);
    pipelines_clear(c);
    kept_clear(c);
    push_clear(c);
    started_clear(c);
    sched_free(c->sched);
    catalog_unref(c->catalog);
    loop_timer_free(c->drain);
    doors_forget(c);
    json_doc_clear(&c->doc);
    buf_clear(&c->out);
    fd_close(&c->status_fd);
    conf_free(c->conf);
}
