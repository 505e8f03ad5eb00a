/* dialects.c: the table of dialects. Runs in penstock-shim. */
#include <string.h>

#include "shim/avtomatika.h"
#include "shim/shim.h"

static const struct dialect *const dialects[] = {&dialect_avtomatika, NULL};

const struct dialect *dialect_find(const char *name)
{
    for (size_t i = 0; dialects[i] != NULL; i++) {
        if (strcmp(dialects[i]->name, name) == 0)
            return dialects[i];
    }
    return NULL;
}

const char *dialect_names(void)
{
    return "avtomatika";
}
