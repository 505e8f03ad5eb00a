/*
 * profile_plugin.c: TEST PLUGIN: tries what a profile allows or not. Params: {"do":"connect 80"}; the
 * result is the errno, 0 for success.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <penstock/plugin.h>

enum { MPTCP = 262, PAGE = 4096, DRIVER_REQUEST = 0x4627 };

static int try_open(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK, 0600);
    if (fd < 0)
        return errno;
    close(fd);
    return 0;
}

static int deed_read(const char *arg)
{
    char byte;
    int fd = open(arg, O_RDONLY | O_CLOEXEC);
    const int rc = fd < 0 || read(fd, &byte, 1) < 0 ? errno : 0;
    if (fd >= 0)
        close(fd);
    return rc == EISDIR ? 0 : rc;
}

static int deed_write(const char *arg)
{
    return try_open(arg, O_RDWR);
}

static int deed_make(const char *arg)
{
    return try_open(arg, O_WRONLY | O_CREAT | O_EXCL);
}

static struct sockaddr_in loopback(const char *port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)atoi(port)),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* What is asked of a socket of that kind. */
static int with_socket(int type, int protocol, const char *port,
                       int (*fn)(int, const struct sockaddr *, socklen_t))
{
    const struct sockaddr_in a = loopback(port);
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, protocol);
    if (fd < 0)
        return errno;
    const int rc = fn(fd, (const struct sockaddr *)&a, sizeof a) < 0 ? errno : 0;
    close(fd);
    return rc;
}

static int deed_connect(const char *arg)
{
    return with_socket(SOCK_STREAM, 0, arg, connect);
}

static int deed_bind(const char *arg)
{
    return with_socket(SOCK_STREAM, 0, arg, bind);
}

static int deed_udp(const char *arg)
{
    return with_socket(SOCK_DGRAM, 0, arg, connect);
}

static int deed_mptcp(const char *arg)
{
    return with_socket(SOCK_STREAM, MPTCP, arg, connect);
}

static int deed_resolver(const char *arg)
{
    (void)arg;
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    close(fd);
    return 0;
}

static int deed_memfd(const char *arg)
{
    int fd = memfd_create("probe", MFD_CLOEXEC);
    (void)arg;
    if (fd < 0)
        return errno;
    close(fd);
    return 0;
}

static int deed_pages(const char *arg)
{
    void *page =
        mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    (void)arg;
    if (page == MAP_FAILED)
        return errno;
    munmap(page, PAGE);
    return 0;
}

static int deed_pair(const char *arg)
{
    int pair[2];
    char byte = 'x';
    (void)arg;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return errno;
    const int rc = send(pair[0], &byte, 1, 0) == 1 && recv(pair[1], &byte, 1, 0) == 1 ? 0 : errno;
    close(pair[0]);
    close(pair[1]);
    return rc;
}

static int deed_ioctl(const char *arg)
{
    int fd = open(arg, O_RDWR | O_CLOEXEC);
    int rc = fd < 0 ? errno : 0;
    if (fd >= 0 && ioctl(fd, DRIVER_REQUEST, NULL) < 0)
        rc = errno;
    if (fd >= 0)
        close(fd);
    return rc;
}

static int deed_exec(const char *arg)
{
    char *argv[] = {(char[]){"program"}, NULL};
    int status = -1;
    const pid_t pid = fork();
    if (pid < 0)
        return errno;
    if (pid == 0) {
        execv(arg, argv);
        _exit(1);
    }
    return waitpid(pid, &status, 0) == pid && status == 0 ? 0 : ECHILD;
}

/* A process of that name that stays; told is closed once it has the name. */
static _Noreturn void stay(const char *name, int told)
{
    prctl(PR_SET_NAME, name);
    signal(SIGTERM, SIG_IGN);
    setsid();
    close(told);
    for (;;)
        pause();
}

static int deed_leave(const char *arg)
{
    int ends[2];
    char byte;
    if (pipe(ends) < 0)
        return errno;
    const pid_t pid = fork();
    if (pid == 0)
        stay(arg, ends[1]);
    close(ends[1]);
    (void)!read(ends[0], &byte, 1);
    close(ends[0]);
    return pid < 0 ? errno : 0;
}

static int deed_daemon(const char *arg)
{
    const pid_t pid = fork();
    if (pid < 0)
        return errno;
    if (pid == 0)
        _exit(deed_leave(arg));
    return waitpid(pid, NULL, 0) == pid ? 0 : errno;
}

/* The process of that name is there for as long as the task. */
static int deed_hang(const char *arg)
{
    const int rc = deed_daemon(arg);
    if (rc != 0)
        return rc;
    for (;;)
        pause();
}

static const struct {
    const char *name;
    int (*fn)(const char *arg);
} deeds[] = {
    {"read", deed_read},         {"write", deed_write}, {"make", deed_make},
    {"connect", deed_connect},   {"bind", deed_bind},   {"udp", deed_udp},
    {"mptcp", deed_mptcp},       {"memfd", deed_memfd}, {"pages", deed_pages},
    {"resolver", deed_resolver}, {"pair", deed_pair},   {"ioctl", deed_ioctl},
    {"exec", deed_exec},         {"leave", deed_leave}, {"daemon", deed_daemon},
    {"hang", deed_hang},
};

/* {"do":"word argument"} */
static int split(const pen_task *task, char *word, size_t size, char *arg)
{
    const char *colon = memchr(task->params.data, ':', task->params.len);
    const char *at = colon != NULL ? strchr(colon, '"') : NULL;
    const char *end = at != NULL ? strchr(at + 1, '"') : NULL;
    const size_t n = end != NULL ? (size_t)(end - at - 1) : size;
    if (n >= size)
        return -1;
    memcpy(word, at + 1, n);
    word[n] = '\0';
    char *space = strchr(word, ' ');
    strcpy(arg, space != NULL ? space + 1 : "");
    if (space != NULL)
        *space = '\0';
    return 0;
}

static pen_status run_probe(void *self, const pen_host *host, const pen_task *task)
{
    char word[1024], arg[1024], json[32];
    (void)self;
    if (split(task, word, sizeof word, arg) < 0)
        return host->fail(host, PEN_E_INPUT, "nothing to do");
    for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++) {
        if (strcmp(deeds[i].name, word) != 0)
            continue;
        const int n = snprintf(json, sizeof json, "%d", deeds[i].fn(arg));
        return host->result(host, NULL, (pen_bytes){json, (size_t)n});
    }
    return host->fail(host, PEN_E_INPUT, "an unknown deed");
}

/* Leaves a process that is to live as long as the worker. */
static pen_status open_helper(const pen_host *host, const char *config, void **self)
{
    (void)host;
    (void)config;
    *self = NULL;
    return deed_leave("pen-helper") == 0 ? PEN_OK : PEN_E_INTERNAL;
}

static const pen_pipeline p_probe = {
    .size = sizeof(pen_pipeline), .slug = "probe", .version = "1", .run = run_probe};
static const pen_pipeline p_helper = {.size = sizeof(pen_pipeline),
                                      .slug = "helper",
                                      .version = "1",
                                      .open = open_helper,
                                      .run = run_probe};
static const char *const network[] = {"network", NULL};
static const pen_pipeline p_wants = {.size = sizeof(pen_pipeline),
                                     .slug = "wants",
                                     .version = "1",
                                     .needs = network,
                                     .run = run_probe};

static const pen_pipeline *const pipelines[] = {&p_probe, &p_helper, &p_wants, NULL};

const pen_plugin pen_plugin_entry = {PEN_PLUGIN_HEADER, .id = "org.penstock.test.profile",
                                     .version = "1.0.0", .pipelines = pipelines};
