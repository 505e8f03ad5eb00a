#ifndef PENSTOCK_SANDBOX_DATA_READER_H
#define PENSTOCK_SANDBOX_DATA_READER_H

/*
 * data_reader.h: takes the stream of a worker apart into frames (chan.h). Pure, incremental, one a
 * slot. The bytes come from a process that a plugin may have taken over: every length is checked
 * before it is used.
 *
 *     data_reader_feed(r, bytes, n);
 *     while ((rc = data_reader_next(r, &frame)) == DATA_FRAME) ...
 *
 * When data_reader_next says DATA_MORE, everything that was fed has been used or copied. While it
 * waits for the body of a large frame, the rest can be read straight into place: data_reader_room,
 * read there, data_reader_filled.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "sandbox/chan.h"

enum data_rc {
    DATA_MORE = 0,
    DATA_FRAME,
    DATA_BROKEN, /* what says why; nothing behind it can be read */
    DATA_TOO_BIG /* a result, output or child over its maximum; likewise the end */
};

enum { DATA_WORDS_MAX = 512 }; /* fixed part and names of a frame; more is broken */

/* One frame. Everything in it is borrowed until the next call with this reader. */
struct data_frame {
    enum data_type type;
    uint64_t nonce;
    uint32_t word;       /* level; the bits of status or of run's status */
    uint64_t long_word;  /* the bits of a fraction; processor time */
    const char *name[2]; /* status; name, media type; pipeline, step. Not NUL-ended */
    uint32_t name_len[2];
    const unsigned char *body; /* text, JSON, bytes */
    size_t body_len;
    struct buf *
        owned; /* NULL, or the buffer that holds exactly the body: may be moved out of the reader */
};

struct data_reader {
    uint64_t max[DATA_DESCRIPTOR +
                 1];  /* of each type's body; UINT64_MAX: frames of this type are not allowed */
    const char *what; /* a literal: what was broken */
    const unsigned char *in; /* fed and not used */
    size_t in_len;
    unsigned char small[sizeof(struct data_head) + DATA_WORDS_MAX]; /* head, fixed part, names */
    size_t small_len;
    size_t small_need; /* as far as it is known */
    struct data_head head;
    struct buf body;
    size_t body_need;
    int is_in_body;
    int is_given; /* the frame was handed out; the next call begins another */
};

/* Every type is allowed, with a body of at most max bytes. */
void data_reader_init(struct data_reader *r, uint64_t max);
/* Forgets half a frame, keeps limits and memory. */
void data_reader_reset(struct data_reader *r);
void data_reader_clear(struct data_reader *r);

/* bytes must live until data_reader_next has said DATA_MORE, DATA_BROKEN or DATA_TOO_BIG. */
void data_reader_feed(struct data_reader *r, const void *bytes, size_t n);
enum data_rc data_reader_next(struct data_reader *r, struct data_frame *frame);

/* Room for the rest of a body that is being read, or NULL; n: how much. Then say how much was put
 * there. */
void *data_reader_room(struct data_reader *r, size_t *n);
void data_reader_filled(struct data_reader *r, size_t n);

#endif
