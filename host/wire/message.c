/* message.c: verbs and the form of a message. Pure. */
#include "wire/message.h"

#include <string.h>

static const char *const verb_names[WIRE_VERB_COUNT] = {
    [WIRE_UNKNOWN] = "",        [WIRE_HELLO] = "HELLO",       [WIRE_SUBMIT] = "SUBMIT",
    [WIRE_ACK] = "ACK",         [WIRE_CANCEL] = "CANCEL",     [WIRE_QUERY] = "QUERY",
    [WIRE_LIST] = "LIST",       [WIRE_PLUGINS] = "PLUGINS",   [WIRE_STATS] = "STATS",
    [WIRE_WATCH] = "WATCH",     [WIRE_PING] = "PING",         [WIRE_DRAIN] = "DRAIN",
    [WIRE_RESUME] = "RESUME",   [WIRE_SHUTDOWN] = "SHUTDOWN", [WIRE_RESERVE] = "RESERVE",
    [WIRE_RETRY] = "RETRY",     [WIRE_PURGE] = "PURGE",       [WIRE_RELOAD] = "RELOAD",
    [WIRE_WELCOME] = "WELCOME", [WIRE_ACCEPTED] = "ACCEPTED", [WIRE_REFUSED] = "REFUSED",
    [WIRE_EVENT] = "EVENT",     [WIRE_RESULT] = "RESULT",     [WIRE_INFO] = "INFO",
    [WIRE_PONG] = "PONG",
};

static const char *const fault_texts[] = {
    [WIRE_OK] = "",
    [WIRE_NO_PROTOCOL] = "expected a frame \"" WIRE_PROTOCOL "\" among the first nine, found none",
    [WIRE_OTHER_VERSION] = "expected protocol \"" WIRE_PROTOCOL "\", found another version of it",
    [WIRE_NO_VERB] = "expected a verb behind \"" WIRE_PROTOCOL "\", found no frame",
    [WIRE_TOO_MANY_FRAMES] = "the message has more frames than the host takes",
    [WIRE_TOO_LARGE] = "a frame, the header or the whole message is larger than the host takes",
};

const char *wire_verb_name(enum wire_verb verb)
{
    return verb_names[(unsigned)verb < WIRE_VERB_COUNT ? verb : WIRE_UNKNOWN];
}

enum wire_verb wire_verb_find(const void *name, size_t len)
{
    for (int i = 1; i < WIRE_VERB_COUNT; i++) {
        if (strlen(verb_names[i]) == len && memcmp(verb_names[i], name, len) == 0)
            return (enum wire_verb)i;
    }
    return WIRE_UNKNOWN;
}

const char *wire_fault_text(enum wire_fault fault)
{
    return fault_texts[fault];
}

static bool view_is(struct wire_view v, const char *text)
{
    return v.len == strlen(text) && memcmp(v.data, text, v.len) == 0;
}

/* "PEN/" and something else: a peer of another version deserves to be told so. */
static bool is_other_version(struct wire_view v)
{
    return v.len >= 4 && v.len <= 8 && memcmp(v.data, WIRE_PROTOCOL, 4) == 0;
}

/* Index of the protocol frame, or n. */
static size_t find_protocol(const struct wire_view *frames, size_t n, size_t routing,
                            bool *is_other)
{
    for (size_t i = routing; i < n && i <= routing + WIRE_ENVELOPE_MAX; i++) {
        if (view_is(frames[i], WIRE_PROTOCOL))
            return i;
        if (is_other_version(frames[i])) {
            *is_other = true;
            return i;
        }
    }
    return n;
}

static bool is_too_large(const struct wire_view *frames, size_t n, const struct wire_limits *limits)
{
    size_t total = 0;
    for (size_t i = 0; i < n; i++) {
        if (limits->frame_bytes > 0 && frames[i].len > limits->frame_bytes)
            return true;
        total += frames[i].len;
    }
    return limits->message_bytes > 0 && total > limits->message_bytes;
}

enum wire_fault wire_parse(const struct wire_view *frames, size_t n, size_t routing,
                           const struct wire_limits *limits, struct wire_message *out)
{
    bool is_other = false;
    *out = (struct wire_message){.header = {.data = "{}", .len = 2}};
    size_t at = find_protocol(frames, n, routing, &is_other);
    if (at == n)
        return WIRE_NO_PROTOCOL;
    out->n_envelope = at;
    out->is_req = at > routing && frames[at - 1].len == 0;
    if (is_other)
        return WIRE_OTHER_VERSION;
    if (limits->frames > 0 && n - at > limits->frames)
        return WIRE_TOO_MANY_FRAMES;
    if (is_too_large(frames, n, limits))
        return WIRE_TOO_LARGE;
    if (at + 1 >= n)
        return WIRE_NO_VERB;
    out->verb_name = frames[at + 1];
    out->verb = wire_verb_find(frames[at + 1].data, frames[at + 1].len);
    if (at + 2 < n && frames[at + 2].len > 0)
        out->header = frames[at + 2];
    if (limits->header_bytes > 0 && out->header.len > limits->header_bytes)
        return WIRE_TOO_LARGE;
    out->n_body = at + 3 < n ? n - at - 3 : 0;
    out->body = out->n_body > 0 ? frames + at + 3 : NULL;
    return WIRE_OK;
}
