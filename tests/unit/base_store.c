/* base_store.c: buffers, hash tables, heaps, failure points. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmocka_all.h"

#include "base/buf.h"
#include "base/fault.h"
#include "base/heap.h"
#include "base/table.h"

static void test_buf_appends(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(1000);
    assert_string_equal(buf_cstr(&b), "");
    assert_int_equal(buf_append(&b, "ab", 2), 0);
    assert_int_equal(buf_append(&b, NULL, 0), 0);
    assert_int_equal(buf_append_char(&b, '\0'), 0);
    assert_int_equal(buf_append_str(&b, "cd"), 0);
    assert_int_equal(buf_printf(&b, "%d-%s", 17, "x"), 0);
    assert_int_equal(b.len, 9);
    assert_memory_equal(b.data, "ab\0cd17-x", 9);
    buf_consume(&b, 3);
    assert_string_equal(buf_cstr(&b), "cd17-x");
    buf_consume(&b, 6);
    assert_int_equal(b.len, 0);
    assert_int_equal(buf_append_str(&b, "end"), 0);
    char *s = buf_detach(&b);
    assert_string_equal(s, "end");
    free(s);
    assert_int_equal(b.len, 0);
    assert_int_equal(buf_append_str(&b, "again"), 0);
    buf_reset(&b);
    assert_string_equal(buf_cstr(&b), "");
    buf_clear(&b);
    buf_clear(&b);
}

/* At the maximum everything fits, a byte more fails and changes nothing. */
static void test_buf_maximum(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(4);
    assert_int_equal(buf_append(&b, "abc", 3), 0);
    assert_int_equal(buf_printf(&b, "%s", "de"), -1);
    assert_int_equal(errno, EMSGSIZE);
    assert_int_equal(buf_append(&b, "de", 2), -1);
    assert_int_equal(buf_reserve(&b, SIZE_MAX), -1);
    assert_int_equal(b.len, 3);
    assert_int_equal(buf_printf(&b, "%c", 'd'), 0);
    assert_string_equal(buf_cstr(&b), "abcd");
    assert_int_equal(buf_append_char(&b, 'e'), -1);
    buf_clear(&b);
    struct buf none = BUF_INIT(0);
    assert_string_equal(buf_cstr(&none), "");
    assert_int_equal(buf_append_char(&none, 'a'), -1);
    buf_clear(&none);
}

static void test_buf_grows(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1 << 20);
    for (int i = 0; i < 1 << 18; i++)
        assert_int_equal(buf_append(&b, &i, sizeof i), 0);
    for (int i = 0; i < 1 << 18; i++)
        assert_memory_equal(b.data + (size_t)i * sizeof i, &i, sizeof i);
    assert_int_equal(buf_append_char(&b, 'x'), -1);
    buf_clear(&b);
}

static void write_file(const char *path, size_t n)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (size_t i = 0; i < n; i++)
        fputc('x', f);
    assert_int_equal(fclose(f), 0);
}

static void test_buf_reads_files(void **state)
{
    (void)state;
    char path[200];
    const char *directory = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/buf-test-%d", directory != NULL ? directory : "/tmp",
             (int)getpid());
    struct buf b = BUF_INIT(100000);
    write_file(path, 100000);
    assert_int_equal(buf_read_file(&b, path), 0);
    assert_int_equal(b.len, 100000);
    buf_clear(&b);
    write_file(path, 100001);
    assert_int_equal(buf_read_file(&b, path), -1);
    assert_int_equal(errno, EMSGSIZE);
    buf_clear(&b);
    write_file(path, 0);
    assert_int_equal(buf_read_file(&b, path), 0);
    assert_int_equal(b.len, 0);
    unlink(path);
    assert_int_equal(buf_read_file(&b, path), -1);
    assert_int_equal(errno, ENOENT);
    buf_clear(&b);
}

static void test_table(void **state)
{
    (void)state;
    enum { N = 5000 };
    static int values[N];
    struct table *t = table_new();
    assert_non_null(t);
    assert_null(table_get(t, "a", 1));
    assert_null(table_take(t, "a", 1));
    for (int i = 0; i < N; i++)
        assert_int_equal(table_put(t, &i, sizeof i, &values[i]), 0);
    assert_int_equal(table_count(t), N);
    for (int i = 0; i < N; i++)
        assert_ptr_equal(table_get(t, &i, sizeof i), &values[i]);
    for (int i = 0; i < N; i += 2)
        assert_ptr_equal(table_take(t, &i, sizeof i), &values[i]);
    assert_int_equal(table_count(t), N / 2);
    for (int i = 0; i < N; i++)
        assert_ptr_equal(table_get(t, &i, sizeof i), i % 2 == 0 ? NULL : &values[i]);
    table_free(t);
    table_free(NULL);
}

static void test_table_keys(void **state)
{
    (void)state;
    int a, b, c;
    struct table *t = table_new();
    char key[] = "key";
    assert_int_equal(table_put(t, key, 3, &a), 0);
    key[0] = 'K'; /* it is a copy that counts */
    assert_ptr_equal(table_get(t, "key", 3), &a);
    assert_int_equal(table_put(t, "key", 3, &b), 0);
    assert_int_equal(table_count(t), 1);
    assert_ptr_equal(table_get(t, "key", 3), &b);
    assert_int_equal(table_put(t, "key", 4, &c), 0);
    assert_int_equal(table_put(t, "", 0, &a), 0);
    assert_int_equal(table_put(t, "\0\0\0\0\0\0\0\0", 8, &a), 0);
    assert_int_equal(table_put(t, "\0\0\0\0\0\0\0\0\0", 9, &b), 0);
    assert_int_equal(table_count(t), 5);
    assert_ptr_equal(table_get(t, "key", 4), &c);
    assert_ptr_equal(table_get(t, "", 0), &a);
    assert_ptr_equal(table_get(t, "\0\0\0\0\0\0\0\0\0", 9), &b);
    table_free(t);
}

struct each {
    struct table *t;
    int seen;
    int *values;
};

static void take_even(void *value, void *arg)
{
    struct each *e = arg;
    int i = (int)((int *)value - e->values);
    e->seen++;
    if (i % 2 == 0)
        assert_ptr_equal(table_take(e->t, &i, sizeof i), value);
}

static void test_table_each(void **state)
{
    (void)state;
    static int values[100];
    struct each e = {.t = table_new(), .values = values};
    for (int i = 0; i < 100; i++)
        table_put(e.t, &i, sizeof i, &values[i]);
    table_each(e.t, take_even, &e);
    assert_int_equal(e.seen, 100);
    assert_int_equal(table_count(e.t), 50);
    table_free(e.t);
}

struct item {
    struct heap_node node;
    int key;
};

static int is_before(const struct heap_node *a, const struct heap_node *b)
{
    return ((const struct item *)a)->key < ((const struct item *)b)->key;
}

static void drain(struct heap *h, size_t expected)
{
    int last = -1;
    size_t n = 0;
    for (struct item *i; (i = (struct item *)heap_first(h)) != NULL; n++) {
        assert_true(i->key >= last);
        last = i->key;
        heap_take(h, &i->node);
        assert_int_equal(i->node.index, 0);
    }
    assert_int_equal(n, expected);
}

static void test_heap(void **state)
{
    (void)state;
    enum { N = 1000 };
    static struct item items[N];
    struct heap h;
    unsigned random = 1;
    heap_init(&h, is_before);
    assert_null(heap_first(&h));
    for (int i = 0; i < N; i++) {
        random = random * 1103515245 + 12345;
        items[i].key = (int)(random >> 8) % 500;
        assert_int_equal(heap_put(&h, &items[i].node), 0);
    }
    for (int i = 0; i < N; i += 3) {
        items[i].key = (items[i].key * 7 + i) % 500;
        heap_moved(&h, &items[i].node);
    }
    for (int i = 0; i < N; i += 10)
        heap_take(&h, &items[i].node);
    heap_take(&h, &items[0].node); /* is in no heap any more */
    heap_moved(&h, &items[0].node);
    drain(&h, N - N / 10);
    heap_clear(&h);
    assert_int_equal(heap_reserve(&h, 10), 0);
    heap_clear(&h);
}

static void test_fault_points(void **state)
{
    (void)state;
    assert_int_equal(fault_here("write"), 0);
    setenv("PENSTOCK_FAULT", "write:2", 1);
    fault_setup();
    assert_int_equal(fault_here("other"), 0);
    assert_int_equal(fault_here("write"), 0);
    assert_int_equal(fault_here("write"), EIO);
    assert_int_equal(fault_here("write"), 0);
    setenv("PENSTOCK_FAULT", "sync", 1);
    fault_setup();
    assert_int_equal(fault_here("sync"), EIO);
    assert_int_equal(fault_here("sync"), 0);
    setenv("PENSTOCK_FAULT", "", 1);
    fault_setup();
    assert_int_equal(fault_here(""), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buf_appends),  cmocka_unit_test(test_buf_maximum),
        cmocka_unit_test(test_buf_grows),    cmocka_unit_test(test_buf_reads_files),
        cmocka_unit_test(test_table),        cmocka_unit_test(test_table_keys),
        cmocka_unit_test(test_table_each),   cmocka_unit_test(test_heap),
        cmocka_unit_test(test_fault_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
