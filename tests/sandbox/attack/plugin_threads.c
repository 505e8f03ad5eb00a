/* plugin_threads.c: TEST PLUGIN, bad on purpose: too many threads, and threads that do not end. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "attack.h"

enum { THREADS = 256, STACK = 64 * 1024, BUSY = 4 };

static void *wait_for_ever(void *arg)
{
    for (;;)
        pause();
    return arg;
}

/* Boxes of this attack have sixteen; a few belong to libc and the host. */
static const char *bomb(const struct attack_call *call)
{
    pthread_attr_t attr;
    pthread_t id;
    int n = 0;
    (void)call;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK);
    while (n < THREADS && pthread_create(&id, &attr, wait_for_ever, NULL) == 0)
        n++;
    return n == THREADS ? "done" : n <= 32 ? "EAGAIN" : "too many";
}

ATTACK_RAW static void *spin_for_ever(void *arg)
{
    for (volatile unsigned long n = 0;; n++)
        continue;
    return arg;
}

static const char *spin(const struct attack_call *call)
{
    (void)call;
    spin_for_ever(NULL);
    return "done";
}

static const char *spin_many(const struct attack_call *call)
{
    pthread_t id;
    for (int i = 1; i < BUSY; i++)
        pthread_create(&id, NULL, spin_for_ever, NULL);
    return spin(call);
}

static const char *hang(const struct attack_call *call)
{
    (void)call;
    for (;;)
        pause();
    return "done";
}

static void *write_on(void *arg)
{
    for (;;)
        dprintf(STDOUT_FILENO, "still here\n");
    return arg;
}

/* Leaves a thread at work, and returns. */
static const char *leave_thread(const struct attack_call *call)
{
    pthread_t id;
    (void)call;
    return pthread_create(&id, NULL, write_on, NULL) == 0 ? "left" : "EAGAIN";
}

const struct attack attacks_with_threads[] = {
    {"thread_bomb", bomb, NULL},          {"spin", spin, NULL},
    {"spin_many", spin_many, NULL},       {"hang", hang, NULL},
    {"leave_thread", leave_thread, NULL}, {NULL, NULL, NULL},
};
