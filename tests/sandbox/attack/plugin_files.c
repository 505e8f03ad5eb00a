/* plugin_files.c: TEST PLUGIN, bad on purpose: files of the host, too many files, descriptors, the
 * environment. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attack.h"

enum { FDS = 1024, FILES = 20000, BLOCK = 1 << 20, BLOCKS = 64, DEEP = 600 };

/* ---- reading ---- */

static const char *path_of(const struct attack_call *call)
{
    return call->argument != NULL ? call->argument : call->path;
}

/* A file that can be opened and has nothing to tell is no escape, and a directory only names. */
static const char *read_path(const char *path)
{
    char byte;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    const char *got = attack_answer(fd < 0 ? -1 : read(fd, &byte, 1) - 1);
    if (fd >= 0)
        close(fd);
    return got;
}

static const char *read_file(const struct attack_call *call)
{
    return read_path(path_of(call));
}

static const char *list(const struct attack_call *call)
{
    DIR *d = opendir(path_of(call));
    const char *got = attack_answer(d != NULL ? 0 : -1);
    if (d != NULL)
        closedir(d);
    return got;
}

/* Out of the task's directory: by dots, and by a link that it makes itself. */
static const char *read_by_dots(const struct attack_call *call)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/../../../../../../../..%s", attack_own_path("."),
             call->argument);
    return read_path(path);
}

static const char *read_by_link(const struct attack_call *call)
{
    const char *path = attack_own_path("link");
    unlink(path);
    if (symlink(call->argument, path) < 0)
        return attack_answer(-1);
    return read_path(path);
}

static const char *read_by_descriptor(const struct attack_call *call)
{
    char path[64];
    const int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    snprintf(path, sizeof path, "..%s", call->argument);
    const int file = fd >= 0 ? openat(fd, path, O_RDONLY | O_CLOEXEC) : -1;
    const char *got = attack_answer(file);
    if (file >= 0)
        close(file);
    close(fd);
    return got;
}

static const char *read_parent(const struct attack_call *call)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)getppid(), call->argument);
    return read_path(path);
}

/* Every numbered entry of /proc must be one of the box's few. */
static const char *scan_proc(const struct attack_call *call)
{
    DIR *d = opendir("/proc");
    int n = 0;
    (void)call;
    if (d == NULL)
        return attack_answer(-1);
    for (const struct dirent *e; (e = readdir(d)) != NULL;)
        n += e->d_name[0] >= '1' && e->d_name[0] <= '9';
    closedir(d);
    return n <= 8 ? "own" : "others";
}

/* ---- writing ---- */

/* Makes what the suite looks for afterwards. */
static const char *write_in(const struct attack_call *call)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/penstock-attack", path_of(call));
    const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
    return attack_answer(fd);
}

static const char *own_file(void)
{
    Dl_info info;
    return dladdr((void *)(uintptr_t)own_file, &info) != 0 ? info.dli_fname : "";
}

static const char *write_own(const struct attack_call *call)
{
    const int fd = open(own_file(), O_WRONLY | O_CLOEXEC);
    (void)call;
    return attack_answer(fd);
}

static const char *truncate_own(const struct attack_call *call)
{
    (void)call;
    return attack_answer(truncate(own_file(), 0));
}

static const char *remove_own(const struct attack_call *call)
{
    (void)call;
    return attack_answer(unlink(own_file()));
}

/* A call that is answered and not carried out has changed nothing. */
static const char *change_mode(const char *path)
{
    struct stat before, after;
    const int rc = stat(path, &before);
    if (rc < 0 || chmod(path, 0777) < 0 || stat(path, &after) < 0)
        return attack_answer(-1);
    return before.st_mode == after.st_mode ? "unchanged" : "done";
}

static const char *change_time(const struct attack_call *call)
{
    const struct timespec times[2] = {{1, 0}, {1, 0}};
    struct stat after;
    if (utimensat(AT_FDCWD, path_of(call), times, 0) < 0 || stat(path_of(call), &after) < 0)
        return attack_answer(-1);
    return after.st_mtime == 1 ? "done" : "unchanged";
}

static const char *chmod_own(const struct attack_call *call)
{
    (void)call;
    return change_mode(own_file());
}

static const char *link_own(const struct attack_call *call)
{
    (void)call;
    return attack_answer(link(own_file(), attack_own_path("own.so")));
}

static const char *chmod_path(const struct attack_call *call)
{
    return change_mode(path_of(call));
}

static const char *make_socket(const struct attack_call *call)
{
    (void)call;
    return attack_answer(mknod(attack_own_path("fifo"), S_IFIFO | 0600, 0));
}

/* ---- locks that would hold others up ---- */

/* Two descriptions of one file: the second is refused only if the first lock is one. */
static const char *lock_system_file(const struct attack_call *call)
{
    const int a = open(call->argument, O_RDONLY | O_CLOEXEC);
    const int b = open(call->argument, O_RDONLY | O_CLOEXEC);
    if (a < 0 || b < 0)
        return attack_answer(-1);
    int rc = flock(a, LOCK_EX | LOCK_NB);
    if (rc == 0)
        rc = flock(b, LOCK_EX | LOCK_NB) == 0 ? 1 : 0;
    const char *got = rc == 1 ? "no lock" : attack_answer(rc);
    close(a);
    close(b);
    return got;
}

static const char *lease_system_file(const struct attack_call *call)
{
    const int fd = open(call->argument, O_RDONLY | O_CLOEXEC);
    const char *got = attack_answer(fd < 0 ? -1 : fcntl(fd, F_SETLEASE, F_RDLCK));
    close(fd);
    return got;
}

static const char *watch_system_dir(const struct attack_call *call)
{
    const int fd = open(call->argument, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const char *got = attack_answer(fd < 0 ? -1 : fcntl(fd, F_NOTIFY, DN_ACCESS));
    close(fd);
    return got;
}

/* ---- too much ---- */

static const char *fill_bytes(const struct attack_call *call)
{
    static char block[BLOCK];
    char name[32];
    (void)call;
    for (int i = 0; i < BLOCKS; i++) {
        snprintf(name, sizeof name, "bytes-%d", i);
        const int fd = open(attack_own_path(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        const ssize_t n = fd >= 0 ? write(fd, block, sizeof block) : -1;
        if (n >= 0 && n < BLOCK)
            errno = ENOSPC;
        const char *got = attack_answer(n == BLOCK ? 0 : -1);
        if (fd >= 0)
            close(fd);
        if (n != BLOCK)
            return got;
    }
    return "done";
}

static const char *fill_files(const struct attack_call *call)
{
    char name[32];
    (void)call;
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "file-%d", i);
        const int fd = open(attack_own_path(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0)
            return attack_answer(-1);
        close(fd);
    }
    return "done";
}

static const char *big_file(const struct attack_call *call)
{
    static char block[BLOCK];
    const int fd = open(attack_own_path("big"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    (void)call;
    for (int i = 0; i < BLOCKS; i++) {
        if (write(fd, block, sizeof block) != BLOCK)
            return attack_answer(-1);
    }
    return "done";
}

/* A chain of directories deeper than any path. */
static const char *deep(const struct attack_call *call)
{
    (void)call;
    if (chdir(attack_own_path(".")) < 0)
        return attack_answer(-1);
    for (int i = 0; i < DEEP; i++) {
        if (mkdir("a-directory", 0700) < 0 || chdir("a-directory") < 0)
            return attack_answer(-1);
    }
    return "done";
}

/* ---- descriptors and the environment ---- */

/* Where the number of open files is limited to less than FDS, the last one is refused. */
static const char *exhaust_fds(const struct attack_call *call)
{
    int fds[FDS], n = 0;
    (void)call;
    while (n < FDS && (fds[n] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
        n++;
    const char *got = attack_answer(n == FDS ? 0 : -1);
    for (int i = 0; i < n; i++)
        close(fds[i]);
    return got;
}

/* The descriptors that it finds, in words. */
static const char *scan_fds(const struct attack_call *call)
{
    static char text[256];
    size_t at = 0;
    (void)call;
    text[0] = '\0';
    for (int fd = 0; fd < FDS && at < sizeof text - 8; fd++) {
        struct stat st;
        if (fstat(fd, &st) < 0)
            continue;
        const char *kind = S_ISCHR(st.st_mode)    ? "null"
                           : S_ISFIFO(st.st_mode) ? "pipe"
                           : S_ISSOCK(st.st_mode) ? "data"
                           : S_ISDIR(st.st_mode)  ? "dir"
                                                  : "other";
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%s", at > 0 ? " " : "", kind);
    }
    return text;
}

static const char *close_fds(const struct attack_call *call)
{
    (void)call;
    for (int fd = 0; fd < FDS; fd++)
        close(fd);
    return "done";
}

/* The first variable that is none of those a box has. */
static const char *scan_environment(const struct attack_call *call)
{
    static const char *const known[] = {"PATH=",
                                        "LANG=",
                                        "TMPDIR=",
                                        "OMP_NUM_THREADS=",
                                        "OPENBLAS_NUM_THREADS=",
                                        "MKL_NUM_THREADS=",
                                        "VIPS_CONCURRENCY="};
    extern char **environ;
    (void)call;
    for (char **e = environ; *e != NULL; e++) {
        size_t i = 0;
        while (i < sizeof known / sizeof *known && strncmp(*e, known[i], strlen(known[i])) != 0)
            i++;
        if (i == sizeof known / sizeof *known) {
            static char name[48];
            snprintf(name, sizeof name, "%.*s", (int)strcspn(*e, "="), *e);
            return name;
        }
    }
    return "clean";
}

const struct attack attacks_on_files[] = {
    {"read_shadow", read_file, "/etc/shadow"},
    {"read_passwd", read_file, "/etc/passwd"},
    {"read_path", read_file, NULL},
    {"read_kallsyms", read_file, "/proc/kallsyms"},
    {"read_cmdline", read_file, "/proc/1/cmdline"},
    {"read_kcore", read_file, "/proc/kcore"},
    {"read_kmsg", read_file, "/dev/kmsg"},
    {"read_mem", read_file, "/dev/mem"},
    {"read_sys", read_file, "/sys/kernel/notes"},
    {"read_core_pattern", read_file, "/proc/sys/kernel/core_pattern"},
    {"read_parent_environ", read_parent, "environ"},
    {"read_parent_mem", read_parent, "mem"},
    {"read_parent_root", read_parent, "root/etc/shadow"},
    {"read_parent_fd", read_parent, "fd/3"},
    {"read_self_root", read_file, "/proc/self/root/etc/shadow"},
    {"read_self_cwd", read_file, "/proc/self/cwd/../../../../../etc/shadow"},
    {"read_by_dots", read_by_dots, "/etc/shadow"},
    {"read_by_link", read_by_link, "/etc/shadow"},
    {"read_by_descriptor", read_by_descriptor, "/etc/shadow"},
    {"list_root_home", list, "/root"},
    {"list_home", list, "/home"},
    {"list_var", list, "/var"},
    {"list_run", list, "/run"},
    {"list_path", list, NULL},
    {"scan_proc", scan_proc, NULL},
    {"write_etc", write_in, "/etc"},
    {"write_usr", write_in, "/usr"},
    {"write_usr_lib", write_in, "/usr/lib"},
    {"write_root_home", write_in, "/root"},
    {"write_root", write_in, ""},
    {"write_tmp", write_in, "/tmp"},
    {"write_var_tmp", write_in, "/var/tmp"},
    {"write_shm", write_in, "/dev/shm"},
    {"write_dev", write_in, "/dev"},
    {"write_path", write_in, NULL},
    {"write_own", write_own, NULL},
    {"truncate_own", truncate_own, NULL},
    {"remove_own", remove_own, NULL},
    {"chmod_own", chmod_own, NULL},
    {"link_own", link_own, NULL},
    {"chmod_path", chmod_path, NULL},
    {"change_time", change_time, NULL},
    {"make_fifo", make_socket, NULL},
    {"lock_system_file", lock_system_file, "/etc/ld.so.cache"},
    {"lease_system_file", lease_system_file, "/etc/ld.so.cache"},
    {"watch_system_dir", watch_system_dir, "/usr"},
    {"fill_bytes", fill_bytes, NULL},
    {"fill_files", fill_files, NULL},
    {"big_file", big_file, NULL},
    {"deep", deep, NULL},
    {"exhaust_fds", exhaust_fds, NULL},
    {"scan_fds", scan_fds, NULL},
    {"close_fds", close_fds, NULL},
    {"scan_environment", scan_environment, NULL},
    {NULL, NULL, NULL},
};
