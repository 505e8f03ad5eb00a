/* conf_option.c: every type of option, good and bad; the tables themselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "conf/settings.h"
#include "conf/tables.h"

/* A value for an option of the tables: what it prints as, or NULL and what the refusal says. */
struct trial {
    enum section_kind kind;
    const char *option, *text, *printed, *refusal;
};

static const struct trial trials[] = {
    {SECTION_HOST, "drain_timeout", "30s", "30s", NULL},
    {SECTION_HOST, "drain_timeout", "90s", "90s", NULL},
    {SECTION_HOST, "drain_timeout", "120s", "2m", NULL},
    {SECTION_HOST, "drain_timeout", "1500ms", "1500ms", NULL},
    {SECTION_HOST, "drain_timeout", "1d", "1d", NULL},
    {SECTION_HOST, "drain_timeout", "2d", NULL, "from 1s to 1d, found \"2d\""},
    {SECTION_HOST, "drain_timeout", "999ms", NULL, "from 1s to 1d"},
    {SECTION_HOST, "drain_timeout", "0", NULL, "from 1s to 1d"},
    {SECTION_HOST, "drain_timeout", "30", NULL, "a duration such as 30s"},
    {SECTION_HOST, "drain_timeout", "30 s", NULL, "found \"30 s\""},
    {SECTION_HOST, "drain_timeout", "-1s", NULL, "a duration"},
    {SECTION_HOST, "drain_timeout", "1.5s", NULL, "a duration"},
    {SECTION_HOST, "drain_timeout", "", NULL, "found \"\""},
    {SECTION_HOST, "drain_timeout", "99999999999999999999s", NULL, "a duration"},
    {SECTION_PIPELINE, "cpu_limit", "0", "0", NULL},
    {SECTION_PIPELINE, "cpu_limit", "1ms", NULL, "from 10ms to 20d, or 0"},
    {SECTION_PIPELINE, "memory", "512M", "512M", NULL},
    {SECTION_PIPELINE, "memory", "512Mi", "512Mi", NULL},
    {SECTION_PIPELINE, "memory", "1048576", "1Mi", NULL},
    {SECTION_PIPELINE, "memory", "2GiB", "2Gi", NULL},
    {SECTION_PIPELINE, "memory", "0", "0", NULL},
    {SECTION_PIPELINE, "memory", "1K", NULL, "from 1Mi to 1024Gi, or 0"},
    {SECTION_PIPELINE, "memory", "512MM", NULL, "a size such as 512M or 64Ki"},
    {SECTION_PIPELINE, "memory", "99999999999G", NULL, "a size"},
    {SECTION_PIPELINE, "memory", "much", NULL, "found \"much\""},
    {SECTION_HOST, "queue_max", "1", "1", NULL},
    {SECTION_HOST, "queue_max", "10000000", "10000000", NULL},
    {SECTION_HOST, "queue_max", "10000001", NULL, "a whole number, from 1 to 10000000"},
    {SECTION_HOST, "queue_max", "0", NULL, "a whole number"},
    {SECTION_HOST, "queue_max", "5x", NULL, "a whole number"},
    {SECTION_HOST, "queue_max", "0x10", NULL, "a whole number"},
    {SECTION_HOST, "max_concurrent", "0", "0", NULL},
    {SECTION_SHIM, "enabled", "yes", "yes", NULL},
    {SECTION_SHIM, "enabled", "TRUE", "yes", NULL},
    {SECTION_SHIM, "enabled", "off", "no", NULL},
    {SECTION_SHIM, "enabled", "1", NULL, "yes or no, found \"1\""},
    {SECTION_PIPELINE, "profile", "strict", "strict", NULL},
    {SECTION_PIPELINE, "profile", "Strict", NULL, "one of strict, default"},
    {SECTION_PIPELINE, "retry_on", "TRANSIENT", "TRANSIENT", NULL},
    {SECTION_PIPELINE, "retry_on", "OOM", "OOM", NULL},
    {SECTION_PIPELINE, "retry_on", "CANCELLED", NULL, "the code of a failure"},
    {SECTION_PIPELINE, "retry_on", "transient", NULL, "found \"transient\""},
    {SECTION_PIPELINE, "max_attempts", "0", NULL, "from 1 to 100"},
    {SECTION_PIPELINE, "max_attempts", "101", NULL, "from 1 to 100"},
    {SECTION_PIPELINE, "retry_delay", "0", "0", NULL},
    {SECTION_SHIM, "max_attempts", "2", "2", NULL},
    {SECTION_HOST, "log_level", "debug", "debug", NULL},
    {SECTION_HOST, "log_level", "trace", NULL, "one of error, warn, info, debug, found \"trace\""},
    {SECTION_SHIM, "dialect", "avtomatika", "avtomatika", NULL},
    {SECTION_SHIM, "dialect", "", "", NULL},
    {SECTION_SHIM, "dialect", "a/b", NULL, "a name"},
    {SECTION_SHIM, "worker_id", "thumbs-07_A", "thumbs-07_A", NULL},
    {SECTION_SHIM, "worker_id", "a.b", NULL, "letters, digits, _ and -"},
    {SECTION_HOST, "tcp", "127.0.0.1:0", "127.0.0.1:0", NULL},
    {SECTION_HOST, "tcp", "[::1]:7000", "[::1]:7000", NULL},
    {SECTION_HOST, "tcp", "", "", NULL},
    {SECTION_HOST, "tcp", "0.0.0.0:7000", "0.0.0.0:7000", NULL},
    {SECTION_HOST, "tcp", "192.0.2.7:65535", "192.0.2.7:65535", NULL},
    {SECTION_HOST, "tcp", "[2001:db8::1]:7000", "[2001:db8::1]:7000", NULL},
    {SECTION_HOST, "tcp", "::1:7000", NULL, "an address in digits"},
    {SECTION_HOST, "tcp", "[127.0.0.1]:7000", NULL, "an address in digits"},
    {SECTION_HOST, "tcp", "[fe80::1%eth0]:7000", NULL, "an address in digits"},
    {SECTION_HOST, "tcp", "127.1:7000", NULL, "an address in digits"},
    {SECTION_HOST, "tcp", "127.0.0.1: 7", NULL, "an address in digits"},
    {SECTION_HOST, "tcp", ":7000", NULL, "an address in digits"},
    {SECTION_HOST, "tcp", "7000", NULL, "an address in digits"},
    {SECTION_HOST, "tcp", "localhost:7000", NULL, "an address in digits"},
    {SECTION_HOST, "tcp", "127.0.0.1:65536", NULL, "an address in digits"},
    {SECTION_HOST, "tcp", "127.0.0.1:", NULL, "an address in digits"},
    {SECTION_HOST, "tcp", "127.0.0.1:-1", NULL, "an address in digits"},
    {SECTION_HOST, "tcp", "*:7000", NULL, "an address in digits"},
    {SECTION_SHIM, "url", "http://host:8082/base", "http://host:8082/base", NULL},
    {SECTION_SHIM, "url", "https://[::1]:1", "https://[::1]:1", NULL},
    {SECTION_SHIM, "url", "ftp://host", NULL,
     "an http:// or https:// address, found \"ftp://host\""},
    {SECTION_SHIM, "url", "http://", NULL, "an http:// or https://"},
    {SECTION_SHIM, "url", "http:///x", NULL, "an http:// or https://"},
    {SECTION_SHIM, "url", "http://a b", NULL, "without spaces"},
    {SECTION_SHIM, "url", "http://a/?q=1", NULL, "without query"},
    {SECTION_PLUGIN, "config", "{\"a\": [1, \"\\u00e9\"]}", "{\"a\": [1, \"\\u00e9\"]}", NULL},
    {SECTION_PLUGIN, "config", "{\"a\": 1", NULL, "a JSON object (byte 7: "},
    {SECTION_PLUGIN, "config", "{\"a\": 1, \"a\": 2}", NULL, "a JSON object (byte "},
    {SECTION_PLUGIN, "config", "[1]", NULL, "a JSON object, found \"[1]\""},
    {SECTION_PLUGIN, "sha256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
     "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", NULL},
    {SECTION_PLUGIN, "sha256", "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
     NULL, "64 small hex digits"},
    {SECTION_PLUGIN, "sha256", "e3b0", NULL, "64 small hex digits"},
    {SECTION_HOST, "state_dir", "/var/x", "/var/x", NULL},
    {SECTION_HOST, "state_dir", "x/y", "/base/x/y", NULL},
    {SECTION_HOST, "state_dir", "./x", "/base/x", NULL},
    {SECTION_HOST, "state_dir", "../x", "/base/../x", NULL},
    {SECTION_HOST, "state_dir", "a\nb", NULL, "a path, found \"a?b\""},
    {SECTION_HOST, "state_dir", "a\xff", NULL, "a path"},
    {SECTION_HOST, "tcp", "\x01", NULL, "found \"?\""},
};

static void set_one_value(const struct trial *t)
{
    const struct section *s = &sections[t->kind];
    const struct option *o = section_option(s, t->option);
    struct buf why = BUF_INIT(4096), printed = BUF_INIT(4096);
    void *data = calloc(1, s->size);
    assert_non_null(o);
    assert_non_null(data);
    assert_int_equal(option_init(o, data), 0);
    struct option_text text = {.items = &t->text, .n = 1, .base = "/base"};
    int rc = option_set(o, &text, data, &why);
    assert_int_equal(option_print(o, data, &printed), 0);
    if (t->printed != NULL) {
        assert_int_equal(rc, 0);
        assert_string_equal(buf_cstr(&printed), t->printed);
    } else {
        assert_int_equal(rc, -1);
        assert_non_null(strstr(buf_cstr(&why), "expected "));
        assert_non_null(strstr(buf_cstr(&why), t->refusal));
        /* The old value stands. */
        assert_string_equal(buf_cstr(&printed), o->fallback);
    }
    option_clear(o, data);
    free(data);
    buf_clear(&why);
    buf_clear(&printed);
}

static void test_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof trials / sizeof *trials; i++) {
        print_message("%s = \"%s\"\n", trials[i].option, trials[i].text);
        set_one_value(&trials[i]);
    }
}

static void test_lists(void **state)
{
    (void)state;
    const struct option *dirs = section_option(&sections[SECTION_HOST], "plugin_dirs");
    struct conf_host host = {.runtime_dir = NULL};
    struct buf out = BUF_INIT(4096);
    const char *good[] = {"/a", "b", "./c"}, *bad[] = {"/d", ""};
    assert_int_equal(option_set(dirs, &(struct option_text){good, 3, "/base"}, &host, &out), 0);
    assert_int_equal(option_print(dirs, &host, &out), 0);
    assert_string_equal(buf_cstr(&out), "/a, /base/b, /base/c");
    buf_reset(&out);
    assert_int_equal(option_set(dirs, &(struct option_text){bad, 2, "/base"}, &host, &out), -1);
    assert_string_equal(buf_cstr(&out), "expected a list of paths, found \"\"");
    assert_int_equal(host.plugin_dirs.n, 3);
    assert_int_equal(option_set(dirs, &(struct option_text){NULL, 0, NULL}, &host, &out), 0);
    assert_int_equal(host.plugin_dirs.n, 0);
    option_clear(dirs, &host);
    buf_clear(&out);
}

/* A path with no folder to start at. */
static void test_no_base(void **state)
{
    (void)state;
    const struct option *o = section_option(&sections[SECTION_HOST], "state_dir");
    struct conf_host host = {.runtime_dir = NULL};
    struct buf why = BUF_INIT(4096);
    const char *text = "x";
    assert_int_equal(option_set(o, &(struct option_text){&text, 1, NULL}, &host, &why), -1);
    assert_null(host.state_dir);
    buf_clear(&why);
}

static void test_secrets_are_not_repeated(void **state)
{
    (void)state;
    const struct option *token = section_option(&sections[SECTION_SHIM], "token");
    const struct option *url = section_option(&sections[SECTION_SHIM], "url");
    struct conf_shim shim = {.name = NULL};
    struct buf why = BUF_INIT(4096);
    const char *texts[] = {"top secret", "http://me:secret@host/"};
    assert_int_equal(option_set(token, &(struct option_text){&texts[0], 1, NULL}, &shim, &why), -1);
    assert_null(strstr(buf_cstr(&why), "secret"));
    buf_reset(&why);
    assert_int_equal(option_set(url, &(struct option_text){&texts[1], 1, NULL}, &shim, &why), -1);
    assert_null(strstr(buf_cstr(&why), "secret"));
    buf_clear(&why);
}

static void test_quote(void **state)
{
    (void)state;
    struct buf out = BUF_INIT(4096);
    char text[200];
    memset(text, 'a', sizeof text);
    memcpy(text + 58, "\xe2\x82\xac", 3); /* lies across the cut */
    text[199] = '\0';
    assert_int_equal(option_quote(text, &out), 0);
    assert_int_equal(out.len, 1 + 58 + 4);
    assert_string_equal(buf_cstr(&out) + 59, "...\"");
    buf_clear(&out);
}

/* The rows: each default can be read, each has help, names are unique and can be spelled. */
static void check_row(const struct section *s, size_t i, void *data)
{
    const struct option *o = &s->options[i];
    print_message("%s.%s\n", s->name, o->name);
    assert_int_equal(option_init(o, data), 0);
    assert_true(o->offset < s->size);
    assert_true(strlen(o->help) > 10);
    assert_int_equal(o->help[strlen(o->help) - 1], '.');
    assert_int_equal(strspn(o->name, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(o->name));
    assert_int_equal(o->type == OPTION_ENUM, o->words != NULL);
    for (size_t j = 0; j < i; j++) {
        assert_string_not_equal(o->name, s->options[j].name);
        assert_int_not_equal(o->offset, s->options[j].offset);
    }
}

static void test_tables(void **state)
{
    (void)state;
    for (int kind = 0; kind < SECTION_KINDS; kind++) {
        const struct section *s = &sections[kind];
        void *data = calloc(1, s->size);
        assert_non_null(data);
        for (size_t i = 0; i < s->n_options; i++)
            check_row(s, i, data);
        for (size_t i = 0; i < s->n_options; i++)
            option_clear(&s->options[i], data);
        free(data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),  cmocka_unit_test(test_lists),
        cmocka_unit_test(test_no_base), cmocka_unit_test(test_secrets_are_not_repeated),
        cmocka_unit_test(test_quote),   cmocka_unit_test(test_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
