/* learn_note.c: what calls tell of files and addresses. Part of the command line. All that is read
 * here is a plugin's word: it is noted, and decides nothing. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "learn.h"

enum { PAGE = 4096 };

/* ---- the process's memory
 * ------------------------------------------------------------------------- */

static ssize_t read_memory(struct learn *l, int pid, uint64_t at, void *out, size_t n)
{
    const struct iovec to = {out, n}, from = {(void *)(uintptr_t)at, n};
    const ssize_t got = process_vm_readv(pid, &to, 1, &from, 1, 0);
    if (got < 0 && errno == EPERM)
        l->is_blind = true;
    return got;
}

/* Page by page: the next one may not be there. */
static int read_text(struct learn *l, int pid, uint64_t at, char *out, size_t size)
{
    size_t n = 0;
    while (n < size) {
        size_t piece = PAGE - (at + n) % PAGE;
        if (piece > size - n)
            piece = size - n;
        const ssize_t got = read_memory(l, pid, at + n, out + n, piece);
        if (got <= 0)
            return -1;
        if (memchr(out + n, '\0', (size_t)got) != NULL)
            return 0;
        n += (size_t)got;
    }
    return -1;
}

void learn_note_text(struct learn_texts *t, const char *text)
{
    for (size_t i = 0; i < t->n; i++) {
        if (strcmp(t->items[i], text) == 0)
            return;
    }
    char *copy = t->n < LEARN_PATHS ? strdup(text) : NULL;
    if (copy != NULL)
        t->items[t->n++] = copy;
    else
        t->n_dropped++;
}

/* ---- files
 * ---------------------------------------------------------------------------------------- */

/* Where the path stands among the arguments, and the flags (-1: none). */
struct path_call {
    int number, path, flags;
};

static const struct path_call path_calls[] = {
    {SYS_openat, 1, 2}, {SYS_openat2, 1, -1},   {SYS_newfstatat, 1, -1},
    {SYS_statx, 1, -1}, {SYS_faccessat, 1, -1}, {SYS_faccessat2, 1, -1},
#ifdef SYS_open
    {SYS_open, 0, 1},   {SYS_creat, 0, -1},     {SYS_stat, 0, -1},
    {SYS_lstat, 0, -1}, {SYS_access, 0, -1},
#endif
};

static const struct path_call *find_call(int number)
{
    for (size_t i = 0; i < sizeof path_calls / sizeof *path_calls; i++) {
        if (path_calls[i].number == number)
            return &path_calls[i];
    }
    return NULL;
}

static bool is_open(int number)
{
#ifdef SYS_open
    if (number == SYS_open || number == SYS_creat)
        return true;
#endif
    return number == SYS_openat || number == SYS_openat2;
}

static uint64_t flags_of(struct learn *l, int pid, const struct path_call *c,
                         const struct seccomp_data *call)
{
    struct open_how how = {.flags = 0};
#ifdef SYS_creat
    if (c->number == SYS_creat)
        return O_WRONLY | O_CREAT;
#endif
    if (c->number == SYS_openat2)
        return read_memory(l, pid, call->args[2], &how, sizeof how) > 0 ? how.flags : 0;
    return c->flags >= 0 ? call->args[c->flags] : 0;
}

/* What every box shows, and what no setting does. */
static const char *const shown[] = {
    "/usr",  "/bin",    "/sbin",   "/lib",          "/lib32",           "/lib64",
    "/proc", "/libx32", "/plugin", "/task",         "/etc/ld.so.cache", "/etc/alternatives",
    "/sys",  "/dev",    "/run",    "/etc/localtime"};

static bool is_below(const char *path, const char *dir)
{
    const size_t n = strlen(dir);
    return strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

static bool is_known(const struct learn *l, const char *path)
{
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
        if (is_below(path, shown[i]))
            return true;
    }
    for (size_t i = 0; i < l->n_inputs; i++) {
        if (is_below(path, l->inputs[i]))
            return true;
    }
    return is_below(path, l->own_dir);
}

static void note_write(struct learn *l, const char *path)
{
    if (!is_below(path, "/task") && !is_below(path, l->own_dir) && !is_below(path, "/dev") &&
        !is_below(path, "/proc"))
        learn_note_text(&l->writes, path);
}

/* A library looks at many places before it opens something: folders that it only looks at are no
 * wish. */
static void note_read(struct learn *l, const char *path, bool is_opened)
{
    char real[PATH_MAX];
    struct stat st;
    if (is_below(path, "/dev/dri") || strncmp(path, "/dev/nvidia", 11) == 0)
        l->wants_gpu = true;
    if (is_known(l, path) || realpath(path, real) == NULL || is_known(l, real) ||
        stat(real, &st) < 0 || strcmp(real, "/") == 0)
        return;
    if (S_ISREG(st.st_mode) || (S_ISDIR(st.st_mode) && is_opened))
        learn_note_text(&l->reads, path);
}

void learn_note_path(struct learn *l, int pid, const struct seccomp_data *call)
{
    char path[PATH_MAX];
    const struct path_call *c = find_call(call->nr);
    if (c == NULL || read_text(l, pid, call->args[c->path], path, sizeof path) < 0 ||
        path[0] != '/')
        return;
    const uint64_t flags = flags_of(l, pid, c, call);
    if ((flags & (O_CREAT | O_ACCMODE)) != 0)
        note_write(l, path);
    else
        note_read(l, path, is_open(call->nr));
}

/* ---- addresses
 * ------------------------------------------------------------------------------------ */

static void note_port(struct learn *l, uint16_t port)
{
    for (size_t i = 0; i < l->n_ports; i++) {
        if (l->ports[i] == port)
            return;
    }
    if (l->n_ports < LEARN_PORTS)
        l->ports[l->n_ports++] = port;
    else
        l->has_more_ports = true;
}

static void note_host(struct learn *l, int family, const void *host, uint16_t port, bool is_stream)
{
    char text[LEARN_ADDRESS], name[INET6_ADDRSTRLEN];
    if (inet_ntop(family, host, name, sizeof name) == NULL)
        return;
    snprintf(text, sizeof text, family == AF_INET6 ? "[%s]:%u (%s)" : "%s:%u (%s)", name, port,
             is_stream ? "TCP" : "UDP");
    learn_note_text(&l->hosts, text);
    if (is_stream && port != 0)
        note_port(l, port);
}

void learn_note_address(struct learn *l, int pid, const struct seccomp_data *call, bool is_stream)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } a;
    const uint64_t len = call->args[2] < sizeof a ? call->args[2] : sizeof a;
    memset(&a, 0, sizeof a);
    if (read_memory(l, pid, call->args[1], &a, (size_t)len) != (ssize_t)len)
        return;
    if (a.any.sa_family == AF_INET)
        note_host(l, AF_INET, &a.v4.sin_addr, ntohs(a.v4.sin_port), is_stream);
    else if (a.any.sa_family == AF_INET6)
        note_host(l, AF_INET6, &a.v6.sin6_addr, ntohs(a.v6.sin6_port), is_stream);
}
