/*
 * sandbox_launch.c: fuzz target of the launch channel, from both ends, and of the control channel: what the core makes of
 * a launcher's and a warden's words, and a launcher of a core's. The first byte chooses the end; then come messages:
 *
 *   what (1 byte), type (1), length (2, little), and so many bytes
 *
 * what: bit 0: over the control channel; bit 1: cut or filled up to the size that its type has; bit 2: with a box's
 * descriptors; bit 3: its box is the one there is. Magic and version are right, but with bit 4.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/log.h"
#include "loop/loop.h"
#include "sandbox/box.h"
#include "sandbox/launcher.h"

enum { SLOTS = 2, BOX_FDS = 1 + 2 * SLOTS, MESSAGES_MAX = 24 };
enum { BY_CONTROL = 1, SIZED = 2, WITH_FDS = 4, OF_BOX = 8, MISNAMED = 16 };

union message {
    struct chan_head head;
    struct launch_start start;
    struct launch_started started; /* box stands at one place in all of them */
    char room[65536 + sizeof(struct launch_start)];
};

struct stage {
    struct loop *loop;
    int launch, control, data[SLOTS];
    int is_lost, has_ended;
};

static void must(int is_true)
{
    if (!is_true)
        abort();
}

/* ---- what comes ---- */

struct input {
    const uint8_t *at, *end;
};

/* 0: no more. */
static size_t next_message(struct input *in, union message *m, uint8_t *what)
{
    static const size_t launch_sizes[] = {[LAUNCH_START] = sizeof(struct launch_start),
                                          [LAUNCH_STARTED] = sizeof(struct launch_started),
                                          [LAUNCH_FAILED] = sizeof(struct launch_failed),
                                          [LAUNCH_KILL] = sizeof(struct launch_kill),
                                          [LAUNCH_ENDED] = sizeof(struct launch_ended),
                                          [LAUNCH_REPORT] = sizeof(struct launch_report)};
    static const size_t control_sizes[] = {[CONTROL_READY] = sizeof(struct control_ready),
                                           [CONTROL_LOAD_FAILED] =
                                               sizeof(struct control_load_failed),
                                           [CONTROL_ERROR] = sizeof(struct control_error),
                                           [CONTROL_WORKER] = sizeof(struct control_worker),
                                           [CONTROL_EXIT] = sizeof(struct control_exit),
                                           [CONTROL_LISTENER] = sizeof(struct control_listener)};
    if (in->end - in->at < 4)
        return 0;
    *what = in->at[0];
    const uint8_t type = in->at[1];
    size_t n = (size_t)in->at[2] | (size_t)in->at[3] << 8;
    in->at += 4;
    n = n < (size_t)(in->end - in->at) ? n : (size_t)(in->end - in->at);
    memset(m, 0, sizeof *m);
    m->head = (struct chan_head){CHAN_MAGIC, CHAN_VERSION, type};
    if ((*what & MISNAMED) != 0)
        m->head.magic ^= 1U << type % 32;
    memcpy(m->room + sizeof m->head, in->at, n);
    in->at += n;
    size_t size = sizeof m->head + n;
    const size_t *sizes = (*what & BY_CONTROL) != 0 ? control_sizes : launch_sizes;
    const size_t n_sizes = (*what & BY_CONTROL) != 0 ? sizeof control_sizes / sizeof *control_sizes
                                                     : sizeof launch_sizes / sizeof *launch_sizes;
    if ((*what & SIZED) != 0 && type < n_sizes && sizes[type] != 0)
        size = sizes[type];
    if ((*what & OF_BOX) != 0 && (*what & BY_CONTROL) == 0 &&
        size >= sizeof m->head + sizeof(uint64_t))
        m->started.box = 1;
    return size;
}

/* ---- the core's end ---- */

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
    (void)arg;
    (void)b;
    must(slot < SLOTS);
}

static void on_ended(void *arg, struct box *b, enum code code, const char *message)
{
    struct stage *s = arg;
    (void)b;
    must(code < CODE_COUNT && message != NULL && strlen(message) < 2 * (size_t)BOX_TEXT_MAX);
    must(!s->has_ended);
    s->has_ended = 1;
}

static void on_report(void *arg, const struct launch_report *r)
{
    (void)arg;
    must(memchr(r->why, '\0', sizeof r->why) != NULL);
    for (int i = 0; i < GUARANTEES; i++)
        must(memchr(r->guarantees[i].by, '\0', sizeof r->guarantees[i].by) != NULL);
}

static void on_lost(void *arg)
{
    struct stage *s = arg;
    must(!s->is_lost);
    s->is_lost = 1;
}

/* Ends that a launcher would hand over; the others are kept. */
static void make_fds(struct stage *s, int *fds)
{
    int pair[2];
    must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair) == 0);
    fd_close(&s->control);
    fds[0] = pair[0];
    s->control = pair[1];
    for (int i = 0; i < SLOTS; i++) {
        must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
        fd_close(&s->data[i]);
        fds[1 + 2 * i] = pair[0];
        s->data[i] = pair[1];
        fds[2 + 2 * i] = memfd_create("page", MFD_CLOEXEC);
        must(fds[2 + 2 * i] >= 0 && ftruncate(fds[2 + 2 * i], SLOT_PAGE_SIZE) == 0);
    }
}

static void say(struct stage *s, const union message *m, size_t n, uint8_t what)
{
    int fds[BOX_FDS];
    size_t n_fds = 0;
    if ((what & WITH_FDS) != 0 && (what & BY_CONTROL) == 0) {
        make_fds(s, fds);
        n_fds = BOX_FDS;
    }
    const int to = (what & BY_CONTROL) != 0 ? s->control : s->launch;
    if (to >= 0) /* it may have been closed: then nobody hears it */
        fd_send_message(to, m, n, fds, n_fds, MSG_DONTWAIT);
    for (size_t i = 0; i < n_fds; i++)
        close(fds[i]);
    for (int i = 0; i < 3; i++)
        must(loop_turn(s->loop, 0) == 0);
}

static void to_core(struct input *in)
{
    static const struct box_events events = {
        .on_ready = on_ready, .on_slot_free = on_slot_free, .on_ended = on_ended};
    static const struct box_spec spec = {.plugin_path = "/x.so",
                                         .slug = "x",
                                         .mode = BOX_FORK,
                                         .slots = SLOTS,
                                         .result_max = 4096,
                                         .outputs_max = 8192};
    struct stage s = {.loop = loop_new(), .control = -1, .data = {-1, -1}};
    int launch[2];
    uint8_t what;
    size_t n;
    union message *m = malloc(sizeof *m);
    must(m != NULL && s.loop != NULL &&
         socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, launch) == 0);
    s.launch = launch[1];
    struct launcher *l = launcher_new(s.loop, launch[0], on_lost, &s);
    launcher_on_report(l, on_report, &s);
    must(box_start(l, &spec, &events, &s) != NULL);
    for (int i = 0; i < MESSAGES_MAX && (n = next_message(in, m, &what)) > 0; i++)
        say(&s, m, n, what);
    launcher_free(l);
    loop_free(s.loop);
    fd_close(&s.launch);
    fd_close(&s.control);
    for (int i = 0; i < SLOTS; i++)
        fd_close(&s.data[i]);
    free(m);
}

/* ---- the launcher's end: no message gets as far as a process, because no plugin is there ---- */

static void to_launcher(struct input *in)
{
    int channel[2];
    uint8_t what;
    size_t n;
    union message *m = malloc(sizeof *m);
    must(m != NULL && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) == 0);
    struct launch *l = calloc(1, sizeof *l);
    must(l != NULL);
    l->options = (struct launch_options){.channel_fd = channel[0], .uid_base = 1900000000};
    l->helper_fd = l->boxes.fd = l->copies.fd = -1;
    for (int i = 0; i < 4 && (n = next_message(in, m, &what)) > 0; i++) {
        m->start.plugin_path[0] = '\0';
        fd_send_message(channel[1], m, n, NULL, 0, MSG_DONTWAIT);
    }
    shutdown(channel[1], SHUT_WR);
    must(launch_run(l) == 0 && l->first == NULL);
    close(channel[0]);
    close(channel[1]);
    free(l);
    free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int quiet = -1;
    if (quiet < 0) {
        quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);
        log_setup("fuzz", LOG_ERROR, LOG_TEXT, quiet);
    }
    if (size < 1)
        return 0;
    struct input in = {data + 1, data + size};
    if ((data[0] & 1) != 0)
        to_launcher(&in);
    else
        to_core(&in);
    return 0;
}
