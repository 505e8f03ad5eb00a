/* box_slot.c: one slot of a box: its worker, its task, its time limits. Runs in the core. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <penstock/plugin.h>

#include "base/clock.h"
#include "base/fdutil.h"
#include "base/log.h"
#include "plugin/rules.h"
#include "sandbox/box_internal.h"

enum {
    WATCH_AFTER_US = 10000, /* shorter tasks cost no message about processor time */
    STOP_GRACE_MS = 200,    /* from should_stop to the kill when the time is up */
    USELESS_MAX = 5         /* workers in a row that die before they get a task */
};

static void on_timer(void *arg);
static void finish_lost(struct slot *s, bool is_ended);

/* ---- life
 * ----------------------------------------------------------------------------------------- */

/* Sets limits of frames; UINT64_MAX would mean that there must be none. */
static void set_limits(struct slot *s)
{
    const struct box *b = s->box;
    uint64_t *max = s->in.max;
    max[DATA_LOG] = DATA_TEXT_MAX;
    max[DATA_PROGRESS] = DATA_PROGRESS_MAX;
    max[DATA_FAIL] = DATA_TEXT_MAX;
    max[DATA_DONE] = 0;
    max[DATA_RESULT] = max[DATA_CHILD] = b->result_max;
    max[DATA_OUTPUT] = b->outputs_max;
    max[DATA_DESCRIPTOR] = UINT64_MAX;
}

static void set_scan_limits(struct slot *s)
{
    for (int i = 0; i <= DATA_DESCRIPTOR; i++)
        s->in.max[i] = UINT64_MAX;
    s->in.max[DATA_DESCRIPTOR] = RULE_REPORT_MAX;
}

int slot_init(struct slot *s, struct box *b, uint32_t index, int data_fd, int page_fd)
{
    void *page = mmap(NULL, SLOT_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, page_fd, 0);
    if (page == MAP_FAILED)
        return -1;
    s->box = b;
    s->index = index;
    s->page = page;
    data_reader_init(&s->in, 0);
    buf_init(&s->last_log, TAIL_ROOM);
    if (b->mode == BOX_SCAN)
        set_scan_limits(s);
    else
        set_limits(s);
    s->timer = loop_timer_new(b->launcher->loop, on_timer, s);
    s->data_io = loop_io_add(b->launcher->loop, data_fd, EPOLLIN, slot_on_data, s);
    if (s->timer == NULL || s->data_io == NULL)
        return -1;
    s->data_fd = data_fd;
    close(page_fd);
    return 0;
}

void slot_clear(struct slot *s)
{
    loop_timer_free(s->timer);
    loop_io_del(s->data_io);
    fd_close(&s->data_fd);
    if (s->page != NULL)
        munmap(s->page, SLOT_PAGE_SIZE);
    data_reader_clear(&s->in);
    outgoing_clear(&s->out);
    claim_clear(&s->claim);
    buf_clear(&s->last_log);
}

/* ---- the worker
 * ----------------------------------------------------------------------------------- */

void slot_announce(struct slot *s)
{
    struct box *b = s->box;
    if (s->state != SLOT_IDLE || b->is_stopping || b->is_killed)
        return;
    s->state = SLOT_FREE;
    b->events.on_slot_free(b->arg, b, s->index);
}

void slot_on_worker(struct slot *s, uint64_t generation)
{
    s->generation = generation;
    s->has_worker = true;
    s->tasks_of_worker = 0;
    s->is_deaf = false;
    s->is_condemned = false;
    s->killed = KILL_NONE;
    s->is_kill_sent = false;
    s->received = s->known = 0;
    ahead_forget_unsent(s);
    s->state = s->box->is_stopping ? SLOT_ENDING : SLOT_IDLE;
    slot_announce(s);
}

/* A box of BOX_EXEC ends with its worker. */
static void note_only_end(struct slot *s, const struct control_exit *e)
{
    if (s->tasks_of_worker > 0 || s->killed != KILL_NONE || s->box->is_stopping)
        box_note_end(s->box, CODE_OK, "the box has had its task");
    else
        box_note_end(s->box, CODE_SANDBOX_ERROR,
                     "the worker ended before it had a task, with wait status 0x%x",
                     (unsigned)e->wait_status);
    s->box->is_stopping = true;
}

/* Workers that die before they get a task would be started for ever. */
static void count_useless(struct slot *s, const struct control_exit *e)
{
    if (s->tasks_of_worker > 0 || s->killed != KILL_NONE) {
        s->useless_workers = 0;
        return;
    }
    if (++s->useless_workers < USELESS_MAX || s->box->is_stopping)
        return;
    box_note_end(s->box, CODE_SANDBOX_ERROR,
                 "%d workers in a row ended before they had a task, the last with wait status 0x%x",
                 USELESS_MAX, (unsigned)e->wait_status);
    box_abort(s->box);
}

static void tell_dropped(const struct slot *s, uint64_t bytes)
{
    const struct box *b = s->box;
    char text[80];
    int n = snprintf(text, sizeof text, "%llu bytes of output were over the limit and are dropped",
                     (unsigned long long)bytes);
    if (bytes > 0 && b->events.on_log != NULL)
        b->events.on_log(b->arg, s->box, s->user, BOX_LOG_OUTPUT, PEN_LOG_WARN, text, (size_t)n);
}

/* The worker is gone. Tasks behind the one at work are given back; one that it had begun all the
 * same has lost its worker through no fault of its own. */
static void end_bystanders(struct slot *s)
{
    ahead_give_back(s, true);
    while (ahead_promote(s))
        finish_lost(s, true);
}

void slot_on_exit(struct slot *s, const struct control_exit *e)
{
    slot_drain(s);
    ahead_take_unsent(s, true);
    tell_dropped(s, e->log_dropped_bytes);
    if (s->box->mode == BOX_EXEC)
        note_only_end(s, e);
    else
        count_useless(s, e);
    outgoing_drop(&s->out);
    if (s->user != NULL)
        slot_finish(s, e);
    end_bystanders(s);
    loop_timer_off(s->timer);
    data_reader_reset(&s->in);
    s->has_worker = false;
    s->is_deaf = true;
    s->state = s->box->is_stopping ? SLOT_ENDING : SLOT_STARTING;
}

/* The kill itself is the warden's; what we know is noted first, so that the verdict does not hang
 * on its answer. */
static void send_kill(struct slot *s, enum kill_reason reason)
{
    const struct control_kill m = {
        {CHAN_MAGIC, CHAN_VERSION, CONTROL_KILL}, s->index, (uint32_t)reason, s->generation};
    if (s->is_kill_sent)
        return;
    s->is_kill_sent = true;
    box_tell(s->box, &m, sizeof m);
    loop_timer_after(s->timer, WARDEN_PATIENCE_MS);
}

void slot_kill(struct slot *s, enum kill_reason reason)
{
    if (s->killed == KILL_NONE)
        s->killed = reason;
    if (s->has_worker)
        send_kill(s, s->killed);
}

void slot_ask_to_stop(struct slot *s, enum kill_reason reason, int64_t grace_ms)
{
    s->killed = reason;
    atomic_store(&s->page->stop_nonce, s->nonce);
    loop_timer_after(s->timer, grace_ms);
}

static void on_timer(void *arg)
{
    struct slot *s = arg;
    if (s->is_kill_sent) {
        log_error("a warden does not answer", LI("box", s->box->number), LI("slot", s->index));
        box_abort(s->box);
    } else if (s->user == NULL) {
        slot_kill(s, KILL_STOP);
    } else if (ahead_catch_up(s)) {
        slot_announce(s); /* the time that is up was another task's */
    } else if (s->killed == KILL_NONE) {
        slot_ask_to_stop(s, KILL_WALL, STOP_GRACE_MS);
    } else {
        ahead_give_back(s, false);
        send_kill(s, s->killed);
    }
}

void slot_stop(struct slot *s)
{
    if (s->state == SLOT_FREE || s->state == SLOT_IDLE)
        s->state = SLOT_ENDING;
    /* A worker that reads on finds the end of the stream and ends with status 0. */
    if (s->out.n == 0)
        shutdown(s->data_fd, SHUT_WR);
}

static bool is_watch_wanted(const struct slot *s)
{
    return s->cpu_ms > 0 || s->box->is_measured;
}

void slot_on_watch(struct slot *s)
{
    const struct control_watch m = {
        {CHAN_MAGIC, CHAN_VERSION, CONTROL_WATCH}, s->index, s->cpu_ms, s->generation, 0, 0};
    if (s->user == NULL || s->is_watched || clock_mono_us() - s->started_us < WATCH_AFTER_US)
        return;
    if (ahead_catch_up(s)) {
        slot_announce(s);
        return;
    }
    s->is_watched = true;
    if (is_watch_wanted(s))
        box_tell(s->box, &m, sizeof m);
    /* Nobody waits behind a long task while another worker may be free. */
    ahead_give_back(s, false);
}

/* A warm worker goes on after a watched task. */
static void end_watch(struct slot *s)
{
    const struct control_watch m = {
        {CHAN_MAGIC, CHAN_VERSION, CONTROL_WATCH}, s->index, 0, s->generation, 1, 0};
    if (s->is_watched && is_watch_wanted(s))
        box_tell(s->box, &m, sizeof m);
    s->is_watched = false;
}

/* ---- the task
 * ------------------------------------------------------------------------------------- */

void slot_begin(struct slot *s, const struct ahead *task)
{
    s->state = SLOT_RUNNING;
    s->user = task->user;
    s->nonce = task->nonce;
    s->timeout_ms = task->timeout_ms;
    s->cpu_ms = task->cpu_ms;
    s->killed = KILL_NONE;
    s->is_kill_sent = false;
    s->is_watched = false;
    s->started_us = clock_mono_us();
    claim_reset(&s->claim);
    buf_reset(&s->last_log);
    set_limits(s);
    if (task->timeout_ms > 0)
        loop_timer_after(s->timer, task->timeout_ms);
    box_want_watch(s->box);
}

/* ---- the end of a task
 * ---------------------------------------------------------------------------- */

static struct evidence gather_evidence(struct slot *s, const struct control_exit *exit)
{
    struct claim *c = &s->claim;
    struct evidence e = {.killed = s->killed,
                         .wall_limit_ms = s->timeout_ms,
                         .cpu_limit_ms = s->cpu_ms,
                         .memory_limit_bytes = s->box->limits.memory_bytes,
                         .dir_limit_bytes = s->box->limits.dir_bytes,
                         .dir_limit_files = s->box->limits.dir_files,
                         .has_result = c->has_result,
                         .has_fail = c->has_fail,
                         .is_done = c->is_done,
                         .is_broken = c->is_broken,
                         .is_too_big = c->is_too_big,
                         .is_doubled = c->is_doubled,
                         .fail_status = c->fail_status,
                         .run_status = c->run_status,
                         .fail_text = buf_cstr(&c->fail_text),
                         .broken_text = c->why[0] != '\0' ? c->why : NULL};
    e.last_log = tail_lines(&s->last_log, TAIL_LINES, TAIL_BYTES, &e.last_log_len);
    if (exit != NULL) {
        /* Its writer is dead; what it has written is a hint all the same. */
        if (WIFSIGNALED(exit->wait_status))
            memcpy(&e.crash, &s->page->crash, sizeof e.crash);
        e.has_exit = true;
        e.wait_status = exit->wait_status;
        e.cpu_us = exit->cpu_us;
        e.oom_kills = exit->oom_kills;
        e.memory_peak_bytes = exit->memory_peak_bytes;
        if (e.killed == KILL_NONE && exit->reason <= KILL_RECYCLE)
            e.killed = (enum kill_reason)exit->reason;
    }
    return e;
}

static bool was_started(const struct slot *s)
{
    return s->claim.has_any || atomic_load(&s->page->started_nonce) == s->nonce;
}

static void put_claim(struct box_outcome *o, struct claim *c)
{
    o->status = c->status;
    o->data = c->data;
    o->outputs = c->outputs;
    o->n_outputs = c->n_outputs;
    o->children = c->children;
    o->n_children = c->n_children;
}

/* Ends the task in the slot's books, so that the user may call anything from on_done. */
static void *take_user(struct slot *s)
{
    void *user = s->user;
    s->user = NULL;
    s->last_nonce = s->nonce;
    s->nonce = 0;
    return user;
}

static void tell_user(struct slot *s, void *user, struct box_outcome *o)
{
    struct box *b = s->box;
    struct launcher *l = b->launcher;
    bool has_claim = o->code == CODE_OK;
    b->events.on_done(b->arg, b, s->index, user, o);
    /* What was moved out is the user's; the rest stays ours. */
    l->details = o->details;
    if (has_claim)
        s->claim.data = o->data;
    claim_reset(&s->claim);
}

static void finish(struct slot *s, struct evidence *e, const struct control_exit *exit)
{
    struct launcher *l = s->box->launcher;
    struct box_outcome o = {.message = l->message, .status = ""};
    o.was_started = was_started(s);
    e->is_unstarted = !o.was_started;
    o.run_us = clock_mono_us() - s->started_us;
    o.run_ms = o.run_us / 1000;
    o.cpu_ms = (int64_t)((exit != NULL ? exit->cpu_us : s->claim.cpu_us) / 1000);
    o.max_rss_bytes = exit != NULL ? (int64_t)exit->max_rss_bytes : 0;
    l->details.max = SCRATCH_SIZE;
    o.code = verdict_of(e, l->message, sizeof l->message, &l->details);
    o.details = l->details;
    if (o.code == CODE_OK)
        put_claim(&o, &s->claim);
    loop_timer_off(s->timer);
    tell_user(s, take_user(s), &o);
    s->is_condemned = s->is_condemned || slot_is_fault(e, &o);
}

void slot_finish(struct slot *s, const struct control_exit *exit)
{
    struct evidence e = gather_evidence(s, exit);
    if (exit == NULL)
        end_watch(s);
    finish(s, &e, exit);
    if (exit == NULL)
        slot_next(s);
}

/* Its worker is gone, and not because of it. */
static void finish_lost(struct slot *s, bool is_ended)
{
    struct evidence e = gather_evidence(s, NULL);
    e.warden_lost = true;
    e.killed = is_ended ? KILL_STOP : KILL_NONE;
    finish(s, &e, NULL);
}

void slot_lost(struct slot *s)
{
    outgoing_drop(&s->out);
    if (s->user != NULL)
        finish_lost(s, s->box->is_killed);
    end_bystanders(s);
}
