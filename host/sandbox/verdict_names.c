/* verdict_names.c: names of the system calls that plugins are refused most. Runs in the core.
 * Others are told by number. */
#include <sys/syscall.h>

#include "sandbox/verdict.h"

#define NAME(call)                                                                                 \
    {                                                                                              \
        SYS_##call, #call                                                                          \
    }

static const struct {
    int number;
    const char *name;
} names[] = {
    NAME(accept),
    NAME(accept4),
    NAME(acct),
    NAME(add_key),
    NAME(adjtimex),
    NAME(bind),
    NAME(bpf),
    NAME(capset),
    NAME(chroot),
    NAME(clock_adjtime),
    NAME(clock_settime),
    NAME(clone),
    NAME(clone3),
    NAME(connect),
    NAME(delete_module),
    NAME(execve),
    NAME(execveat),
    NAME(fanotify_init),
    NAME(finit_module),
#ifdef SYS_fork
    NAME(fork),
#endif
    NAME(fsconfig),
    NAME(fsmount),
    NAME(fsopen),
    NAME(init_module),
    NAME(io_uring_enter),
    NAME(io_uring_register),
    NAME(io_uring_setup),
#ifdef SYS_ioperm
    NAME(ioperm),
#endif
#ifdef SYS_iopl
    NAME(iopl),
#endif
    NAME(ioctl),
    NAME(kcmp),
    NAME(kexec_load),
    NAME(keyctl),
    NAME(kill),
    NAME(landlock_create_ruleset),
    NAME(landlock_restrict_self),
    NAME(listen),
    NAME(lookup_dcookie),
    NAME(memfd_create),
#ifdef SYS_memfd_secret
    NAME(memfd_secret),
#endif
#ifdef SYS_mknod
    NAME(mknod),
#endif
    NAME(mknodat),
#ifdef SYS_modify_ldt
    NAME(modify_ldt),
#endif
    NAME(mount),
    NAME(mount_setattr),
    NAME(move_mount),
    NAME(msgget),
    NAME(name_to_handle_at),
    NAME(open_by_handle_at),
    NAME(open_tree),
    NAME(perf_event_open),
    NAME(personality),
    NAME(pidfd_getfd),
    NAME(pidfd_open),
    NAME(pidfd_send_signal),
    NAME(pivot_root),
    NAME(prctl),
    NAME(prlimit64),
    NAME(process_vm_readv),
    NAME(process_vm_writev),
    NAME(ptrace),
    NAME(quotactl),
    NAME(reboot),
    NAME(request_key),
    NAME(rt_sigqueueinfo),
    NAME(rt_tgsigqueueinfo),
    NAME(sched_setscheduler),
    NAME(seccomp),
    NAME(semget),
    NAME(sendmsg),
    NAME(setdomainname),
    NAME(setgid),
    NAME(setgroups),
    NAME(sethostname),
    NAME(setns),
    NAME(setpriority),
    NAME(setresgid),
    NAME(setresuid),
    NAME(setrlimit),
    NAME(setsid),
    NAME(settimeofday),
    NAME(setuid),
    NAME(shmget),
    NAME(socket),
    NAME(socketpair),
    NAME(swapoff),
    NAME(swapon),
    NAME(syslog),
    NAME(tgkill),
    NAME(tkill),
    NAME(umount2),
    NAME(unshare),
#ifdef SYS_uselib
    NAME(uselib),
#endif
    NAME(userfaultfd),
#ifdef SYS_ustat
    NAME(ustat),
#endif
#ifdef SYS_vfork
    NAME(vfork),
#endif
    NAME(vhangup),
    NAME(wait4),
};

const char *syscall_name(int number)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (names[i].number == number)
            return names[i].name;
    }
    return NULL;
}
