#ifndef PENSTOCK_SANDBOX_FRAMES_IN_H
#define PENSTOCK_SANDBOX_FRAMES_IN_H

/*
 * frames_in.h: a worker's tasks from the core. Finds the task that is meant for this worker in a
 * stream that may still hold pieces of an earlier one (chan.h); reads small tasks with one read,
 * large ones straight into their place. Several small ones may come with one read.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sandbox/chan.h"

enum { FRAMES_IN_ROOM = 32 * 1024 };

struct frames_in {
    int fd; /* borrowed */
    size_t len;
    size_t used;          /* of len: by the task that was handed out */
    unsigned char *large; /* kept for the next large task while it is not too large */
    size_t large_cap;
    bool is_in_step; /* the worker's first task was found: whole tasks follow */
    /* 8 bytes in front, so that a payload behind its head of 24 begins at a multiple of DATA_ALIGN.
     */
    _Alignas(DATA_ALIGN) unsigned char front[8];
    unsigned char room[FRAMES_IN_ROOM];
};

struct task_frame {
    uint64_t nonce;
    const unsigned char *payload; /* begins at a multiple of DATA_ALIGN */
    size_t len;
};

void frames_in_init(struct frames_in *in, int fd);
/* Waits for the next task. 1: there is one, borrowed until the next call; 0: the stream has ended;
 * -1 with errno; ENOMEM if the task does not fit into memory. */
int frames_in_next(struct frames_in *in, const struct slot_page *page, uint64_t generation,
                   struct task_frame *task);
/* Whether the next task is here, so that frames_in_next will not wait. */
bool frames_in_is_ready(const struct frames_in *in);
/* Lets go of the memory of a very large task. */
void frames_in_release(struct frames_in *in);

#endif
