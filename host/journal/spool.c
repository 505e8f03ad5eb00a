/* spool.c: files for large bytes. Runs in the thread that writes; spool_read in any. */
#include "journal/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fdutil.h"
#include "base/log.h"

enum { DIGITS = 16 };

void spool_name(int64_t id, char *name)
{
    snprintf(name, SPOOL_NAME, "%016" PRIx64, (uint64_t)id);
}

bool spool_id(const char *name, int64_t *id)
{
    if (strlen(name) != DIGITS || strspn(name, "0123456789abcdef") != DIGITS)
        return false;
    *id = (int64_t)strtoull(name, NULL, 16);
    return true;
}

/* Made, and there after a power failure. */
static int open_folder(int above)
{
    if (mkdirat(above, "spool", 0700) < 0 && errno != EEXIST)
        return -1;
    return fsync(above) < 0
               ? -1
               : openat(above, "spool", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

int spool_open(struct spool *s, const char *dir)
{
    *s = (struct spool){.dir = -1};
    int above = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (above < 0)
        return -1;
    s->dir = open_folder(above);
    fd_close(&above);
    return s->dir >= 0 ? 0 : -1;
}

void spool_clear(struct spool *s)
{
    fd_close(&s->dir);
    free(s->made.items);
    free(s->gone.items);
    *s = (struct spool){.dir = -1};
}

static int add(struct spool_ids *l, int64_t id)
{
    if (l->n == l->cap) {
        size_t cap = l->cap > 0 ? 2 * l->cap : 16;
        int64_t *items = realloc(l->items, cap * sizeof *items);
        if (items == NULL)
            return -1;
        l->items = items;
        l->cap = cap;
    }
    l->items[l->n++] = id;
    return 0;
}

static int fail_if_wanted(const char *point)
{
    int error = fault_here(point);
    if (error != 0)
        errno = error;
    return error != 0 ? -1 : 0;
}

static int write_file(int fd, struct journal_bytes b)
{
    if (fail_if_wanted("journal_spool_write") < 0 || fd_write_all(fd, b.data, b.len) < 0)
        return -1;
    return fail_if_wanted("journal_spool_sync") < 0 ? -1 : fdatasync(fd);
}

/* Under another name until it is whole: O_TMPFILE would need /proc to get a name, and not every
 * file system has it. */
int spool_write(struct spool *s, int64_t id, struct journal_bytes b)
{
    char name[SPOOL_NAME], fresh[SPOOL_NAME + 4];
    spool_name(id, name);
    snprintf(fresh, sizeof fresh, "%s.new", name);
    int fd = openat(s->dir, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    int rc = write_file(fd, b);
    fd_close(&fd);
    if (rc == 0 && (add(&s->made, id) < 0 || renameat(s->dir, fresh, s->dir, name) < 0))
        rc = -1;
    if (rc < 0) {
        int saved = errno;
        unlinkat(s->dir, fresh, 0);
        errno = saved;
        return -1;
    }
    s->bytes += (int64_t)b.len;
    return 0;
}

int spool_sync(struct spool *s)
{
    if (s->made.n == 0)
        return 0;
    return fail_if_wanted("journal_spool_dir") < 0 ? -1 : fsync(s->dir);
}

int spool_drop(struct spool *s, int64_t id)
{
    return add(&s->gone, id);
}

static void delete_file(struct spool *s, int64_t id)
{
    char name[SPOOL_NAME];
    struct stat st;
    spool_name(id, name);
    if (fstatat(s->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && unlinkat(s->dir, name, 0) == 0)
        s->bytes -= st.st_size;
}

void spool_committed(struct spool *s, bool (*is_used)(void *arg, int64_t id), void *arg)
{
    for (size_t i = 0; i < s->gone.n; i++) {
        if (!is_used(arg, s->gone.items[i]))
            delete_file(s, s->gone.items[i]);
    }
    s->gone.n = s->made.n = 0;
}

void spool_rolled_back(struct spool *s)
{
    for (size_t i = 0; i < s->made.n; i++)
        delete_file(s, s->made.items[i]);
    s->gone.n = s->made.n = 0;
}

int spool_sweep(struct spool *s, bool (*is_used)(void *arg, int64_t id), void *arg)
{
    int fd = openat(s->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    size_t n = 0;
    if (d == NULL) {
        fd_close(&fd);
        return -1;
    }
    s->bytes = 0;
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        int64_t id;
        struct stat st;
        if (e->d_name[0] == '.')
            continue;
        if (!spool_id(e->d_name, &id) || !is_used(arg, id))
            n += unlinkat(s->dir, e->d_name, 0) == 0;
        else if (fstatat(s->dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
            s->bytes += st.st_size;
    }
    closedir(d);
    if (n > 0)
        log_info("files of the journal that no task knows are gone", LI("n", n));
    return 0;
}

bool spool_read(int dir, int64_t id, int64_t size, struct arena *a, struct journal_bytes *out)
{
    char name[SPOOL_NAME];
    struct stat st;
    spool_name(id, name);
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    bool is_it = fd >= 0 && fault_here("journal_spool_read") == 0 && fstat(fd, &st) == 0 &&
                 S_ISREG(st.st_mode) && st.st_size == size;
    char *bytes = is_it ? arena_take(a, (size_t)size + 1) : NULL;
    if (bytes != NULL && fd_read_all(fd, bytes, (size_t)size) == 0)
        *out = (struct journal_bytes){.data = bytes, .len = (size_t)size};
    else
        is_it = false;
    fd_close(&fd);
    return is_it;
}
