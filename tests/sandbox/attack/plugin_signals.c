/* plugin_signals.c: TEST PLUGIN, bad on purpose: signals to itself, handlers of its own, timers. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "attack.h"

enum { MANY_SIGNALS = 200000, MANY_TIMERS = 5000 };

static const char *stop(const struct attack_call *call)
{
    (void)call;
    raise(SIGSTOP);
    return "done";
}

static void wait_on(void)
{
    for (;;)
        pause();
}

static const char *block_all(const struct attack_call *call)
{
    sigset_t all;
    (void)call;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    wait_on();
    return "done";
}

static const char *ignore_all(const struct attack_call *call)
{
    (void)call;
    for (int signo = 1; signo < NSIG; signo++)
        signal(signo, SIG_IGN);
    wait_on();
    return "done";
}

/* The kernel's warning that the processor time is used up is not heard. */
ATTACK_RAW static const char *ignore_xcpu(const struct attack_call *call)
{
    (void)call;
    signal(SIGXCPU, SIG_IGN);
    for (volatile unsigned long n = 0;; n++)
        continue;
    return "done";
}

static void nothing(int signo)
{
    (void)signo;
}

static const char *flood(const struct attack_call *call)
{
    (void)call;
    signal(SIGUSR1, nothing);
    for (int i = 0; i < MANY_SIGNALS; i++)
        raise(SIGUSR1);
    return "flooded";
}

static const char *many_timers(const struct attack_call *call)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
    timer_t timer;
    (void)call;
    signal(SIGRTMIN, SIG_IGN);
    for (int i = 0; i < MANY_TIMERS; i++) {
        if (timer_create(CLOCK_MONOTONIC, &event, &timer) < 0)
            return attack_answer(-1);
    }
    return "done";
}

/* Signals that wait count against a limit. */
static const char *queue_to_self(const struct attack_call *call)
{
    sigset_t set;
    const union sigval value = {.sival_int = 1};
    (void)call;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &set, NULL);
    for (int i = 0; i < MANY_SIGNALS; i++) {
        if (sigqueue(getpid(), SIGRTMIN, value) < 0)
            return attack_answer(-1);
    }
    return "done";
}

static sigjmp_buf back;

static void jump_back(int signo)
{
    (void)signo;
    siglongjmp(back, 1);
}

ATTACK_RAW static const char *catch_segv(const struct attack_call *call)
{
    (void)call;
    signal(SIGSEGV, jump_back);
    if (sigsetjmp(back, 1) != 0)
        return "caught";
    *(volatile int *)16 = 1;
    return "done";
}

/* The call is refused all the same; only the report of it is lost. */
static const char *catch_sigsys(const struct attack_call *call)
{
    (void)call;
    signal(SIGSYS, jump_back);
    if (sigsetjmp(back, 1) != 0)
        return "caught";
    return attack_answer(syscall(SYS_ptrace, 0L, 0L, 0L, 0L));
}

/* Blocked, the trap kills. */
static const char *block_sigsys(const struct attack_call *call)
{
    sigset_t all;
    (void)call;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    signal(SIGSYS, SIG_IGN);
    return attack_answer(syscall(SYS_ptrace, 0L, 0L, 0L, 0L));
}

ATTACK_RAW static void never_end(int signo)
{
    (void)signo;
    for (;;)
        continue;
}

ATTACK_RAW static const char *loop_in_handler(const struct attack_call *call)
{
    (void)call;
    signal(SIGSEGV, never_end);
    *(volatile int *)16 = 1;
    return "done";
}

const struct attack attacks_with_signals[] = {
    {"stop", stop, NULL},
    {"block_all", block_all, NULL},
    {"ignore_all", ignore_all, NULL},
    {"ignore_xcpu", ignore_xcpu, NULL},
    {"signal_flood", flood, NULL},
    {"many_timers", many_timers, NULL},
    {"queue_to_self", queue_to_self, NULL},
    {"catch_segv", catch_segv, NULL},
    {"catch_sigsys", catch_sigsys, NULL},
    {"block_sigsys", block_sigsys, NULL},
    {"loop_in_handler", loop_in_handler, NULL},
    {NULL, NULL, NULL},
};
