/*
 * wants.c: TEST PLUGIN, in order: asks for what a box gives only where it is configured, and for
 * what no box gives. It does each deed that its params name: {"deeds": "open connect ...",
 * "file": "/path", "port": "5432"}; the result tells the errno of each, 0 where it went through.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <penstock/plugin.h>

enum { PAGE = 4096, TEXT = 512 };

/* The value of a member; the test writes no escapes. */
static void member(const pen_task *task, const char *name, char *out)
{
    char key[64], text[4 * TEXT];
    snprintf(text, sizeof text, "%.*s", (int)task->params.len, (const char *)task->params.data);
    snprintf(key, sizeof key, "\"%s\":\"", name);
    const char *at = strstr(text, key);
    out[0] = '\0';
    if (at != NULL)
        snprintf(out, TEXT, "%.*s", (int)strcspn(at + strlen(key), "\""), at + strlen(key));
}

static int of_fd(int fd)
{
    if (fd < 0)
        return errno;
    close(fd);
    return 0;
}

static int do_open(const char *file, const char *port)
{
    (void)port;
    return of_fd(open(file, O_RDONLY | O_CLOEXEC));
}

static int do_stat(const char *file, const char *port)
{
    struct stat st;
    (void)port;
    return stat(file, &st) < 0 ? errno : 0;
}

static int do_write(const char *file, const char *port)
{
    (void)port;
    return of_fd(open(file, O_WRONLY | O_CLOEXEC));
}

static int do_connect(const char *file, const char *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
                             .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    const int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int error = fd < 0 ? errno : 0;
    (void)file;
    if (error == 0 && (setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on) < 0 ||
                       connect(fd, (const struct sockaddr *)&at, sizeof at) < 0))
        error = errno;
    if (fd >= 0)
        close(fd);
    return error;
}

static int do_mlock(const char *file, const char *port)
{
    static char bytes[PAGE];
    (void)file;
    (void)port;
    return mlock(bytes, sizeof bytes) < 0 ? errno : 0;
}

static int do_mincore(const char *file, const char *port)
{
    unsigned char there[1];
    void *page = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    (void)file;
    (void)port;
    return page == MAP_FAILED || mincore(page, PAGE, there) < 0 ? errno : 0;
}

static int do_memfd(const char *file, const char *port)
{
    (void)file;
    (void)port;
    return of_fd(memfd_create("wants", MFD_CLOEXEC));
}

static int do_flock(const char *file, const char *port)
{
    (void)file;
    (void)port;
    return flock(STDOUT_FILENO, LOCK_EX) < 0 ? errno : 0;
}

static int do_ptrace(const char *file, const char *port)
{
    (void)file;
    (void)port;
    return ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 ? errno : 0;
}

static int do_rwx(const char *file, const char *port)
{
    void *page =
        mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    (void)file;
    (void)port;
    return page == MAP_FAILED ? errno : 0;
}

static int do_mprotect(const char *file, const char *port)
{
    void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    (void)file;
    (void)port;
    return page == MAP_FAILED || mprotect(page, PAGE, PROT_READ | PROT_EXEC) < 0 ? errno : 0;
}

static const struct {
    const char *name;
    int (*take)(const char *file, const char *port);
} deeds[] = {
    {"open", do_open},       {"stat", do_stat},         {"write", do_write},
    {"connect", do_connect}, {"mlock", do_mlock},       {"mincore", do_mincore},
    {"memfd", do_memfd},     {"flock", do_flock},       {"ptrace", do_ptrace},
    {"rwx", do_rwx},         {"mprotect", do_mprotect},
};

static pen_status run(void *self, const pen_host *host, const pen_task *task)
{
    char wanted[TEXT], file[TEXT], port[TEXT], json[TEXT] = "{";
    size_t n = 1;
    (void)self;
    member(task, "deeds", wanted);
    member(task, "file", file);
    member(task, "port", port);
    for (char *rest = NULL, *word = strtok_r(wanted, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest)) {
        for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++) {
            if (strcmp(deeds[i].name, word) == 0)
                n += (size_t)snprintf(json + n, sizeof json - n, "%s\"%s\":%d", n > 1 ? "," : "",
                                      word, deeds[i].take(file, port));
        }
    }
    n += (size_t)snprintf(json + n, sizeof json - n, "}");
    return host->result(host, "success", (pen_bytes){json, n});
}

static const pen_pipeline wants = {
    .size = sizeof(pen_pipeline), .slug = "wants", .version = "1.0.0", .run = run};
static const pen_pipeline *const pipelines[] = {&wants, NULL};

const pen_plugin pen_plugin_entry = {PEN_PLUGIN_HEADER, .id = "org.penstock.test.wants",
                                     .version = "1.0.0", .pipelines = pipelines};
