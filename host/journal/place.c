/* place.c: the folder of the journal. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/log.h"
#include "journal/journal_internal.h"

/* The folder itself has to be there after a power failure, too. */
static int sync_parent(int fd)
{
    int parent = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0)
        return errno == EACCES ? 0 : -1; /* we may pass it, not read it: who made it synced it */
    int rc = fsync(parent);
    fd_close(&parent);
    return rc;
}

/* Its files are ours alone whatever the umask, so the folder has to be, too. */
static int make_ours(int fd, char *why, const char *path)
{
    struct stat st;
    if (fstat(fd, &st) == 0 && st.st_uid != geteuid()) {
        snprintf(why, JOURNAL_WHY,
                 "folder %.120s is user %u's, not ours (%u): chown -R it, or move it away", path,
                 (unsigned)st.st_uid, (unsigned)geteuid());
        return -1;
    }
    if (fchmod(fd, 0700) == 0 && sync_parent(fd) == 0)
        return 0;
    snprintf(why, JOURNAL_WHY, "folder %.150s: %s", path, log_errno_text(errno));
    return -1;
}

int place_make(const char *path, char *why)
{
    int fd = -1;
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        snprintf(why, JOURNAL_WHY, "folder %.150s: %s", path, log_errno_text(errno));
        return -1;
    }
    int rc = make_ours(fd, why, path);
    fd_close(&fd);
    return rc;
}
