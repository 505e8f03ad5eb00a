/* resume.c: the secret of this client of the core, in a file. Runs in penstock-shim; resume_open
 * before it gives up root. */
#include "shim/resume.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/log.h"
#include "base/process.h"

enum { SECRET_MAX = 127, FOLDER_MODE = 0700, FILE_MODE = 0600 };

static const char file_name[] = "resume", aside_name[] = "resume.new";

struct resume {
    int folder; /* -1: none */
    char secret[SECRET_MAX + 1];
};

/* Nothing else goes into a message to the core, whatever somebody has put into the file. */
static bool is_secret(const char *s)
{
    size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
    return n > 0 && n <= SECRET_MAX && s[n] == '\0';
}

static int open_folder(const char *state_dir, const char *shim_name, uid_t user, gid_t group)
{
    char path[PATH_MAX];
    if ((size_t)snprintf(path, sizeof path, "%s/client.%s", state_dir, shim_name) >= sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (process_make_dir(path, FOLDER_MODE) < 0)
        return -1;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && geteuid() == 0 && fchown(fd, user, group) < 0)
        fd_close(&fd);
    return fd;
}

static void read_secret(struct resume *r)
{
    char text[SECRET_MAX + 2];
    int fd = openat(r->folder, file_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        if (errno != ENOENT)
            log_error("the client's secret cannot be read: what the core keeps for this shim will "
                      "not reach its orchestrator",
                      LE(errno));
        return;
    }
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
    if (is_secret(text))
        memcpy(r->secret, text, strlen(text) + 1);
    else
        log_error("the file of the client's secret holds none: what the core keeps for this shim "
                  "will not reach its orchestrator");
}

struct resume *resume_open(const char *state_dir, const char *shim_name, uid_t user, gid_t group)
{
    struct resume *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    r->folder = open_folder(state_dir, shim_name, user, group);
    if (r->folder >= 0)
        read_secret(r);
    else
        log_error("the folder for the client's secret cannot be had", LS("state_dir", state_dir),
                  LS("shim", shim_name), LE(errno));
    return r;
}

void resume_free(struct resume *r)
{
    if (r == NULL)
        return;
    fd_close(&r->folder);
    free(r);
}

const char *resume_secret(const struct resume *r)
{
    return r->secret[0] != '\0' ? r->secret : NULL;
}

/* Under another name first: an earlier user's file cannot be written to, but it can be replaced. */
static int write_aside(const struct resume *r)
{
    if (unlinkat(r->folder, aside_name, 0) < 0 && errno != ENOENT)
        return -1;
    int fd = openat(r->folder, aside_name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
    if (fd < 0)
        return -1;
    int rc = fd_write_all(fd, r->secret, strlen(r->secret));
    if (rc == 0)
        rc = fd_write_all(fd, "\n", 1);
    if (rc == 0)
        rc = fsync(fd);
    int kept = errno;
    if (close(fd) < 0 && rc == 0)
        return -1;
    errno = kept;
    return rc;
}

int resume_keep(struct resume *r, const char *secret)
{
    if (!is_secret(secret)) {
        errno = EINVAL;
        return -1;
    }
    if (secret != r->secret)
        memcpy(r->secret, secret, strlen(secret) + 1);
    if (r->folder < 0) {
        errno = ENOTDIR;
        return -1;
    }
    if (write_aside(r) < 0 || renameat(r->folder, aside_name, r->folder, file_name) < 0)
        return -1;
    return fsync(r->folder);
}
