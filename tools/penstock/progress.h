#ifndef PENSTOCK_PROGRESS_H
#define PENSTOCK_PROGRESS_H

/* progress.h: one line on stderr that shows how far a task is; nothing where stderr is no terminal
 * that can redraw. [loop] */

#include <stddef.h>

struct cli;
struct loop;
struct progress;

/* NULL: there is nothing to draw on (or no memory): every function takes NULL. label is copied. */
struct progress *progress_new(const struct cli *cli, struct loop *loop, const char *label);
void progress_free(struct progress *p);
/* A word such as "queued" or "running". */
void progress_state(struct progress *p, const char *state);
/* fraction below 0: not known; message is escaped. */
void progress_set(struct progress *p, double fraction, const char *message, size_t len);
/* Takes the line away, so that another can be printed; the next change draws it again. */
void progress_hide(struct progress *p);

#endif
