#ifndef PENSTOCK_JOURNAL_SPACE_H
#define PENSTOCK_JOURNAL_SPACE_H

/* space.h: room on the disk of the journal: the low water mark, and a file that is kept so that it
 * can be given up when verdicts must still be written. */

#include <stdbool.h>
#include <stdint.h>

struct space {
    const char *dir; /* borrowed */
    int64_t ballast_wanted, low_water;
    int64_t ballast, free_bytes; /* as they are */
    bool is_low;
};

/* Takes what ballast is still there. */
void space_open(struct space *s, const char *dir, int64_t ballast, int64_t low_water);
/* Looks at the disk, and takes ballast again if there is room. Whether new tasks may come; else why
 * (JOURNAL_WHY bytes) is set. */
bool space_look(struct space *s, char *why);
/* Gives the ballast up. Whether there was any. */
bool space_release(struct space *s);

#endif
