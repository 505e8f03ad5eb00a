/* place.c: folders, lock and control group of the host. Runs in the supervisor. */
#include "supervisor/place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/cgroup_path.h"
#include "base/fdutil.h"
#include "base/log.h"
#include "base/process.h"
#include "conf/settings.h"

/* Clients reach the sockets in the one; the other is passed through by the users of boxes only. */
enum { RUNTIME_MODE = 0755, STATE_MODE = 0711, LOCK_MODE = 0600 };

int place_take(const struct conf_host *h)
{
    char path[PATH_MAX];
    if (process_make_dir(h->runtime_dir, RUNTIME_MODE) < 0 ||
        process_make_dir(h->state_dir, STATE_MODE) < 0) {
        log_error("folders of the host cannot be made", LS("runtime_dir", h->runtime_dir),
                  LS("state_dir", h->state_dir), LE(errno));
        return -1;
    }
    if ((size_t)snprintf(path, sizeof path, "%s/lock", h->state_dir) >= sizeof path) {
        log_error("state_dir is too long", LS("state_dir", h->state_dir));
        return -1;
    }
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, LOCK_MODE);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    log_error(errno == EWOULDBLOCK ? "another penstockd runs with this state_dir"
                                   : "the host's lock cannot be taken",
              LS("path", path), LE(errno));
    fd_close(&fd);
    return -1;
}

void place_leave_group(const struct conf_host *h)
{
    if (strcmp(h->cgroup, "off") != 0 && cgroup_enter_leaf() < 0)
        log_warn("the host's processes cannot go into a control group of their own", LE(errno));
}

/* The core may not do it: as root it has given up its right to their folder. */
void place_leave(const struct conf_host *h)
{
    unlink(h->tasks_socket);
    unlink(h->control_socket);
}
