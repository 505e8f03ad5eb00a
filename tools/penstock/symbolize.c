/*
 * symbolize.c: finds the functions of a crash report. Part of the command line.
 *
 * Theory of operation: we open what files may be meant, for reading, and start penstock-symbols with
 * them. It is exec'd, not forked, because the files are hostile and our memory holds keys; its
 * environment is empty. It has TIME_MS, and what it answers is checked. Without an answer frames stay
 * what they were: module and offset.
 */
#include "symbolize.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "local.h"
#include "trace.h"

#include "base/clock.h"
#include "base/fdutil.h"

enum { TIME_MS = 8000, ABOVE = 100 /* descriptors out of the way of those the child gets */ };

struct files {
    int fds[SYMBOLS_FILES_MAX];
    uint32_t n;
};

/* ---- the files ---- */

static void add(struct files *f, const char *path)
{
    struct stat st;
    if (f->n == SYMBOLS_FILES_MAX)
        return;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    int high = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)
                   ? fcntl(fd, F_DUPFD_CLOEXEC, ABOVE)
                   : -1;
    fd_close(&fd);
    if (high >= 0)
        f->fds[f->n++] = high;
}

__attribute__((format(printf, 2, 3))) static void add_path(struct files *f, const char *format, ...)
{
    char path[PATH_MAX];
    va_list ap;
    va_start(ap, format);
    const int n = vsnprintf(path, sizeof path, format, ap);
    va_end(ap);
    if (n > 0 && (size_t)n < sizeof path)
        add(f, path);
}

/* /usr/lib/debug/.build-id/ab/cdef.debug, where distributions put what they strip. */
static void add_debug_file(struct files *f, const struct trace_frame *frame)
{
    char rest[2 * SYMBOLS_ID_MAX + 1] = "";
    for (uint32_t i = 1; i < frame->build_id_len; i++)
        snprintf(rest + 2 * (i - 1), 3, "%02x", frame->build_id[i]);
    add_path(f, "/usr/lib/debug/.build-id/%02x/%s.debug", frame->build_id[0], rest);
}

static void add_module(struct files *f, const struct trace_frame *frame, const char *plugin_file)
{
    static const char *const places[] = {
#if defined(__x86_64__)
        "/usr/lib/x86_64-linux-gnu",
#elif defined(__aarch64__)
        "/usr/lib/aarch64-linux-gnu",
#endif
        "/usr/lib64",
        "/usr/lib"
    };
    const char *slash = plugin_file != NULL ? strrchr(plugin_file, '/') : NULL;
    char own[PATH_MAX];
    if (strchr(frame->module, '/') != NULL || frame->module[0] == '.')
        return;
    if (slash != NULL)
        add_path(f, "%.*s/%s", (int)(slash - plugin_file), plugin_file, frame->module);
    if (local_program(frame->module, own, sizeof own) == 0)
        add(f, own);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        add_path(f, "%s/%s", places[i], frame->module);
    add_debug_file(f, frame);
}

static bool is_first_of_module(const struct trace *t, uint32_t frame)
{
    for (uint32_t i = 0; i < frame; i++) {
        if (strcmp(t->frames[i].module, t->frames[frame].module) == 0)
            return false;
    }
    return true;
}

static void open_files(struct files *f, const struct trace *t, const char *plugin_file)
{
    f->n = 0;
    if (plugin_file != NULL)
        add(f, plugin_file);
    for (uint32_t i = 0; i < t->n_frames; i++) {
        if (t->frames[i].build_id_len > 0 && is_first_of_module(t, i))
            add_module(f, &t->frames[i], plugin_file);
    }
}

/* ---- the child ---- */

/* The request fits into the pipe, so that nobody has to wait for the child to read it. */
static int put_request(int fd, const struct trace *t, uint32_t n_files)
{
    struct symbols_request r = {
        .magic = SYMBOLS_MAGIC, .n_frames = t->n_frames, .n_files = n_files};
    _Static_assert(sizeof r <= PIPE_BUF, "one write");
    for (uint32_t i = 0; i < t->n_frames; i++) {
        const struct trace_frame *from = &t->frames[i];
        struct symbols_frame *to = &r.frames[i];
        to->offset = from->offset;
        to->is_return = i > 0;
        to->build_id_len = from->build_id_len;
        memcpy(to->build_id, from->build_id, sizeof to->build_id);
    }
    return fd_write_all(fd, &r, sizeof r);
}

static int spawn(const struct files *f, int in, int out, pid_t *pid)
{
    char program[PATH_MAX];
    char *arguments[] = {(char[]){"penstock-symbols"}, NULL}, *environment[] = {NULL};
    posix_spawn_file_actions_t actions;
    if (local_program("penstock-symbols", program, sizeof program) < 0)
        return -1;
    posix_spawn_file_actions_init(&actions);
    int rc = posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    for (uint32_t i = 0; rc == 0 && i < f->n; i++)
        rc = posix_spawn_file_actions_adddup2(&actions, f->fds[i], SYMBOLS_FIRST_FD + (int)i);
    if (rc == 0)
        rc = posix_spawn(pid, program, &actions, NULL, arguments, environment);
    posix_spawn_file_actions_destroy(&actions);
    return rc == 0 ? 0 : -1;
}

static int pipe_above(int ends[2])
{
    int low[2];
    if (pipe2(low, O_CLOEXEC) < 0)
        return -1;
    for (int i = 0; i < 2; i++) {
        ends[i] = fcntl(low[i], F_DUPFD_CLOEXEC, ABOVE);
        close(low[i]);
    }
    return ends[0] >= 0 && ends[1] >= 0 ? 0 : -1;
}

/* ---- the answer ---- */

static void take(struct trace *t, struct symbols_answer *a)
{
    if (a->frame >= t->n_frames)
        return;
    struct trace_frame *f = &t->frames[a->frame];
    a->function[sizeof a->function - 1] = a->source[sizeof a->source - 1] = '\0';
    memcpy(f->function, a->function, sizeof f->function);
    memcpy(f->source, a->source, sizeof f->source);
    f->line = a->source[0] != '\0' ? a->line : 0;
}

/* A whole struct within the time; 0: no more. */
static int read_answer(int fd, struct symbols_answer *a, int64_t end_ms)
{
    size_t n = 0;
    while (n < sizeof *a) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        const int64_t left_ms = end_ms - clock_mono_ms();
        if (left_ms <= 0 || poll(&p, 1, (int)left_ms) <= 0)
            return 0;
        const ssize_t got = read(fd, (char *)a + n, sizeof *a - n);
        if (got <= 0)
            return 0;
        n += (size_t)got;
    }
    return 1;
}

static void read_answers(struct trace *t, int fd)
{
    const int64_t end_ms = clock_mono_ms() + TIME_MS;
    struct symbols_answer a;
    for (uint32_t i = 0; i < t->n_frames && read_answer(fd, &a, end_ms) > 0; i++)
        take(t, &a);
}

static void ask(struct trace *t, const struct files *f)
{
    int in[2] = {-1, -1}, out[2] = {-1, -1};
    pid_t pid = -1;
    if (pipe_above(in) == 0 && pipe_above(out) == 0 && put_request(in[1], t, f->n) == 0 &&
        spawn(f, in[0], out[1], &pid) == 0) {
        fd_close(&out[1]);
        read_answers(t, out[0]);
        kill(pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    for (int i = 0; i < 2; i++) {
        fd_close(&in[i]);
        fd_close(&out[i]);
    }
}

void trace_symbolize(struct trace *t, const char *plugin_file)
{
    struct files files;
    const bool is_known = plugin_file != NULL && plugin_file[0] != '\0';
    open_files(&files, t, is_known ? plugin_file : NULL);
    if (files.n > 0)
        ask(t, &files);
    for (uint32_t i = 0; i < files.n; i++)
        fd_close(&files.fds[i]);
}
