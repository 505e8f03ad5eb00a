/* signing.c: files of keys, and the digests of a plugin. Part of the command line. */
#include "signing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

#include "base/fdutil.h"
#include "sandbox/plugin_trust.h"

/* ---- plugins
 * -------------------------------------------------------------------------------------- */

static int measure(struct measured *m, char *why)
{
    struct plugin_source source;
    if (plugin_source_open(&source, m->path, true, &m->signature, why) < 0)
        return -1;
    const int rc = plugin_source_seal(&source, &m->parts, why);
    plugin_source_close(&source);
    return rc;
}

struct measured *measured_new(const struct cli *cli, const char *file, int *status)
{
    char why[PLUGIN_WHY] = "";
    struct measured *m = calloc(1, sizeof *m);
    if (m == NULL) {
        *status = cli_no_memory(cli);
        return NULL;
    }
    buf_init(&m->signature, SIGNATURE_FILE_MAX);
    if (realpath(file, m->path) == NULL)
        *status = cli_fail(cli, CLI_NOT_FOUND, NULL, "no plugin %s: %s", file, strerror(errno));
    else if (measure(m, why) < 0)
        *status = cli_fail(cli, CLI_FAIL, NULL, "%s", why);
    else
        return m;
    measured_free(m);
    return NULL;
}

void measured_free(struct measured *m)
{
    if (m == NULL)
        return;
    buf_clear(&m->signature);
    free(m);
}

/* ---- files
 * ---------------------------------------------------------------------------------------- */

int signing_create(const struct cli *cli, const char *path, mode_t mode, const struct buf *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int rc = fd < 0 || fchmod(fd, mode) < 0 || fd_write_all(fd, text->data, text->len) < 0 ||
                     fsync(fd) < 0
                 ? -1
                 : 0;
    const int error = errno;
    if (rc < 0 && fd >= 0)
        unlink(path);
    fd_close(&fd);
    return rc == 0 ? CLI_OK
                   : cli_fail(cli, CLI_FAIL, NULL, "cannot write %s: %s", path, strerror(error));
}

int signing_replace(const struct cli *cli, const char *path, mode_t mode, const struct buf *text)
{
    char next[PATH_MAX + 16];
    snprintf(next, sizeof next, "%s.%d", path, (int)getpid());
    int status = signing_create(cli, next, mode, text);
    if (status == CLI_OK && rename(next, path) < 0) {
        status = cli_fail(cli, CLI_FAIL, NULL, "cannot write %s: %s", path, strerror(errno));
        unlink(next);
    }
    return status;
}

static int read_key(int fd, struct buf *text)
{
    ssize_t n;
    do {
        n = buf_read(text, fd, KEY_FILE_MAX);
    } while (n > 0);
    return n < 0 ? -1 : 0;
}

static int parse_secret(const struct cli *cli, const char *path, int fd, struct secret_key *key)
{
    struct buf text = BUF_INIT(KEY_FILE_MAX);
    struct stat st;
    int status = CLI_OK;
    if (fd < 0 || fstat(fd, &st) < 0 || read_key(fd, &text) < 0)
        status = cli_fail(cli, errno == ENOENT ? CLI_NOT_FOUND : CLI_FAIL, NULL, "%s: %s", path,
                          strerror(errno));
    else if ((st.st_mode & 077) != 0)
        status = cli_fail(cli, CLI_FAIL, "chmod 600 makes it right",
                          "%s: expected that only its owner may read it, found mode %04o", path,
                          st.st_mode & 07777);
    else if (secret_key_parse(key, (const char *)text.data, text.len) < 0)
        status = cli_fail(cli, CLI_FAIL, "penstock plugin keygen makes one", "%s is no secret key",
                          path);
    if (text.data != NULL)
        explicit_bzero(text.data, text.cap);
    buf_clear(&text);
    return status;
}

int signing_secret_key(const struct cli *cli, const char *path, struct secret_key *key)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    const int status = parse_secret(cli, path, fd, key);
    fd_close(&fd);
    return status;
}

int signing_public_key(const struct cli *cli, const char *path, struct public_key *key)
{
    char real[PATH_MAX], why[PLUGIN_WHY];
    if (realpath(path, real) == NULL)
        return cli_fail(cli, CLI_NOT_FOUND, NULL, "%s: %s", path, strerror(errno));
    return plugin_key_read(real, true, key, why) == 0 ? CLI_OK
                                                      : cli_fail(cli, CLI_FAIL, NULL, "%s", why);
}
