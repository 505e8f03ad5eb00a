/*
 * warden_inputs.c: declared inputs in the box's root, read-only at their own paths. Runs in the
 * warden, in its own mount namespace, before the new root becomes the root.
 *
 * Where a path leads to the same file in the new root already (below /usr, or in a folder that is an
 * input too) nothing is to be done. The launcher has looked links up; whoever has put one into the
 * real path since loses his box.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "sandbox/warden_internal.h"

#define ATTR_INPUT (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

static int open_how(int at, const char *path, uint64_t resolve)
{
    const struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = resolve};
    return (int)syscall(SYS_openat2, at, path, &how, sizeof how);
}

static bool is_there(int root, const char *path, const struct stat *wanted)
{
    struct stat st;
    int fd = open_how(root, path + 1, RESOLVE_IN_ROOT);
    const bool is_same = fd >= 0 && fstat(fd, &st) == 0 && st.st_dev == wanted->st_dev &&
                         st.st_ino == wanted->st_ino;
    fd_close(&fd);
    return is_same;
}

static int make_parents(int root, char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        const int rc = mkdirat(root, path + 1, 0755);
        *slash = '/';
        /* A folder of another mount, below /usr say, is read-only and there. */
        if (rc < 0 && errno != EEXIST)
            return -1;
    }
    return 0;
}

static int make_place(int root, const char *declared, mode_t mode)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s", declared);
    return make_parents(root, path) < 0 ? -1 : warden_make_place(root, path + 1, mode);
}

static int show(int root, const char *declared, const char *real)
{
    struct mount_attr set = {.attr_set = ATTR_INPUT};
    struct stat st;
    int tree = -1, rc = -1;
    int fd = open_how(AT_FDCWD, real, RESOLVE_NO_SYMLINKS);
    if (fd < 0 || fstat(fd, &st) < 0)
        goto out;
    if (is_there(root, declared, &st)) {
        rc = 0;
        goto out;
    }
    if (make_place(root, declared, st.st_mode) < 0)
        goto out;
    tree = open_tree(fd, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
    if (tree >= 0 && mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &set, sizeof set) == 0)
        rc = move_mount(tree, "", root, declared + 1, MOVE_MOUNT_F_EMPTY_PATH);
out:
    fd_close(&tree);
    fd_close(&fd);
    return rc;
}

/* The first that fails is named. */
static int each(struct warden *w, int (*fn)(struct warden *w, const char *path, const char *real))
{
    const char *end = w->inputs + w->setup.inputs_len;
    for (const char *path = w->inputs; path < end;) {
        const char *real = path + strlen(path) + 1;
        if (fn(w, path, real) < 0) {
            snprintf(w->why, sizeof w->why, "input %.*s", PATH_MAX, path);
            return -1;
        }
        path = real + strlen(real) + 1;
    }
    return 0;
}

static int show_one(struct warden *w, const char *path, const char *real)
{
    return show(w->root, path, real);
}

int warden_show_inputs(struct warden *w)
{
    const mode_t mask = umask(022);
    const int rc = each(w, show_one);
    umask(mask);
    return rc;
}

static int read_one(struct warden *w, const char *path, const char *real)
{
    (void)w;
    (void)real;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    const int rc = fd < 0 ? -1 : 0;
    fd_close(&fd);
    return rc;
}

int warden_read_inputs(struct warden *w)
{
    return each(w, read_one);
}
