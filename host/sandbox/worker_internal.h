#ifndef PENSTOCK_SANDBOX_WORKER_INTERNAL_H
#define PENSTOCK_SANDBOX_WORKER_INTERNAL_H

/* worker_internal.h: what worker.c, worker_host.c, worker_ext.c and worker_files.c share. */

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <penstock/ext/files.h>

#include "sandbox/frames_in.h"
#include "sandbox/frames_out.h"
#include "sandbox/strays.h"
#include "sandbox/worker.h"
#include "sandbox/worker_task.h"

enum { WORKER_NAME_MAX = 64, WORKER_MEDIA_MAX = 127 };

/* How far a task is; under its lock. */
struct worker_progress {
    pthread_mutex_t lock;
    int64_t sent_ms; /* monotonic; 0: nothing sent yet */
    bool is_pending;
    double fraction;
    size_t len;
    char message[DATA_PROGRESS_MAX];
};

/* The task's own directory. */
struct worker_files {
    bool is_on; /* the extension is there, and in and out with it */
    int top_fd; /* -1: there is no directory, or nothing to do in it */
    int in_fd;
    int out_fd;
    char top[PATH_MAX];
    char out[PATH_MAX];
    char **paths; /* of inputs that were written, one a place in the task; NULL until the first */
};

struct worker {
    struct worker_setup setup;
    pen_host host; /* ctx is this struct */
    struct frames_in in;
    struct frames_out out;
    struct worker_task task;
    uint64_t nonce;
    uint64_t cpu_us; /* of the process, at the end of the last task */
    /* Of the task at work, all [run] but n_logs. */
    bool is_running;
    bool has_result, has_fail;
    bool is_refused; /* it has failed already, because of a wrong call */
    bool is_doubled; /* it gave a second result or a second failure */
    bool is_broken;  /* the plugin says itself that it has made a mistake */
    uint32_t n_children;
    size_t n_outputs, cap_outputs;
    char (*outputs)[WORKER_NAME_MAX]; /* names in use */
    atomic_uint n_logs;
    struct worker_progress progress;
    struct worker_files files;
    struct pid_list kept_children; /* of a warm worker that may fork: those that open has started */
    /* Of a warm one. */
    int64_t born_ms;
    uint64_t born_bytes; /* resident, at most so far, before the first task */
    bool is_leaving;     /* takes no further task */
};

static inline struct worker *worker_of(const pen_host *host)
{
    return host->ctx;
}

/* worker_host.c */
void worker_host_init(struct worker *w);
bool worker_should_stop(const struct worker *w);
/* The plugin called the host wrongly: the task fails with these words. Returns PEN_E_INTERNAL. */
__attribute__((format(printf, 2, 3))) pen_status worker_refuse(struct worker *w, const char *format,
                                                               ...);
/* Checks an output's name and media type and notes the name. 0, or a status to return. */
pen_status worker_note_output(struct worker *w, const char *name, const char *media_type);
/* The payload of DATA_OUTPUT and DATA_CHILD up to the bytes: lengths, two texts. lengths holds two.
 */
size_t worker_two_names(struct iovec *parts, uint32_t *lengths, const char *a, const char *b);

/* worker_ext.c */
const void *worker_extension(const pen_host *host, const char *id);
void worker_progress_begin(struct worker *w);
/* Sends the last report if it is still held back. */
void worker_progress_end(struct worker *w);

/* worker_files.c */
const pen_files *worker_files_extension(void);
/* Empties the slot's directory where nobody else does; is_wanted: the extension is. -1 with errno.
 */
int worker_files_open(struct worker *w, int is_wanted);
/* After a task that is not the worker's last: what it left goes. -1 with errno. */
int worker_files_tidy(struct worker *w);

/* worker_strays.c: nothing unless the setup says that processes may be made. */
/* Before the first task: notes the children that there are. */
void worker_strays_keep(struct worker *w);
/* After a task: kills all others. */
void worker_strays_kill(const struct worker *w);

#endif
