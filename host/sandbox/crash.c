/* crash.c: writes down how the plugin's process dies. Runs in zygote, tasks and warm workers.
 * Everything in the handler is async-signal-safe, or warmed up before (the unwinder). */
#include "sandbox/crash.h"

#include <execinfo.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "sandbox/chan.h"

enum {
    STACK_SIZE = 64 * 1024, /* the unwinder alone takes some 10 KiB */
    SKIPPED_FRAMES = 2,     /* the handler and the kernel's trampoline */
    PROBE_SMALL = 64 * 1024,
    PROBE_SHARE = 16, /* of the memory limit */
    NEAR_NULL = 64 * 1024,
    BY_FILTER = 1 /* the kernel's SYS_SECCOMP, which libc does not have */
};

/* A signal handler has no context of its own: the one mutable global of the plugin's process. */
static struct {
    struct slot_page *page;
    const void *plugin_base;
    size_t probe;
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
 * A plugin that does not check malloc dies near address 0, or by abort. The limit is then nearly
 * used up, but not to the last page: a chunk of the plugin's size did not fit. So those deaths are
 * tried with a large piece, others with a small one.
 */
static bool is_out_of_memory(int signo, const siginfo_t *info)
{
    bool is_null = signo == SIGABRT || (signo == SIGSEGV && (uintptr_t)info->si_addr < NEAR_NULL);
    size_t size = is_null ? crash.probe : PROBE_SMALL;
    void *piece = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (piece == MAP_FAILED)
        return true;
    munmap(piece, size);
    return false;
}

static uint64_t pc_of(const void *context)
{
    const ucontext_t *u = context;
#if defined(__x86_64__)
    return (uint64_t)u->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    return u->uc_mcontext.pc;
#else
    (void)u;
    return 0;
#endif
}

static void put_frames(struct crash_report *c)
{
    void *frames[CRASH_FRAMES_MAX + SKIPPED_FRAMES];
    int n = backtrace(frames, CRASH_FRAMES_MAX + SKIPPED_FRAMES) - SKIPPED_FRAMES;
    for (int i = 0; i < n; i++)
        c->frames[i] = (uint64_t)(uintptr_t)frames[i + SKIPPED_FRAMES];
    if (n > 0)
        c->n_frames = (uint32_t)n;
}

static void put_report(struct crash_report *c, int signo, const siginfo_t *info,
                       const void *context)
{
    c->signal = signo;
    c->code = info->si_code;
    /* Only the kernel's filter names a call; the signal can also be sent. */
    c->syscall = signo == SIGSYS && info->si_code == BY_FILTER ? info->si_syscall : -1;
    c->address = (uint64_t)(uintptr_t)info->si_addr;
    c->is_out_of_memory = is_out_of_memory(signo, info);
    c->plugin_base = (uint64_t)(uintptr_t)crash.plugin_base;
    c->frames[0] = pc_of(context);
    c->n_frames = 1;
    /* Complete before the unwinder runs, which may itself fall over a broken stack. */
    __atomic_store_n(&c->is_set, 1, __ATOMIC_RELEASE);
    put_frames(c);
}

static void on_crash(int signo, siginfo_t *info, void *context)
{
    void *frames[CRASH_FRAMES_MAX];
    if (crash.page == NULL)
        backtrace_symbols_fd(frames, backtrace(frames, CRASH_FRAMES_MAX), STDERR_FILENO);
    else if (crash.page->crash.is_set == 0)
        put_report(&crash.page->crash, signo, info, context);
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
    void *frame;
    struct sigaction action = {.sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    uint64_t probe = memory_limit_bytes / PROBE_SHARE;
    crash.probe = probe > PROBE_SMALL ? (size_t)probe : PROBE_SMALL;
    backtrace(&frame, 1);
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

void crash_set_plugin(const void *base)
{
    crash.plugin_base = base;
}

_Noreturn void crash_out_of_memory(void)
{
    struct crash_report *c = crash.page != NULL ? &crash.page->crash : NULL;
    if (c != NULL && c->is_set == 0) {
        c->signal = SIGABRT;
        c->code = SI_TKILL;
        c->syscall = -1;
        c->is_out_of_memory = 1;
        c->n_frames = 0;
        __atomic_store_n(&c->is_set, 1, __ATOMIC_RELEASE);
    }
    die_of(SIGABRT);
}
