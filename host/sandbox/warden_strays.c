/*
 * warden_strays.c: processes that tasks have started and left. Runs in the warden, in boxes of the
 * profile off only: in all others nothing but the zygote can make a process, and one that was not
 * ordered ends the box (warden_reap.c).
 *
 * A task adopts what its own children leave (PR_SET_CHILD_SUBREAPER, as the warden does), so whoever
 * is our child and neither zygote, task, cleaner nor measurer comes from one that has ended. Killing it hands
 * its children to us in turn. A task that was cloned and not yet named by the zygote looks the same;
 * so we wait until all orders are answered.
 */
#include <errno.h>
#include <unistd.h>

#include "sandbox/strays.h"
#include "sandbox/warden_internal.h"

enum { ROUNDS_MAX = 1000 /* what grows faster than it is killed ends the box */ };

bool warden_allows_strays(const struct warden *w)
{
    return (w->setup.rights & BOX_MAY_ALL) != 0;
}

static bool is_known(const struct warden *w, pid_t pid)
{
    for (uint32_t i = 0; i < w->setup.slots; i++) {
        if (w->zygotes[i].pid == pid || w->slots[i].pid == pid || w->slots[i].measurer == pid)
            return true;
    }
    return false;
}

/* How many there were. */
static unsigned kill_round(const struct warden *w)
{
    struct pid_list list = {.n = 0};
    unsigned n = 0;
    strays_list(w->children, &list);
    for (size_t i = 0; i < list.n; i++) {
        if (is_known(w, list.pids[i]))
            continue;
        strays_kill(list.pids[i]);
        n++;
    }
    return n;
}

void warden_kill_strays(struct warden *w)
{
    if (!warden_allows_strays(w) || w->is_ending || w->children < 0 || warden_ordered(w) > 0)
        return;
    w->n_early = 0; /* nobody is left to be named */
    for (int i = 0; i < ROUNDS_MAX; i++) {
        if (kill_round(w) == 0)
            return;
    }
    warden_end_error(w, EAGAIN, "killing what tasks have left");
}
