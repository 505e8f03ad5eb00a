/* worker.c: takes tasks from the data channel and calls the plugin's run. Runs in tasks and warm
 * workers. */
#include "sandbox/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <penstock/ext/files.h>

#include "base/clock.h"
#include "sandbox/crash.h"
#include "sandbox/worker_internal.h"

struct worker *worker_new(void)
{
    struct worker *w = calloc(1, sizeof *w);
    if (w == NULL)
        return NULL;
    pthread_mutex_init(&w->progress.lock, NULL);
    w->files.top_fd = w->files.in_fd = w->files.out_fd = -1;
    worker_host_init(w);
    return w;
}

int worker_needs(const pen_pipeline *pipeline, const char *need)
{
    for (const char *const *at = pipeline->needs; at != NULL && *at != NULL; at++) {
        if (strcmp(*at, need) == 0)
            return 1;
    }
    return 0;
}

int worker_prepare(struct worker *w, const struct worker_setup *setup)
{
    w->setup = *setup;
    frames_in_init(&w->in, setup->data_fd);
    frames_out_init(&w->out, setup->data_fd, &setup->page->unsent);
    crash_set_page(setup->page);
    worker_strays_keep(w);
    if (setup->task_dir[0] == '\0')
        return 0;
    return worker_files_open(w, worker_needs(setup->pipeline, PEN_EXT_FILES));
}

/* The kernel counts for tasks that end with their process; a warm worker counts for itself. */
static uint64_t cpu_us(const struct worker *w)
{
    struct timespec t;
    if (w->setup.mode == BOX_FORK || clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) < 0)
        return 0;
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* Whether the task is still there: the core may have taken it back. */
static bool take_task(struct worker *w, uint32_t number, uint64_t nonce)
{
    return atomic_compare_exchange_strong(&w->setup.page->cells[number % SLOT_CELLS], &nonce, 0);
}

static void begin_task(struct worker *w, uint64_t nonce)
{
    frames_out_flush_old(&w->out);
    atomic_store(&w->setup.page->started_nonce, nonce);
    w->nonce = nonce;
    w->has_result = w->has_fail = w->is_refused = w->is_doubled = w->is_broken = false;
    w->n_children = 0;
    w->n_outputs = 0;
    atomic_store(&w->n_logs, 0);
    worker_progress_begin(w);
    frames_out_begin(&w->out, nonce);
    w->is_running = true;
}

/* At most so far: what a task has freed again counts too, which recycles too early but never too
 * late. 0: not known. */
static uint64_t resident_bytes(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (uint64_t)usage.ru_maxrss * 1024 : 0;
}

static bool has_grown(const struct worker *w)
{
    const uint64_t most = w->setup.recycle_growth_bytes;
    return most > 0 && resident_bytes() > w->born_bytes + most;
}

static bool is_old(const struct worker *w)
{
    return w->setup.recycle_ms > 0 && clock_mono_ms() - w->born_ms >= w->setup.recycle_ms;
}

/* The plugin has made a mistake: what else is wrong in its memory, nobody knows. */
static bool is_at_fault(const struct worker *w, pen_status status)
{
    return w->is_refused || w->is_doubled || w->is_broken || status == PEN_E_INTERNAL ||
           (status == PEN_OK && !w->has_result && !w->has_fail);
}

/* The core has to know before it sees the end of the task: what it has written ahead goes back. */
static void consider_leaving(struct worker *w, pen_status status)
{
    if (w->setup.mode != BOX_WARM || !(is_at_fault(w, status) || is_old(w) || has_grown(w)))
        return;
    w->is_leaving = true;
    atomic_store(&w->setup.page->leaving, w->setup.generation);
}

static void end_task(struct worker *w, pen_status status)
{
    const uint64_t now_us = cpu_us(w);
    uint64_t used_us = now_us - w->cpu_us;
    const struct iovec parts[] = {{&status, sizeof status}, {&used_us, sizeof used_us}};
    w->is_running = false;
    w->cpu_us = now_us;
    fflush(stdout);
    worker_progress_end(w);
    consider_leaving(w, status);
    frames_out_put(&w->out, DATA_DONE, parts, 2);
    frames_out_end(&w->out);
    if (!frames_in_is_ready(&w->in))
        frames_out_flush(&w->out);
}

static void run_task(struct worker *w, uint64_t nonce)
{
    begin_task(w, nonce);
    errno = 0; /* what a crash finds there is the plugin's (crash.c) */
    pen_status status = w->setup.pipeline->run(w->setup.self, &w->host, &w->task.task);
    worker_strays_kill(w);
    end_task(w, status);
}

/* 1: there is one; 0: no more will come; -1: what came is not to be understood. */
static int next_task(struct worker *w, uint64_t *nonce)
{
    struct task_frame frame = {.nonce = 0};
    /* Answers of small tasks wait for each other, but never for the core. */
    if (!frames_in_is_ready(&w->in))
        frames_out_flush(&w->out);
    int rc = frames_in_next(&w->in, w->setup.page, w->setup.generation, &frame);
    if (rc > 0 && worker_task_read(&w->task, &frame) < 0)
        rc = -1;
    if (rc < 0 && errno == ENOMEM) {
        atomic_store(&w->setup.page->started_nonce, frame.nonce);
        crash_out_of_memory();
    }
    *nonce = rc > 0 ? frame.nonce : 0;
    return rc;
}

/* Looking whether a directory is empty that nobody should have used can wait until there is time.
 */
static int tidy(struct worker *w)
{
    if (!w->files.is_on && frames_in_is_ready(&w->in))
        return 0;
    if (worker_files_tidy(w) == 0)
        return 0;
    frames_out_flush(&w->out);
    return -1;
}

static void close_plugin(const struct worker *w)
{
    if (w->setup.mode == BOX_WARM && w->setup.pipeline->close != NULL)
        w->setup.pipeline->close(w->setup.self);
}

int worker_serve(struct worker *w)
{
    const uint32_t last = w->setup.mode == BOX_FORK ? 1 : w->setup.recycle_after;
    uint64_t nonce;
    int rc = 1;
    w->cpu_us = cpu_us(w);
    w->born_ms = clock_mono_ms();
    w->born_bytes = resident_bytes();
    for (uint32_t n = 0; (last == 0 || n < last) && !w->is_leaving; n++) {
        rc = next_task(w, &nonce);
        if (rc <= 0)
            break;
        bool is_there = take_task(w, n, nonce);
        if (is_there)
            run_task(w, nonce);
        if (is_there && w->setup.mode == BOX_WARM && tidy(w) < 0)
            return WORKER_SETUP_EXIT;
        worker_task_clear(&w->task);
        frames_in_release(&w->in);
    }
    frames_out_flush(&w->out);
    close_plugin(w);
    return rc < 0 ? WORKER_SETUP_EXIT : 0;
}
