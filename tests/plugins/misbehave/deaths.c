/* deaths.c: TEST PLUGIN, bad on purpose: tasks that end without an answer. */
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "misbehave.h"

/* SIGSEGV, or params {"signal": n}: that one. */
MISBEHAVE_RAW pen_status run_crash(void *self, const pen_host *host, const pen_task *task)
{
    int number = (int)param_int(task, "signal", 0);
    (void)self;
    (void)host;
    if (number > 0)
        raise(number);
    *(volatile int *)16 = 1;
    return PEN_OK;
}

pen_status run_abort(void *self, const pen_host *host, const pen_task *task)
{
    (void)self;
    (void)host;
    (void)task;
    abort();
}

/* Busy for ever; deaf to should_stop. */
pen_status run_loop(void *self, const pen_host *host, const pen_task *task)
{
    volatile unsigned long n = 0;
    (void)self;
    (void)host;
    (void)task;
    for (;;)
        n++;
    return PEN_OK;
}

/* Waits {"ms": n}, without it for ever. {"deaf": 1}: takes no notice of should_stop. */
pen_status run_sleep(void *self, const pen_host *host, const pen_task *task)
{
    long ms = param_int(task, "ms", LONG_MAX);
    (void)self;
    if (wait_ms(host, ms, param_int(task, "deaf", 0) == 0))
        return host->fail(host, PEN_E_CANCELLED, "stopped");
    return give_int(host, "slept", ms);
}

/* _exit({"status": n}), 3 without it; {"result": 1}: after a good result. */
pen_status run_exit3(void *self, const pen_host *host, const pen_task *task)
{
    (void)self;
    if (param_int(task, "result", 0) != 0)
        give_int(host, "before", 1);
    _exit((int)param_int(task, "status", 3));
}

/* Takes memory until there is none, {"mb": n} at most. Then asks for a retry, or with {"crash": 1}
 * writes through the null pointer. */
MISBEHAVE_RAW pen_status run_leak(void *self, const pen_host *host, const pen_task *task)
{
    const size_t step = (size_t)1 << 20;
    long most = param_int(task, "mb", 1L << 20);
    (void)self;
    for (long i = 0; i < most; i++) {
        char *chunk = malloc(step);
        if (chunk == NULL && param_int(task, "crash", 0) == 0)
            return host->fail(host, PEN_E_RETRY, "out of memory"); /* NOLINT: it is a leak */
        memset(chunk, 1, step); /* NOLINT: NULL is the crash that was asked for */
    }
    return give_int(host, "mb", most); /* NOLINT: it is a leak */
}
