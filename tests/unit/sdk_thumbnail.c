/*
 * sdk_thumbnail.c: the thumbnail plugin in the SDK's test host, with good, odd, broken and hostile
 * pictures. argv[1]: the plugin, argv[2]: folder of the demonstration picture.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <cmocka.h>
#include <vips/vips.h>

#include <penstock/testhost.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_SANITIZED 1
#endif
#endif

struct bench {
    const pen_pipeline *pipeline;
    void *self;
    unsigned char *moth; /* the demonstration picture, 1600 x 1200 */
    size_t moth_len;
    struct pen_testhost th;
};

static int set_up(void **state)
{
    struct bench *b = *state;
    pen_testhost_init(&b->th);
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    pen_testhost_clear(&b->th);
    return 0;
}

static pen_status run(struct bench *b, const void *bytes, size_t len, const char *params)
{
    pen_testhost_clear(&b->th);
    pen_testhost_init(&b->th);
    pen_testhost_input(&b->th, "image", NULL, bytes, len);
    return pen_testhost_call(&b->th, b->pipeline, b->self, params);
}

static int number(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    assert_true(cJSON_IsNumber(item));
    return item->valueint;
}

/* The result says so, and the output is what the result says. */
static void assert_thumb(struct bench *b, int width, int height, const char *format)
{
    cJSON *result = cJSON_Parse(b->th.result);
    VipsImage *image;
    char media_type[32];

    assert_non_null(result);
    assert_int_equal(number(result, "width"), width);
    assert_int_equal(number(result, "height"), height);
    assert_string_equal(cJSON_GetObjectItem(result, "format")->valuestring, format);
    assert_int_equal(b->th.n_outputs, 1);
    assert_string_equal(b->th.outputs[0].name, "thumbnail");
    snprintf(media_type, sizeof media_type, "image/%s", format);
    assert_string_equal(b->th.outputs[0].media_type, media_type);
    assert_int_equal(number(result, "bytes"), b->th.outputs[0].len);
    cJSON_Delete(result);
    image = vips_image_new_from_buffer(b->th.outputs[0].bytes, b->th.outputs[0].len, "", NULL);
    assert_non_null(image);
    assert_int_equal(vips_image_get_width(image), width);
    assert_int_equal(vips_image_get_height(image), height);
    g_object_unref(image);
}

static void assert_makes(struct bench *b, const char *params, int width, int height,
                         const char *format)
{
    pen_status status = run(b, b->moth, b->moth_len, params);
    if (status != PEN_OK)
        fail_msg("%s: %d %s", params, status, b->th.why);
    assert_thumb(b, width, height, format);
}

static void assert_refuses(struct bench *b, const void *bytes, size_t len, pen_status expected,
                           const char *words)
{
    pen_status status = run(b, bytes, len, "{}");
    if (status != expected || b->th.why == NULL || strstr(b->th.why, words) == NULL)
        fail_msg("%d \"%s\", expected %d \"%s\"", status, b->th.why, expected, words);
    assert_null(b->th.result);
    assert_int_equal(b->th.n_outputs, 0);
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

/* The picture with an EXIF block that says orientation n; the caller frees it. */
static unsigned char *with_orientation(const struct bench *b, int n, size_t *len)
{
    unsigned char exif[] = {0xff, 0xe1, 0, 34, 'E', 'x', 'i', 'f', 0,    0,    'I', 'I',
                            42,   0,    8, 0,  0,   0,   1,   0,   0x12, 0x01, 3,   0,
                            1,    0,    0, 0,  0,   0,   0,   0,   0,    0,    0,   0};
    unsigned char *copy = malloc(b->moth_len + sizeof exif);
    assert_non_null(copy);
    exif[28] = (unsigned char)n;
    memcpy(copy, b->moth, 2);
    memcpy(copy + 2, exif, sizeof exif);
    memcpy(copy + 2 + sizeof exif, b->moth + 2, b->moth_len - 2);
    *len = b->moth_len + sizeof exif;
    return copy;
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

static int read_moth(struct bench *b, const char *folder)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/moth.jpg", folder);
    return g_file_get_contents(path, (char **)&b->moth, &b->moth_len, NULL) ? 0 : -1;
}

#define TEST(name) cmocka_unit_test_prestate_setup_teardown(name, set_up, tear_down, &bench)

int main(int argc, char **argv)
{
    static struct bench bench;
    const pen_plugin *plugin = argc == 3 ? pen_testhost_load(argv[1]) : NULL;
    const struct CMUnitTest tests[] = {
        TEST(test_open_leaves_no_thread_and_a_fork_works),
        TEST(test_writes_no_files),
#ifndef IS_SANITIZED
        TEST(test_says_when_memory_is_short),
#endif
        TEST(test_shapes),
        TEST(test_enlarges_only_when_asked),
        TEST(test_formats_there_and_back),
        TEST(test_quality_is_heeded),
        TEST(test_reads_tiff),
        TEST(test_turns_as_exif_says_and_strips_it),
        TEST(test_transparent_becomes_white_in_jpeg),
        TEST(test_refuses_what_is_no_picture),
        TEST(test_refuses_what_is_cut_off),
        TEST(test_refuses_a_bomb_before_decoding),
        TEST(test_survives_damage),
        TEST(test_refuses_wrong_params),
        TEST(test_wants_an_input),
        TEST(test_takes_the_input_called_image),
        TEST(test_stops_when_told),
    };
    if (plugin == NULL || read_moth(&bench, argv[2]) < 0)
        return 2;
    bench.pipeline = plugin->pipelines[0];
    pen_testhost_init(&bench.th);
    if (bench.pipeline->open(&bench.th.host, "{}", &bench.self) != PEN_OK)
        return 2;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
