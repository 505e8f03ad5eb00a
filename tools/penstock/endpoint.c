/* endpoint.c: finds the host's socket. Part of the command line. */
#include "endpoint.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli.h"
#include "settings.h"

#include "base/fdutil.h"
#include "conf/conf.h"

static char *with_scheme(const char *where)
{
    char *out;
    if (strstr(where, "://") != NULL)
        return strdup(where);
    return asprintf(&out, "ipc://%s", where) < 0 ? NULL : out;
}

char *endpoint_choose(const struct cli *cli)
{
    if (cli->common.socket != NULL && *cli->common.socket != '\0')
        return with_scheme(cli->common.socket);
    struct conf *conf = settings_load_any(cli);
    if (conf == NULL)
        return NULL;
    const struct conf_host *host = conf_host(conf);
    int is_operator = access(host->control_socket, R_OK | W_OK) == 0;
    char *out = with_scheme(is_operator ? host->control_socket : host->tasks_socket);
    conf_free(conf);
    return out;
}

const char *endpoint_path(const char *endpoint)
{
    /* "ipc://@name" is an abstract socket: no file. */
    return strncmp(endpoint, "ipc://", 6) == 0 && endpoint[6] != '@' ? endpoint + 6 : NULL;
}

int endpoint_probe(const char *endpoint)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = endpoint_path(endpoint);
    if (path == NULL)
        return 0;
    if (strlen(path) >= sizeof address.sun_path)
        return ENAMETOOLONG;
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return errno;
    /* A full backlog (EAGAIN) is somebody who listens. */
    int error =
        connect(fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EAGAIN ? errno : 0;
    fd_close(&fd);
    return error;
}
