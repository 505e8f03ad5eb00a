#ifndef PENSTOCK_CONF_OPTION_H
#define PENSTOCK_CONF_OPTION_H

/* option.h: one row describes one option; from it come parsing, printing, messages and the
 * reference. Pure. */

#include <stddef.h>
#include <stdint.h>

struct buf;

enum option_type {
    OPTION_DURATION, /* int64_t, milliseconds */
    OPTION_SIZE,     /* int64_t, bytes */
    OPTION_INT,      /* int64_t */
    OPTION_BOOL,     /* bool */
    OPTION_ENUM,     /* int: index into words */
    OPTION_STRING,   /* char * */
    OPTION_NAME,     /* char * */
    OPTION_PATH,     /* char *, made absolute */
    OPTION_NAMES,    /* struct conf_list */
    OPTION_PATHS     /* struct conf_list, made absolute */
};

enum option_flags {
    OPTION_ZERO = 1,     /* 0 is fine although it lies under min */
    OPTION_SECRET = 2,   /* never printed, never taken from argv */
    OPTION_REQUIRED = 4, /* must not stay empty where its section is enabled */
    OPTION_FLAG = 8,     /* also a flag of its own: --state-dir */
    OPTION_RESTART = 16, /* of a running host: takes effect when it is started again */
    OPTION_BOXES = 32    /* of the host, but each box is made by it */
};

/* Checks a text that is not empty. -1: it appended what was expected. CHECK_SECRET: and the text
 * must not be shown. */
enum { CHECK_SECRET = -2 };
typedef int option_check(const char *text, struct buf *why);

struct option {
    const char *name;
    enum option_type type;
    size_t offset;        /* in the section's struct */
    const char *fallback; /* the default, as it would be written */
    int64_t min, max;     /* of numbers, in ms and bytes */
    const char *help;
    unsigned flags;
    const char *const *words; /* of an enum, NULL-ended */
    option_check *check;
    const char *derived; /* the default in words, where it is worked out when loading */
};

/* A value as it was written; one item unless it is a list. */
struct option_text {
    const char *const *items;
    size_t n;
    const char *base; /* absolute folder where relative paths start; NULL: they are refused */
};

/* Writes the value into the section's struct, freeing the old one. -1: nothing changed, why has the
 * reason ("expected ..., found ..."; a secret is not repeated); ENOMEM when why stays empty. */
int option_set(const struct option *o, const struct option_text *text, void *data, struct buf *why);
/* Puts the default where nothing is yet (all zero). -1: ENOMEM. */
int option_init(const struct option *o, void *data);
void option_clear(const struct option *o, void *data);
/* Puts a copy of what stands in one struct of the section into another. -1: ENOMEM, nothing changed. */
int option_copy(const struct option *o, const void *from, void *to);
int option_is_list(const struct option *o);
/* Appends the value as it would be written; lists with ", ". Secrets too: the caller masks. */
int option_print(const struct option *o, const void *data, struct buf *out);
/* Appends what the option takes: "a duration such as 30s, from 1s to 1d, or 0". */
int option_describe(const struct option *o, struct buf *out);
/* Appends text in quotes, shortened, control characters replaced. */
int option_quote(const char *text, struct buf *out);

#endif
