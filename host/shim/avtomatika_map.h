#ifndef PENSTOCK_SHIM_AVTOMATIKA_MAP_H
#define PENSTOCK_SHIM_AVTOMATIKA_MAP_H

/* avtomatika_map.h: translations between Avtomatika's words and ours. All pure. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/codes.h"
#include "base/json.h"

struct buf;

enum {
    AVT_BODY_MAX = 1024 * 1024 - 1, /* of a request; the server refuses more */
    AVT_DEPTH_MAX = 30,             /* of its values: deeper ones make it answer 500 */
};

/*
 * Their priority is any number, 0 by default, higher first. Ours is 0 to 9, 5 by default. 0 is 5,
 * larger ones approach 9, smaller ones 0: their order is kept, whatever numbers they use.
 */
double avt_priority(double theirs);
/* Their point in time in seconds, as milliseconds; 0 if it is none. */
int64_t avt_deadline_ms(double seconds);

/* Why the server could not take the value at token i, at that depth of a body (a literal), or NULL:
 * numbers it cannot hold, or too deep. */
const char *avt_why_not(const struct json_doc *doc, uint32_t i, int depth);

/* The error object of a result: {"code": theirs, "message", "details": {"code", "fault", ...}}. */
int avt_error(const char *avt_code, const char *message, enum code code, struct json_span details,
              struct buf *out);
/*
 * The data object of a result: data as it is if it is an object, with a member "outputs" added if
 * there are any. What is no object, or has a member "outputs" already, stands as "data" in a new
 * one. data and outputs may be absent (at NULL); nothing is written if both are.
 */
int avt_data(struct json_span data, struct json_span outputs, struct buf *out);

/* Signs body, one JSON object without a member "security", and adds that member. unsigned_name: a
 * member left out of the signature, or NULL. -1 with errno: EINVAL it is no strict JSON, EMSGSIZE,
 * ENOMEM. */
int avt_sign(const char *secret, const char *signer, struct buf *body, const char *unsigned_name);

/* A task as it came from a poll. Strings are owned. */
struct avt_order {
    char *task_id, *job_id, *type;
    char *params, *metadata, *trace; /* JSON objects; metadata and trace may be NULL */
    double priority;                 /* ours */
    int64_t deadline_ms;
};

/*
 * Reads a task. 0; -1: *why says what is wrong with it (a literal); task_id and job_id are set even
 * then if they could be made out, so that it can be answered.
 */
int avt_order_read(const char *json, size_t n, struct avt_order *to, const char **why);
void avt_order_clear(struct avt_order *o);

#endif
