/*
 * warden_root.c: the root directory of a box. Runs in the warden, in its own mount namespace.
 *
 * A small tmpfs is mounted over the box's own directory on the host (a place that nobody else looks
 * at), filled with read-only copies of the mounts a plugin needs, and becomes the root; the old one
 * is detached. The newer mount calls are used throughout: they work on descriptors, and
 * mount_setattr makes a whole tree read-only at once, which a remount does not. Where they are
 * missing (before Linux 5.12) the box has no root of its own.
 *
 *   /usr, /lib*, /bin, /sbin   the host's, read-only
 *   /etc                       the loader's and a few more files
 *   /etc/resolv.conf ...       with BOX_MAY_NETWORK; a link to /run is followed here
 *   /dev                       null, zero, random, urandom; with BOX_MAY_GPU the accelerator's
 *   /proc                      with BOX_MAY_PROC, of the box's processes only; missing where the
 *                              kernel does not allow it
 *   /plugin                    the private copy of the plugin, read-only
 *   /task/<slot>               the slots' task directories; nothing in them can be executed
 *   declared inputs            at their own paths, read-only (warden_inputs.c)
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "sandbox/confine.h"
#include "sandbox/warden_internal.h"

/* Enough for the names in it, and for the folders above 16 KiB of inputs; whatever is written goes
 * elsewhere. */
#define ROOT_SIZE   "256k"
#define ROOT_INODES "8192"

#define ATTR_SYSTEM (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)
#define ATTR_DEVICE (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC)
#define ATTR_TASKS  (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

/* What is taken over from the host where it exists. Links that point into /usr stay links. */
struct host_path {
    const char *path;
    uint32_t rights; /* enum box_rights; 0: always */
};

static const struct host_path host_paths[] = {
    {"/usr", 0},
    {"/bin", 0},
    {"/sbin", 0},
    {"/lib", 0},
    {"/lib32", 0},
    {"/lib64", 0},
    {"/libx32", 0},
    {"/etc/ld.so.cache", 0},
    {"/etc/alternatives", 0}, /* BLAS and LAPACK are links through it */
    {"/etc/localtime", 0},
    {"/etc/resolv.conf", BOX_MAY_NETWORK},
    {"/etc/hosts", BOX_MAY_NETWORK},
    {"/etc/nsswitch.conf", BOX_MAY_NETWORK},
    {"/etc/gai.conf", BOX_MAY_NETWORK},
    {"/etc/services", BOX_MAY_NETWORK},
    {"/etc/ssl", BOX_MAY_NETWORK},
    {"/etc/ca-certificates", BOX_MAY_NETWORK},
};

static const char *const devices[] = {"/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"};

int warden_make_mount(const char *type, const char *const (*options)[2], size_t n, unsigned attr)
{
    int fs = fsopen(type, FSOPEN_CLOEXEC);
    int rc = fs;
    for (size_t i = 0; rc >= 0 && i < n; i++)
        rc = fsconfig(fs, FSCONFIG_SET_STRING, options[i][0], options[i][1], 0);
    if (rc >= 0)
        rc = fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
    const int mount = rc >= 0 ? fsmount(fs, FSMOUNT_CLOEXEC, attr) : -1;
    fd_close(&fs);
    return mount;
}

/* A copy of a host's mount, of all mounts below it too, not attached yet. */
static int copy_mount(const char *path, unsigned attr)
{
    struct mount_attr set = {.attr_set = attr};
    int fd = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
    if (fd >= 0 && mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &set, sizeof set) < 0)
        fd_close(&fd);
    return fd;
}

/* Attaches mount, which it closes, at root/name (name without a leading slash). */
static int attach(int root, const char *name, int mount)
{
    const int rc = mount >= 0 ? move_mount(mount, "", root, name, MOVE_MOUNT_F_EMPTY_PATH) : -1;
    fd_close(&mount);
    return rc;
}

int warden_privatise_mounts(struct warden *w)
{
    (void)w;
    return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

static int make_dirs(int root)
{
    static const char *const names[] = {"etc", "dev", "proc", "plugin", "task"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (mkdirat(root, names[i], 0755) < 0)
            return -1;
    }
    return 0;
}

/* The task directories are copied first: the new root will lie over them. */
int warden_make_root(struct warden *w)
{
    static const char *const options[][2] = {
        {"size", ROOT_SIZE}, {"nr_inodes", ROOT_INODES}, {"mode", "0755"}};
    const mode_t mask = umask(022);
    int rc = -1;
    int tasks = copy_mount(w->setup.box_dir, ATTR_TASKS);
    w->root = warden_make_mount("tmpfs", options, sizeof options / sizeof *options,
                                MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
    if (tasks >= 0 && w->root >= 0 &&
        move_mount(w->root, "", AT_FDCWD, w->setup.box_dir, MOVE_MOUNT_F_EMPTY_PATH) == 0)
        rc = make_dirs(w->root);
    if (rc == 0)
        rc = attach(w->root, "task", tasks);
    else
        fd_close(&tasks);
    umask(mask);
    return rc;
}

/* Counted beside the task's own: the directory itself, and the worker's "in" and "out". */
enum { SCRATCH_INODES = 3, SCRATCH_OPTIONS = 5, NUMBER_TEXT = 24 };

/* A file system in memory, owned by the box's user; -1 with errno. */
static int make_scratch(const struct warden_setup *setup)
{
    const uint64_t files = setup->limits.dir_files;
    char size[NUMBER_TEXT], inodes[NUMBER_TEXT], uid[NUMBER_TEXT];
    const char *const options[SCRATCH_OPTIONS][2] = {
        {"size", size}, {"nr_inodes", inodes}, {"mode", "0700"}, {"uid", uid}, {"gid", uid}};
    snprintf(size, sizeof size, "%llu", (unsigned long long)setup->limits.dir_bytes);
    snprintf(inodes, sizeof inodes, "%llu",
             (unsigned long long)(files > 0 ? files + SCRATCH_INODES : 0));
    snprintf(uid, sizeof uid, "%u", setup->uid);
    /* As the user of the box's group is its own, without an own user the mounter's are right. */
    return warden_make_mount(
        "tmpfs", options,
        (setup->walls & WALL_OWN_UID) != 0 ? SCRATCH_OPTIONS : SCRATCH_OPTIONS - 2, ATTR_TASKS);
}

/* Over the slots' directories of the host. */
int warden_mount_scratch(struct warden *w)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < w->setup.slots; i++) {
        char name[NUMBER_TEXT];
        snprintf(name, sizeof name, "task/%u", i);
        rc = attach(w->root, name, make_scratch(&w->setup));
    }
    return rc;
}

int warden_make_place(int root, const char *name, mode_t mode)
{
    if (S_ISDIR(mode))
        return mkdirat(root, name, 0755);
    int fd = openat(root, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    const int rc = fd < 0 ? -1 : 0;
    fd_close(&fd);
    return rc;
}

static bool points_into_usr(const char *target)
{
    return strncmp(target, "/usr/", 5) == 0 || strncmp(target, "usr/", 4) == 0 ||
           strncmp(target, "../usr/", 7) == 0;
}

/* 1: done as a link; 0: not a link of that kind. */
static int copy_link(int root, const char *path)
{
    char target[PATH_MAX];
    const ssize_t n = readlink(path, target, sizeof target - 1);
    if (n < 0)
        return 0;
    target[n] = '\0';
    if (!points_into_usr(target))
        return 0;
    return symlinkat(target, root, path + 1) < 0 ? -1 : 1;
}

static int bind(int root, const char *path, unsigned attr)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return errno == ENOENT ? 0 : -1;
    if (warden_make_place(root, path + 1, st.st_mode) < 0)
        return -1;
    return attach(root, path + 1, copy_mount(path, attr));
}

int warden_bind_system(struct warden *w)
{
    const mode_t mask = umask(022);
    int rc = 0;
    for (size_t i = 0; rc >= 0 && i < sizeof host_paths / sizeof *host_paths; i++) {
        const struct host_path *h = &host_paths[i];
        if ((h->rights & ~w->setup.rights) != 0)
            continue;
        rc = copy_link(w->root, h->path);
        if (rc == 0)
            rc = bind(w->root, h->path, ATTR_SYSTEM);
    }
    umask(mask);
    return rc < 0 ? -1 : 0;
}

/* Those of the accelerators that are there. */
static int bind_gpus(const struct warden *w)
{
    glob_t found;
    int rc = 0;
    for (size_t i = 0; rc == 0 && confine_gpu_devices[i] != NULL; i++) {
        if (glob(confine_gpu_devices[i], GLOB_NOSORT, NULL, &found) != 0)
            continue;
        for (size_t k = 0; rc == 0 && k < found.gl_pathc; k++)
            rc = bind(w->root, found.gl_pathv[k], ATTR_DEVICE);
        globfree(&found);
    }
    return rc;
}

int warden_bind_devices(struct warden *w)
{
    const mode_t mask = umask(022);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof devices / sizeof *devices; i++)
        rc = bind(w->root, devices[i], ATTR_DEVICE);
    if (rc == 0 && (w->setup.rights & BOX_MAY_GPU) != 0)
        rc = bind_gpus(w);
    umask(mask);
    return rc;
}

/* Where the outer /proc is masked, as in a container, a new one is refused: then the box has none.
 */
int warden_mount_proc(struct warden *w)
{
    static const char *const options[][2] = {{"subset", "pid"}, {"hidepid", "invisible"}};
    if ((w->setup.walls & WALL_PIDNS) == 0 || (w->setup.rights & BOX_MAY_PROC) == 0)
        return 0;
    const int proc = warden_make_mount("proc", options, sizeof options / sizeof *options,
                                       MOUNT_ATTR_RDONLY | ATTR_TASKS);
    if (proc < 0)
        return 0;
    return attach(w->root, "proc", proc);
}

int warden_pivot(struct warden *w)
{
    if (fchdir(w->root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
        umount2(".", MNT_DETACH) < 0)
        return -1;
    fd_close(&w->root);
    return chdir("/");
}

int warden_freeze_root(struct warden *w)
{
    struct mount_attr set = {.attr_set = MOUNT_ATTR_RDONLY};
    (void)w;
    return mount_setattr(AT_FDCWD, "/", 0, &set, sizeof set);
}
