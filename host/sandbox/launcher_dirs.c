/* launcher_dirs.c: the directories of boxes under the state directory. Runs in the launcher.
 *
 *   <state>/boxes/<box>/<slot>/   a task's own, mode 0700, belongs to the box's user
 *   <state>/copies/<box>/         the plugin's copy, only where a box has no root of its own
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "sandbox/launcher.h"
#include "sandbox/tree.h"

enum { NUMBER_TEXT = 24 };

static int make_dir(int at, const char *name, mode_t mode)
{
    return mkdirat(at, name, mode) == 0 || errno == EEXIST ? 0 : -1;
}

/* A directory that somebody else has put there, or could change, is not ours. */
static int check_own(int fd)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -1;
    if (st.st_uid != geteuid()) {
        errno = EPERM;
        return -1;
    }
    return fchmod(fd, 0711);
}

/* The lock keeps a second launcher from taking living boxes for leftovers. */
static int open_own(int state, const char *state_path, const char *name, struct launch_dir *dir)
{
    if (snprintf(dir->path, sizeof dir->path, "%s/%s", state_path, name) >= (int)sizeof dir->path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (make_dir(state, name, 0711) < 0)
        return -1;
    dir->fd = openat(state, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir->fd < 0 || check_own(dir->fd) < 0 || flock(dir->fd, LOCK_EX | LOCK_NB) < 0)
        return -1;
    return tree_empty(dir->fd);
}

int launch_dirs_open(struct launch *l)
{
    const char *given = l->options.state_dir;
    char path[PATH_MAX];
    int rc = -1;
    l->boxes.fd = l->copies.fd = -1;
    int state = make_dir(AT_FDCWD, given, 0755) == 0 && realpath(given, path) != NULL
                    ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                    : -1;
    if (state >= 0 && open_own(state, path, "boxes", &l->boxes) == 0)
        rc = open_own(state, path, "copies", &l->copies);
    if (rc < 0 && errno == EWOULDBLOCK)
        log_error("another launcher uses the state directory", LS("dir", given));
    else if (rc < 0)
        log_error("the state directory cannot be used", LS("dir", given), LE(errno));
    fd_close(&state);
    return rc;
}

void launch_dirs_close(struct launch *l)
{
    fd_close(&l->boxes.fd);
    fd_close(&l->copies.fd);
}

/* Makes at/name and opens it; path gets its path. */
static int make_box_dir(const struct launch_dir *dir, uint64_t box, mode_t mode, char *path)
{
    char name[NUMBER_TEXT];
    snprintf(name, sizeof name, "%" PRIu64, box);
    if (snprintf(path, PATH_MAX, "%s/%s", dir->path, name) >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (mkdirat(dir->fd, name, mode) < 0)
        return -1;
    return openat(dir->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int make_slot_dirs(int box, const struct warden_setup *setup)
{
    for (uint32_t slot = 0; slot < setup->slots; slot++) {
        char name[NUMBER_TEXT];
        snprintf(name, sizeof name, "%u", slot);
        if (mkdirat(box, name, 0700) < 0)
            return -1;
        if ((setup->walls & WALL_OWN_UID) != 0 &&
            fchownat(box, name, setup->uid, setup->uid, AT_SYMLINK_NOFOLLOW) < 0)
            return -1;
    }
    return 0;
}

int launch_dirs_make(const struct launch *l, struct warden_setup *setup)
{
    int box = make_box_dir(&l->boxes, setup->box, 0711, setup->box_dir);
    int rc = box >= 0 ? make_slot_dirs(box, setup) : -1;
    fd_close(&box);
    if (rc == 0 && (setup->walls & WALL_NEWROOT) == 0) {
        int copy = make_box_dir(&l->copies, setup->box, 0700, setup->copy_dir);
        rc = copy >= 0 ? 0 : -1;
        fd_close(&copy);
    }
    return rc;
}

static void remove_one(const struct launch_dir *dir, const char *name)
{
    int fd = tree_open(dir->fd, name);
    if (fd < 0 && errno == ENOENT)
        return;
    if (fd < 0 || tree_empty(fd) < 0 || unlinkat(dir->fd, name, AT_REMOVEDIR) < 0)
        log_warn("a box's directory stays behind", LS("dir", dir->path), LS("box", name),
                 LE(errno));
    fd_close(&fd);
}

void launch_dirs_remove(const struct launch *l, uint64_t box)
{
    char name[NUMBER_TEXT];
    snprintf(name, sizeof name, "%" PRIu64, box);
    remove_one(&l->boxes, name);
    remove_one(&l->copies, name);
}
