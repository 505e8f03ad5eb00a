#ifndef PENSTOCK_CONF_TIDY_H
#define PENSTOCK_CONF_TIDY_H

/* tidy.h: makes a file's text fit for libConfuse. Pure but for looking at the environment. */

#include <stddef.h>

struct tidy_fault {
    int line;
    char what[160];
};

/*
 * Blanks comments in place (line breaks stay) and refuses what libConfuse would read differently
 * from what it looks like: bytes that are not UTF-8, strings, comments and braces without an end,
 * signs that it skips silently, ${NAME} of a variable that is not set.
 * -1: *fault says where and what.
 */
int tidy_text(char *text, size_t len, struct tidy_fault *fault);

#endif
