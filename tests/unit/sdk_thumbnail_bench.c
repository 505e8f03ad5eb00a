/* sdk_thumbnail_bench.c: what the tests of the thumbnail plugin share. */
#include "sdk_thumbnail_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <vips/vips.h>

int bench_set_up(void **state)
{
    struct bench *b = *state;
    pen_testhost_init(&b->th);
    return 0;
}

int bench_tear_down(void **state)
{
    struct bench *b = *state;
    pen_testhost_clear(&b->th);
    return 0;
}

pen_status run(struct bench *b, const void *bytes, size_t len, const char *params)
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

void assert_thumb(struct bench *b, int width, int height, const char *format)
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

unsigned char *with_orientation(const struct bench *b, int n, size_t *len)
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

static int read_moth(struct bench *b, const char *folder)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/moth.jpg", folder);
    return g_file_get_contents(path, (char **)&b->moth, &b->moth_len, NULL) ? 0 : -1;
}

int bench_open(struct bench *b, int argc, char **argv)
{
    const pen_plugin *plugin = argc == 3 ? pen_testhost_load(argv[1]) : NULL;
    if (plugin == NULL || read_moth(b, argv[2]) < 0)
        return -1;
    b->pipeline = plugin->pipelines[0];
    pen_testhost_init(&b->th);
    return b->pipeline->open(&b->th.host, "{}", &b->self) == PEN_OK ? 0 : -1;
}
