#ifndef DEVORCH_SHAPE_H
#define DEVORCH_SHAPE_H

/* shape.h: which members a message has and of what kind; a fault names the member, as the original
 * does. */

#include <stdbool.h>
#include <stddef.h>

#include "base/json.h"

enum { IS_STR = 1, IS_INT = 2, IS_NUM = 4, IS_OBJ = 8, IS_ARR = 16, IS_NULL = 32 };

struct shape {
    const char *name; /* NULL ends a list */
    unsigned kinds;
    bool is_required;
    const struct shape *members; /* of the object, or of each element's object */
    unsigned elements;           /* kinds of an array's elements; 0: any */
};

extern const struct shape shape_registration[], shape_heartbeat[], shape_result[], shape_event[];

enum { SHAPE_FAULT = 320 };
/* Checks the root; unknown members pass. -1: fault (SHAPE_FAULT bytes) holds a text like
 * "Expected `object`, got `str` - at `$.supported_skills[0]`". */
int shape_check(const struct json_doc *doc, const struct shape *members, char *fault);

#endif
