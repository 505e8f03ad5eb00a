/*
 * growth.c: watches the memory of the core. Runs in the core.
 *
 * libzmq keeps all frames of a message until its last one is there; no high-water mark counts them,
 * and it cannot be told to drop one peer. What the core holds and cannot account for is therefore
 * unfinished messages, or answers that a peer does not read. When that is more than
 * host.max_unfinished, the door is shut, which frees all of it, and opened again.
 */
#include "core/growth.h"

#include <errno.h>
#include <malloc.h>

#include "base/fdutil.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/table.h"
#include "core/doors.h"
#include "core/peers.h"
#include "core/tasks.h"
#include "journal/journal.h"
#include "loop/loop.h"

/* Between two looks a peer can send what a socket takes in that time: so soon again while it grows. */
enum { LOOK_MS = 100, LOOK_SOON_MS = 20, SHUT_MS = 1000, CUT_MS = 100, GROWS_BYTES = 1 << 20 };

/* What libzmq keeps for a connection (two pipes, session, buffers of encoder and decoder), and the
 * core for a peer and its owner. */
enum { CONNECTION_BYTES = 64 * 1024, PEER_BYTES = 512 };

size_t growth_excess(const struct growth *g)
{
    size_t rest = g->held > g->accounted ? g->held - g->accounted : 0;
    size_t allowance = g->is_behind ? 2 * g->allowance : g->allowance;
    return rest > allowance ? rest - allowance : 0;
}

/* What a box hands over while its task runs. */
static size_t run_bytes(const struct conf_host *h)
{
    return (size_t)(h->max_result_bytes + h->max_outputs_bytes + h->max_log_bytes);
}

static size_t accounted(const struct core *c)
{
    return c->base_bytes + c->own_bytes + c->queue_bytes + c->running_bytes + c->settling_bytes +
           c->kept_bytes + JOURNAL_MEMORY + (c->readings != NULL ? JOURNAL_ANSWER_MAX : 0) +
           sched_running(c->sched) * run_bytes(c->host) +
           (table_count(c->peers) + table_count(c->clients)) * (sizeof(struct peer) + PEER_BYTES) +
           c->out.cap;
}

/* The kernel's count costs next to nothing, and holds too much: freed memory. The allocator's holds too much as well:
 * frames that were announced and not sent. So what counts is the smaller one, and the allocator is asked only if the
 * kernel's is too large. */
static size_t excess(const struct core *c)
{
    struct growth g = {.held = memory_resident(c->statm_fd),
                       .accounted = accounted(c),
                       .allowance = (size_t)c->host->max_unfinished_bytes,
                       .is_behind = doors_are_due(c)};
    if (growth_excess(&g) == 0)
        return 0;
    size_t allocated = memory_allocated();
    g.held = allocated < g.held ? allocated : g.held;
    g.accounted += memory_descriptors() * CONNECTION_BYTES;
    return growth_excess(&g);
}

static void shut(struct core *c, enum door door)
{
    c->shut_door = door;
    c->shut_ms = loop_now_ms(c->loop);
    c->stats.doors_reopened++;
    doors_shut(c, door);
}

/* libzmq's threads have cut the peers off after CUT_MS: what grows then grows by another door. Freeing may take longer. */
static bool is_freeing(const struct core *c, size_t before, size_t bytes)
{
    int64_t since = loop_now_ms(c->loop) - c->shut_ms;
    bool grows = bytes > before + GROWS_BYTES;
    return since < CUT_MS || (since < SHUT_MS && !grows);
}

static void reopen(struct core *c)
{
    if (doors_reopen(c) < 0) {
        c->has_failed = true;
        loop_stop(c->loop);
    }
    log_info("the doors are open again", LI("shut_ms", loop_now_ms(c->loop) - c->shut_ms));
    c->shut_door = DOOR_NONE;
}

/* While a door is shut nobody can make the core grow by it. If what is held is not freed, it was not this door: the
 * operator's is shut too; then no peer is left, and none is to suffer for it again. */
static void look_behind(struct core *c)
{
    malloc_trim(0);
    size_t before = c->excess_bytes, bytes = excess(c);
    c->excess_bytes = bytes;
    if (bytes == 0) {
        reopen(c);
    } else if (is_freeing(c, before, bytes)) {
        return;
    } else if (c->shut_door == DOOR_TASKS) {
        log_error("it was not that door alone: this one is shut too",
                  LS("door", doors_name(DOOR_CONTROL)), LI("bytes", bytes));
        shut(c, DOOR_CONTROL);
    } else {
        log_error("memory is held that no door gives back: it counts as the host's own from now on",
                  LI("bytes", bytes));
        c->base_bytes += bytes;
        reopen(c);
    }
}

static void look(struct core *c)
{
    size_t bytes = excess(c);
    if (bytes == 0)
        return;
    log_error("peers make the core hold more than host.max_unfinished without ending their "
              "messages or reading ours: the door is shut for all, and opened again",
              LS("door", doors_name(DOOR_TASKS)),
              LI("bytes", bytes + (size_t)c->host->max_unfinished_bytes),
              LI("max_unfinished", c->host->max_unfinished_bytes));
    c->excess_bytes = bytes;
    shut(c, DOOR_TASKS);
}

static void on_look(void *arg)
{
    struct core *c = arg;
    size_t before = c->resident_bytes;
    c->resident_bytes = memory_resident(c->statm_fd);
    if (c->shut_door != DOOR_NONE)
        look_behind(c);
    else
        look(c);
    bool is_urgent = c->shut_door != DOOR_NONE || c->resident_bytes > before + GROWS_BYTES;
    loop_timer_after(c->growth, is_urgent ? LOOK_SOON_MS : LOOK_MS);
}

int growth_init(struct core *c)
{
    c->growth = loop_timer_new(c->loop, on_look, c);
    if (c->growth == NULL)
        return -1;
    c->statm_fd = memory_open();
    if (c->statm_fd < 0)
        log_warn("the kernel does not tell how much memory is in use: the allocator alone is asked",
                 LE(errno));
    c->base_bytes = memory_allocated();
    loop_timer_after(c->growth, LOOK_MS);
    return 0;
}

void growth_clear(struct core *c)
{
    loop_timer_free(c->growth);
    c->growth = NULL;
    fd_close(&c->statm_fd);
}
