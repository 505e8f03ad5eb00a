#ifndef PENSTOCK_SHIM_FILES_H
#define PENSTOCK_SHIM_FILES_H

/*
 * files.h: the orchestrator's file store: inputs are fetched by GET, outputs stored by
 * POST <url>/files (the raw bytes; the answer is an object with the member "uri"). Both go file by
 * file and try again when that can help. All calls [loop].
 */

#include <stddef.h>

#include "base/codes.h"
#include "shim/bridge.h"
#include "shim/file_params.h"

struct loop;
struct http;
struct fetch;
struct store;

struct files_place {
    struct loop *loop;
    struct http *http;
    const char *url;            /* without a slash at its end */
    const char *const *headers; /* that show who we are; ended by NULL */
};

/* With CODE_OK the inputs are the callee's; else message says why, and there are none. */
typedef void (*fetch_fn)(void *arg, enum code code, const char *message,
                         struct bridge_input *inputs, size_t n);
/* Fetches all of refs (taken); each file at most frame_bytes, together at most message_bytes. done
 * is called once, never from inside. place must outlive it. NULL: ENOMEM, refs is still there. */
struct fetch *fetch_start(const struct files_place *place, struct file_refs *refs,
                          const struct corelink_limits *limits, fetch_fn done, void *arg);
/* done is not called. NULL is fine. */
void fetch_cancel(struct fetch *f);

/* With CODE_OK outputs is a JSON object {"name": {"uri", "size", "media_type"}}, borrowed. With
 * CODE_TRANSIENT the store does not take them now, and asks for a pause (0: none); store_go goes on
 * where it was. Any other code: it never will. But for CODE_TRANSIENT the store is freed. */
typedef void (*store_fn)(void *arg, enum code code, const char *message, int64_t pause_ms,
                         struct json_span outputs);
/* Copies outputs. NULL: ENOMEM. */
struct store *store_prepare(const struct files_place *place, const struct bridge_output *outputs,
                            size_t n, store_fn done, void *arg);
/* Stores what is not yet stored; done is called once for each call, never from inside. */
void store_go(struct store *s);
/* done is not called. NULL is fine. */
void store_cancel(struct store *s);

#endif
