/* conf_kit.c: what the tests of the configuration share. */
#include "conf_kit.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

const char *kit_path(const char *name)
{
    static char paths[4][512];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", getenv("TMPDIR"), name);
    return path;
}

const char *kit_file(const char *name, const char *text)
{
    const char *path = kit_path(name);
    char folder[512];
    for (const char *at = strchr(path + 1, '/'); at != NULL; at = strchr(at + 1, '/')) {
        snprintf(folder, sizeof folder, "%.*s", (int)(at - path), path);
        assert_true(mkdir(folder, 0700) == 0 || errno == EEXIST);
    }
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    return path;
}

void kit_load_request(struct kit *k)
{
    conf_free(k->conf);
    conf_errors_clear(&k->errors);
    k->conf = conf_load(&k->request, &k->errors);
    assert_int_equal(k->conf == NULL, k->errors.n + k->errors.n_dropped > 0);
}

void kit_load(struct kit *k, const char *text)
{
    static const char *const home[] = {"HOME=/home/nobody", NULL};
    k->request.file = kit_file("test.conf", text);
    if (k->request.variables == NULL)
        k->request.variables = home;
    kit_load_request(k);
}

void kit_clear(struct kit *k)
{
    conf_free(k->conf);
    conf_errors_clear(&k->errors);
    conf_request_clear(&k->request);
    *k = (struct kit){.conf = NULL};
}

void kit_take(struct conf_request *r, const char *const *words)
{
    static char *argv[16];
    const char *problem = NULL;
    int argc = 1;
    argv[0] = (char *)"program";
    for (; words[argc - 1] != NULL; argc++)
        argv[argc] = (char *)words[argc - 1];
    argv[argc] = NULL;
    assert_int_equal(conf_request_take(r, &argc, argv, &problem), 0);
    assert_int_equal(argc, 1);
}

static void print_errors(const struct kit *k)
{
    for (size_t i = 0; i < k->errors.n; i++)
        print_message("%s: %s\n", k->errors.items[i].where, k->errors.items[i].what);
}

void kit_expect_fine(struct kit *k, const char *text)
{
    kit_load(k, text);
    print_errors(k);
    assert_non_null(k->conf);
}

void kit_has_error(const struct kit *k, const char *where, const char *what)
{
    for (size_t i = 0; i < k->errors.n; i++) {
        const struct conf_error *e = &k->errors.items[i];
        if (strstr(e->where, where) != NULL && strstr(e->what, what) != NULL)
            return;
    }
    print_errors(k);
    fail_msg("no error at \"%s\" with \"%s\"", where, what);
}

void kit_expect_error(const char *text, const char *where, const char *what)
{
    struct kit k = {.conf = NULL};
    kit_load(&k, text);
    kit_has_error(&k, where, what);
    if (k.errors.n != 1)
        print_errors(&k);
    assert_int_equal(k.errors.n, 1);
    kit_clear(&k);
}

struct wanted {
    const char *section, *key, *value, *origin;
    int found;
};

static int compare(void *arg, const struct conf_item *item)
{
    struct wanted *w = arg;
    if (strcmp(item->section, w->section) != 0 || strcmp(item->key, w->key) != 0)
        return 0;
    assert_string_equal(item->value, w->value);
    if (strstr(item->origin, w->origin) == NULL)
        fail_msg("origin of %s.%s is \"%s\"", w->section, w->key, item->origin);
    w->found++;
    return 0;
}

void kit_expect_value(const struct kit *k, const char *section, const char *key, const char *value,
                      const char *origin)
{
    struct wanted w = {.section = section, .key = key, .value = value, .origin = origin};
    assert_int_equal(conf_each_value(k->conf, compare, &w), 0);
    assert_int_equal(w.found, 1);
}
