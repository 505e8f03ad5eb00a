/* plugin_neighbours.c: TEST PLUGIN, bad on purpose: the directory of the task in the next slot. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attack.h"

enum { LOOKS_US = 2000 };

/* Keeps a file in its directory, says so, and waits for its end. */
static const char *hold(const struct attack_call *call)
{
    const int fd = open(attack_own_path("secret"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, "secret", 6) != 6)
        return attack_answer(-1);
    call->host->log(call->host, PEN_LOG_INFO, "holding");
    while (!call->host->should_stop(call->host))
        usleep(LOOKS_US);
    return "held";
}

static const char *try(const char *format, int flags)
{
    char path[PATH_MAX];
    const char *own = attack_own_path("");
    const char *got = "ENOENT";
    for (int slot = 0; slot < 2; slot++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(path, sizeof path, format, own, slot);
#pragma GCC diagnostic pop
        /* Its own slot it may see. */
        char mine[PATH_MAX];
        snprintf(mine, sizeof mine, "/%d/", slot);
        if (strcmp(own + strlen(own) - strlen(mine), mine) == 0)
            continue;
        const int fd = open(path, flags | O_CLOEXEC, 0600);
        got = attack_answer(fd);
        if (fd >= 0)
            close(fd);
    }
    return got;
}

static const char *read_neighbour(const struct attack_call *call)
{
    (void)call;
    return try("%s/../%d/secret", O_RDONLY);
}

static const char *list_neighbour(const struct attack_call *call)
{
    (void)call;
    return try("%s/../%d", O_RDONLY | O_DIRECTORY);
}

static const char *write_neighbour(const struct attack_call *call)
{
    (void)call;
    return try("%s/../%d/planted", O_WRONLY | O_CREAT);
}

const struct attack attacks_on_neighbours[] = {
    {"hold", hold, NULL},
    {"read_neighbour", read_neighbour, NULL},
    {"list_neighbour", list_neighbour, NULL},
    {"write_neighbour", write_neighbour, NULL},
    {NULL, NULL, NULL},
};
