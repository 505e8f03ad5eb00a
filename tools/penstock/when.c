/* when.c: reads points in time. Part of the command line. */
#include "when.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"

/* RFC 3339, with "Z" or "+02:00" at the end; -1 if it is not that. */
static int64_t parse_time(const char *text)
{
    struct tm tm = {0};
    int hours = 0, minutes = 0, used = 0;
    char sign = 0;
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (rest == NULL)
        return -1;
    if (*rest == '.')
        rest += 1 + strspn(rest + 1, "0123456789");
    if (strcmp(rest, "Z") != 0 &&
        (sscanf(rest, "%c%2d:%2d%n", &sign, &hours, &minutes, &used) != 3 || rest[used] != '\0' ||
         (sign != '+' && sign != '-')))
        return -1;
    int64_t offset = (int64_t)(hours * 60 + minutes) * 60;
    return ((int64_t)timegm(&tm) - (sign == '-' ? -offset : offset)) * 1000;
}

int64_t when_parse(const char *text, enum when_side side)
{
    int64_t ms;
    if (text_parse_duration(text, &ms) == 0)
        return clock_wall_ms() + (side == WHEN_AHEAD ? ms : -ms);
    return parse_time(text);
}
