/* guarantee.c: names of the guarantees, and their form in JSON. Runs in the launcher, the core and the command line. */
#include "sandbox/guarantee.h"

#include <stddef.h>
#include <string.h>

#include "base/json.h"

static const char *const names[GUARANTEES] = {
    [GUARANTEE_FS] = "fs",           [GUARANTEE_NET] = "net",
    [GUARANTEE_PROCESS] = "process", [GUARANTEE_SYSCALLS] = "syscalls",
    [GUARANTEE_MEMORY] = "memory",   [GUARANTEE_PIDS] = "pids",
    [GUARANTEE_CPU] = "cpu",         [GUARANTEE_KILL] = "kill",
    [GUARANTEE_WX] = "wx",           [GUARANTEE_DISK] = "disk",
};

const char *guarantee_name(uint32_t guarantee)
{
    return guarantee < GUARANTEES ? names[guarantee] : "?";
}

const char *guarantee_level_name(uint32_t level)
{
    static const char *const levels[] = {"none", "weak", "strong"};
    return level <= LEVEL_STRONG ? levels[level] : "?";
}

static int parse_one(const char *text, size_t n, uint32_t *bits)
{
    for (uint32_t i = 0; i < GUARANTEES; i++) {
        if (strlen(names[i]) == n && memcmp(names[i], text, n) == 0) {
            *bits |= UINT32_C(1) << i;
            return 0;
        }
    }
    return -1;
}

int guarantees_parse(const char *text, uint32_t *bits)
{
    *bits = 0;
    for (const char *at = text; *at != '\0';) {
        const size_t n = strcspn(at, ",");
        if (parse_one(at, n, bits) < 0)
            return -1;
        at += n + (at[n] == ',');
    }
    return 0;
}

static const char *or_absent(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

void guarantees_write(const struct guarantee_state *states, struct json_writer *w)
{
    json_open(w, '{');
    for (uint32_t i = 0; i < GUARANTEES; i++) {
        const struct guarantee_state *s = &states[i];
        json_key(w, guarantee_name(i));
        json_open(w, '{');
        json_member_str(w, "level", guarantee_level_name(s->level));
        json_member_str(w, "by", or_absent(s->by));
        json_member_str(w, "reason", or_absent(s->reason));
        json_member_str(w, "remedy", or_absent(s->remedy));
        json_close(w, '}');
    }
    json_close(w, '}');
}
