/* sandbox_tail.c: the last lines of what a task has printed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmocka_all.h"

#include "base/buf.h"
#include "sandbox/tail.h"

static const struct {
    const char *put[4];
    int lines;
    size_t bytes;
    const char *last;
} cases[] = {
    {{NULL}, 20, 4096, ""},
    {{""}, 20, 4096, ""},
    {{"one"}, 20, 4096, "one"},
    {{"one\n"}, 20, 4096, "one"},
    {{"one\ntwo\n", "three"}, 20, 4096, "one\ntwo\nthree"},
    {{"one\ntwo\n", "three"}, 2, 4096, "two\nthree"},
    {{"one\ntwo\n", "three"}, 1, 4096, "three"},
    {{"one\ntwo\n", "three"}, 20, 9, "two\nthree"},
    {{"one\ntwo\n", "three"}, 20, 8, "three"},
    {{"one\ntwo\n", "three"}, 20, 4, "hree"},
    {{"a\n", "\n", "b\n"}, 20, 4096, "a\n\nb"},
    {{"a\n", "\n"}, 20, 4096, "a\n"},
};

static void last_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf tail = BUF_INIT(TAIL_ROOM);
        size_t n;
        for (size_t k = 0; k < 4 && cases[i].put[k] != NULL; k++)
            tail_put(&tail, cases[i].put[k], strlen(cases[i].put[k]));
        const char *text = tail_lines(&tail, cases[i].lines, cases[i].bytes, &n);
        if (n != strlen(cases[i].last) || memcmp(text, cases[i].last, n) != 0)
            fail_msg("case %zu: \"%.*s\", expected \"%s\"", i, (int)n, text, cases[i].last);
        buf_clear(&tail);
    }
}

static void nobody_prints(void **state)
{
    struct buf tail = BUF_INIT(TAIL_ROOM);
    size_t n = 1;
    (void)state;
    tail_lines(&tail, TAIL_LINES, TAIL_BYTES, &n);
    assert_int_equal(n, 0);
    assert_null(tail.data);
}

/* However much is printed: the room stays what it is, and the end is kept. */
static void a_flood(void **state)
{
    struct buf tail = BUF_INIT(TAIL_ROOM);
    char *large = malloc(1 << 20), line[32];
    size_t n;
    (void)state;
    memset(large, 'x', 1 << 20);
    for (int i = 0; i < 10000; i++)
        tail_put(&tail, line, (size_t)snprintf(line, sizeof line, "line %d\n", i));
    const char *text = tail_lines(&tail, 2, TAIL_BYTES, &n);
    assert_int_equal(n, 19);
    assert_memory_equal(text, "line 9998\nline 9999", n);
    text = tail_lines(&tail, 100000, TAIL_BYTES, &n);
    assert_true(n > TAIL_BYTES - 20 && n <= TAIL_BYTES && memcmp(text, "line ", 5) == 0);
    tail_put(&tail, large, 1 << 20);
    text = tail_lines(&tail, TAIL_LINES, TAIL_BYTES, &n);
    assert_int_equal(n, TAIL_BYTES);
    assert_int_equal(text[0], 'x');
    assert_true(tail.len <= TAIL_ROOM);
    buf_clear(&tail);
    free(large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(last_lines),
        cmocka_unit_test(nobody_prints),
        cmocka_unit_test(a_flood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
