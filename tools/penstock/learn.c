/*
 * learn.c: the supervisor of learn mode. Part of the command line.
 *
 * Theory of operation. In learn mode the kernel holds the calls of the plugin's process that an
 * ordinary box would refuse, and those that name files and addresses, and asks us about each
 * (seccomp_unotify(2)). The other walls of the box stand as always: its mounts, Landlock, no network.
 *
 *   plugin --call--> kernel --listener--> us: note it; then one of
 *     go on       what the ordinary filter would let through: nothing is granted that it would not
 *     an errno    all the rest; where an ordinary box would end the task too, so that the plugin
 *                 goes on and more is seen
 *     a stand-in  for a socket of the internet where the box has no network: a socket of ours that
 *                 leads nowhere, so that the address is seen that the plugin connects to
 *
 * The answers are judged by the registers alone. What lies in the process's memory, a path or an
 * address, may change behind our back: it is noted, and decides nothing.
 */
#include "learn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli.h"

#include "base/fdutil.h"
#include "loop/loop.h"
#include "sandbox/box.h"

enum { CALLS_A_TURN = 256, TYPE_BITS = 0xf /* of a socket's type */ };

void learn_init(struct learn *l, struct loop *loop, const struct box_spec *spec,
                const char *own_dir)
{
    *l = (struct learn){
        .loop = loop,
        .key = {.kind = FILTER_ZYGOTE, .rights = spec->rights, .extra_calls = spec->extra_calls},
        .inputs = spec->inputs,
        .n_inputs = spec->n_inputs,
        .own_dir = own_dir,
        .listener = -1};
}

void learn_texts_clear(struct learn_texts *t)
{
    for (size_t i = 0; i < t->n; i++)
        free(t->items[i]);
    t->n = 0;
}

static void stop_listening(struct learn *l)
{
    loop_io_del(l->io);
    l->io = NULL;
    fd_close(&l->listener);
}

void learn_clear(struct learn *l)
{
    stop_listening(l);
    learn_texts_clear(&l->hosts);
    learn_texts_clear(&l->reads);
    learn_texts_clear(&l->writes);
}

void learn_begin_task(struct learn *l)
{
    l->key.kind = FILTER_TASK;
}

int learn_end_task(struct learn *l, const struct cli *cli, enum code code, const char *message)
{
    l->outcome = code_name(code);
    if (code == CODE_OK) {
        cli_note(cli, "the task succeeded");
        return CLI_OK;
    }
    if (code == CODE_SANDBOX_ERROR)
        return cli_fail(cli, CLI_FAIL, "penstock doctor looks closer", "%s", message);
    cli_warn(cli, "the task failed (%s), so this may not be all: %s", l->outcome, message);
    return CLI_OK;
}

/* ---- answers
 * -------------------------------------------------------------------------------------- */

/* Held here: the call that is answered. */
struct held {
    struct learn *learn;
    const struct seccomp_notif *call;
    struct seccomp_notif_resp answer;
};

static void go_on(struct held *h)
{
    h->answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
}

static void refuse(struct held *h, int error)
{
    h->answer.error = -error;
}

/* A socket that cannot be connected: connect, bind and sending to addresses are not let go on. */
static void give_stand_in(struct held *h)
{
    const int type = (int)h->call->data.args[1];
    const bool is_stream = (type & TYPE_BITS) == SOCK_STREAM;
    int fd = socket(
        AF_UNIX, (is_stream ? SOCK_STREAM : SOCK_SEQPACKET) | SOCK_CLOEXEC | (type & SOCK_NONBLOCK),
        0);
    const struct seccomp_notif_addfd add = {
        .id = h->call->id,
        .srcfd = (uint32_t)fd,
        .newfd_flags = (type & SOCK_CLOEXEC) != 0 ? O_CLOEXEC : 0,
    };
    const int given = fd >= 0 ? ioctl(h->learn->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add) : -1;
    if (given >= 0)
        h->answer.val = given;
    else
        refuse(h, errno);
    fd_close(&fd);
}

/* Whether a socket of the process is one of streams. */
static bool is_stream(int pid, int fd)
{
    int type = SOCK_STREAM;
    socklen_t size = sizeof type;
    int process = (int)syscall(SYS_pidfd_open, pid, 0);
    int copy = process >= 0 ? (int)syscall(SYS_pidfd_getfd, process, fd, 0) : -1;
    if (copy >= 0)
        getsockopt(copy, SOL_SOCKET, SO_TYPE, &type, &size);
    fd_close(&copy);
    fd_close(&process);
    return type == SOCK_STREAM;
}

static enum filter_answer judge(const struct held *h)
{
    uint64_t args[6];
    for (size_t i = 0; i < 6; i++)
        args[i] = h->call->data.args[i];
    return filter_judge(&h->learn->key, h->call->data.nr, args);
}

static void answer_as_ordinary(struct held *h)
{
    struct learn *l = h->learn;
    const int nr = h->call->data.nr;
    const enum filter_answer answer = judge(h);
    if (answer == ANSWER_ALLOW)
        go_on(h);
    if (answer == ANSWER_ALLOW || answer == ANSWER_NOTHING)
        return; /* nothing: no error, and it is not made */
    if (answer == ANSWER_NOTHING)
        return; /* 0, as it stands there */
    if (nr >= 0 && nr < LEARN_CALLS && (l->calls[nr] == 0 || answer == ANSWER_TRAP))
        l->calls[nr] = (uint8_t)(answer + 1);
    refuse(h, answer == ANSWER_ENOSYS ? ENOSYS : EPERM);
}

static bool is_internet(int family)
{
    return family == AF_INET || family == AF_INET6;
}

static void on_socket(struct held *h)
{
    if (judge(h) == ANSWER_ALLOW || !is_internet((int)h->call->data.args[0])) {
        answer_as_ordinary(h);
        return;
    }
    h->learn->wants_network = true;
    give_stand_in(h);
}

static void on_connect(struct held *h)
{
    const struct seccomp_data *d = &h->call->data;
    learn_note_address(h->learn, (int)h->call->pid, d,
                       is_stream((int)h->call->pid, (int)d->args[0]));
    if (judge(h) == ANSWER_ALLOW)
        go_on(h);
    else
        refuse(h, ECONNREFUSED);
}

/* What clients set on a socket before they connect; on a stand-in it does nothing. */
static void on_socket_option(struct held *h)
{
    if (h->learn->wants_network)
        go_on(h);
    else
        answer_as_ordinary(h);
}

static void on_path(struct held *h)
{
    learn_note_path(h->learn, (int)h->call->pid, &h->call->data);
    answer_as_ordinary(h);
}

/* Only those that are written and executed come here; the kernel refuses them where it must. */
static void on_mapping(struct held *h)
{
    h->learn->wants_jit = true;
    answer_as_ordinary(h);
}

struct watch {
    int number;
    void (*answer)(struct held *h);
};

static const struct watch watches[] = {
    {SYS_socket, on_socket},
    {SYS_connect, on_connect},
    {SYS_setsockopt, on_socket_option},
    {SYS_getsockopt, on_socket_option},
    {SYS_getsockname, on_socket_option},
    {SYS_getpeername, on_socket_option},
    {SYS_mmap, on_mapping},
    {SYS_mprotect, on_mapping},
    {SYS_openat, on_path},
    {SYS_openat2, on_path},
    {SYS_newfstatat, on_path},
    {SYS_statx, on_path},
    {SYS_faccessat, on_path},
    {SYS_faccessat2, on_path},
#ifdef SYS_open
    {SYS_open, on_path},
    {SYS_creat, on_path},
    {SYS_stat, on_path},
    {SYS_lstat, on_path},
    {SYS_access, on_path},
#endif
};

static void answer(struct held *h)
{
    for (size_t i = 0; i < sizeof watches / sizeof *watches; i++) {
        if (watches[i].number == h->call->data.nr) {
            watches[i].answer(h);
            return;
        }
    }
    answer_as_ordinary(h);
}

/* ---- the listener
 * --------------------------------------------------------------------------------- */

/* Whether the call still waits, so that pid is still the process that made it. */
static bool is_waiting(const struct learn *l, uint64_t id)
{
    return ioctl(l->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

/* 1: there may be more. */
static int serve_one(struct learn *l)
{
    struct seccomp_notif call;
    memset(&call, 0, sizeof call);
    if (ioctl(l->listener, SECCOMP_IOCTL_NOTIF_RECV, &call) < 0)
        return errno == ENOENT || errno == EINTR ? 1 : -1;
    struct held h = {.learn = l, .call = &call, .answer = {.id = call.id}};
    answer(&h);
    /* A process that was killed meanwhile needs none. */
    if (is_waiting(l, call.id) && ioctl(l->listener, SECCOMP_IOCTL_NOTIF_SEND, &h.answer) < 0 &&
        errno != ENOENT)
        return -1;
    return 1;
}

/* Receiving waits for a call, so it is done only once an event. */
static void on_call(void *arg, uint32_t events)
{
    struct learn *l = arg;
    if ((events & EPOLLIN) == 0 || serve_one(l) < 0) {
        l->is_deaf = (events & EPOLLIN) != 0;
        stop_listening(l);
    }
}

int learn_listen(struct learn *l, int fd)
{
    stop_listening(l);
    l->listener = fd;
    l->io = loop_io_add(l->loop, fd, EPOLLIN, on_call, l);
    return l->io != NULL ? 0 : -1;
}
