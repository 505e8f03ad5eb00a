/* quota_rate.c: a ring of seconds. Pure. */
#include "core/quota_rate.h"

enum { WINDOW_LEAST_MS = 250, DICE_SIDES = 401, DICE_BASE = 1000 };

void rate_init(struct rate *r, int64_t now_ms)
{
    *r = (struct rate){.start_ms = now_ms, .second = now_ms / 1000};
}

/* Seconds that have begun since are empty. */
static void turn(struct rate *r, int64_t now_ms)
{
    int64_t second = now_ms / 1000;
    if (second - r->second > RATE_SECONDS)
        r->second = second - RATE_SECONDS;
    while (r->second < second)
        r->left[++r->second % RATE_SECONDS] = (struct amount){0, 0};
}

void rate_note(struct rate *r, int64_t now_ms, struct amount left)
{
    turn(r, now_ms);
    r->left[r->second % RATE_SECONDS].n += left.n;
    r->left[r->second % RATE_SECONDS].bytes += left.bytes;
}

/* How long the ring reaches back. */
static int64_t window_ms(const struct rate *r, int64_t now_ms)
{
    int64_t ring = (RATE_SECONDS - 1) * 1000 + now_ms % 1000;
    int64_t life = now_ms - r->start_ms;
    int64_t ms = life < ring ? life : ring;
    return ms > WINDOW_LEAST_MS ? ms : WINDOW_LEAST_MS;
}

/* Where nothing has left in the whole window, one that leaves next is all that can be hoped for. */
static double needed_ms(double window, size_t left, size_t more)
{
    return more == 0 ? 0 : left > 0 ? window * (double)more / (double)left : window;
}

int64_t rate_estimate_ms(struct rate *r, int64_t now_ms, struct amount more, uint64_t dice)
{
    struct amount left = {0, 0};
    turn(r, now_ms);
    for (int i = 0; i < RATE_SECONDS; i++) {
        left.n += r->left[i].n;
        left.bytes += r->left[i].bytes;
    }
    const double window = (double)window_ms(r, now_ms);
    double ms = needed_ms(window, left.n, more.n),
           other = needed_ms(window, left.bytes, more.bytes);
    ms = ms > other ? ms : other;
    ms *= 0.8 + (double)(dice % DICE_SIDES) / DICE_BASE;
    return ms < RATE_LEAST_MS ? RATE_LEAST_MS : ms > RATE_MOST_MS ? RATE_MOST_MS : (int64_t)ms;
}
