/* secret_file.c: files that hold a secret. Runs in the core and the command line. */
#include "base/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/log.h"

/* What an owner like ourselves may leave to nobody, and root at most to a group: to read. */
enum { OTHERS = 077, BUT_TO_READ = 037 };

__attribute__((format(printf, 2, 3))) static int refuse(char *why, const char *format, ...)
{
    const int saved = errno;
    va_list ap;
    va_start(ap, format);
    vsnprintf(why, SECRET_FILE_WHY, format, ap);
    va_end(ap);
    errno = saved;
    return -1;
}

static int check(const char *path, const struct stat *st, char *why)
{
    const bool is_ours = st->st_uid == geteuid();
    const mode_t mode = st->st_mode & 07777;
    errno = EACCES;
    if (!S_ISREG(st->st_mode))
        return refuse(why, "%s: expected a regular file", path);
    if (!is_ours && st->st_uid != 0)
        return refuse(why, "%s: expected that it belongs to uid %u%s, found uid %u: chown it", path,
                      geteuid(), geteuid() != 0 ? " or to root" : "", st->st_uid);
    if ((mode & (is_ours ? OTHERS : BUT_TO_READ)) != 0)
        return refuse(why,
                      "%s: expected that only its owner may read it, found mode %04o: chmod 600 it",
                      path, mode);
    return 0;
}

static int read_all(const char *path, int fd, struct buf *out, char *why)
{
    ssize_t n;
    /* At once, so that no copy is left behind where the buffer was before it grew. */
    if (buf_reserve(out, out->max - out->len) < 0)
        return refuse(why, "%s: %s", path, log_errno_text(errno));
    do {
        errno = 0;
        n = out->len < out->max ? buf_read(out, fd, out->max - out->len) : -1;
    } while (n > 0);
    if (n == 0)
        return 0;
    if (errno == 0)
        errno = EMSGSIZE;
    return refuse(why, "%s: %s", path, log_errno_text(errno));
}

int secret_file_read(const char *path, struct buf *out, char *why)
{
    struct stat st;
    /* Not blocking: a pipe must not hold us. */
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    int rc;
    if (fd < 0 || fstat(fd, &st) < 0)
        rc = refuse(why, "%s: %s", path, log_errno_text(errno));
    else
        rc = check(path, &st, why) < 0 ? -1 : read_all(path, fd, out, why);
    fd_close(&fd);
    return rc;
}

void secret_file_clear(struct buf *b)
{
    if (b->data != NULL)
        explicit_bzero(b->data, b->cap);
    buf_clear(b);
}
