#ifndef PENSTOCK_CONF_ERRORS_H
#define PENSTOCK_CONF_ERRORS_H

/* errors.h: collecting what is wrong with a configuration. */

#include "conf/conf.h"

/* Where a value comes from. */
enum rank { RANK_DEFAULT, RANK_DERIVED, RANK_FILE, RANK_VARIABLE, RANK_FLAG };

struct source {
    const char *name; /* a file's path; "environment PENSTOCK_HOST_TCP"; "flag --set" */
    enum rank rank;
    int line;         /* of files; 0: the file as a whole */
    const char *base; /* where relative paths start, or NULL */
};

void errors_add(struct conf_errors *e, const struct source *source, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool errors_any(const struct conf_errors *e);
/* Puts the errors from index first on in order of their lines, as they stand in the file. */
void errors_sort(struct conf_errors *e, size_t first);
/* "NAME" or "NAME:LINE", freed by the caller; NULL: ENOMEM. */
char *source_where(const struct source *source);

#endif
