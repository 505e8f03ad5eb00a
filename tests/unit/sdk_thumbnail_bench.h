#ifndef SDK_THUMBNAIL_BENCH_H
#define SDK_THUMBNAIL_BENCH_H

/* sdk_thumbnail_bench.h: the thumbnail plugin in the SDK's test host, for the tests of what it
 * makes and refuses. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <penstock/testhost.h>

struct bench {
    const pen_pipeline *pipeline;
    void *self;
    unsigned char *moth; /* the demonstration picture, 1600 x 1200 */
    size_t moth_len;
    struct pen_testhost th;
};

/* Loads and opens the plugin. argv[1]: its file, argv[2]: folder of the demonstration picture. 0,
 * or -1. */
int bench_open(struct bench *b, int argc, char **argv);
/* Around each test. */
int bench_set_up(void **state);
int bench_tear_down(void **state);
#define BENCH_TEST(name, bench)                                                                    \
    cmocka_unit_test_prestate_setup_teardown(name, bench_set_up, bench_tear_down, bench)

/* One task with one input. What came of it is in b->th until the next. */
pen_status run(struct bench *b, const void *bytes, size_t len, const char *params);
/* The result says so, and the output is what the result says. */
void assert_thumb(struct bench *b, int width, int height, const char *format);
/* The picture with an EXIF block that says orientation n; the caller frees it. */
unsigned char *with_orientation(const struct bench *b, int n, size_t *len);

#endif
