/* sandbox_kit.c: plays launcher, warden and worker for a box under test. */
#include "sandbox_kit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fdutil.h"

const struct box_task kit_small_task = {
    .id = "t1", .params = "{\"a\":1}", .params_len = 7, .attempt = 1, .priority = 5};

/* ---- callbacks
 * ------------------------------------------------------------------------------------ */

static void on_ready(void *arg, struct box *b, uint32_t walls, uint32_t landlock_abi,
                     enum box_mode mode)
{
    struct kit *k = arg;
    (void)b;
    assert_int_equal(walls, WALL_PIDNS);
    assert_int_equal(landlock_abi, 7);
    k->n_ready++;
    k->mode = mode;
}

static void on_slot_free(void *arg, struct box *b, uint32_t slot)
{
    struct kit *k = arg;
    k->n_free++;
    k->free_slot = slot;
    if (k->run_when_free != NULL)
        assert_int_equal(box_run(b, slot, k->run_when_free, k), 0);
}

static void on_log(void *arg, struct box *b, void *task, enum box_stream stream, int level,
                   const char *text, size_t len)
{
    struct kit *k = arg;
    (void)b;
    k->n_logs++;
    k->log_level = level;
    k->log_stream = (int)stream;
    k->log_task = task;
    snprintf(k->log, sizeof k->log, "%.*s", (int)len, text);
}

static void on_progress(void *arg, struct box *b, void *task, double fraction, const char *message,
                        size_t len)
{
    struct kit *k = arg;
    (void)b;
    (void)task;
    k->n_progress++;
    k->fraction = fraction;
    snprintf(k->log, sizeof k->log, "%.*s", (int)len, message);
}

static void note_pieces(struct kit_done *d, struct box_outcome *o)
{
    d->n_outputs = o->n_outputs;
    d->n_children = o->n_children;
    if (o->n_outputs > 0) {
        struct box_output *last = &o->outputs[o->n_outputs - 1];
        snprintf(d->output_name, sizeof d->output_name, "%s", last->name);
        snprintf(d->output_media, sizeof d->output_media, "%s",
                 last->media_type != NULL ? last->media_type : "(null)");
        d->output_len = last->bytes.len;
    }
    if (o->n_children > 0)
        snprintf(d->child, sizeof d->child, "%s %s %.*s", o->children[0].pipeline,
                 o->children[0].step, (int)o->children[0].params.len,
                 (const char *)o->children[0].params.data);
}

static void on_done(void *arg, struct box *b, uint32_t slot, void *task,
                    struct box_outcome *outcome)
{
    struct kit *k = arg;
    struct kit_done *d = &k->done;
    buf_clear(&d->data);
    *d = (struct kit_done){.code = outcome->code,
                           .data = outcome->data,
                           .cpu_ms = outcome->cpu_ms,
                           .max_rss_bytes = outcome->max_rss_bytes,
                           .was_started = outcome->was_started,
                           .user = task,
                           .slot = slot};
    outcome->data.data = NULL;
    outcome->data.len = outcome->data.cap = 0;
    snprintf(d->message, sizeof d->message, "%s", outcome->message);
    snprintf(d->details, sizeof d->details, "%.*s", (int)outcome->details.len,
             outcome->details.len > 0 ? (const char *)outcome->details.data : "");
    snprintf(d->status, sizeof d->status, "%s", outcome->status);
    note_pieces(d, outcome);
    k->n_done++;
    outcome->is_refused = k->refuse_in_done;
    if (k->stop_in_done)
        box_stop(b);
    if (k->kill_in_done)
        box_kill(b);
}

static void on_returned(void *arg, struct box *b, uint32_t slot, void *task)
{
    struct kit *k = arg;
    int n_cells = 0;
    (void)b;
    for (int i = 0; i < SLOT_CELLS; i++)
        n_cells += atomic_load(&k->page[slot]->cells[i]) != 0;
    if (k->n_returned == 0)
        k->cells_left = n_cells;
    assert_true(k->n_returned < KIT_NOTES);
    k->returned[k->n_returned++] = task;
}

static void on_descriptor(void *arg, struct box *b, const char *json, size_t len)
{
    struct kit *k = arg;
    (void)b;
    k->n_descriptors++;
    snprintf(k->descriptor, sizeof k->descriptor, "%.*s", (int)len, json);
}

static void on_ended(void *arg, struct box *b, enum code code, const char *message)
{
    struct kit *k = arg;
    assert_ptr_equal(b, k->box);
    k->n_ended++;
    k->box = NULL;
    k->ended_code = code;
    snprintf(k->ended_text, sizeof k->ended_text, "%s", message);
}

static void on_lost(void *arg)
{
    struct kit *k = arg;
    k->n_lost++;
}

static const struct box_events events = {.on_ready = on_ready,
                                         .on_slot_free = on_slot_free,
                                         .on_log = on_log,
                                         .on_progress = on_progress,
                                         .on_done = on_done,
                                         .on_returned = on_returned,
                                         .on_descriptor = on_descriptor,
                                         .on_ended = on_ended};

/* ---- the loop
 * ------------------------------------------------------------------------------------- */

int kit_setup(void **state)
{
    int pair[2];
    struct kit *k = calloc(1, sizeof *k);
    assert_non_null(k);
    k->control = -1;
    for (int i = 0; i < KIT_SLOTS; i++)
        k->data[i] = k->page_fd[i] = -1;
    k->loop = loop_new();
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    k->launch = pair[1];
    k->launcher = launcher_new(k->loop, pair[0], on_lost, k);
    assert_non_null(k->launcher);
    *state = k;
    return 0;
}

int kit_teardown(void **state)
{
    struct kit *k = *state;
    launcher_free(k->launcher);
    loop_free(k->loop);
    fd_close(&k->launch);
    fd_close(&k->control);
    for (int i = 0; i < KIT_SLOTS; i++) {
        fd_close(&k->data[i]);
        fd_close(&k->page_fd[i]);
        if (k->page[i] != NULL)
            munmap(k->page[i], SLOT_PAGE_SIZE);
    }
    buf_clear(&k->done.data);
    free(k);
    return 0;
}

void kit_settle(struct kit *k)
{
    for (int i = 0; i < 8; i++)
        assert_int_equal(loop_turn(k->loop, 0), 0);
}

void kit_until(struct kit *k, const int *count, int n)
{
    while (*count < n)
        assert_int_equal(loop_turn(k->loop, 1000), 0);
}

/* ---- launcher
 * ------------------------------------------------------------------------------------- */

void kit_ask(struct kit *k, enum box_mode mode, uint32_t slots)
{
    char room[sizeof(struct launch_start) + 64];
    struct launch_start *m = (struct launch_start *)(void *)room;
    k->spec.plugin_path = "/plugins/test.so";
    k->spec.plugin_id = "org.test";
    k->spec.slug = mode == BOX_SCAN ? NULL : "echo";
    k->spec.config = "{\"x\":1}";
    k->spec.mode = mode;
    k->spec.slots = slots;
    if (k->spec.result_max == 0)
        k->spec.result_max = k->spec.outputs_max = 8 << 20;
    k->box = box_start(k->launcher, &k->spec, &events, k);
    assert_non_null(k->box);
    assert_int_equal(recv(k->launch, room, sizeof room, 0), sizeof *m + 7);
    assert_int_equal(m->head.magic, CHAN_MAGIC);
    assert_int_equal(m->head.type, LAUNCH_START);
    assert_int_equal(m->mode, mode);
    assert_int_equal(m->slots, slots);
    assert_string_equal(m->plugin_path, "/plugins/test.so");
    assert_memory_equal(m + 1, "{\"x\":1}", 7);
    k->number = m->box;
}

static void make_slot(struct kit *k, uint32_t i, int *fds)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    k->data[i] = pair[1];
    k->page_fd[i] = memfd_create("page", MFD_CLOEXEC);
    assert_int_equal(ftruncate(k->page_fd[i], SLOT_PAGE_SIZE), 0);
    k->page[i] = mmap(NULL, SLOT_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, k->page_fd[i], 0);
    fds[0] = pair[0];
    fds[1] = k->page_fd[i];
}

void kit_started(struct kit *k)
{
    int fds[1 + 2 * KIT_SLOTS], pair[2];
    const struct launch_started m = {
        .head = {CHAN_MAGIC, CHAN_VERSION, LAUNCH_STARTED}, .box = k->number, .warden_pid = 1};
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    k->control = pair[1];
    fds[0] = pair[0];
    for (uint32_t i = 0; i < k->spec.slots; i++)
        make_slot(k, i, fds + 1 + 2 * i);
    size_t n = 1 + 2 * (size_t)k->spec.slots;
    assert_int_equal(fd_send_message(k->launch, &m, sizeof m, fds, n, 0), 0);
    for (size_t i = 0; i < n; i += i == 0 ? 1 : 2)
        close(fds[i]);
    kit_settle(k);
}

void kit_ended(struct kit *k, int wait_status)
{
    const struct launch_ended m = {
        {CHAN_MAGIC, CHAN_VERSION, LAUNCH_ENDED}, k->number, wait_status};
    assert_int_equal(fd_send_message(k->launch, &m, sizeof m, NULL, 0, 0), 0);
    kit_settle(k);
}

int kit_asked(struct kit *k, void *message, size_t n)
{
    return recv(k->launch, message, n, MSG_DONTWAIT) < 0
               ? 0
               : ((const struct chan_head *)message)->type;
}

/* ---- warden
 * --------------------------------------------------------------------------------------- */

void kit_control(struct kit *k, const void *message, size_t n)
{
    assert_int_equal(fd_send_message(k->control, message, n, NULL, 0, 0), 0);
    kit_settle(k);
}

void kit_start(struct kit *k, enum box_mode mode, uint32_t slots)
{
    const struct control_ready ready = {
        {CHAN_MAGIC, CHAN_VERSION, CONTROL_READY}, WALL_PIDNS, 7, (uint32_t)mode, 1};
    kit_ask(k, mode, slots);
    kit_started(k);
    kit_control(k, &ready, sizeof ready);
    assert_int_equal(k->n_ready, 1);
    assert_int_equal(k->mode, mode);
    for (uint32_t i = 0; i < slots; i++)
        kit_worker(k, i);
    assert_int_equal(k->n_free, slots);
}

void kit_worker(struct kit *k, uint32_t slot)
{
    const struct control_worker m = {
        {CHAN_MAGIC, CHAN_VERSION, CONTROL_WORKER}, slot, 0, ++k->generation[slot]};
    kit_control(k, &m, sizeof m);
}

void kit_exit(struct kit *k, uint32_t slot, int wait_status, enum kill_reason reason)
{
    const struct control_exit m = {
        .head = {CHAN_MAGIC, CHAN_VERSION, CONTROL_EXIT},
        .slot = slot,
        .wait_status = wait_status,
        .generation = k->generation[slot],
        .reason = (uint32_t)reason,
        .cpu_us = 7000,
        .max_rss_bytes = 1 << 20,
    };
    kit_control(k, &m, sizeof m);
}

int kit_told(struct kit *k, void *message, size_t n)
{
    return recv(k->control, message, n, MSG_DONTWAIT) < 0
               ? 0
               : ((const struct chan_head *)message)->type;
}

int kit_await_told(struct kit *k, void *message, size_t n)
{
    int type;
    while ((type = kit_told(k, message, n)) == 0)
        assert_int_equal(loop_turn(k->loop, 1000), 0);
    return type;
}

/* ---- worker
 * --------------------------------------------------------------------------------------- */

static void read_exactly(struct kit *k, int fd, void *to, size_t n)
{
    for (size_t at = 0; at < n;) {
        ssize_t got = recv(fd, (char *)to + at, n - at, MSG_DONTWAIT);
        if (got < 0)
            assert_int_equal(errno, EAGAIN);
        assert_int_not_equal(got, 0);
        at += got > 0 ? (size_t)got : 0;
        loop_turn(k->loop, 0);
    }
}

void kit_read_task(struct kit *k, uint32_t slot, struct kit_task *t)
{
    read_exactly(k, k->data[slot], &t->head, sizeof t->head);
    assert_int_equal(t->head.magic, DATA_MAGIC);
    assert_int_equal(t->head.type, DATA_TASK);
    assert_true(t->head.nonce == kit_nonce(k, slot));
    buf_init(&t->payload, SIZE_MAX / 2);
    assert_int_equal(buf_reserve(&t->payload, t->head.len), 0);
    read_exactly(k, k->data[slot], t->payload.data, t->head.len);
    t->payload.len = t->head.len;
    memcpy(&t->task, t->payload.data, sizeof t->task);
    assert_true(t->task.generation == k->generation[slot]);
    atomic_store(&k->page[slot]->started_nonce, t->head.nonce);
}

uint64_t kit_nonce(const struct kit *k, uint32_t slot)
{
    return atomic_load(&k->page[slot]->task_nonce);
}

static void write_all(struct kit *k, int fd, const void *bytes, size_t n)
{
    for (size_t at = 0; at < n;) {
        ssize_t put = send(fd, (const char *)bytes + at, n - at, MSG_DONTWAIT | MSG_NOSIGNAL);
        at += put > 0 ? (size_t)put : 0;
        loop_turn(k->loop, 0);
        /* The box has stopped listening, or will be told by the warden what became of us. */
        if (put < 0 && k->n_done > 0)
            return;
    }
}

void kit_frame(struct kit *k, uint32_t slot, enum data_type type, uint64_t nonce, const void *a,
               size_t a_len, const void *b, size_t b_len)
{
    const struct data_head head = {DATA_MAGIC, (uint32_t)type, nonce, a_len + b_len};
    struct buf all = BUF_INIT(SIZE_MAX / 2);
    buf_append(&all, &head, sizeof head);
    buf_append(&all, a, a_len);
    buf_append(&all, b, b_len);
    write_all(k, k->data[slot], all.data, all.len);
    buf_clear(&all);
    kit_settle(k);
}

void kit_result(struct kit *k, uint32_t slot, const char *json)
{
    struct {
        uint32_t len;
        char text[7];
    } __attribute__((packed)) status = {7, {'s', 'u', 'c', 'c', 'e', 's', 's'}};
    kit_frame(k, slot, DATA_RESULT, kit_nonce(k, slot), &status, sizeof status, json, strlen(json));
}

void kit_done(struct kit *k, uint32_t slot, int32_t status)
{
    const uint64_t cpu_us = 3000;
    kit_frame(k, slot, DATA_DONE, kit_nonce(k, slot), &status, sizeof status, &cpu_us,
              sizeof cpu_us);
}
