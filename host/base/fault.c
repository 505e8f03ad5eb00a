/* fault.c: failure points that a test switches on from outside. */
#include "base/fault.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct fault {
    char name[64];
    atomic_int remaining; /* passages until it fails; 0: none wanted */
};

static struct fault wanted; /* a test's wish, read once at the start */

void fault_setup(void)
{
    const char *text = getenv("PENSTOCK_FAULT");
    if (text == NULL)
        return;
    const char *colon = strchr(text, ':');
    size_t n = colon != NULL ? (size_t)(colon - text) : strlen(text);
    if (n == 0 || n >= sizeof wanted.name)
        return;
    wanted = (struct fault){.remaining = 0};
    memcpy(wanted.name, text, n);
    wanted.remaining = colon != NULL ? (int)strtol(colon + 1, NULL, 10) : 1;
}

int fault_here(const char *name)
{
    if (wanted.remaining == 0 || strcmp(name, wanted.name) != 0)
        return 0;
    return --wanted.remaining == 0 ? EIO : 0;
}
