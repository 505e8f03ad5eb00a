/* space.c: room on the disk. Runs in the thread that writes: statvfs may block. */
#include "journal/space.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/fdutil.h"
#include "base/log.h"
#include "journal/journal.h"

enum { PATH_ROOM = 4096, MIB = 1024 * 1024 };

static const char *ballast_path(const struct space *s, char *path)
{
    snprintf(path, PATH_ROOM, "%s/ballast", s->dir);
    return path;
}

void space_open(struct space *s, const char *dir, int64_t ballast, int64_t low_water)
{
    char path[PATH_ROOM];
    struct stat st;
    *s = (struct space){.dir = dir, .ballast_wanted = ballast, .low_water = low_water};
    if (lstat(ballast_path(s, path), &st) < 0)
        return;
    if (S_ISREG(st.st_mode) && st.st_size == ballast && st.st_blocks * 512 >= ballast)
        s->ballast = ballast;
    else
        unlink(path); /* of another size, or not all of it */
}

/* Bytes that must be free: what ballast is missing would be taken from them. Once they were not, it
 * takes some more, so that a disk at the mark does not close and open intake with each task. */
static int64_t wanted(const struct space *s)
{
    int64_t n = s->low_water + s->ballast_wanted - s->ballast;
    return s->is_low ? n + n / 16 : n;
}

static int64_t free_bytes(const struct space *s)
{
    struct statvfs v;
    if (statvfs(s->dir, &v) < 0)
        return -1;
    return (int64_t)(v.f_bavail * v.f_frsize);
}

static void take_ballast(struct space *s)
{
    char path[PATH_ROOM];
    int fd = open(ballast_path(s, path), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    int error = fd < 0 ? errno : fault_here("journal_ballast");
    if (error == 0)
        error = posix_fallocate(fd, 0, s->ballast_wanted);
    if (error == 0)
        s->ballast = s->ballast_wanted;
    else
        unlink(path);
    fd_close(&fd);
    s->free_bytes = free_bytes(s);
}

bool space_look(struct space *s, char *why)
{
    s->free_bytes = free_bytes(s);
    if (s->ballast < s->ballast_wanted && s->free_bytes >= wanted(s))
        take_ballast(s);
    s->is_low = s->free_bytes < wanted(s);
    if (!s->is_low)
        return true;
    if (s->free_bytes < 0)
        snprintf(why, JOURNAL_WHY, "the disk of %.150s cannot be looked at: %s", s->dir,
                 log_errno_text(errno));
    else
        snprintf(why, JOURNAL_WHY, "the disk of %.150s is full: %lld MiB free, %lld MiB wanted",
                 s->dir, (long long)(s->free_bytes / MIB), (long long)(wanted(s) / MIB));
    return false;
}

bool space_release(struct space *s)
{
    char path[PATH_ROOM];
    if (s->ballast == 0 || unlink(ballast_path(s, path)) < 0)
        return false;
    log_warn("journal gives up its ballast", LS("dir", s->dir), LI("bytes", s->ballast));
    s->ballast = 0;
    return true;
}
