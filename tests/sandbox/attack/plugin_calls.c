/* plugin_calls.c: TEST PLUGIN, bad on purpose: system calls that no box lets through, each with
 * arguments that would change nothing on a machine that let them. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "attack.h"

#define P(object) ((long)(uintptr_t)(object))

struct call {
    const char *name;
    long number;
    long args[6];
};

static struct sched_param first = {.sched_priority = 1};
static struct rlimit above = {1 << 20, 1 << 20}, below = {8, 8};
static struct timespec epoch;
static struct timeval epoch_us;
static char zeros[512], number_only[] = "attack", root[] = "/", here[] = ".", type[] = "tmpfs",
                        dev[] = "/dev/null", own_name[] = "penstock-attack";
static struct {
    int handle[2];
    char bytes[8];
} handle = {{8, 1}, ""};
/* perf_event_attr of the software clock, version 0 */
static uint32_t perf[16] = {1, 64};
static uint32_t capability[2] = {0x20080522, 0};

static const struct call calls[] = {
    {"keyctl", SYS_keyctl, {0, -3, 0}},
    {"add_key", SYS_add_key, {P("user"), P(number_only), P(zeros), 1, -3}},
    {"request_key", SYS_request_key, {P("user"), P(number_only), 0, -3}},
    {"bpf", SYS_bpf, {0, P(zeros), 48}},
    {"perf_event_open", SYS_perf_event_open, {P(perf), 0, -1, -1, 0}},
    {"userfaultfd", SYS_userfaultfd, {1}},
    {"io_uring_setup", SYS_io_uring_setup, {1, P(zeros)}},
    {"io_uring_enter", SYS_io_uring_enter, {-1, 0, 0, 0}},
    {"io_setup", SYS_io_setup, {1, P(zeros)}},
    {"memfd_create", SYS_memfd_create, {P(number_only), 0}},
    {"memfd_secret", 447, {0}},
    {"mount", SYS_mount, {P(type), P("/dev"), P(type), MS_RDONLY, 0}},
    {"umount2", SYS_umount2, {P("/nowhere"), 0}},
    {"fsopen", SYS_fsopen, {P(type), 1}},
    {"open_tree", SYS_open_tree, {AT_FDCWD, P(root), 1}},
    {"move_mount", SYS_move_mount, {-1, P(""), -1, P(""), 0}},
    {"mount_setattr", SYS_mount_setattr, {AT_FDCWD, P(root), 0, P(zeros), 32}},
    {"pivot_root", SYS_pivot_root, {P(here), P(here)}},
    {"chroot", SYS_chroot, {P(root)}},
    {"setns", SYS_setns, {-1, 0}},
    {"unshare_user", SYS_unshare, {CLONE_NEWUSER}},
    {"unshare_mount", SYS_unshare, {CLONE_NEWNS}},
    {"unshare_net", SYS_unshare, {CLONE_NEWNET}},
    {"unshare_files", SYS_unshare, {CLONE_FILES}},
    {"open_by_handle_at", SYS_open_by_handle_at, {AT_FDCWD, P(&handle), 0}},
    {"name_to_handle_at", SYS_name_to_handle_at, {AT_FDCWD, P(root), P(&handle), P(zeros), 0}},
    {"personality", SYS_personality, {ADDR_NO_RANDOMIZE}},
    {"clock_settime", SYS_clock_settime, {CLOCK_REALTIME, P(&epoch)}},
    {"clock_adjtime", SYS_clock_adjtime, {CLOCK_REALTIME, P(zeros)}},
    {"adjtimex", SYS_adjtimex, {P(zeros)}},
    {"settimeofday", SYS_settimeofday, {P(&epoch_us), 0}},
    {"setrlimit_up", SYS_setrlimit, {RLIMIT_NOFILE, P(&above)}},
    {"prlimit_up", SYS_prlimit64, {0, RLIMIT_NOFILE, P(&above), 0}},
    {"prlimit_core", SYS_prlimit64, {0, RLIMIT_CORE, P(&above), 0}},
    {"prlimit_down", SYS_prlimit64, {0, RLIMIT_CPU, P(&below), 0}},
    {"dumpable", SYS_prctl, {PR_SET_DUMPABLE, 1}},
    {"death_signal", SYS_prctl, {PR_SET_PDEATHSIG, 0}},
    {"ptracer", SYS_prctl, {0x59616d61, -1}},
    {"subreaper", SYS_prctl, {PR_SET_CHILD_SUBREAPER, 1}},
    {"keep_caps", SYS_prctl, {PR_SET_KEEPCAPS, 1}},
    {"ambient", SYS_prctl, {PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 0}},
    {"securebits", SYS_prctl, {PR_SET_SECUREBITS, 0}},
    {"speculation", SYS_prctl, {PR_SET_SPECULATION_CTRL, 0, 2}},
    {"mm_exe_file", SYS_prctl, {PR_SET_MM, PR_SET_MM_EXE_FILE, 0}},
    {"syscall_dispatch", SYS_prctl, {59, 1, 0, 0, 0}},
    {"nice_up", SYS_setpriority, {PRIO_PROCESS, 0, -10}},
    {"fifo", SYS_sched_setscheduler, {0, SCHED_FIFO, P(&first)}},
    {"ioprio", SYS_ioprio_set, {1, 0, 0x2000}},
    {"shmget", SYS_shmget, {0, 4096, 01600}},
    {"semget", SYS_semget, {0, 1, 01600}},
    {"msgget", SYS_msgget, {0, 01600}},
    {"mq_open", SYS_mq_open, {P(own_name), O_RDWR | O_CREAT, 0600, 0}},
    {"setuid", SYS_setuid, {0}},
    {"setgid", SYS_setgid, {0}},
    {"setresuid", SYS_setresuid, {0, 0, 0}},
    {"setgroups", SYS_setgroups, {0, 0}},
    {"capset", SYS_capset, {P(capability), P(zeros)}},
    {"mknod", SYS_mknod, {P("/nowhere/null"), 020666, 0x103}},
    {"mknodat", SYS_mknodat, {-1, P("null"), 020666, 0x103}},
    {"seccomp", SYS_seccomp, {2, 0, P("\0\0\0\0")}},
    {"seccomp_listener", SYS_seccomp, {1, 8, P(zeros)}},
    {"landlock", SYS_landlock_create_ruleset, {P(zeros), 8, 0}},
    {"sigqueueinfo", SYS_rt_sigqueueinfo, {1, SIGCONT, P(zeros)}},
    {"tgsigqueueinfo", SYS_rt_tgsigqueueinfo, {1, 1, SIGCONT, P(zeros)}},
    {"kcmp", SYS_kcmp, {1, 1, 0, 0, 0}},
    {"kexec_load", SYS_kexec_load, {0, 0, 0, 0}},
    {"init_module", SYS_init_module, {P(zeros), 0, P("")}},
    {"finit_module", SYS_finit_module, {-1, P(""), 0}},
    {"delete_module", SYS_delete_module, {P("penstock-attack"), O_NONBLOCK}},
    {"reboot", SYS_reboot, {0, 0, 0, 0}},
    {"swapon", SYS_swapon, {P("/nowhere"), 0}},
    {"swapoff", SYS_swapoff, {P("/nowhere")}},
    {"acct", SYS_acct, {P("/nowhere")}},
    {"quotactl", SYS_quotactl, {0x800001 << 8, P(dev), 0, 0}},
#if defined(__x86_64__)
    {"iopl", SYS_iopl, {3}},
    {"ioperm", SYS_ioperm, {0x80, 1, 1}},
    {"modify_ldt", SYS_modify_ldt, {0, P(zeros), sizeof zeros}},
#endif
    {"fanotify_init", SYS_fanotify_init, {0, 0}},
    {"inotify_init", SYS_inotify_init1, {0}},
    {"vhangup", SYS_vhangup, {0}},
    {"syslog", SYS_syslog, {10, 0, 0}},
    {"sethostname", SYS_sethostname, {P("penstock-box"), 12}},
    {"setdomainname", SYS_setdomainname, {P("(none)"), 6}},
    {"lookup_dcookie", 212, {0, P(zeros), 1}},
    {"move_pages", SYS_move_pages, {0, 0, 0, 0, 0, 0}},
    {"migrate_pages", SYS_migrate_pages, {0, 1, P(zeros), P(zeros)}},
    {"process_madvise", SYS_process_madvise, {-1, 0, 0, 0, 0}},
    {"pkey_alloc", SYS_pkey_alloc, {0, 0}},
    {"mlock", SYS_mlock, {P(zeros), 1}},
    {"setxattr", SYS_setxattr, {P(dev), P("user.x"), P(zeros), 1, 0}},
    {"statmount", 457, {P(zeros), P(zeros), sizeof zeros, 0}},
    {"unknown_call", 1999, {0}},
};

/* What would stay behind the process, where it came to be. */
static void undo(const struct call *c, long got)
{
    if (c->number == SYS_shmget)
        syscall(SYS_shmctl, got, 0 /* IPC_RMID */, 0);
    if (c->number == SYS_semget)
        syscall(SYS_semctl, got, 0, 0 /* IPC_RMID */);
    if (c->number == SYS_msgget)
        syscall(SYS_msgctl, got, 0 /* IPC_RMID */, 0);
    if (c->number == SYS_mq_open)
        syscall(SYS_mq_unlink, own_name);
}

static const char *answer_to(const struct call *c)
{
    const long got =
        syscall(c->number, c->args[0], c->args[1], c->args[2], c->args[3], c->args[4], c->args[5]);
    const char *text = attack_answer(got);
    if (got >= 0)
        undo(c, got);
    return text;
}

const char *attack_by_call(const char *name)
{
    for (size_t i = 0; strncmp(name, "call_", 5) == 0 && i < sizeof calls / sizeof *calls; i++) {
        const struct call *c = &calls[i];
        if (strcmp(c->name, name + 5) == 0)
            return answer_to(c);
    }
    return NULL;
}
