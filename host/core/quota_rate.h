#ifndef PENSTOCK_CORE_QUOTA_RATE_H
#define PENSTOCK_CORE_QUOTA_RATE_H

/* quota_rate.h: how fast the queue gets shorter, from what has left it in the last seconds. Pure. */

#include <stddef.h>
#include <stdint.h>

enum { RATE_SECONDS = 8, RATE_LEAST_MS = 50, RATE_MOST_MS = 60000 };

struct amount {
    size_t n, bytes;
};

struct rate {
    int64_t start_ms;
    int64_t second; /* the newest, of now_ms / 1000 */
    struct amount left[RATE_SECONDS];
};

void rate_init(struct rate *r, int64_t now_ms);
/* So much has left. */
void rate_note(struct rate *r, int64_t now_ms, struct amount left);
/* After how many ms so much more will have left, RATE_LEAST_MS to RATE_MOST_MS. dice: any number:
 * the answer is up to a fifth shorter or longer, so that those who ask do not come back at once. */
int64_t rate_estimate_ms(struct rate *r, int64_t now_ms, struct amount more, uint64_t dice);

#endif
