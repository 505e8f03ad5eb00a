/* identity.c: stat of plugin files and of what lies beside them. Runs in the core. */
#include "plugin/identity.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/table.h"

enum { NS_PER_MS = 1000000 };

static int64_t ns_of(struct timespec t)
{
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static struct file_identity identity_of(const struct stat *st)
{
    return (struct file_identity){.device = st->st_dev,
                                  .inode = st->st_ino,
                                  .size = (uint64_t)st->st_size,
                                  .modified_ns = ns_of(st->st_mtim),
                                  .changed_ns = ns_of(st->st_ctim)};
}

/* The youngest of all counts as the plugin's age. */
static void add_beside(struct file_identity *id, const char *name, const struct stat *st)
{
    const struct file_identity other = identity_of(st);
    id->beside += table_hash(table_hash(1, name, strlen(name)), &other, sizeof other);
    if (other.changed_ns > id->changed_ns)
        id->changed_ns = other.changed_ns;
    if (other.modified_ns > id->modified_ns)
        id->modified_ns = other.modified_ns;
}

/* <dir>/foo/foo.so: its folder, without the last '/'. False: it has none of its own. */
static bool own_folder(const char *path, char *folder, size_t size)
{
    const char *file = strrchr(path, '/');
    if (file == NULL || (size_t)(file - path) >= size)
        return false;
    memcpy(folder, path, (size_t)(file - path));
    folder[file - path] = '\0';
    const char *slash = strrchr(folder, '/'), *name = slash != NULL ? slash + 1 : folder;
    const size_t n = strlen(name);
    return n > 0 && strncmp(file + 1, name, n) == 0 && strcmp(file + 1 + n, ".so") == 0;
}

static void look_into(struct file_identity *id, const char *folder)
{
    struct stat st;
    DIR *dir = opendir(folder);
    if (dir == NULL)
        return;
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        if (e->d_name[0] != '.' && fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
            add_beside(id, e->d_name, &st);
    }
    closedir(dir);
}

static void look_at_signature(struct file_identity *id, const char *path)
{
    char name[PATH_MAX];
    struct stat st;
    const int n = snprintf(name, sizeof name, "%s.sig", path);
    if (n > 0 && (size_t)n < sizeof name && stat(name, &st) == 0)
        add_beside(id, ".sig", &st);
}

void file_identity_read(struct file_identity *id, const char *path)
{
    char folder[PATH_MAX];
    struct stat st;
    *id = (struct file_identity){.inode = 0};
    if (stat(path, &st) < 0)
        return;
    *id = identity_of(&st);
    if (own_folder(path, folder, sizeof folder))
        look_into(id, folder);
    else
        look_at_signature(id, path);
}

bool file_identity_exists(const struct file_identity *id)
{
    return id->inode != 0;
}

bool file_identity_same(const struct file_identity *a, const struct file_identity *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->modified_ns == b->modified_ns && a->changed_ns == b->changed_ns &&
           a->beside == b->beside;
}

int64_t file_identity_age_ms(const struct file_identity *id, int64_t now_ms)
{
    const int64_t last = id->modified_ns > id->changed_ns ? id->modified_ns : id->changed_ns;
    return now_ms - last / NS_PER_MS;
}
