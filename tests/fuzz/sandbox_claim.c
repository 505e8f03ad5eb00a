/*
 * sandbox_claim.c: fuzz target of everything that the core does with a worker's words: one box
 * whose launcher, warden and worker are this program, and for each input a task whose worker says
 * it and dies. The first byte: whether the box works warm, and how many bytes are said at once. A
 * nonce of 7 in the input becomes the task's.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "loop/loop.h"
#include "sandbox/box.h"

struct stage {
    struct loop *loop;
    struct launcher *launcher;
    struct box *box;
    int launch, control, data;
    struct slot_page *page;
    uint64_t generation;
    int is_free, n_done;
};

static void must(int is_true)
{
    if (!is_true)
        abort();
}

static void on_ready(void *arg, struct box *b, uint32_t walls, uint32_t abi, enum box_mode mode)
{
    (void)arg;
    (void)b;
    (void)walls;
    (void)abi;
    (void)mode;
}

static void on_slot_free(void *arg, struct box *b, uint32_t slot)
{
    struct stage *s = arg;
    (void)b;
    (void)slot;
    s->is_free = 1;
}

static void touch(const void *bytes, size_t n)
{
    volatile unsigned char sum = 0;
    for (size_t i = 0; i < n; i++)
        sum = (unsigned char)(sum + ((const unsigned char *)bytes)[i]);
}

static void on_log(void *arg, struct box *b, void *task, enum box_stream stream, int level,
                   const char *text, size_t len)
{
    (void)arg;
    (void)b;
    (void)stream;
    must(task != NULL && level >= 0 && level <= 3);
    touch(text, len);
}

static void on_progress(void *arg, struct box *b, void *task, double fraction, const char *message,
                        size_t len)
{
    (void)arg;
    (void)b;
    must(task != NULL && !(fraction < 0) && !(fraction > 1));
    touch(message, len);
}

static void on_done(void *arg, struct box *b, uint32_t slot, void *task, struct box_outcome *o)
{
    struct stage *s = arg;
    (void)b;
    (void)slot;
    (void)task;
    must(o->message != NULL && o->status != NULL);
    must(o->code == CODE_OK || (o->data.len == 0 && o->n_outputs == 0 && o->n_children == 0));
    touch(o->data.data, o->data.len);
    for (size_t i = 0; i < o->n_outputs; i++)
        touch(o->outputs[i].bytes.data, o->outputs[i].bytes.len);
    for (size_t i = 0; i < o->n_children; i++)
        touch(o->children[i].params.data, o->children[i].params.len);
    s->n_done++;
}

static void on_ended(void *arg, struct box *b, enum code code, const char *message)
{
    (void)arg;
    (void)b;
    (void)code;
    (void)message;
    abort();
}

static void on_lost(void *arg)
{
    (void)arg;
    abort();
}

static void turn(struct stage *s)
{
    for (int i = 0; i < 3; i++)
        must(loop_turn(s->loop, 0) == 0);
}

static void tell(struct stage *s, int fd, const void *message, size_t n, const int *fds,
                 size_t n_fds)
{
    must(fd_send_message(fd, message, n, fds, n_fds, 0) == 0);
    turn(s);
}

static struct stage *open_stage(enum box_mode mode)
{
    static const struct box_events events = {.on_ready = on_ready,
                                             .on_slot_free = on_slot_free,
                                             .on_log = on_log,
                                             .on_progress = on_progress,
                                             .on_done = on_done,
                                             .on_ended = on_ended};
    const struct box_spec spec = {.plugin_path = "/x.so",
                                  .slug = "x",
                                  .mode = mode,
                                  .slots = 1,
                                  .result_max = 4096,
                                  .outputs_max = 8192};
    const struct control_ready ready = {
        {CHAN_MAGIC, CHAN_VERSION, CONTROL_READY}, 0, 0, (uint32_t)mode, 0};
    const struct launch_started started = {
        .head = {CHAN_MAGIC, CHAN_VERSION, LAUNCH_STARTED}, .box = 1, .warden_pid = 1};
    int launch[2], control[2], data[2], page = memfd_create("page", MFD_CLOEXEC);
    struct stage *s = calloc(1, sizeof *s);
    must(s != NULL && page >= 0 && ftruncate(page, SLOT_PAGE_SIZE) == 0);
    must(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, launch) == 0);
    must(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, control) == 0);
    must(socketpair(AF_UNIX, SOCK_STREAM, 0, data) == 0);
    s->page = mmap(NULL, SLOT_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, page, 0);
    s->launch = launch[1];
    s->control = control[1];
    s->data = data[1];
    s->loop = loop_new();
    s->launcher = launcher_new(s->loop, launch[0], on_lost, s);
    s->box = box_start(s->launcher, &spec, &events, s);
    must(s->box != NULL);
    tell(s, s->launch, &started, sizeof started, (int[]){control[0], data[0], page}, 3);
    tell(s, s->control, &ready, sizeof ready, NULL, 0);
    return s;
}

static void begin(struct stage *s)
{
    const struct control_worker worker = {
        {CHAN_MAGIC, CHAN_VERSION, CONTROL_WORKER}, 0, 0, ++s->generation};
    const struct box_task task = {.id = "t", .params = "1", .params_len = 1};
    char drop[4096];
    tell(s, s->control, &worker, sizeof worker, NULL, 0);
    must(s->is_free);
    must(box_run(s->box, 0, &task, s) == 0);
    while (recv(s->data, drop, sizeof drop, MSG_DONTWAIT) > 0)
        continue;
    atomic_store(&s->page->started_nonce, atomic_load(&s->page->task_nonce));
}

/* Puts the task's nonce where a frame of nonce 7 begins. */
static void set_nonces(const struct stage *s, uint8_t *bytes, size_t n)
{
    const uint64_t nonce = atomic_load(&s->page->task_nonce);
    struct data_head head;
    for (size_t at = 0; n - at >= sizeof head; at += sizeof head + head.len) {
        memcpy(&head, bytes + at, sizeof head);
        if (head.nonce == 7)
            memcpy(bytes + at + offsetof(struct data_head, nonce), &nonce, sizeof nonce);
        if (head.magic != DATA_MAGIC || head.len > n - at - sizeof head)
            return;
    }
}

static void end(struct stage *s)
{
    struct control_exit m = {.head = {CHAN_MAGIC, CHAN_VERSION, CONTROL_EXIT},
                             .generation = s->generation};
    char drop[256];
    tell(s, s->control, &m, sizeof m, NULL, 0);
    while (recv(s->control, drop, sizeof drop, MSG_DONTWAIT) > 0)
        continue;
    /* A warm box may have had its answer and got no other task; a forked one has its verdict now.
     */
    must(s->n_done == 1);
    s->n_done = 0;
    s->is_free = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct stage *stages[2];
    if (size < 2 || size > 65536)
        return 0;
    struct stage **s = &stages[data[0] & 1];
    if (*s == NULL)
        *s = open_stage(data[0] & 1 ? BOX_WARM : BOX_FORK);
    const size_t n = size - 1, step = data[0] & 2 ? n : 1 + (size_t)(data[0] >> 2) * 16;
    uint8_t *bytes = malloc(n);
    must(bytes != NULL);
    memcpy(bytes, data + 1, n);
    begin(*s);
    set_nonces(*s, bytes, n);
    for (size_t at = 0; at < n; at += step) {
        size_t piece = n - at < step ? n - at : step;
        must(send((*s)->data, bytes + at, piece, MSG_DONTWAIT) == (ssize_t)piece);
        turn(*s);
    }
    free(bytes);
    end(*s);
    return 0;
}
