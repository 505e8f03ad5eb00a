#ifndef PENSTOCK_BASE_CLOCK_H
#define PENSTOCK_BASE_CLOCK_H

/* clock.h: the two clocks. Promises to others are kept on the wall clock, limits on the monotonic
 * one. */

#include <stdint.h>

/* For tests: a process started with PENSTOCK_CLOCK_FILE=path has its wall clock moved by the int64_t
 * (milliseconds, the machine's byte order) that the file begins with, read anew each time. Without
 * the variable that costs one comparison. [main, once] */
void clock_setup(void);

/* Milliseconds or microseconds of CLOCK_MONOTONIC. [any] */
int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);
/* Milliseconds since the epoch. [any] */
int64_t clock_wall_ms(void);

/* "2026-01-31T12:34:56.789Z" (RFC 3339, UTC) into out, which holds CLOCK_TEXT bytes. */
enum { CLOCK_TEXT = 32 };
void clock_format(int64_t wall_ms, char *out);

#endif
