/* sdk_thumbnail.c: what the thumbnail plugin makes, and how it behaves as a process. */
#include "sdk_thumbnail_bench.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vips/vips.h>

static void assert_makes(struct bench *b, const char *params, int width, int height,
                         const char *format)
{
    pen_status status = run(b, b->moth, b->moth_len, params);
    if (status != PEN_OK)
        fail_msg("%s: %d %s", params, status, b->th.why);
    assert_thumb(b, width, height, format);
}

static int count_threads(void)
{
    DIR *dir = opendir("/proc/self/task");
    int n = 0;
    assert_non_null(dir);
    for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir))
        n += e->d_name[0] != '.';
    closedir(dir);
    return n;
}

/* First of all tests: nothing has run in this process yet. */
static void test_open_leaves_no_thread_and_a_fork_works(void **state)
{
    struct bench *b = *state;
    pid_t child;
    int status;

    assert_int_equal(count_threads(), 1);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        status = run(b, b->moth, b->moth_len, "{\"width\":100}");
        _exit(status == PEN_OK && b->th.n_outputs == 1 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void test_shapes(void **state)
{
    struct bench *b = *state;
    assert_makes(b, "{}", 320, 240, "jpeg");
    assert_makes(b, "{\"width\":100}", 100, 75, "jpeg");
    assert_makes(b, "{\"width\":400,\"height\":150}", 200, 150, "jpeg");
    assert_makes(b, "{\"width\":100,\"height\":100,\"fit\":\"cover\"}", 100, 100, "jpeg");
    assert_makes(b, "{\"width\":120,\"fit\":\"cover\"}", 120, 120, "jpeg");
    assert_makes(b, "{\"width\":90,\"height\":300,\"fit\":\"fill\"}", 90, 300, "jpeg");
    assert_makes(b, "{\"width\":1}", 1, 1, "jpeg");
}

static void test_enlarges_only_when_asked(void **state)
{
    struct bench *b = *state;
    assert_makes(b, "{\"width\":2000}", 1600, 1200, "jpeg");
    assert_makes(b, "{\"width\":2000,\"upscale\":true}", 2000, 1500, "jpeg");
    assert_makes(b, "{\"width\":2000,\"height\":1000,\"fit\":\"fill\"}", 1600, 1000, "jpeg");
    assert_makes(b, "{\"width\":1700,\"height\":1000,\"fit\":\"cover\"}", 1600, 1000, "jpeg");
}

static void test_formats_there_and_back(void **state)
{
    static const char *const formats[] = {"jpeg", "png", "webp"};
    struct bench *b = *state;
    for (int i = 0; i < 3; i++) {
        char params[64];
        char *bytes;
        size_t len;
        snprintf(params, sizeof params, "{\"width\":640,\"format\":\"%s\"}", formats[i]);
        assert_makes(b, params, 640, 480, formats[i]);
        len = b->th.outputs[0].len;
        bytes = pen_testhost_copy(b->th.outputs[0].bytes, len);
        assert_int_equal(run(b, bytes, len, "{}"), PEN_OK); /* without format: as the source */
        assert_thumb(b, 320, 240, formats[i]);
        assert_non_null(strstr(b->th.result, "\"source\":{\"width\":640,\"height\":480,"));
        free(bytes);
    }
}

static void test_quality_is_heeded(void **state)
{
    struct bench *b = *state;
    size_t low;
    assert_makes(b, "{\"quality\":10}", 320, 240, "jpeg");
    low = b->th.outputs[0].len;
    assert_makes(b, "{\"quality\":95}", 320, 240, "jpeg");
    assert_true(b->th.outputs[0].len > 2 * low);
}

static void test_reads_tiff(void **state)
{
    struct bench *b = *state;
    VipsImage *image = vips_image_new_from_buffer(b->moth, b->moth_len, "", NULL);
    void *bytes;
    size_t len;
    assert_non_null(image);
    assert_int_equal(vips_tiffsave_buffer(image, &bytes, &len, NULL), 0);
    assert_int_equal(run(b, bytes, len, "{}"), PEN_OK);
    assert_thumb(b, 320, 240, "jpeg");
    assert_non_null(strstr(b->th.result, "\"format\":\"tiff\""));
    g_object_unref(image);
    g_free(bytes);
}

static double brightness(const struct pen_testhost_item *output, int x, int y)
{
    VipsImage *image = vips_image_new_from_buffer(output->bytes, output->len, "", NULL);
    double *pixel;
    double value;
    int n;
    assert_non_null(image);
    assert_int_equal(vips_getpoint(image, &pixel, &n, x, y, NULL), 0);
    assert_int_equal(n, 3);
    value = (pixel[0] + pixel[1] + pixel[2]) / 3;
    g_free(pixel);
    g_object_unref(image);
    return value;
}

/* Orientation 6 is shown turned right: the bright upper left corner comes to the upper right, the
 * dark lower left one to the upper left. */
static void test_turns_as_exif_says_and_strips_it(void **state)
{
    struct bench *b = *state;
    size_t len;
    unsigned char *turned = with_orientation(b, 6, &len);

    assert_int_equal(run(b, turned, len, "{\"width\":300,\"height\":400}"), PEN_OK);
    assert_thumb(b, 300, 400, "jpeg");
    assert_non_null(strstr(b->th.result, "\"source\":{\"width\":1200,\"height\":1600,"));
    assert_true(brightness(&b->th.outputs[0], 295, 5) > 190);
    assert_true(brightness(&b->th.outputs[0], 5, 5) < 130);
    assert_null(memmem(b->th.outputs[0].bytes, b->th.outputs[0].len, "Exif", 4));
    free(turned);
}

/* A process that may write no byte to any file makes them all: JPEG that is turned, PNG, WebP,
 * interlaced PNG. */
static int without_files(struct bench *b)
{
    const struct rlimit none = {0, 0};
    size_t len, png_len;
    unsigned char *turned = with_orientation(b, 6, &len);
    VipsImage *image;
    void *png;

    if (setrlimit(RLIMIT_FSIZE, &none) < 0 ||
        run(b, turned, len, "{\"format\":\"png\"}") != PEN_OK ||
        run(b, turned, len, "{\"width\":1200,\"format\":\"webp\"}") != PEN_OK)
        return 1;
    image = vips_image_new_from_buffer(b->moth, b->moth_len, "", NULL);
    if (image == NULL || vips_pngsave_buffer(image, &png, &png_len, "interlace", TRUE, NULL) != 0)
        return 2;
    return run(b, png, png_len, "{}") == PEN_OK ? 0 : 3;
}

static void test_writes_no_files(void **state)
{
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(without_files(*state));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void test_transparent_becomes_white_in_jpeg(void **state)
{
    struct bench *b = *state;
    VipsImage *clear;
    void *bytes;
    size_t len;
    assert_int_equal(vips_black(&clear, 50, 50, "bands", 4, NULL), 0);
    clear->Type = VIPS_INTERPRETATION_sRGB;
    assert_int_equal(vips_pngsave_buffer(clear, &bytes, &len, NULL), 0);
    assert_int_equal(run(b, bytes, len, "{\"format\":\"jpeg\"}"), PEN_OK);
    assert_true(brightness(&b->th.outputs[0], 25, 25) > 250);
    g_object_unref(clear);
    g_free(bytes);
}

static void test_wants_an_input(void **state)
{
    struct bench *b = *state;
    assert_int_equal(pen_testhost_call(&b->th, b->pipeline, b->self, "{}"), PEN_E_INPUT);
    assert_string_equal(b->th.why, "give one input, the picture");
}

static void test_takes_the_input_called_image(void **state)
{
    struct bench *b = *state;
    pen_testhost_input(&b->th, "notes", "text/plain", "hello", 5);
    pen_testhost_input(&b->th, "image", NULL, b->moth, b->moth_len);
    assert_int_equal(pen_testhost_call(&b->th, b->pipeline, b->self, "{}"), PEN_OK);
    assert_thumb(b, 320, 240, "jpeg");
}

static void test_stops_when_told(void **state)
{
    struct bench *b = *state;
    pen_testhost_input(&b->th, "image", NULL, b->moth, b->moth_len);
    b->th.stop = 1;
    assert_int_equal(pen_testhost_call(&b->th, b->pipeline, b->self, "{\"width\":1600}"),
                     PEN_E_CANCELLED);
}

int main(int argc, char **argv)
{
    static struct bench bench;
    const struct CMUnitTest tests[] = {
        BENCH_TEST(test_open_leaves_no_thread_and_a_fork_works, &bench),
        BENCH_TEST(test_writes_no_files, &bench),
        BENCH_TEST(test_shapes, &bench),
        BENCH_TEST(test_enlarges_only_when_asked, &bench),
        BENCH_TEST(test_formats_there_and_back, &bench),
        BENCH_TEST(test_quality_is_heeded, &bench),
        BENCH_TEST(test_reads_tiff, &bench),
        BENCH_TEST(test_turns_as_exif_says_and_strips_it, &bench),
        BENCH_TEST(test_transparent_becomes_white_in_jpeg, &bench),
        BENCH_TEST(test_wants_an_input, &bench),
        BENCH_TEST(test_takes_the_input_called_image, &bench),
        BENCH_TEST(test_stops_when_told, &bench),
    };
    return bench_open(&bench, argc, argv) < 0 ? 2 : cmocka_run_group_tests(tests, NULL, NULL);
}
