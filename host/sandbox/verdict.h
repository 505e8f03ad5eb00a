#ifndef PENSTOCK_SANDBOX_VERDICT_H
#define PENSTOCK_SANDBOX_VERDICT_H

/* verdict.h: joins what a task claims with what the kernel and our own timers say. Pure. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/codes.h"
#include "sandbox/chan.h"

struct buf;

struct evidence {
    /* our own */
    bool warden_lost;  /* the box went down with the task in it; KILL_STOP: because we said so */
    bool is_unstarted; /* the worker cannot have touched the task */
    enum kill_reason killed; /* why we killed the worker, or KILL_NONE */
    bool has_exit;           /* the worker is reaped; a warm one that goes on has none */
    int wait_status;
    uint64_t cpu_us; /* with has_exit */
    uint32_t wall_limit_ms;
    uint32_t cpu_limit_ms;       /* 0: none */
    uint64_t memory_limit_bytes; /* 0: none */
    uint32_t oom_kills;          /* in its control group, while it lived; with has_exit */
    uint64_t memory_peak_bytes;  /* of its control group; 0: not known */
    uint64_t dir_limit_bytes;    /* of its directory; 0: none */
    uint32_t dir_limit_files;    /* 0: none */
    struct crash_report crash;   /* a checked copy; a hint */
    /* the claim */
    bool has_result, has_fail, is_done;
    bool is_broken;          /* a frame was wrong: magic, nonce, length, order, JSON */
    bool is_too_big;         /* over result_max or outputs_max */
    bool is_doubled;         /* a second result or fail */
    int fail_status;         /* pen_status of fail */
    int run_status;          /* pen_status that run returned */
    const char *fail_text;   /* or NULL */
    const char *broken_text; /* of is_broken or is_too_big: a literal, or NULL */
    const char *last_log;    /* lines it printed last, last_log_len bytes; or NULL */
    size_t last_log_len;
};

/* The verdict; the first row of the table that fits wins. message (at least 256 bytes) gets words
 * for a person, details a JSON object (signal, exit status, syscall, ...) or nothing. */
enum code verdict_of(const struct evidence *e, char *message, size_t message_size,
                     struct buf *details);

/* "socket", or NULL if that number has no place in the table. */
const char *syscall_name(int number);

#endif
