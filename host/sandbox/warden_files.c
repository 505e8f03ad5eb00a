/* warden_files.c: the plugin's private copy and the slots' task directories. Runs in the warden. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "sandbox/tree.h"
#include "sandbox/warden_internal.h"

enum { CHUNK = 16 * 1024 * 1024 };

static int copy_bytes(int from, int to)
{
    ssize_t n;
    do {
        n = sendfile(to, from, NULL, CHUNK);
    } while (n > 0 || (n < 0 && errno == EINTR));
    return n < 0 ? -1 : 0;
}

static int copy_part(int dir, struct plugin_part *part)
{
    if (part->fd < 0)
        return symlinkat(part->link, dir, part->name);
    int fd = openat(dir, part->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400);
    const int rc = fd >= 0 && copy_bytes(part->fd, fd) == 0 ? fchmod(fd, 0444) : -1;
    fd_close(&fd);
    return rc;
}

static int copy_parts(struct warden *w, int dir)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < w->setup.plugin.n; i++) {
        rc = copy_part(dir, &w->setup.plugin.parts[i]);
        fd_close(&w->setup.plugin.parts[i].fd);
    }
    return rc;
}

/* A file system of its own, read-only once it is filled. */
static int copy_into_root(struct warden *w)
{
    static const char *const options[][2] = {{"mode", "0755"}};
    struct mount_attr set = {.attr_set = MOUNT_ATTR_RDONLY};
    int rc = -1;
    int dir = warden_make_mount("tmpfs", options, 1, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
    if (dir >= 0 && copy_parts(w, dir) == 0 &&
        mount_setattr(dir, "", AT_EMPTY_PATH, &set, sizeof set) == 0)
        rc = move_mount(dir, "", w->root, "plugin", MOVE_MOUNT_F_EMPTY_PATH);
    fd_close(&dir);
    return rc;
}

/* On the host's disk: readable, but not writable, for the box's user; other boxes cannot enter. */
static int copy_into_state(struct warden *w)
{
    const bool has_uid = (w->setup.walls & WALL_OWN_UID) != 0;
    if (w->setup.plugin.n == 0)
        return 0;
    int dir = open(w->setup.copy_dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int rc = dir >= 0 ? copy_parts(w, dir) : -1;
    if (rc == 0 && has_uid)
        rc = fchown(dir, (uid_t)-1, w->setup.uid);
    if (rc == 0)
        rc = fchmod(dir, has_uid ? 0750 : 0700);
    fd_close(&dir);
    return rc;
}

int warden_copy_plugin(struct warden *w)
{
    const bool has_root = (w->setup.walls & WALL_NEWROOT) != 0;
    const char *dir = has_root ? "/plugin" : w->setup.copy_dir;
    const char *tasks = has_root ? "/task" : w->setup.box_dir;
    const char *name = w->setup.plugin.n > 0 ? w->setup.plugin.parts[0].name : "";
    if (snprintf(w->plugin_path, sizeof w->plugin_path, "%s/%s", dir, name) >=
        (int)sizeof w->plugin_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    snprintf(w->task_dir, sizeof w->task_dir, "%s", tasks);
    return has_root ? copy_into_root(w) : copy_into_state(w);
}

int warden_open_slots(struct warden *w)
{
    for (uint32_t i = 0; i < w->setup.slots; i++) {
        char path[PATH_MAX + 16];
        snprintf(path, sizeof path, "%s/%u", w->task_dir, i);
        w->slots[i].dir = tree_open(AT_FDCWD, path);
        if (w->slots[i].dir < 0)
            return -1;
    }
    return 0;
}
