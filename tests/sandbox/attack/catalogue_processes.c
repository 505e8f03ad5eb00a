/* catalogue_processes.c: attacks of plugin_processes.c and what must come of them. */
#include "suite.h"

/* A process of the one kind that a zygote may make, and that the warden has not ordered, costs the
 * box; the next zygote does the same. */
#define NOT_ORDERED "!PLUGIN_LOAD_FAILED(not ordered)|!SANDBOX_ERROR(the warden of the box ended)"

static const struct attack_case cases[] = {
    TRY("1", "fork", &box_plain, ANYWHERE, "EPERM"),
    TRY("1", "vfork", &box_plain, IN_RUN | IN_OPEN | IN_CONSTRUCTOR, "EPERM"),
    TRY("1", "clone_plain", &box_plain, ANYWHERE, "EPERM"),
    TRY("1", "clone_parent", &box_plain, ANYWHERE, "EPERM|!SANDBOX_VIOLATION(clone)"),
    TRY("1", "clone_untraced", &box_plain, IN_RUN | IN_OPEN, "EPERM"),
    TRY("1", "clone_ordered", &box_own, IN_TASK, "EPERM"),
    TRY("1", "clone_ordered", &box_own, IN_ZYGOTE, NOT_ORDERED),
    TRY("1", "clone3", &box_plain, ANYWHERE, "ENOSYS"),
    TRY("1", "bomb", &box_plain, ANYWHERE, "EPERM"),
    TRY("33", "daemon", &box_plain, ANYWHERE, "EPERM"),
    TRY("23", "clone_user", &box_plain, ANYWHERE, "EPERM|!SANDBOX_VIOLATION(clone)"),
    TRY("23", "clone_net", &box_plain, IN_RUN | IN_OPEN, "EPERM|!SANDBOX_VIOLATION(clone)"),
    TRY("23", "clone_thread_user", &box_plain, IN_RUN | IN_OPEN, "EPERM|!SANDBOX_VIOLATION(clone)"),
    TRY("25", "exec_path", &box_plain, ANYWHERE, "EPERM"),
    TRY("25", "exec_at", &box_plain, IN_RUN | IN_OPEN, "EPERM"),
    TRY("25", "exec_memfd", &box_plain, IN_RUN | IN_OPEN, "EPERM"),
    TRY("25", "exec_memfd", &box_jit, IN_RUN | IN_OPEN, "EPERM"),
    TRY("25", "exec_dropped", &box_plain, IN_RUN, "EPERM"),
    TRY("17", "trace_parent", &box_plain, ANYWHERE, "!SANDBOX_VIOLATION(ptrace)"),
    TRY("17", "trace_zygote", &box_plain, IN_RUN, "!SANDBOX_VIOLATION(ptrace)"),
    TRY("17", "read_memory_parent", &box_plain, ANYWHERE, "!SANDBOX_VIOLATION(process_vm_readv)"),
    TRY("17", "read_memory_zygote", &box_plain, IN_RUN, "!SANDBOX_VIOLATION(process_vm_readv)"),
    TRY("17", "write_memory_parent", &box_plain, IN_RUN | IN_OPEN,
        "!SANDBOX_VIOLATION(process_vm_writev)"),
    TRY("17", "write_memory_zygote", &box_plain, IN_RUN, "!SANDBOX_VIOLATION(process_vm_writev)"),
    TRY("17", "pidfd_parent", &box_plain, ANYWHERE, "EPERM"),
    TRY("17", "getfd_parent", &box_plain, IN_RUN | IN_OPEN, "!SANDBOX_VIOLATION(pidfd_getfd)"),
    TRY("17", "getfd_zygote", &box_plain, IN_RUN, "!SANDBOX_VIOLATION(pidfd_getfd)"),
    TRY("18", "kill_parent", &box_plain, ANYWHERE, "EPERM"),
    TRY("18", "kill_zygote", &box_plain, IN_RUN, "EPERM"),
    TRY("18", "kill_all", &box_plain, ANYWHERE, "EPERM"),
    TRY("18", "tgkill_parent", &box_plain, IN_TASK, "EPERM"),
    /* A zygote has its own tasks to signal, and no filter that could tell them from others. */
    TRY_IF(WALL_LANDLOCK, "18", "tgkill_parent", &box_plain, IN_ZYGOTE, "EPERM"),
    TRY("18", "tgkill_zygote", &box_plain, IN_RUN, "EPERM"),
    TRY("18", "tkill_zygote", &box_plain, IN_RUN, "EPERM"),
    TRY("18", "sigqueue_parent", &box_plain, ANYWHERE, "!SANDBOX_VIOLATION(rt_sigqueueinfo)"),
    TRY("18", "pidfd_signal_parent", &box_plain, IN_RUN | IN_OPEN,
        "!SANDBOX_VIOLATION(pidfd_send_signal)"),
    TRY("18", "sigio_parent", &box_plain, ANYWHERE, "EPERM"),
    TRY("18", "sigio_zygote", &box_plain, IN_RUN, "EPERM"),
    TRY_IF(WALL_PIDNS, "16", "scan_pids", &box_plain, IN_RUN | IN_OPEN, "own"),
    TRY("40", "pin_parent", &box_plain, ANYWHERE, "EPERM"),
    TRY("40", "renice_parent", &box_plain, IN_RUN | IN_OPEN, "EPERM"),
    TRY("40", "limit_parent", &box_plain, IN_RUN | IN_OPEN, "EPERM|!SANDBOX_VIOLATION(prlimit64)"),
};

const struct catalogue catalogue_processes = {cases, sizeof cases / sizeof *cases};
