#ifndef PENSTOCK_SANDBOX_CRASH_FRAMES_H
#define PENSTOCK_SANDBOX_CRASH_FRAMES_H

/* crash_frames.h: where a process is, from inside one of its signal handlers. Runs in zygote, tasks
 * and warm workers. */

#include <ucontext.h>

struct crash_report;

/* The unwinder loads a library when it is first used, which a handler must not. [main, once] */
void crash_frames_prepare(void);
/* Only the address; cannot fail. [handler] */
void crash_frames_first(struct crash_report *c, const ucontext_t *context);
/* The calls that led there, and what they lie in. May fall over a broken stack: what is written
 * until then counts. [handler] */
void crash_frames_all(struct crash_report *c, const ucontext_t *context);
/* The plugin's calls as one line to that descriptor. [handler] */
void crash_frames_print(const struct crash_report *c, int fd);

#endif
