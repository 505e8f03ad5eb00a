#ifndef PENSTOCK_CORE_REFUSAL_H
#define PENSTOCK_CORE_REFUSAL_H

/* refusal.h: why a request was refused, on its way to a REFUSED. Pure. */

#include <stdint.h>

#include "base/buf.h"
#include "base/codes.h"
#include "base/json.h"

enum { REFUSAL_TEXT = 512, REFUSAL_DETAILS_MAX = 64 * 1024 };

struct refusal {
    enum code code;
    char message[REFUSAL_TEXT];
    struct buf errors;      /* the elements of details.errors, comma between them; or empty */
    int64_t retry_after_ms; /* 0: not told */
};

#define REFUSAL_INIT                                                                               \
    {                                                                                              \
        .code = CODE_OK, .errors = BUF_INIT(REFUSAL_DETAILS_MAX)                                   \
    }

void refusal_clear(struct refusal *r);
/* Always -1, so that a check can return it. */
int refuse(struct refusal *r, enum code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* INVALID_INPUT at a place of the header: "/priority: expected a number, found a string". Always
 * -1. */
int refuse_at(struct refusal *r, const char *pointer, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Members code, message, fault, retryable, retry_after_ms, details. */
void refusal_write(const struct refusal *r, struct json_writer *w);

#endif
