#ifndef PENSTOCK_VIEW_H
#define PENSTOCK_VIEW_H

/* view.h: reads members of JSON objects that others wrote: whatever is missing or of another type
 * reads as nothing. */

#include <stddef.h>
#include <stdint.h>

#include "base/json.h"

/* A copy that the caller frees; NULL: absent, or no string. */
char *view_text(const struct json_doc *doc, uint32_t object, const char *key);
/* The text cut to size, "" if it is absent. Returns out. */
const char *view_copy(const struct json_doc *doc, uint32_t object, const char *key, char *out,
                      size_t size);
int64_t view_int(const struct json_doc *doc, uint32_t object, const char *key, int64_t absent);
double view_double(const struct json_doc *doc, uint32_t object, const char *key, double absent);
int view_bool(const struct json_doc *doc, uint32_t object, const char *key, int absent);
int view_is(const struct json_doc *doc, uint32_t object, const char *key, const char *text);
/* The member's token if it is an object or an array, else 0. */
uint32_t view_object(const struct json_doc *doc, uint32_t object, const char *key);
uint32_t view_array(const struct json_doc *doc, uint32_t object, const char *key);
/* Number of elements of the array at token i; 0 for token 0 (absent). */
uint32_t view_count(const struct json_doc *doc, uint32_t array);

/* The sibling behind token i; to be used by VIEW_EACH. */
uint32_t view_next(const struct json_doc *doc, uint32_t i);

/* For each element of an array: VIEW_EACH(doc, array, i) body */
#define VIEW_EACH(doc, array, i)                                                                   \
    for (uint32_t i = json_first(array), view_left_##i = view_count((doc), (array));               \
         view_left_##i > 0; view_left_##i--, (i) = view_next((doc), (i)))

#endif
