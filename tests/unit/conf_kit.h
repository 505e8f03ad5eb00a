#ifndef PENSTOCK_TESTS_CONF_KIT_H
#define PENSTOCK_TESTS_CONF_KIT_H

/* conf_kit.h: what the tests of the configuration share. Failures end the test (cmocka). */

#include "conf/conf.h"

struct kit {
    struct conf_request request;
    struct conf_errors errors;
    struct conf *conf;
};

/* A path below the test's own folder; one static buffer a call, four in turn. */
const char *kit_path(const char *name);
/* Writes a file below the test's own folder, making folders on the way; answers its path. */
const char *kit_file(const char *name, const char *text);
/* Loads only this text as --config, plus what request holds; errors or conf are in the kit. */
void kit_load(struct kit *k, const char *text);
/* Loads request as it is. */
void kit_load_request(struct kit *k);
void kit_clear(struct kit *k);
/* Gives the request these words of a command line, NULL-ended, all of which must be for it. */
void kit_take(struct conf_request *r, const char *const *words);
/* The text must load / must not, with exactly one error whose "where: what" holds each part. */
void kit_expect_fine(struct kit *k, const char *text);
void kit_expect_error(const char *text, const char *where, const char *what);
/* Some error of the kit holds both parts. */
void kit_has_error(const struct kit *k, const char *where, const char *what);
/* A value and its origin as `config show` has them. */
void kit_expect_value(const struct kit *k, const char *section, const char *key, const char *value,
                      const char *origin);

#endif
