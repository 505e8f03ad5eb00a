#ifndef PENSTOCK_HUMAN_H
#define PENSTOCK_HUMAN_H

/* human.h: numbers as people read them; exact ones are in --json. */

#include <stdint.h>

enum { HUMAN_TEXT = 40 };

/* "840 B", "14.0 kB", "31.5 MB". */
void human_size(int64_t bytes, char *out);
/* "31 ms", "2.4 s", "3 min 20 s", "5 h 2 min", "3 d 4 h". */
void human_duration(int64_t ms, char *out);
/* One unit: "31 ms", "24 s", "3 min", "5 h", "12 d". */
void human_age(int64_t ms, char *out);
/* "2026-01-31 12:34:56", local time. */
void human_time(int64_t wall_ms, char *out);
/* "12:34:56", local time. */
void human_clock(int64_t wall_ms, char *out);

#endif
