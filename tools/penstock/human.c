/* human.c: sizes, durations and times for people. Pure, but for the time zone. */
#include "human.h"

#include <stddef.h>
#include <stdio.h>
#include <time.h>

void human_size(int64_t bytes, char *out)
{
    static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
    double v = (double)bytes / 1000;
    size_t i = 0;
    if (bytes < 1000) {
        snprintf(out, HUMAN_TEXT, "%lld B", (long long)bytes);
        return;
    }
    /* 999.95 would be shown as 1000.0 */
    while (v >= 999.95 && i + 1 < sizeof units / sizeof *units) {
        v /= 1000;
        i++;
    }
    snprintf(out, HUMAN_TEXT, "%.1f %s", v, units[i]);
}

/* Two units at most: what is below them says nothing at that length. */
void human_duration(int64_t ms, char *out)
{
    static const struct {
        int64_t of, from, part;
        const char *name, *part_name;
    } steps[] = {
        {86400000, 86400000, 3600000, "d", "h"},
        {3600000, 3600000, 60000, "h", "min"},
        {60000, 60000, 1000, "min", "s"},
    };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        if (ms < steps[i].from)
            continue;
        snprintf(out, HUMAN_TEXT, "%lld %s %lld %s", (long long)(ms / steps[i].of), steps[i].name,
                 (long long)(ms % steps[i].of / steps[i].part), steps[i].part_name);
        return;
    }
    if (ms < 1000)
        snprintf(out, HUMAN_TEXT, "%lld ms", (long long)ms);
    else
        snprintf(out, HUMAN_TEXT, "%lld.%lld s", (long long)(ms / 1000),
                 (long long)(ms % 1000 / 100));
}

void human_age(int64_t ms, char *out)
{
    static const struct {
        int64_t from, of;
        const char *name;
    } units[] = {{86400000, 86400000, "d"},
                 {3600000, 3600000, "h"},
                 {60000, 60000, "min"},
                 {10000, 1000, "s"}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (ms >= units[i].from) {
            snprintf(out, HUMAN_TEXT, "%lld %s", (long long)(ms / units[i].of), units[i].name);
            return;
        }
    }
    human_duration(ms, out);
}

static void format_local(int64_t wall_ms, const char *format, char *out)
{
    time_t t = (time_t)(wall_ms / 1000);
    struct tm tm;
    if (localtime_r(&t, &tm) == NULL || strftime(out, HUMAN_TEXT, format, &tm) == 0)
        snprintf(out, HUMAN_TEXT, "%lld", (long long)wall_ms);
}

void human_time(int64_t wall_ms, char *out)
{
    format_local(wall_ms, "%Y-%m-%d %H:%M:%S", out);
}

void human_clock(int64_t wall_ms, char *out)
{
    format_local(wall_ms, "%H:%M:%S", out);
}
