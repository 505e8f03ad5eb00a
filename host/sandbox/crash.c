/* crash.c: writes down how the plugin's process dies. Runs in zygote, tasks and warm workers.
 * Everything in the handler is async-signal-safe, or warmed up before (the unwinder). */
#include "sandbox/crash.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "sandbox/chan.h"
#include "sandbox/crash_frames.h"
#include "sandbox/verdict.h"

enum {
    STACK_SIZE = 64 * 1024, /* the unwinder alone takes some 10 KiB */
    PROBE_SMALL = 64 * 1024,
    PROBE_SHARE = 16, /* of the memory limit */
    NEAR_NULL = 64 * 1024,
    BY_FILTER = 1 /* the kernel's SYS_SECCOMP, which libc does not have */
};

/* A signal handler has no context of its own: the one mutable global of the plugin's process. */
static struct {
    struct slot_page *page;
    size_t probe;
    atomic_flag is_taken; /* the first thread that dies is the one that is told of */
} crash;

static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS, SIGTRAP};

static _Noreturn void die_of(int signo)
{
    sigset_t set;
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigemptyset(&set);
    sigaddset(&set, signo);
    sigaction(signo, &action, NULL);
    /* Raised again rather than returned to: a signal that was sent would not come back. */
    syscall(SYS_tgkill, getpid(), (pid_t)syscall(SYS_gettid), signo);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    _exit(128 + signo);
}

/*
 * A plugin that does not check malloc dies near address 0, or by abort: then errno still is what
 * malloc has left there, for worker.c clears it before each task. Where something has
 * overwritten it, a mapping is tried: the limit is nearly used up, but not to the last page, because
 * a chunk of the plugin's size did not fit. So those deaths are tried with a large piece, others
 * with a small one.
 */
static bool is_out_of_memory(int signo, const siginfo_t *info, int error)
{
    bool is_null = signo == SIGABRT || (signo == SIGSEGV && (uintptr_t)info->si_addr < NEAR_NULL);
    if (is_null && error == ENOMEM)
        return true;
    size_t size = is_null ? crash.probe : PROBE_SMALL;
    void *piece = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (piece == MAP_FAILED)
        return true;
    munmap(piece, size);
    return false;
}

static void put_report(struct crash_report *c, int signo, const siginfo_t *info,
                       const ucontext_t *context, int error)
{
    c->signal = signo;
    c->code = info->si_code;
    /* Only the kernel's filter names a call; the signal can also be sent. */
    c->syscall = signo == SIGSYS && info->si_code == BY_FILTER ? info->si_syscall : -1;
    c->address = (uint64_t)(uintptr_t)info->si_addr;
    c->is_out_of_memory = is_out_of_memory(signo, info, error);
    crash_frames_first(c, context);
    /* Complete before the unwinder runs, which may itself fall over a broken stack. */
    __atomic_store_n(&c->is_set, 1, __ATOMIC_RELEASE);
    crash_frames_all(c, context);
}

static void print(const char *text)
{
    (void)!write(STDERR_FILENO, text, strlen(text));
}

/* While the plugin is loaded there is no page; what is printed comes into the reason. */
static void print_report(int signo, const siginfo_t *info, const ucontext_t *context, int error)
{
    struct crash_report c;
    const bool is_call = signo == SIGSYS && info->si_code == BY_FILTER;
    if (is_call && syscall_name(info->si_syscall) != NULL) {
        print("called ");
        print(syscall_name(info->si_syscall));
        print(", which its box forbids\n");
    }
    if (is_out_of_memory(signo, info, error))
        print("its memory had run out\n");
    crash_frames_first(&c, context);
    crash_frames_all(&c, context);
    crash_frames_print(&c, STDERR_FILENO);
}

/* Another thread writes its report, and ends the process then. */
static void wait_for_end(void)
{
    for (;;)
        poll(NULL, 0, 1000);
}

static void on_crash(int signo, siginfo_t *info, void *context)
{
    const int error = errno;
    if (atomic_flag_test_and_set(&crash.is_taken))
        wait_for_end();
    if (crash.page != NULL)
        put_report(&crash.page->crash, signo, info, context, error);
    else
        print_report(signo, info, context, error);
    die_of(signo);
}

static int set_stack(void)
{
    void *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED)
        return -1;
    return sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = STACK_SIZE}, NULL);
}

int crash_setup(uint64_t memory_limit_bytes)
{
    struct sigaction action = {.sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    uint64_t probe = memory_limit_bytes / PROBE_SHARE;
    crash.probe = probe > PROBE_SMALL ? (size_t)probe : PROBE_SMALL;
    crash_frames_prepare();
    if (set_stack() < 0)
        return -1;
    sigfillset(&action.sa_mask);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        if (sigaction(signals[i], &action, NULL) < 0)
            return -1;
    }
    return 0;
}

void crash_set_page(struct slot_page *page)
{
    crash.page = page;
}

_Noreturn void crash_out_of_memory(void)
{
    struct crash_report *c = crash.page != NULL ? &crash.page->crash : NULL;
    if (c != NULL) {
        c->signal = SIGABRT;
        c->code = SI_TKILL;
        c->syscall = -1;
        c->is_out_of_memory = 1;
        c->n_frames = c->n_modules = 0;
        __atomic_store_n(&c->is_set, 1, __ATOMIC_RELEASE);
    }
    die_of(SIGABRT);
}
