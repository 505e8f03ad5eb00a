/* confine_filter.c: loads filters the launcher has built, and small walls of the same kind. Runs in
 * the zygote and in workers, before plugin code or right before a task. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/confine.h"

#ifndef PR_SET_MDWE
#define PR_SET_MDWE              65
#define PR_MDWE_REFUSE_EXEC_GAIN 1
#endif

enum { CPU_BACKSTOP_S = 1, CPU_HARD_S = 2 };

/* TSYNC: a thread that plugin code has started before would else stay outside. */
static int load(const struct sock_fprog *program)
{
    const long rc =
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, program);
    if (rc > 0)
        errno = ESRCH; /* the thread of that id could not be brought under it */
    return rc == 0 ? 0 : -1;
}

static int load_listener(const struct sock_fprog *program)
{
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
                        program);
}

static int load_from(int fd, int (*how)(const struct sock_fprog *program))
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -1;
    if (st.st_size == 0)
        return 0;
    const size_t n = (size_t)st.st_size / sizeof(struct sock_filter);
    if (n > BPF_MAXINSNS || (size_t)st.st_size != n * sizeof(struct sock_filter)) {
        errno = EINVAL;
        return -1;
    }
    struct sock_filter *code = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (code == MAP_FAILED)
        return -1;
    const struct sock_fprog program = {.len = (unsigned short)n, .filter = code};
    const int rc = how(&program);
    const int saved = errno;
    munmap(code, (size_t)st.st_size);
    errno = saved;
    return rc;
}

int confine_load_filter(int fd)
{
    return load_from(fd, load);
}

int confine_load_listener(int fd)
{
    return load_from(fd, load_listener);
}

int confine_own_signals(void)
{
    const uint32_t nr = offsetof(struct seccomp_data, nr);
    const uint32_t low = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0;
    const uint32_t target = offsetof(struct seccomp_data, args) + low;
    /* Only the low half of the argument counts: the kernel takes a 32-bit pid. The architecture
     * needs no look: the filters that lie over this one kill any other. */
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, nr),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_tgkill, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, target),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)getpid(), 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {.len = sizeof code / sizeof *code, .filter = code};
    return load(&program);
}

int confine_cpu(uint32_t cpu_ms)
{
    if (cpu_ms == 0)
        return 0;
    const rlim_t s = ((rlim_t)cpu_ms + 999) / 1000;
    const struct rlimit limit = {s + CPU_BACKSTOP_S, s + CPU_HARD_S};
    return setrlimit(RLIMIT_CPU, &limit);
}

int confine_mdwe(void)
{
    return prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0L, 0L, 0L);
}
