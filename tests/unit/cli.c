/* Pure parts of the command line: hints, sizes and times for people, media types, fitting text to a
 * terminal. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hints.h"
#include "human.h"
#include "media.h"
#include "terminal.h"

#include "base/buf.h"

static void test_hint_names_the_package(void **state)
{
    static const struct {
        const char *reason, *words;
    } cases[] = {
        {"it needs the library libvips.so.42, which is not here",
         "the package libvips42 may have it"},
        {"it needs the library libfoo-1.2.so.3, which is not here",
         "the package libfoo-1.2-3 may have it"},
        {"it needs the library libGL_x.so.1, which is not here",
         "the package libgl-x1 may have it"},
        {"it needs the library libodd.so, which is not here", "the package libodd may have it"},
        {"it needs the library libvips.so.42, which is not here", "apt-file search libvips.so.42"},
    };
    char out[512];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_non_null(strstr(hint_for_reason(cases[i].reason, out, sizeof out), cases[i].words));
}

static void test_hint_for_known_reasons_only(void **state)
{
    char out[512], narrow[8];
    (void)state;
    assert_non_null(strstr(
        hint_for_reason("it needs the symbol __asan_init, which", out, sizeof out), "Sanitizer"));
    assert_non_null(strstr(hint_for_reason("it needs the symbol foo, which", out, sizeof out),
                           "--no-undefined"));
    assert_non_null(
        strstr(hint_for_reason("version `GLIBC_2.38' not found", out, sizeof out), "oldest"));
    assert_string_equal(hint_for_reason("something else", out, sizeof out), "");
    assert_int_equal(strlen(hint_for_reason("it needs the symbol foo", narrow, sizeof narrow)), 7);
}

static void test_sizes(void **state)
{
    static const struct {
        int64_t bytes;
        const char *text;
    } cases[] = {
        {0, "0 B"},           {999, "999 B"},     {1000, "1.0 kB"},      {14021, "14.0 kB"},
        {999949, "999.9 kB"}, {999950, "1.0 MB"}, {31457280, "31.5 MB"}, {INT64_MAX, "9.2 EB"}};
    char out[HUMAN_TEXT];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        human_size(cases[i].bytes, out);
        assert_string_equal(out, cases[i].text);
    }
}

static void test_durations(void **state)
{
    static const struct {
        int64_t ms;
        const char *text, *age;
    } cases[] = {{0, "0 ms", "0 ms"},
                 {999, "999 ms", "999 ms"},
                 {2449, "2.4 s", "2.4 s"},
                 {59999, "59.9 s", "59 s"},
                 {200000, "3 min 20 s", "3 min"},
                 {18120000, "5 h 2 min", "5 h"},
                 {273600000, "3 d 4 h", "3 d"}};
    char out[HUMAN_TEXT];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        human_duration(cases[i].ms, out);
        assert_string_equal(out, cases[i].text);
        human_age(cases[i].ms, out);
        assert_string_equal(out, cases[i].age);
    }
}

static void test_times_are_local(void **state)
{
    char out[HUMAN_TEXT];
    (void)state;
    setenv("TZ", "UTC-2", 1);
    human_time(1700000000000, out);
    assert_string_equal(out, "2023-11-15 00:13:20");
    human_clock(1700000000000, out);
    assert_string_equal(out, "00:13:20");
}

static void test_media_types(void **state)
{
    (void)state;
    assert_string_equal(media_of_file("/a.b/photo.JPG"), "image/jpeg");
    assert_null(media_of_file("README"));
    assert_null(media_of_file("a.unknown"));
    assert_string_equal(media_extension("image/jpeg"), ".jpg");
    assert_string_equal(media_extension("TEXT/CSV; charset=utf-8"), ".csv");
    assert_string_equal(media_extension("image/jpe"), "");
    assert_string_equal(media_extension(""), "");
}

static void test_escape_takes_control_from_text(void **state)
{
    struct buf out = BUF_INIT(1024);
    static const char text[] =
        "a\tb\x1b[31m\r\n\x7f \xc2\x9b \xc3\xa9 \xff \xe2\x82\xac\xf0\x9f\x98";
    (void)state;
    terminal_escape(&out, text, sizeof text - 1);
    assert_string_equal(
        buf_cstr(&out),
        "a b\\x1b[31m\\x0d\\x0a\\x7f \\xc2\\x9b \xc3\xa9 \\xff \xe2\x82\xac\\xf0\\x9f\\x98");
    buf_clear(&out);
}

static void test_fit_counts_columns(void **state)
{
    static const char wide[] = "a\xe6\xbc\xa2\xe5\xad\x97"
                               "b"; /* two signs that take two columns each */
    (void)state;
    assert_int_equal(terminal_fit("hello", 5, 3), 3);
    assert_int_equal(terminal_fit("hello", 5, 80), 5);
    assert_int_equal(terminal_fit("", 0, 80), 0);
    assert_int_equal(terminal_fit("\xff\xff", 2, 1), 1);
    if (setlocale(LC_ALL, "C.UTF-8") == NULL)
        return;
    assert_int_equal(terminal_fit(wide, sizeof wide - 1, 2), 1);
    assert_int_equal(terminal_fit(wide, sizeof wide - 1, 3), 4);
    assert_int_equal(terminal_fit(wide, sizeof wide - 1, 6), 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hint_names_the_package),
        cmocka_unit_test(test_hint_for_known_reasons_only),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_times_are_local),
        cmocka_unit_test(test_media_types),
        cmocka_unit_test(test_escape_takes_control_from_text),
        cmocka_unit_test(test_fit_counts_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
