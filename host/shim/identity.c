/* identity.c: the worker id in <state_dir>/worker-id.<shim>. Runs in penstock-shim. */
#include "shim/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fdutil.h"
#include "base/log.h"
#include "base/process.h"
#include "base/text.h"

enum { RANDOM_BYTES = 6, ID_MAX = 63, FILE_MAX = 256 };

/* What orchestrators take as an id. */
static int is_id(const char *s)
{
    size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
    return n > 0 && n <= ID_MAX && s[n] == '\0';
}

/* The id in the file, owned by the caller; NULL: there is none. */
static char *read_id(const char *path)
{
    struct buf b = BUF_INIT(FILE_MAX);
    char *id = NULL;
    if (buf_read_file(&b, path) == 0 && (id = buf_detach(&b)) != NULL) {
        id[strcspn(id, " \t\r\n")] = '\0';
        if (!is_id(id)) {
            log_warn("the file of the worker id holds no id, making a new one", LS("file", path));
            free(id);
            id = NULL;
        }
    }
    buf_clear(&b);
    return id;
}

/* Written aside and renamed, so that the file is never half an id. */
static int write_id(const char *path, const char *id)
{
    char aside[4096];
    if ((size_t)snprintf(aside, sizeof aside, "%s.new", path) >= sizeof aside) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return -1;
    int rc = fd_write_all(fd, id, strlen(id));
    if (rc == 0)
        rc = fd_write_all(fd, "\n", 1);
    if (rc == 0)
        rc = fsync(fd);
    if (close(fd) < 0 || rc < 0)
        return -1;
    return rename(aside, path);
}

char *identity_worker_id(const char *state_dir, const char *shim_name)
{
    char path[4096], secret[2 * RANDOM_BYTES + 1];
    char *id = NULL;
    if ((size_t)snprintf(path, sizeof path - 8, "%s/worker-id.%s", state_dir, shim_name) >=
        sizeof path - 8)
        path[0] = '\0';
    id = read_id(path);
    if (id != NULL)
        return id;
    id_secret(secret, RANDOM_BYTES);
    id = malloc(sizeof "penstock-" + sizeof secret);
    if (id == NULL)
        return NULL;
    sprintf(id, "penstock-%s", secret);
    if (process_make_dir(state_dir, 0755) < 0 || write_id(path, id) < 0)
        log_warn("the worker id cannot be kept: it will be another one after a restart",
                 LS("file", path), LE(errno));
    return id;
}
