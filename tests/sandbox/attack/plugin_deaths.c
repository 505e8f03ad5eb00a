/* plugin_deaths.c: TEST PLUGIN, bad on purpose: every way to die, with and without an answer. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "attack.h"

enum { PAGE = 4096 };

ATTACK_RAW static const char *segv(const struct attack_call *call)
{
    (void)call;
    *(volatile int *)16 = 1;
    return "done";
}

static const char *raise_it(const struct attack_call *call)
{
    raise(atoi(call->argument));
    return "done";
}

static const char *abort_it(const struct attack_call *call)
{
    (void)call;
    abort();
}

ATTACK_RAW static const char *divide(const struct attack_call *call)
{
    volatile int zero = call->argument != NULL, one = 1, got;
    got = one / zero; /* NOLINT(clang-analyzer-core.DivideZero): the attack */
    return got == 1 ? "done" : "divided";
}

static const char *illegal(const struct attack_call *call)
{
    (void)call;
#if defined(__x86_64__)
    __asm__ volatile("ud2");
#else
    raise(SIGILL);
#endif
    return "done";
}

/* A mapped file that is shorter than its mapping. */
static const char *bus(const struct attack_call *call)
{
    const int fd = open(attack_own_path("short"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    volatile char *at = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
    (void)call;
    return at[0] == 1 ? "done" : "read";
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winfinite-recursion"
ATTACK_RAW static int recurse(volatile int n)
{
    volatile char room[PAGE];
    room[0] = (char)n;
    return n < 0 ? 0 : recurse(n + 1) + room[0];
}
#pragma GCC diagnostic pop

static const char *overflow(const struct attack_call *call)
{
    (void)call;
    return recurse(1) == 42 ? "done" : "the stack has no end";
}

/* Called through a pointer, so that no compiler sees what is done. */
static const char *double_free(const struct attack_call *call)
{
    static void (*volatile release)(void *) = free;
    void *volatile piece = malloc(100000);
    (void)call;
    release(piece);
    release(piece); /* NOLINT: the attack */
    return "done";
}

ATTACK_RAW static const char *long_jump(const struct attack_call *call)
{
    static jmp_buf nowhere;
    (void)call;
    longjmp(nowhere, 1);
}

static const char *exit_with(const struct attack_call *call)
{
    exit(atoi(call->argument));
}

static const char *exit_at_once(const struct attack_call *call)
{
    _exit(atoi(call->argument));
}

static const char *exit_thread(const struct attack_call *call)
{
    (void)call;
    pthread_exit(NULL);
}

/* The system calls of other architectures. */
static const char *call_32_bit(const struct attack_call *call)
{
    (void)call;
#if defined(__x86_64__)
    int got = 20; /* getpid */
    __asm__ volatile("int $0x80" : "+a"(got)::"memory");
    return got > 0 ? "done" : "refused";
#else
    return "refused";
#endif
}

static const char *call_x32(const struct attack_call *call)
{
    (void)call;
    return attack_answer(syscall(0x40000000 | SYS_getpid));
}

/* Secrets in memory and then a crash: no file may hold them. */
static const char *crash_with_secret(const struct attack_call *call)
{
    char secret[64];
    snprintf(secret, sizeof secret, "%s", "the secret of a task");
    (void)call;
    raise(secret[0] == 't' ? SIGQUIT : 0);
    return secret[0] == 't' ? "done" : "forgotten";
}

const struct attack attacks_by_dying[] = {
    {"die_segv", segv, NULL},
    {"die_abort", abort_it, NULL},
    {"die_fpe", divide, NULL},
    {"die_ill", illegal, NULL},
    {"die_bus", bus, NULL},
    {"die_stack", overflow, NULL},
    {"die_double_free", double_free, NULL},
    {"die_long_jump", long_jump, NULL},
    {"die_term", raise_it, "15"},
    {"die_kill", raise_it, "9"},
    {"die_xcpu", raise_it, "24"},
    {"die_sys", raise_it, "31"},
    {"exit_0", exit_with, "0"},
    {"exit_3", exit_with, "3"},
    {"exit_at_once_0", exit_at_once, "0"},
    {"exit_at_once_3", exit_at_once, "3"},
    {"exit_thread", exit_thread, NULL},
    {"int80", call_32_bit, NULL},
    {"x32", call_x32, NULL},
    {"crash_with_secret", crash_with_secret, NULL},
    {NULL, NULL, NULL},
};
