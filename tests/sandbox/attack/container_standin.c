/*
 * container_standin.c: runs a command as a container runtime would with its defaults: the fourteen
 * capabilities of Docker, a filter like Docker's, control groups and /proc/sys read-only. Needs
 * root; --user: the command is then run as nobody.
 *
 *     container_standin [--user] COMMAND [ARG ...]
 */
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NOBODY = 65534, MOUNTS = 64, EXIT_SETUP = 126, EXIT_COMMAND = 127 };

static const int kept[] = {CAP_CHOWN,   CAP_DAC_OVERRIDE, CAP_FSETID,           CAP_FOWNER,
                           CAP_MKNOD,   CAP_NET_RAW,      CAP_SETGID,           CAP_SETUID,
                           CAP_SETFCAP, CAP_SETPCAP,      CAP_NET_BIND_SERVICE, CAP_SYS_CHROOT,
                           CAP_KILL,    CAP_AUDIT_WRITE};

/* Docker's list says what is allowed; of all the rest, this is what anybody tries. */
static const char *const refused[] = {"acct",
                                      "add_key",
                                      "bpf",
                                      "clock_adjtime",
                                      "clock_settime",
                                      "delete_module",
                                      "fanotify_init",
                                      "finit_module",
                                      "fsconfig",
                                      "fsmount",
                                      "fsopen",
                                      "fspick",
                                      "get_mempolicy",
                                      "init_module",
                                      "io_uring_enter",
                                      "io_uring_register",
                                      "io_uring_setup",
                                      "ioperm",
                                      "iopl",
                                      "kcmp",
                                      "kexec_file_load",
                                      "kexec_load",
                                      "keyctl",
                                      "lookup_dcookie",
                                      "mbind",
                                      "mount",
                                      "mount_setattr",
                                      "move_mount",
                                      "move_pages",
                                      "open_by_handle_at",
                                      "open_tree",
                                      "perf_event_open",
                                      "pidfd_getfd",
                                      "pivot_root",
                                      "quotactl",
                                      "quotactl_fd",
                                      "reboot",
                                      "request_key",
                                      "set_mempolicy",
                                      "setdomainname",
                                      "sethostname",
                                      "setns",
                                      "settimeofday",
                                      "swapoff",
                                      "swapon",
                                      "syslog",
                                      "umount",
                                      "umount2",
                                      "unshare",
                                      "userfaultfd",
                                      "vhangup"};

static const uint64_t namespaces[] = {CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNS,    CLONE_NEWNET,
                                      CLONE_NEWIPC,  CLONE_NEWUTS, CLONE_NEWCGROUP};

/* ---- mounts ---- */

static int make_read_only(const char *path)
{
    if (mount(path, path, NULL, MS_BIND | MS_REC, NULL) < 0)
        return -1;
    return mount(NULL, path, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL);
}

/* Collected before any is changed: the list is the kernel's. */
static int control_group_mounts(char (*paths)[256])
{
    char line[1024], type[64], path[256];
    int n = 0;
    FILE *f = fopen("/proc/self/mounts", "re");
    while (f != NULL && n < MOUNTS && fgets(line, sizeof line, f) != NULL) {
        if (sscanf(line, "%*s %255s %63s", path, type) == 2 && strncmp(type, "cgroup", 6) == 0)
            memcpy(paths[n++], path, sizeof path);
    }
    if (f != NULL)
        fclose(f);
    return n;
}

static int hold_mounts(void)
{
    static char paths[MOUNTS][256];
    const int n = control_group_mounts(paths);
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return -1;
    for (int i = 0; i < n; i++) {
        if (make_read_only(paths[i]) < 0)
            return -1;
    }
    if (mount("/dev/null", "/proc/kcore", NULL, MS_BIND, NULL) < 0 && errno != ENOENT)
        return -1;
    return make_read_only("/proc/sys");
}

/* ---- system calls ---- */

static int add_refused(scmp_filter_ctx ctx)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof refused / sizeof *refused; i++) {
        const int number = seccomp_syscall_resolve_name(refused[i]);
        if (number != __NR_SCMP_ERROR)
            rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), number, 0);
    }
    return rc;
}

static int add_rules(scmp_filter_ctx ctx)
{
    int rc = add_refused(ctx);
    for (size_t i = 0; rc == 0 && i < sizeof namespaces / sizeof *namespaces; i++)
        rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                              SCMP_A0(SCMP_CMP_MASKED_EQ, namespaces[i], namespaces[i]));
    if (rc == 0)
        rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    if (rc == 0)
        rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 1,
                              SCMP_A0(SCMP_CMP_EQ, AF_VSOCK, 0));
    return rc;
}

/* Without no_new_privs, as container runtimes do it: so while we may still do everything. */
static int load_filter(void)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
    int rc = ctx != NULL ? seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0) : -ENOMEM;
    if (rc == 0)
        rc = add_rules(ctx);
    if (rc == 0)
        rc = seccomp_load(ctx);
    seccomp_release(ctx);
    errno = -rc;
    return rc == 0 ? 0 : -1;
}

/* ---- rights ---- */

static bool is_kept(int cap)
{
    size_t i = 0;
    while (i < sizeof kept / sizeof *kept && kept[i] != cap)
        i++;
    return i < sizeof kept / sizeof *kept;
}

static int drop_rights(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0, 0, 0}, {0, 0, 0}};
    for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0L, 0L, 0L) >= 0; cap++) {
        if (is_kept(cap))
            data[cap / 32].permitted |= 1U << (cap % 32);
        else if (prctl(PR_CAPBSET_DROP, cap, 0L, 0L, 0L) < 0)
            return -1;
    }
    data[0].effective = data[0].permitted;
    data[1].effective = data[1].permitted;
    return (int)syscall(SYS_capset, &head, data);
}

static int become_nobody(void)
{
    return setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
                   setresuid(NOBODY, NOBODY, NOBODY) < 0
               ? -1
               : 0;
}

int main(int argc, char **argv)
{
    const bool is_user = argc > 1 && strcmp(argv[1], "--user") == 0;
    char **command = argv + 1 + is_user;
    if (argc < 2 + is_user)
        return EXIT_SETUP;
    if (hold_mounts() < 0 || load_filter() < 0 || drop_rights() < 0 ||
        (is_user && become_nobody() < 0)) {
        perror("container_standin");
        return EXIT_SETUP;
    }
    execv(command[0], command);
    perror(command[0]);
    return EXIT_COMMAND;
}
