/* walls.c: names of the walls round a box. Runs in the launcher, the core and the command line. */
#include "sandbox/walls.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "sandbox/chan.h"

struct named_wall {
    uint32_t wall;
    const char *name;
};

static const struct named_wall named[] = {
    {WALL_USERNS, "userns"},     {WALL_PIDNS, "pidns"},     {WALL_MOUNTNS, "mountns"},
    {WALL_NETNS, "netns"},       {WALL_IPCNS, "ipcns"},     {WALL_UTSNS, "utsns"},
    {WALL_CGROUPNS, "cgroupns"}, {WALL_NEWROOT, "newroot"}, {WALL_LANDLOCK, "landlock"},
    {WALL_SECCOMP, "seccomp"},   {WALL_OWN_UID, "uid"},     {WALL_NO_CAPS, "nocaps"},
    {WALL_MDWE, "mdwe"},         {WALL_LIMITS, "rlimits"},  {WALL_CGROUP, "cgroup"},
    {WALL_SCRATCH, "scratch"},
};

const char *wall_name(uint32_t wall)
{
    for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
        if (named[i].wall == wall)
            return named[i].name;
    }
    return "?";
}

void walls_text(uint32_t walls, uint32_t landlock_abi, char *out)
{
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
        if ((walls & named[i].wall) == 0)
            continue;
        len += (size_t)snprintf(out + len, WALLS_TEXT - len, "%s%s", len > 0 ? " " : "",
                                named[i].name);
        if (named[i].wall == WALL_LANDLOCK)
            len += (size_t)snprintf(out + len, WALLS_TEXT - len, "(%u)", landlock_abi);
    }
}

static int parse_one(const char *text, size_t n, uint32_t *walls)
{
    for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
        if (strlen(named[i].name) == n && memcmp(named[i].name, text, n) == 0) {
            *walls |= named[i].wall;
            return 0;
        }
    }
    return -1;
}

int walls_parse(const char *text, uint32_t *walls)
{
    *walls = 0;
    for (const char *at = text; *at != '\0';) {
        const size_t n = strcspn(at, ",");
        if (parse_one(at, n, walls) < 0)
            return -1;
        at += n + (at[n] == ',');
    }
    return 0;
}
