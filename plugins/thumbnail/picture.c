/*
 * picture.c: the thumbnail plugin's use of libvips. Runs in the plugin's box: picture_start before
 * the box's process is forked, the rest in the fork.
 *
 * libvips would load modules for forty formats (ImageMagick, PDF, SVG, ...), start a pool of
 * threads, keep results in a cache and spill large pictures into temporary files. picture_start
 * turns all of it off: a picture is hostile input, and the fork must start from one thread. The
 * pool comes up inside run, in the fork.
 */
#include "picture.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vips/vips.h>

/* 200 million pixels: more than any camera has, and still decoded in seconds. */
static const double pixels_max = 200e6;

struct reader {
    const char *loader; /* what vips_foreign_find_load_buffer answers */
    const char *family; /* the class whose readers are let through the block */
    const char *format;
    enum thumb_format as; /* what a thumbnail is by default */
};

static const struct reader readers[] = {
    {"VipsForeignLoadJpegBuffer", "VipsForeignLoadJpeg", "jpeg", THUMB_JPEG},
    {"VipsForeignLoadPngBuffer", "VipsForeignLoadPng", "png", THUMB_PNG},
    {"VipsForeignLoadWebpBuffer", "VipsForeignLoadWebp", "webp", THUMB_WEBP},
    {"VipsForeignLoadTiffBuffer", "VipsForeignLoadTiff", "tiff", THUMB_JPEG},
};
enum { READERS = sizeof readers / sizeof *readers };

/* A PNG of one pixel: its header is read to have the readers' classes made before the fork. */
static const unsigned char tiny_png[] = {
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48,
    0x44, 0x52, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x00, 0x00, 0x00,
    0x00, 0x3a, 0x7e, 0x9b, 0x55, 0x00, 0x00, 0x00, 0x0a, 0x49, 0x44, 0x41, 0x54, 0x78,
    0x9c, 0x63, 0x60, 0x00, 0x00, 0x00, 0x02, 0x00, 0x01, 0x48, 0xaf, 0xa4, 0x71, 0x00,
    0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82};

/* The first line that libvips wrote, and its error buffer emptied. */
static void take_error(const char *before, char *why)
{
    const char *text = vips_error_buffer();
    snprintf(why, PICTURE_WHY, "%s: %.*s", before, (int)strcspn(text, "\n"), text);
    vips_error_clear();
}

static void refuse_all_but_ours(void)
{
    vips_operation_block_set("VipsForeignLoad", TRUE);
    for (int i = 0; i < READERS; i++)
        vips_operation_block_set(readers[i].family, FALSE);
}

/* Class set-up costs some milliseconds; done here, no task pays for it. Nothing is decoded, so no
 * thread starts. */
static void warm_up(void)
{
    static const char *const writers[] = {"jpegsave_buffer", "pngsave_buffer", "webpsave_buffer"};
    VipsImage *image = NULL;
    for (size_t i = 0; i < sizeof writers / sizeof *writers; i++) {
        GType type = vips_type_find("VipsOperation", writers[i]);
        if (type != 0)
            g_type_class_ref(type);
    }
    if (vips_thumbnail_buffer((void *)tiny_png, sizeof tiny_png, &image, 1, NULL) == 0)
        g_object_unref(image);
    vips_error_clear();
}

/* libvips reads its switches from the environment. */
static int set_switches(void)
{
    static const char *const switches[][2] = {
        {"VIPSHOME", "/nonexistent"}, /* modules are looked for below this prefix: there are none */
        {"VIPS_DISC_THRESHOLD", "1000g"}, /* no temporary files: over the memory limit is over */
        {"VIPS_NOVECTOR", "1"}, /* its compiler wants memory that is writable and executable */
        {"VIPS_WARNING", "0"},  /* no chat about broken metadata on stderr */
    };
    for (size_t i = 0; i < sizeof switches / sizeof *switches; i++) {
        if (setenv(switches[i][0], switches[i][1], 1) < 0)
            return -1;
    }
    return 0;
}

int picture_start(char *why)
{
    if (set_switches() < 0) {
        snprintf(why, PICTURE_WHY, "no memory for the environment");
        return -1;
    }
    if (vips_init("thumbnail") != 0) {
        take_error("libvips does not start", why);
        return -1;
    }
    vips_concurrency_set(1);
    vips_cache_set_max(0);
    refuse_all_but_ours();
    warm_up();
    return 0;
}

/* libvips has no error codes: its words tell shortage from a bad picture. */
static bool is_shortage(const char *text)
{
    static const char *const words[] = {"out of memory", "Insufficient memory", "Out of memory",
                                        "unable to allocate", "malloc failed"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strstr(text, words[i]) != NULL)
            return true;
    }
    return false;
}

static pen_status fail_reading(char *why)
{
    bool is_short = is_shortage(vips_error_buffer());
    take_error(is_short ? "the picture needs more memory than there is"
                        : "the picture cannot be read",
               why);
    return is_short ? PEN_E_RETRY : PEN_E_INPUT;
}

static const struct reader *find_reader(pen_bytes source)
{
    const char *loader = vips_foreign_find_load_buffer(source.data, source.len);
    for (int i = 0; loader != NULL && i < READERS; i++) {
        if (strcmp(loader, readers[i].loader) == 0)
            return &readers[i];
    }
    vips_error_clear();
    return NULL;
}

/* Reads the header only: nothing is decoded before the number of pixels is known to be bearable. */
static pen_status read_header(pen_bytes source, struct picture_info *info, char *why)
{
    VipsImage *image = vips_image_new_from_buffer(source.data, source.len, "", NULL);
    double pixels;
    if (image == NULL)
        return fail_reading(why);
    info->width = vips_image_get_width(image);
    info->height = vips_image_get_height(image);
    if (vips_image_get_orientation_swap(image)) {
        info->width = vips_image_get_height(image);
        info->height = vips_image_get_width(image);
    }
    g_object_unref(image);
    pixels = (double)info->width * info->height;
    if (pixels <= pixels_max)
        return PEN_OK;
    snprintf(why, PICTURE_WHY, "the picture has %d x %d pixels, more than %.0f million",
             info->width, info->height, pixels_max / 1e6);
    return PEN_E_INPUT;
}

static int min_int(int a, int b)
{
    return a < b ? a : b;
}

/* The pipeline, without pixels yet: they flow when it is written. */
static int build(pen_bytes source, const struct thumb_params *p, const struct picture_info *info,
                 VipsImage **out)
{
    int box_height = p->height > 0 ? p->height : p->width;
    int width = p->width;
    int height = p->height > 0 || p->fit != THUMB_CONTAIN ? box_height : VIPS_MAX_COORD;
    VipsSize size = p->upscale ? VIPS_SIZE_BOTH : VIPS_SIZE_DOWN;

    if (p->fit == THUMB_FILL) {
        size = VIPS_SIZE_FORCE;
        width = p->upscale ? width : min_int(width, info->width);
        height = p->upscale ? height : min_int(height, info->height);
    }
    return vips_thumbnail_buffer(
        (void *)source.data, source.len, out, width, "height", height, "size", size, "crop",
        p->fit == THUMB_COVER ? VIPS_INTERESTING_CENTRE : VIPS_INTERESTING_NONE, "export_profile",
        "srgb", "option_string", "[fail_on=error]", NULL);
}

static int write_jpeg(VipsImage *image, int quality, void **bytes, size_t *len)
{
    VipsArrayDouble *white = vips_array_double_newv(1, 255.0);
    int rc = vips_jpegsave_buffer(image, bytes, len, "Q", quality, "strip", TRUE, "optimize_coding",
                                  TRUE, "background", white, NULL);
    vips_area_unref(VIPS_AREA(white));
    return rc;
}

static int write_png(VipsImage *image, int quality, void **bytes, size_t *len)
{
    (void)quality;
    return vips_pngsave_buffer(image, bytes, len, "strip", TRUE, NULL);
}

static int write_webp(VipsImage *image, int quality, void **bytes, size_t *len)
{
    return vips_webpsave_buffer(image, bytes, len, "Q", quality, "strip", TRUE, NULL);
}

static int (*const writers[THUMB_FORMATS])(VipsImage *, int, void **,
                                           size_t *) = {write_jpeg, write_png, write_webp};

/* Called now and then while pixels flow. */
static void on_eval(VipsImage *image, VipsProgress *progress, void *arg)
{
    const pen_host *host = arg;
    (void)progress;
    if (host->should_stop(host))
        vips_image_set_kill(image, TRUE);
}

static pen_status write_out(const pen_host *host, VipsImage *image, int quality,
                            struct picture_thumb *thumb, char *why)
{
    thumb->width = vips_image_get_width(image);
    thumb->height = vips_image_get_height(image);
    vips_image_set_progress(image, TRUE);
    g_signal_connect(image, "eval", G_CALLBACK(on_eval), (void *)host);
    if (writers[thumb->format](image, quality, &thumb->bytes, &thumb->len) == 0)
        return PEN_OK;
    if (host->should_stop(host)) {
        vips_error_clear();
        snprintf(why, PICTURE_WHY, "stopped on request");
        return PEN_E_CANCELLED;
    }
    return fail_reading(why);
}

pen_status picture_thumbnail(const pen_host *host, pen_bytes source, const struct thumb_params *p,
                             struct picture_info *info, struct picture_thumb *thumb, char *why)
{
    const struct reader *reader = find_reader(source);
    VipsImage *image = NULL;
    pen_status status;

    memset(thumb, 0, sizeof *thumb);
    if (reader == NULL) {
        snprintf(why, PICTURE_WHY, "the input is not a JPEG, PNG, WebP or TIFF picture");
        return PEN_E_INPUT;
    }
    info->format = reader->format;
    thumb->format = p->format == THUMB_AS_SOURCE ? reader->as : p->format;
    status = read_header(source, info, why);
    if (status != PEN_OK)
        return status;
    if (build(source, p, info, &image) != 0)
        return fail_reading(why);
    status = write_out(host, image, p->quality, thumb, why);
    g_object_unref(image);
    return status;
}

void picture_free(struct picture_thumb *thumb)
{
    g_free(thumb->bytes);
    thumb->bytes = NULL;
}
