/*
 * walls.c: TEST PLUGIN, bad on purpose: tries what a box forbids. Where the box answers with an
 * error, the result is
 * {"errno": n}; where the call went through, {"errno": 0}; where the box ends the task, there is
 * none.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "misbehave.h"

pen_status run_fork(void *self, const pen_host *host, const pen_task *task)
{
    pid_t child = fork();
    int error = child < 0 ? errno : 0;
    (void)self;
    (void)task;
    if (child == 0)
        _exit(0);
    if (child > 0)
        waitpid(child, NULL, 0);
    return give_int(host, "errno", error);
}

pen_status run_exec(void *self, const pen_host *host, const pen_task *task)
{
    char name[] = "/bin/true";
    char *argv[] = {name, NULL};
    char *envp[] = {NULL};
    (void)self;
    (void)task;
    execve(name, argv, envp);
    return give_int(host, "errno", errno);
}

pen_status run_socket(void *self, const pen_host *host, const pen_task *task)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int error = fd < 0 ? errno : 0;
    (void)self;
    (void)task;
    if (fd >= 0)
        close(fd);
    return give_int(host, "errno", error);
}

pen_status run_write_etc(void *self, const pen_host *host, const pen_task *task)
{
    static const char path[] = "/etc/penstock-test-of-the-sandbox";
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int error = fd < 0 ? errno : 0;
    (void)self;
    (void)task;
    if (fd >= 0) {
        close(fd);
        unlink(path);
    }
    return give_int(host, "errno", error);
}

pen_status run_ptrace(void *self, const pen_host *host, const pen_task *task)
{
    long rc = ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    (void)self;
    (void)task;
    return give_int(host, "errno", rc < 0 ? errno : 0);
}

static void *do_nothing(void *arg)
{
    return arg;
}

/* Starts and joins {"n": 4} threads one after another. */
pen_status run_threads(void *self, const pen_host *host, const pen_task *task)
{
    long n = param_int(task, "n", 4);
    (void)self;
    for (long i = 0; i < n; i++) {
        pthread_t thread;
        int error = pthread_create(&thread, NULL, do_nothing, NULL);
        if (error != 0)
            return give_int(host, "errno", error);
        pthread_join(thread, NULL);
    }
    return give_int(host, "errno", 0);
}
