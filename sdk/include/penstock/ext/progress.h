#ifndef PENSTOCK_EXT_PROGRESS_H
#define PENSTOCK_EXT_PROGRESS_H

/*
 * penstock/ext/progress.h: "pen.progress/1", how far a task is. A pipeline lists PEN_EXT_PROGRESS
 * in its needs and asks for it in run: host->extension(host, PEN_EXT_PROGRESS).
 */

#include <penstock/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PEN_EXT_PROGRESS "pen.progress/1"

typedef struct pen_progress {
    uint32_t size;

    /* fraction: 0 to 1 of the work; others are clamped, NaN is "unknown". message: a short line,
     * copied, cut at 1024 bytes, or NULL. The host sends the newest report on some times a second
     * and drops those between, so reporting often is fine. PEN_E_CANCELLED: the task is to stop, as
     * should_stop. [any] */
    pen_status (*report)(const pen_host *host, double fraction, const char *message);
} pen_progress;

#ifdef __cplusplus
}
#endif

#endif
