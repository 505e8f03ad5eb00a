#ifndef PENSTOCK_TESTS_INNER_HOST_H
#define PENSTOCK_TESTS_INNER_HOST_H

/* inner_host.h: a real launcher with real boxes, for tests and measurements of box.h. Plugins come
 * from the build. */

#include <sys/types.h>

#include "base/buf.h"
#include "loop/loop.h"
#include "sandbox/box.h"

enum { HOST_OUTPUTS = 4, HOST_ARGS = 24, HOST_USER = 65534 };

/* How a launcher is started; all zero: as host_start does it. */
struct host_options {
    const char *wrapper[HOST_ARGS]; /* a command that starts it, NULL-ended */
    const char *args[HOST_ARGS];    /* more options for it, NULL-ended */
    uid_t owner;                    /* of the state directory; 0: ours */
    bool is_strict;                 /* about owners and modes of plugin files */
};

/* What became of the last task. */
struct host_outcome {
    enum code code;
    char message[512], details[16384], status[64], data[4096];
    size_t data_len, n_outputs, n_children;
    char output_name[64];
    size_t output_len;
    char output[64]; /* the first bytes */
    char child[64];
    int64_t run_ms, cpu_ms, max_rss_bytes;
    bool was_started;
};

struct host {
    struct loop *loop;
    struct launcher *launcher;
    pid_t launcher_pid;
    char state[256];
    bool is_lost;
    struct box *box; /* NULL: ended */
    struct box_spec spec;
    enum box_mode mode;
    uint32_t walls, landlock_abi;
    bool is_ready;
    bool is_free[BOX_SLOTS_MAX];
    int n_running, n_done, n_logs, n_progress;
    size_t log_bytes;
    char log[512];   /* the last one */
    char logs[4096]; /* the first ones, one behind the other */
    enum box_stream log_stream;
    struct host_outcome last;
    char descriptor[65536];
    enum code ended_code;
    char ended_text[1200];
};

/* Starts the launcher; the state directory lies in TMPDIR. 0, or -1. */
int host_start(struct host *h);
int host_start_with(struct host *h, const struct host_options *options);
/* The same as a user without rights (only root can), and where no namespace can be made. */
int host_start_as(struct host *h, bool is_user, bool is_bare);
/* After the launcher was killed: another one in the same state directory. */
int host_restart(struct host *h);
/* Ends it and waits for everything that was its. */
void host_stop(struct host *h);

/* The path of a file of the build. */
void host_build_path(char *out, size_t size, const char *file);
/* Limits that every test can live with. plugin: "tests/plugins/misbehave", or an absolute path. */
void host_spec(struct host *h, const char *plugin, const char *slug, enum box_mode mode,
               uint32_t slots);
/* box_start, and turns of the loop until it is ready with all slots free, or ended. */
void host_box(struct host *h);
/* The same without waiting. */
void host_begin_box(struct host *h);
void host_end_box(struct host *h);
/* Runs one task on a slot that is free and waits for its outcome. */
void host_task(struct host *h, const struct box_task *task);
void host_params(struct host *h, const char *params, uint32_t timeout_ms);
void host_wait_free(struct host *h);
void host_turn_until(struct host *h, const int *count, int n);

#endif
