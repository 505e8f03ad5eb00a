/* base_log.c: log lines as text and JSON, their escapes, and what happens to lines that are too
 * long. */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmocka_all.h"

#include "base/json.h"
#include "base/log.h"

enum { TIME_LENGTH = 24, LINE_ROOM = 16 * 1024 };

static int ends[2];

static int open_pipe(void **state)
{
    (void)state;
    return pipe2(ends, O_CLOEXEC | O_NONBLOCK);
}

static int close_pipe(void **state)
{
    (void)state;
    close(ends[0]);
    close(ends[1]);
    return 0;
}

/* All that was written, NUL-ended. */
static const char *written(void)
{
    static char text[LINE_ROOM];
    ssize_t n = read(ends[0], text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static const char *without_time(const char *line)
{
    assert_true(strlen(line) > TIME_LENGTH);
    assert_int_equal(line[TIME_LENGTH - 1], 'Z');
    return line + TIME_LENGTH + 1;
}

static void test_text(void **state)
{
    (void)state;
    log_setup("core", LOG_INFO, LOG_TEXT, ends[1]);
    log_info("task done", LS("task_id", "t-1"), LI("run_ms", -5), LD("load", 0.25),
             LB("part", "abcdef", 3));
    assert_string_equal(without_time(written()),
                        "info core: task done task_id=t-1 run_ms=-5 load=0.25 part=abc\n");
    log_error("no fields");
    assert_string_equal(without_time(written()), "error core: no fields\n");
    log_warn("quoted", LS("a", "two words"), LS("b", ""), LS("c", NULL), LS("d", "x=\"y\\"),
             LS("e", "\xc3\xa9"));
    assert_string_equal(
        without_time(written()),
        "warn core: quoted a=\"two words\" b=\"\" c=\"\" d=\"x=\\\"y\\\\\" e=\"\xc3\xa9\"\n");
    log_info("open", LE(ENOENT));
    assert_string_equal(without_time(written()),
                        "info core: open error=\"No such file or directory\"\n");
    log_info("open", LE(99999));
    assert_string_equal(without_time(written()), "info core: open error=\"unknown error\"\n");
}

static void test_levels(void **state)
{
    (void)state;
    log_setup("core", LOG_WARN, LOG_TEXT, ends[1]);
    log_info("not this");
    log_debug("nor this");
    assert_string_equal(written(), "");
    log_setup("core", LOG_DEBUG, LOG_TEXT, ends[1]);
    log_debug("this");
    assert_string_equal(without_time(written()), "debug core: this\n");
    assert_int_equal(log_level_parse("error"), LOG_ERROR);
    assert_int_equal(log_level_parse("debug"), LOG_DEBUG);
    assert_int_equal(log_level_parse("Debug"), -1);
    assert_int_equal(log_level_parse(""), -1);
    assert_int_equal(log_format_parse("json"), LOG_JSON);
    assert_int_equal(log_format_parse("text"), LOG_TEXT);
    assert_int_equal(log_format_parse("xml"), -1);
}

/* Neither a forged line nor an escape sequence for a terminal gets through. */
static void test_hostile_text(void **state)
{
    (void)state;
    log_setup("core", LOG_INFO, LOG_TEXT, ends[1]);
    log_info("a\nb", LS("k", "x\n2026 error core: forged\r\x1b[31m\x7f"),
             LS("c1", "\xc2\x9b"
                      "31m"),
             LS("bad", "\x9b\xff\xc3"), LB("nul", "a\0b", 3));
    assert_string_equal(
        without_time(written()),
        "info core: a\\nb k=\"x\\n2026 error core: forged\\u000d\\u001b[31m\\u007f\" "
        "c1=\"\\u009b31m\" bad=\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\" nul=\"a\\u0000b\"\n");
}

/* The line's members; scanned strictly. */
static struct json_doc scan(const char *line)
{
    struct json_doc doc = JSON_DOC_INIT;
    struct json_fault fault = {.what = ""};
    size_t n = strlen(line);
    assert_int_equal(line[n - 1], '\n');
    assert_ptr_equal(strchr(line, '\n'), line + n - 1);
    if (json_scan(&doc, line, n, &fault) < 0)
        fail_msg("%s at %zu: %s", fault.what, fault.offset, line);
    return doc;
}

static void test_json(void **state)
{
    (void)state;
    log_setup("core", LOG_INFO, LOG_JSON, ends[1]);
    log_info("task \"done\"", LS("task_id", "a\\b\n\x1b\xc3\xa9"), LI("ms", INT64_MIN),
             LD("load", 1e-9), LS("none", NULL), LD("nan", 0.0 / 0.0), LD("inf", 1.0 / 0.0),
             LB("bytes", "\xff\xc2\x85", 3));
    struct json_doc doc = scan(written());
    int64_t ms;
    assert_true(json_string_is(&doc, json_find(&doc, 0, "level"), "info"));
    assert_true(json_string_is(&doc, json_find(&doc, 0, "program"), "core"));
    assert_true(json_string_is(&doc, json_find(&doc, 0, "msg"), "task \"done\""));
    assert_true(json_string_is(&doc, json_find(&doc, 0, "task_id"), "a\\b\n\x1b\xc3\xa9"));
    assert_true(json_string_is(&doc, json_find(&doc, 0, "none"), ""));
    assert_true(json_string_is(&doc, json_find(&doc, 0, "bytes"), "\xef\xbf\xbd\xc2\x85"));
    assert_int_equal(json_i64(&doc, json_find(&doc, 0, "ms"), &ms), 0);
    assert_true(ms == INT64_MIN);
    assert_int_equal(json_kind(&doc, json_find(&doc, 0, "nan")), JSON_NULL);
    assert_int_equal(json_kind(&doc, json_find(&doc, 0, "inf")), JSON_NULL);
    json_doc_clear(&doc);
}

/* Whatever the length, a line stays one line of its format; cut strings say so. */
static void test_cut_lines(void **state)
{
    (void)state;
    static const char *const units[] = {"a", "\xd0\xb6", "\xf0\x9f\x98\x80", "\"", "\x01", "\xff"};
    static char value[20000];
    log_setup("core", LOG_INFO, LOG_JSON, ends[1]);
    for (size_t u = 0; u < sizeof units / sizeof *units; u++) {
        for (size_t length = 1000; length < 9000; length += length < 8000 ? 997 : 1) {
            size_t n = 0, unit = strlen(units[u]);
            for (; n + unit <= length; n += unit)
                memcpy(value + n, units[u], unit);
            log_info("m", LB("v", value, n), LI("number", 1234567890), LS("s", "text"),
                     LD("d", 0.5));
            const char *line = written();
            assert_true(strlen(line) <= 8192);
            struct json_doc doc = scan(line);
            assert_true(json_find(&doc, 0, "v") != 0);
            json_doc_clear(&doc);
        }
    }
    memset(value, 'a', sizeof value);
    value[sizeof value - 1] = '\0';
    log_info(value, LS("k", "v"));
    struct json_doc doc = scan(written());
    assert_int_equal(json_find(&doc, 0, "k"), 0);
    json_doc_clear(&doc);
}

static void test_cut_text_lines(void **state)
{
    (void)state;
    static char value[10000];
    memset(value, 'a', sizeof value - 1);
    log_setup("core", LOG_INFO, LOG_TEXT, ends[1]);
    log_info("m", LS("v", value), LI("n", 1));
    const char *line = written();
    size_t n = strlen(line);
    assert_true(n <= 8192);
    assert_string_equal(line + n - 5, "...\"\n");
    log_info(value);
    line = written();
    n = strlen(line);
    assert_true(n <= 8192);
    assert_string_equal(line + n - 5, "a...\n");
}

/* In a locale with a decimal comma numbers keep their point. Passes where no such locale is
 * installed. */
static void test_locale(void **state)
{
    (void)state;
    setlocale(LC_ALL, "de_DE.UTF-8");
    log_setup("core", LOG_INFO, LOG_JSON, ends[1]);
    log_info("m", LD("d", 0.5));
    struct json_doc doc = scan(written());
    double d;
    assert_int_equal(json_f64(&doc, json_find(&doc, 0, "d"), &d), 0);
    assert_true(d == 0.5);
    json_doc_clear(&doc);
    setlocale(LC_ALL, "C");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),         cmocka_unit_test(test_levels),
        cmocka_unit_test(test_hostile_text), cmocka_unit_test(test_json),
        cmocka_unit_test(test_cut_lines),    cmocka_unit_test(test_cut_text_lines),
        cmocka_unit_test(test_locale),
    };
    return cmocka_run_group_tests(tests, open_pipe, close_pipe);
}
