/*
 * cgroup_place.c: where the launcher may make control groups. Runs in the launcher.
 *
 * Version 2 first: below the launcher's own group if the memory controller can be given to groups
 * there (delegation). Its rule: a group that gives controllers to groups below it has no process of
 * its own, so the host's processes live in a leaf (base/cgroup_path.c), and our folder is its
 * sibling. Else version 1, where memory and processes have hierarchies of their own.
 *
 *   <parent>/host/              version 2: supervisor, core, launcher, wardens
 *   <parent>/penstock-<name>/   our folder
 *   <parent>/penstock-<name>/0/ a group
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/cgroup_path.h"
#include "base/fdutil.h"
#include "base/log.h"
#include "sandbox/cgroup_internal.h"

/* Appends to why: both versions may have had their reason. */
__attribute__((format(printf, 2, 3))) static int refuse(char *why, const char *format, ...)
{
    va_list ap;
    size_t n = strlen(why);
    if (n > 0 && n + 2 < CGROUP_WHY)
        n += (size_t)snprintf(why + n, CGROUP_WHY - n, "; ");
    va_start(ap, format);
    vsnprintf(why + n, CGROUP_WHY - n, format, ap);
    va_end(ap);
    return -1;
}

/* ---- folders ---- */

/* An earlier launcher of this state directory is dead: the lock there is ours. */
static int remove_leftovers(const struct cgroup_place *p, const struct cgroup_folder *f)
{
    int rc = 0;
    int copy = openat(f->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = copy >= 0 ? fdopendir(copy) : NULL;
    if (list == NULL) {
        fd_close(&copy);
        return -1;
    }
    for (struct dirent *e; (e = readdir(list)) != NULL;) {
        if (e->d_type == DT_DIR && e->d_name[0] != '.')
            rc |= cgroup_group_remove(p, e->d_name);
    }
    closedir(list);
    return rc;
}

static int make_folder(struct cgroup_folder *f, const char *parent, const char *name, char *why)
{
    if (snprintf(f->path, sizeof f->path, "%s/%s", parent, name) >= (int)sizeof f->path)
        return refuse(why, "%s: the path is too long", parent);
    if (mkdir(f->path, 0755) < 0 && errno != EEXIST)
        return refuse(why, "mkdir %s: %s", f->path, log_errno_text(errno));
    f->dir = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return f->dir >= 0 ? 0 : refuse(why, "%s: %s", f->path, log_errno_text(errno));
}

static void remove_folder(struct cgroup_folder *f)
{
    if (f->dir < 0)
        return;
    fd_close(&f->dir);
    if (rmdir(f->path) < 0)
        log_warn("a control group stays behind", LS("path", f->path), LE(errno));
}

void cgroup_place_close(struct cgroup_place *p)
{
    for (int i = 0; i < CGROUP_FOLDERS; i++)
        remove_folder(&p->folders[i]);
}

/* ---- version 2 ---- */

static bool lists(const char *folder, const char *controller)
{
    char path[PATH_MAX + 32], text[256];
    snprintf(path, sizeof path, "%s/cgroup.controllers", folder);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    fd_close(&fd);
    text[n > 0 ? n : 0] = '\0';
    return strstr(text, controller) != NULL;
}

static int give_one(const char *folder, const char *controller)
{
    char path[PATH_MAX + 32], text[32];
    const int len = snprintf(text, sizeof text, "+%s", controller);
    snprintf(path, sizeof path, "%s/cgroup.subtree_control", folder);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    const int rc = fd >= 0 && write(fd, text, (size_t)len) == len ? 0 : -1;
    fd_close(&fd);
    return rc;
}

static int give_controllers(const char *folder)
{
    int rc = give_one(folder, "memory");
    if (rc == 0 && lists(folder, "pids"))
        rc = give_one(folder, "pids");
    return rc;
}

/* A launcher that nobody has put into a leaf goes there itself. */
static int give_from_parent(const char *parent)
{
    if (give_controllers(parent) == 0)
        return 0;
    return errno == EBUSY && cgroup_enter_leaf() == 1 ? give_controllers(parent) : -1;
}

static int open_v2(struct cgroup_place *p, const char *parent, const char *name, char *why)
{
    p->version = &cgroup_v2;
    if (!lists(parent, "memory"))
        return refuse(why, "cgroup v2 gives no memory controller to %s", parent);
    if (make_folder(&p->folders[CGROUP_MEMORY], parent, name, why) < 0)
        return -1;
    if (remove_leftovers(p, &p->folders[CGROUP_MEMORY]) < 0)
        return refuse(why, "%s: groups of an earlier launcher cannot be removed",
                      p->folders[CGROUP_MEMORY].path);
    if (give_from_parent(parent) < 0 || give_controllers(p->folders[CGROUP_MEMORY].path) < 0)
        return refuse(why, "giving controllers to groups below %s: %s", parent,
                      errno == EBUSY ? "there are processes in that group, and it is not delegated"
                                     : log_errno_text(errno));
    return 0;
}

static int open_own_v2(struct cgroup_place *p, const char *name, char *why)
{
    char parent[PATH_MAX];
    if (cgroup_own(NULL, parent) < 0)
        return refuse(why, "cgroup v2 is not mounted");
    char *last = strrchr(parent, '/');
    if (last != NULL && strcmp(last + 1, CGROUP_LEAF) == 0)
        *last = '\0';
    return open_v2(p, parent, name, why);
}

/* ---- version 1 ---- */

static int open_v1(struct cgroup_place *p, const char *memory, const char *pids, const char *name,
                   char *why)
{
    char unused[CGROUP_WHY] = "";
    int rc = 0;
    p->version = &cgroup_v1;
    if (make_folder(&p->folders[CGROUP_MEMORY], memory, name, why) < 0)
        return -1;
    /* Without it threads are counted by the box's user and its filter. */
    if (pids != NULL)
        make_folder(&p->folders[CGROUP_PIDS], pids, name, unused);
    for (int i = 0; i < CGROUP_FOLDERS; i++) {
        if (p->folders[i].dir >= 0)
            rc |= remove_leftovers(p, &p->folders[i]);
    }
    return rc == 0 ? 0
                   : refuse(why, "%s: groups of an earlier launcher cannot be removed",
                            p->folders[CGROUP_MEMORY].path);
}

static int open_own_v1(struct cgroup_place *p, const char *name, char *why)
{
    char memory[PATH_MAX], pids[PATH_MAX];
    if (cgroup_own("memory", memory) < 0)
        return refuse(why, "cgroup v1 has no memory controller mounted");
    return open_v1(p, memory, cgroup_own("pids", pids) == 0 ? pids : NULL, name, why);
}

/* ---- any ---- */

static int open_given(struct cgroup_place *p, const char *parent, const char *name, char *why)
{
    struct statfs fs;
    if (statfs(parent, &fs) < 0)
        return refuse(why, "%s: %s", parent, log_errno_text(errno));
    if (fs.f_type == CGROUP2_SUPER_MAGIC)
        return open_v2(p, parent, name, why);
    if (fs.f_type == CGROUP_SUPER_MAGIC)
        return open_v1(p, parent, NULL, name, why);
    return refuse(why, "%s is no folder of a cgroup file system", parent);
}

int cgroup_place_open(struct cgroup_place *p, const char *where, const char *name, char *why)
{
    int rc;
    why[0] = '\0';
    p->folders[CGROUP_MEMORY].dir = p->folders[CGROUP_PIDS].dir = -1;
    if (where[0] == '/') {
        rc = open_given(p, where, name, why);
    } else {
        rc = open_own_v2(p, name, why);
        if (rc < 0) {
            cgroup_place_close(p);
            rc = open_own_v1(p, name, why);
        }
    }
    if (rc < 0)
        cgroup_place_close(p);
    return rc;
}
