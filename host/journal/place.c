/* place.c: the folder of the journal. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/log.h"
#include "journal/journal.h"

static int complain(const char *path, char *why)
{
    snprintf(why, JOURNAL_WHY, "folder %.150s: %s", path, log_errno_text(errno));
    return -1;
}

/* A folder that is ours is one that was just made, or that we left behind half made. */
static int hand_over(int fd, uid_t uid, gid_t gid)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -1;
    if (st.st_uid != geteuid() && st.st_uid != uid) {
        errno = EPERM;
        return -1;
    }
    if ((st.st_uid != uid || st.st_gid != gid) && fchown(fd, uid, gid) < 0)
        return -1;
    return fchmod(fd, 0700);
}

int journal_make_dir(const char *path, uid_t uid, gid_t gid, char *why)
{
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return complain(path, why);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return complain(path, why);
    int rc = hand_over(fd, uid, gid);
    if (rc < 0 && errno == EPERM)
        snprintf(why, JOURNAL_WHY,
                 "folder %.120s belongs to another user than %u: chown -R it, or move it away",
                 path, (unsigned)uid);
    else if (rc < 0)
        complain(path, why);
    fd_close(&fd);
    return rc;
}
