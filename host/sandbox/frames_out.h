#ifndef PENSTOCK_SANDBOX_FRAMES_OUT_H
#define PENSTOCK_SANDBOX_FRAMES_OUT_H

/*
 * frames_out.h: a worker's frames to the core. Small ones are gathered until frames_out_flush, so
 * that a small task costs one write, or less; large ones go out at once, straight from the caller's
 * memory. They are gathered in the slot page: the core finds there what a dead worker had to say.
 * All functions may be called by any thread of the plugin; frames are never mixed. The core being
 * gone ends the process: nobody is left to work for.
 */

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "sandbox/chan.h"

enum { FRAMES_OUT_ROOM = SLOT_UNSENT_MAX, FRAMES_OUT_PARTS_MAX = 6 };

struct frames_out {
    int fd; /* borrowed */
    pthread_mutex_t lock;
    uint64_t nonce; /* of the task at work; 0: none, frames are dropped */
    size_t len;
    uint64_t sent;    /* bytes of the stream */
    int64_t since_us; /* the end of the oldest task whose answer is gathered; 0: none is */
    struct slot_unsent *unsent;
};

/* unsent is left alone until the first task: until then it belongs to the last worker's story. */
void frames_out_init(struct frames_out *o, int fd, struct slot_unsent *unsent);
/* Frames from here on belong to that task; 0: to none. */
void frames_out_begin(struct frames_out *o, uint64_t nonce);
/* One frame, its payload in at most FRAMES_OUT_PARTS_MAX parts. Copied or written on return. */
void frames_out_put(struct frames_out *o, enum data_type type, const struct iovec *parts, size_t n);
/* One frame whose payload ends with size bytes of a file, from its start; 0, or -1 with errno if
 * the file ended or failed before (the frame is then filled up with zeros). */
int frames_out_put_file(struct frames_out *o, enum data_type type, const struct iovec *parts,
                        size_t n, int fd, uint64_t size);
void frames_out_flush(struct frames_out *o);
/* The task is over; frames belong to none. Its answer may stay here for a while. */
void frames_out_end(struct frames_out *o);
/* Before the next task: writes answers that have waited long enough. */
void frames_out_flush_old(struct frames_out *o);

#endif
