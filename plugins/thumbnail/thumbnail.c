/* thumbnail.c: a small picture of a large one. The plugin's descriptor and its task; runs in its
 * box. */
#include <stdio.h>
#include <string.h>

#include "params.h"
#include "picture.h"

static pen_status open_vips(const pen_host *host, const char *config, void **self)
{
    char why[PICTURE_WHY] = "";
    (void)config;
    (void)self;
    return picture_start(why) < 0 ? host->fail(host, PEN_E_PERMANENT, why) : PEN_OK;
}

/* The input called "image", else the first one. */
static const pen_input *find_input(const pen_task *task)
{
    for (uint32_t i = 0; i < task->n_inputs; i++) {
        if (strcmp(task->inputs[i]->name, "image") == 0)
            return task->inputs[i];
    }
    return task->n_inputs > 0 ? task->inputs[0] : NULL;
}

static pen_status give(const pen_host *host, const struct picture_info *info,
                       const struct picture_thumb *thumb)
{
    char json[256];
    pen_bytes bytes = {thumb->bytes, thumb->len};
    pen_bytes result = {json, 0};
    pen_status status =
        host->output(host, "thumbnail", thumb_format_media_type(thumb->format), bytes);
    if (status != PEN_OK)
        return status;
    result.len = (size_t)snprintf(json, sizeof json,
                                  "{\"width\":%d,\"height\":%d,\"format\":\"%s\",\"bytes\":%zu,"
                                  "\"source\":{\"width\":%d,\"height\":%d,\"format\":\"%s\"}}",
                                  thumb->width, thumb->height, thumb_format_name(thumb->format),
                                  thumb->len, info->width, info->height, info->format);
    return host->result(host, "success", result);
}

static pen_status run(void *self, const pen_host *host, const pen_task *task)
{
    const pen_input *input = find_input(task);
    struct thumb_params params;
    struct picture_info info;
    struct picture_thumb thumb;
    const char *bad_params;
    char why[PICTURE_WHY] = "";
    pen_status status;

    (void)self;
    if (thumb_params_read(&params, task->params.data, task->params.len, &bad_params) < 0)
        return host->fail(host, PEN_E_INPUT, bad_params);
    if (input == NULL)
        return host->fail(host, PEN_E_INPUT, "give one input, the picture");
    status = picture_thumbnail(host, input->bytes, &params, &info, &thumb, why);
    if (status != PEN_OK)
        return host->fail(host, status, why);
    status = give(host, &info, &thumb);
    picture_free(&thumb);
    return status;
}

/* libvips decodes in a thread and writes in another. */
static const char *const needs[] = {"threads", NULL};

static const pen_pipeline thumbnail = {
    .size = sizeof thumbnail,
    .slug = "thumbnail",
    .version = "1.0.0",
    .summary = "a small picture of a JPEG, PNG, WebP or TIFF",
    .task_type = "picture",
    .params_schema = thumb_params_schema,
    .result_schema = thumb_result_schema,
    .needs = needs,
    .open = open_vips,
    .run = run,
};
static const pen_pipeline *const pipelines[] = {&thumbnail, NULL};

const pen_plugin pen_plugin_entry = {
    PEN_PLUGIN_HEADER,    .id = "org.penstock.thumbnail", .version = "1.0.0",
    .vendor = "Penstock", .license = "Apache-2.0",        .pipelines = pipelines,
};
