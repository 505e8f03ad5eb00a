/* warden_basics.c: the steps of the warden that need no new root: session, signals, ties to the
 * launcher. Runs in the warden. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "sandbox/warden_internal.h"

static int write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    const ssize_t n = (ssize_t)strlen(text);
    const int rc = write(fd, text, (size_t)n) == n ? 0 : -1;
    fd_close(&fd);
    return rc;
}

int warden_begin_session(struct warden *w)
{
    (void)w;
    return setsid() < 0 ? -1 : 0;
}

/* exec has reset handlers, but what the launcher ignores or blocks would stay so. */
int warden_reset_signals(struct warden *w)
{
    sigset_t none;
    (void)w;
    for (int signo = 1; signo < NSIG; signo++) {
        if (signal(signo, SIG_DFL) == SIG_ERR && errno != EINVAL)
            return -1;
    }
    sigemptyset(&none);
    return sigprocmask(SIG_SETMASK, &none, NULL);
}

int warden_set_umask(struct warden *w)
{
    (void)w;
    umask(077);
    return 0;
}

/* A launcher that died before the signal was set has closed nothing that we could wait for, but
 * then nobody holds the control channel either, or will soon not. */
int warden_tie_to_parent(struct warden *w)
{
    char byte;
    if (prctl(PR_SET_PDEATHSIG, (long)SIGKILL, 0L, 0L, 0L) < 0)
        return -1;
    if (recv(w->setup.control_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0) {
        errno = EPIPE;
        return -1;
    }
    return 0;
}

/* When memory ends, a plugin goes before anything else on the machine. Without the right to leave
 * the file writable a process could take it back; to its own start value only. */
int warden_expose_to_oom(struct warden *w)
{
    (void)w;
    return write_file("/proc/self/oom_score_adj", "1000");
}

int warden_hide_memory(struct warden *w)
{
    (void)w;
    return prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L);
}

int warden_adopt_orphans(struct warden *w)
{
    (void)w;
    return prctl(PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L);
}

/* Opened while there is a /proc; a kernel without the list leaves us to what wait tells. */
int warden_watch_children(struct warden *w)
{
    w->children = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
    return 0;
}

int warden_forbid_cores(struct warden *w)
{
    const struct rlimit none = {0, 0};
    (void)w;
    return setrlimit(RLIMIT_CORE, &none);
}

int warden_set_host_name(struct warden *w)
{
    static const char name[] = "penstock-box";
    (void)w;
    return sethostname(name, sizeof name - 1);
}

/* The kernel keeps this number for each user namespace; it holds for the box's only. */
int warden_forbid_namespaces(struct warden *w)
{
    if ((w->setup.rights & BOX_MAY_ALL) != 0)
        return 0;
    return write_file("/proc/sys/user/max_user_namespaces", "0");
}

/*
 * Memory files are made without the right to be executed, and refused if they are wanted with it; a
 * setting of the pid namespace. Only root may write it, and only where /proc is not masked: it
 * stands behind the filter, which refuses memfd_create, so a machine without it lacks no wall. Code
 * that is made while it runs may want such files.
 */
int warden_tame_memfds(struct warden *w)
{
    const bool makes_code = (w->setup.rights & (BOX_MAY_JIT | BOX_MAY_ALL)) != 0;
    if (makes_code || write_file("/proc/sys/vm/memfd_noexec", "2") == 0)
        return 0;
    return errno == ENOENT || errno == EACCES || errno == EROFS || errno == EPERM ? 0 : -1;
}
