#ifndef PENSTOCK_DLQ_H
#define PENSTOCK_DLQ_H

/* dlq.h: which dead letters a command means, as its options say it. */

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "command.h"

struct cli;

struct dlq_filter {
    const char *pipeline, *code, *job, *tenant, *before, *after;
    int64_t limit; /* 0: not given */
};

/* The rows of the filter, for the table of a command whose arguments begin with one. */
#define DLQ_FILTER_ROWS                                                                              \
    {"pipeline",  'p',                                                                               \
     OPTION_TEXT, offsetof(struct dlq_filter, pipeline),                                             \
     "SLUG",      "Only those of this pipeline.",                                                    \
     NULL},                                                                                          \
        {"code",      'c',                                                                           \
         OPTION_TEXT, offsetof(struct dlq_filter, code),                                             \
         "CODE",      "Only those that failed with this code, such as CRASH.",                       \
         NULL},                                                                                      \
        {"job", 'j', OPTION_TEXT, offsetof(struct dlq_filter, job), "ID", "Only those of this job.", \
         NULL},                                                                                      \
        {"tenant",    0,                                                                             \
         OPTION_TEXT, offsetof(struct dlq_filter, tenant),                                           \
         "NAME",      "Only those of this tenant.",                                                  \
         NULL},                                                                                      \
        {"before",                                                                                   \
         0,                                                                                          \
         OPTION_TEXT,                                                                                \
         offsetof(struct dlq_filter, before),                                                        \
         "TIME",                                                                                     \
         "Only those that failed before: 2d for two days ago, or 2026-01-31T12:00:00Z.",             \
         NULL},                                                                                      \
        {"after",     0,                                                                             \
         OPTION_TEXT, offsetof(struct dlq_filter, after),                                            \
         "TIME",      "Only those that failed then or later.",                                       \
         NULL},                                                                                      \
    {                                                                                                \
        "limit", 'n', OPTION_NUMBER, offsetof(struct dlq_filter, limit), "N",                        \
            "At most so many, the newest first.", NULL                                               \
    }

/* Whether any of them are left out by it. */
bool dlq_has_filter(const struct dlq_filter *f);
/* Writes the members of LIST, RETRY and PURGE. 0, or an exit status that is told. */
int dlq_put_filter(const struct cli *cli, const struct dlq_filter *f, struct json_writer *w);

#endif
