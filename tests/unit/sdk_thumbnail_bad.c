/* sdk_thumbnail_bad.c: broken and hostile pictures, wrong params and too little memory for the
 * thumbnail plugin. */
#include "sdk_thumbnail_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vips/vips.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_SANITIZED 1
#endif
#endif

static void assert_refuses(struct bench *b, const void *bytes, size_t len, pen_status expected,
                           const char *words)
{
    pen_status status = run(b, bytes, len, "{}");
    if (status != expected || b->th.why == NULL || strstr(b->th.why, words) == NULL)
        fail_msg("%d \"%s\", expected %d \"%s\"", status, b->th.why, expected, words);
    assert_null(b->th.result);
    assert_int_equal(b->th.n_outputs, 0);
}

static void test_refuses_what_is_no_picture(void **state)
{
    static const char svg[] =
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\" height=\"9\"/>";
    static const char pdf[] = "%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n";
    static const char gif[] =
        "GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\1\0\1\0\0\2\2D\1\0;";
    static const char ppm[] = "P6\n1 1\n255\nabc";
    struct bench *b = *state;
    assert_refuses(b, "hello, world", 12, PEN_E_INPUT, "not a JPEG, PNG, WebP or TIFF");
    assert_refuses(b, "", 0, PEN_E_INPUT, "not a JPEG");
    assert_refuses(b, svg, sizeof svg - 1, PEN_E_INPUT, "not a JPEG");
    assert_refuses(b, pdf, sizeof pdf - 1, PEN_E_INPUT, "not a JPEG");
    assert_refuses(b, gif, sizeof gif - 1, PEN_E_INPUT, "not a JPEG");
    assert_refuses(b, ppm, sizeof ppm - 1, PEN_E_INPUT, "not a JPEG");
    assert_refuses(b, "\xff\xd8\xff\xe0 nothing", 12, PEN_E_INPUT, "cannot be read");
}

static void assert_half_is_refused(struct bench *b, const char *format)
{
    char params[64];
    char *bytes;
    size_t len;
    snprintf(params, sizeof params, "{\"width\":800,\"format\":\"%s\"}", format);
    assert_int_equal(run(b, b->moth, b->moth_len, params), PEN_OK);
    len = b->th.outputs[0].len;
    bytes = pen_testhost_copy(b->th.outputs[0].bytes, len);
    assert_refuses(b, bytes, len / 2, PEN_E_INPUT, "the picture cannot be read");
    free(bytes);
}

static void test_refuses_what_is_cut_off(void **state)
{
    struct bench *b = *state;
    assert_refuses(b, b->moth, b->moth_len / 2, PEN_E_INPUT, "the picture cannot be read");
    assert_refuses(b, b->moth, b->moth_len - 2000, PEN_E_INPUT, "the picture cannot be read");
    assert_half_is_refused(b, "png");
    assert_half_is_refused(b, "webp");
}

/* Some bytes that say 30000 x 30000. */
static void test_refuses_a_bomb_before_decoding(void **state)
{
    static const unsigned char bomb[] = {
        0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48,
        0x44, 0x52, 0x00, 0x00, 0x75, 0x30, 0x00, 0x00, 0x75, 0x30, 0x08, 0x02, 0x00, 0x00,
        0x00, 0xe9, 0x45, 0x6f, 0xed, 0x00, 0x00, 0x00, 0x09, 0x49, 0x44, 0x41, 0x54, 0x78,
        0x9c, 0x63, 0x00, 0x00, 0x00, 0x01, 0x00, 0x01, 0x5e, 0xff, 0x7d, 0xf9, 0x00, 0x00,
        0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82};
    assert_refuses(*state, bomb, sizeof bomb, PEN_E_INPUT,
                   "30000 x 30000 pixels, more than 200 million");
}

/* Each byte of a small picture damaged in turn: an answer each time, and never a crash. */
static void test_survives_damage(void **state)
{
    struct bench *b = *state;
    unsigned char *bytes;
    size_t len;
    assert_int_equal(run(b, b->moth, b->moth_len, "{\"width\":24,\"quality\":30}"), PEN_OK);
    len = b->th.outputs[0].len;
    bytes = (unsigned char *)pen_testhost_copy(b->th.outputs[0].bytes, len);
    for (size_t i = 0; i < len; i += 3) {
        pen_status status;
        bytes[i] ^= 0x55;
        status = run(b, bytes, len, "{\"width\":8}");
        assert_true(status == PEN_OK || status == PEN_E_INPUT || status == PEN_E_RETRY);
        assert_true(status == PEN_OK || b->th.why != NULL);
        bytes[i] ^= 0x55;
    }
    free(bytes);
}

static void test_refuses_wrong_params(void **state)
{
    static const char *const bad[] = {"[]",
                                      "{\"width\":0}",
                                      "{\"width\":10001}",
                                      "{\"width\":\"wide\"}",
                                      "{\"height\":-1}",
                                      "{\"quality\":101}",
                                      "{\"format\":\"gif\"}",
                                      "{\"fit\":\"squeeze\"}",
                                      "{"};
    struct bench *b = *state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(run(b, b->moth, b->moth_len, bad[i]), PEN_E_INPUT);
        assert_non_null(b->th.why);
    }
}

#ifndef IS_SANITIZED
static size_t data_kib(void)
{
    FILE *f = fopen("/proc/self/status", "re");
    char line[128];
    size_t kib = 0;
    assert_non_null(f);
    while (fgets(line, sizeof line, f) != NULL) {
        if (strncmp(line, "VmData:", 7) == 0)
            kib = strtoul(line + 7, NULL, 10);
    }
    fclose(f);
    return kib;
}

/* An interlaced PNG must be decoded whole: 4000 x 4000 do not fit in 24 MiB. In a child, because
 * the limit stays, and made there, because libvips' threads do not survive a fork. */
static int short_of_memory(struct bench *b)
{
    struct rlimit limit;
    VipsImage *black;
    void *bytes;
    size_t len;

    if (vips_black(&black, 4000, 4000, "bands", 3, NULL) != 0 ||
        vips_pngsave_buffer(black, &bytes, &len, "interlace", TRUE, NULL) != 0)
        return 1;
    limit.rlim_cur = limit.rlim_max = (data_kib() + (rlim_t)24 * 1024) * 1024;
    if (setrlimit(RLIMIT_DATA, &limit) < 0 || run(b, bytes, len, "{}") != PEN_E_RETRY)
        return 2;
    return strstr(b->th.why, "more memory") != NULL ? 0 : 3;
}

static void test_says_when_memory_is_short(void **state)
{
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(short_of_memory(*state));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}
#endif

int main(int argc, char **argv)
{
    static struct bench bench;
    const struct CMUnitTest tests[] = {
#ifndef IS_SANITIZED
        BENCH_TEST(test_says_when_memory_is_short, &bench),
#endif
        BENCH_TEST(test_refuses_what_is_no_picture, &bench),
        BENCH_TEST(test_refuses_what_is_cut_off, &bench),
        BENCH_TEST(test_refuses_a_bomb_before_decoding, &bench),
        BENCH_TEST(test_survives_damage, &bench),
        BENCH_TEST(test_refuses_wrong_params, &bench),
    };
    return bench_open(&bench, argc, argv) < 0 ? 2 : cmocka_run_group_tests(tests, NULL, NULL);
}
