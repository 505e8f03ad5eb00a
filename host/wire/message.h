#ifndef PENSTOCK_WIRE_MESSAGE_H
#define PENSTOCK_WIRE_MESSAGE_H

/* message.h: the form of PEN/1 messages (sdk/docs/protocol.md): verbs, and a pure parser of frame
 * lists. */

#include <stdbool.h>
#include <stddef.h>

#define WIRE_PROTOCOL "PEN/1"

enum { WIRE_ENVELOPE_MAX = 8, WIRE_FRAMES_HARD_MAX = 256 };

enum wire_verb {
    WIRE_UNKNOWN = 0,
    /* client to host */
    WIRE_HELLO,
    WIRE_SUBMIT,
    WIRE_ACK,
    WIRE_CANCEL,
    WIRE_QUERY,
    WIRE_LIST,
    WIRE_PLUGINS,
    WIRE_STATS,
    WIRE_WATCH,
    WIRE_PING,
    WIRE_DRAIN,
    WIRE_RESUME,
    WIRE_SHUTDOWN,
    WIRE_RESERVE,
    WIRE_RETRY,
    WIRE_PURGE,
    WIRE_RELOAD,
    /* host to client */
    WIRE_WELCOME,
    WIRE_ACCEPTED,
    WIRE_REFUSED,
    WIRE_EVENT,
    WIRE_RESULT,
    WIRE_INFO,
    WIRE_PONG,
    WIRE_VERB_COUNT
};

const char *wire_verb_name(enum wire_verb verb);
enum wire_verb wire_verb_find(const void *name, size_t len);

struct wire_view {
    const void *data;
    size_t len;
};

/* 0: no limit. */
struct wire_limits {
    size_t frame_bytes, message_bytes, header_bytes;
    size_t frames;
};

struct wire_message {
    size_t n_envelope; /* frames before PEN/1 */
    bool is_req;       /* the last of them is empty: the peer wants one answer a request */
    enum wire_verb verb;
    struct wire_view verb_name;
    struct wire_view header; /* "{}" if it was absent or empty */
    const struct wire_view *body;
    size_t n_body;
};

enum wire_fault {
    WIRE_OK = 0,
    WIRE_NO_PROTOCOL,
    WIRE_OTHER_VERSION,
    WIRE_NO_VERB,
    WIRE_TOO_MANY_FRAMES,
    WIRE_TOO_LARGE
};

/* Reads a list of frames; out borrows from it. routing: frames at the front that the socket put
 * there (a ROUTER: 1). n_envelope is right also when a fault is returned (0 for WIRE_NO_PROTOCOL).
 * Pure. */
enum wire_fault wire_parse(const struct wire_view *frames, size_t n, size_t routing,
                           const struct wire_limits *limits, struct wire_message *out);
const char *wire_fault_text(enum wire_fault fault);

#endif
