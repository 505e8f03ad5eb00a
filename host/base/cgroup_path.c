/* cgroup_path.c: where this process is among the machine's control groups. Runs in the supervisor
 * and the launcher. */
#include "base/cgroup_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fdutil.h"

enum { TEXT_MAX = 1024 * 1024, FIELDS_BEFORE_DASH = 6 };

/* Whether a list of words with commas holds the word. */
static bool has_word(const char *list, const char *word)
{
    const size_t n = strlen(word);
    for (const char *at = list; *at != '\0'; at += *at == ',') {
        const size_t len = strcspn(at, ",");
        if (len == n && memcmp(at, word, n) == 0)
            return true;
        at += len;
    }
    return false;
}

/* ---- /proc/self/cgroup: "4:memory,other:/path", and of version 2 "0::/path" ---- */

static bool is_line_of(char *line, const char *controller, const char **path)
{
    char *names = strchr(line, ':');
    char *end = names != NULL ? strchr(names + 1, ':') : NULL;
    if (end == NULL)
        return false;
    *end = '\0';
    *path = end + 1;
    return controller == NULL ? strcmp(line, "0:") == 0 : has_word(names + 1, controller);
}

static int find_group(char *groups, const char *controller, const char **path)
{
    char *rest = NULL;
    for (char *line = strtok_r(groups, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        if (is_line_of(line, controller, path))
            return 0;
    }
    errno = ENOENT;
    return -1;
}

/* ---- /proc/self/mountinfo: "36 35 0:30 root point options ... - type source options" ---- */

struct mount_line {
    const char *root, *point, *type, *options;
};

/* The kernel writes a blank as \040, and likewise tab, newline and backslash. */
static void unescape(char *text)
{
    char *to = text;
    for (const char *at = text; *at != '\0'; to++) {
        unsigned code;
        if (at[0] == '\\' && sscanf(at + 1, "%3o", &code) == 1 && strlen(at) >= 4) {
            *to = (char)code;
            at += 4;
        } else {
            *to = *at++;
        }
    }
    *to = '\0';
}

static int split_line(char *line, struct mount_line *m)
{
    char *fields[FIELDS_BEFORE_DASH], *rest = NULL;
    char *dash = strstr(line, " - ");
    if (dash == NULL)
        return -1;
    *dash = '\0';
    for (int i = 0; i < FIELDS_BEFORE_DASH; i++) {
        fields[i] = strtok_r(i == 0 ? line : NULL, " ", &rest);
        if (fields[i] == NULL)
            return -1;
    }
    unescape(fields[3]);
    unescape(fields[4]);
    m->root = fields[3];
    m->point = fields[4];
    m->type = strtok_r(dash + 3, " ", &rest);
    strtok_r(NULL, " ", &rest);
    m->options = strtok_r(NULL, " ", &rest);
    return m->type != NULL && m->options != NULL ? 0 : -1;
}

/* What is mounted may be a part of the hierarchy only. NULL: the group does not lie in it. */
static const char *below(const char *root, const char *group)
{
    const size_t n = strcmp(root, "/") == 0 ? 0 : strlen(root);
    if (strncmp(root, group, n) != 0 || (group[n] != '\0' && group[n] != '/'))
        return NULL;
    return strcmp(group + n, "/") == 0 ? "" : group + n;
}

static int join(const struct mount_line *m, const char *group, char *out)
{
    const char *tail = below(m->root, group);
    if (tail == NULL || strncmp(group, "/..", 3) == 0)
        return -1;
    return snprintf(out, PATH_MAX, "%s%s", m->point, tail) < PATH_MAX ? 0 : -1;
}

static bool is_mount_of(const struct mount_line *m, const char *controller)
{
    if (controller == NULL)
        return strcmp(m->type, "cgroup2") == 0;
    return strcmp(m->type, "cgroup") == 0 && has_word(m->options, controller);
}

static int find_mount(char *mounts, const char *controller, const char *group, char *out)
{
    char *rest = NULL;
    for (char *line = strtok_r(mounts, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        struct mount_line m;
        if (split_line(line, &m) == 0 && is_mount_of(&m, controller) && join(&m, group, out) == 0)
            return 0;
    }
    errno = ENOENT;
    return -1;
}

int cgroup_find(const char *groups, const char *mounts, const char *controller, char *out)
{
    const char *group;
    char *own_groups = strdup(groups), *own_mounts = strdup(mounts);
    int rc = -1;
    if (own_groups != NULL && own_mounts != NULL && find_group(own_groups, controller, &group) == 0)
        rc = find_mount(own_mounts, controller, group, out);
    free(own_groups);
    free(own_mounts);
    return rc;
}

int cgroup_own(const char *controller, char *out)
{
    struct buf groups = BUF_INIT(TEXT_MAX), mounts = BUF_INIT(TEXT_MAX);
    int rc = -1;
    if (buf_read_file(&groups, "/proc/self/cgroup") == 0 &&
        buf_read_file(&mounts, "/proc/self/mountinfo") == 0 && buf_cstr(&groups) != NULL &&
        buf_cstr(&mounts) != NULL)
        rc = cgroup_find(buf_cstr(&groups), buf_cstr(&mounts), controller, out);
    buf_clear(&groups);
    buf_clear(&mounts);
    return rc;
}

/* ---- the leaf ---- */

/* The root group of the machine is the only one without a type, and may have processes beside
 * groups. */
static bool is_root(int dir)
{
    return faccessat(dir, "cgroup.type", F_OK, 0) < 0;
}

static bool has_memory(int dir)
{
    char text[256];
    int fd = openat(dir, "cgroup.controllers", O_RDONLY | O_CLOEXEC);
    const ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    fd_close(&fd);
    text[n > 0 ? n : 0] = '\0';
    return strstr(text, "memory") != NULL;
}

/* A unit of systemd is the manager's unless it says otherwise; anything else (a container's root,
 * a folder that somebody gave us) is ours if we may write it. */
static bool is_delegated(int dir, const char *path)
{
    static const char *const endings[] = {".service", ".scope", ".slice"};
    char value[8];
    const char *dot = strrchr(path, '.');
    bool is_unit = false;
    for (size_t i = 0; dot != NULL && i < sizeof endings / sizeof *endings; i++)
        is_unit = is_unit || strcmp(dot, endings[i]) == 0;
    return !is_unit || fgetxattr(dir, "user.delegate", value, sizeof value) > 0 ||
           fgetxattr(dir, "trusted.delegate", value, sizeof value) > 0;
}

static int enter(int dir)
{
    if (mkdirat(dir, CGROUP_LEAF, 0755) < 0 && errno != EEXIST)
        return -1;
    int fd = openat(dir, CGROUP_LEAF "/cgroup.procs", O_WRONLY | O_CLOEXEC);
    const int rc = fd >= 0 && write(fd, "0", 1) == 1 ? 1 : -1;
    fd_close(&fd);
    return rc;
}

int cgroup_enter_leaf(void)
{
    char path[PATH_MAX];
    if (cgroup_own(NULL, path) < 0)
        return errno == ENOENT ? 0 : -1;
    const char *name = strrchr(path, '/');
    if (name != NULL && strcmp(name + 1, CGROUP_LEAF) == 0)
        return 0;
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = dir < 0 ? -1 : 0;
    if (rc == 0 && !is_root(dir) && has_memory(dir) && is_delegated(dir, path))
        rc = enter(dir);
    fd_close(&dir);
    return rc;
}
