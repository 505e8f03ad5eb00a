/* params.c: the thumbnail plugin's params and the schemas that describe it. Runs in the plugin's
 * box. */
#include "params.h"

#include <string.h>

#include <cjson/cJSON.h>

const char thumb_params_schema[] =
    "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"type\":\"object\","
    "\"additionalProperties\":false,\"properties\":{"
    "\"width\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":10000,\"default\":320,"
    "\"description\":\"pixels at most\"},"
    "\"height\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":10000,"
    "\"description\":\"pixels at most; without it only the width counts, for cover and fill it is "
    "the width\"},"
    "\"format\":{\"enum\":[\"jpeg\",\"png\",\"webp\"],"
    "\"description\":\"default: as the source, JPEG for TIFF\"},"
    "\"quality\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":100,\"default\":80,"
    "\"description\":\"of JPEG and WebP\"},"
    "\"fit\":{\"enum\":[\"contain\",\"cover\",\"fill\"],\"default\":\"contain\","
    "\"description\":\"contain: whole picture inside the box; cover: box filled, edges cut; "
    "fill: box filled, shape given up\"},"
    "\"upscale\":{\"type\":\"boolean\",\"default\":false,\"description\":\"may be made larger\"}}}";

const char thumb_result_schema[] =
    "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"type\":\"object\","
    "\"required\":[\"width\",\"height\",\"format\",\"bytes\",\"source\"],\"properties\":{"
    "\"width\":{\"type\":\"integer\"},\"height\":{\"type\":\"integer\"},"
    "\"format\":{\"enum\":[\"jpeg\",\"png\",\"webp\"]},\"bytes\":{\"type\":\"integer\"},"
    "\"source\":{\"type\":\"object\",\"required\":[\"width\",\"height\",\"format\"],"
    "\"description\":\"width and height as the picture is seen, after its "
    "orientation\",\"properties\":{"
    "\"width\":{\"type\":\"integer\"},\"height\":{\"type\":\"integer\"},"
    "\"format\":{\"enum\":[\"jpeg\",\"png\",\"webp\",\"tiff\"]}}}}}";

static const char *const formats[THUMB_FORMATS] = {"jpeg", "png", "webp"};
static const char *const media_types[THUMB_FORMATS] = {"image/jpeg", "image/png", "image/webp"};
static const char *const fits[THUMB_FITS] = {"contain", "cover", "fill"};

const char *thumb_format_name(enum thumb_format format)
{
    return formats[format];
}

const char *thumb_format_media_type(enum thumb_format format)
{
    return media_types[format];
}

static int read_int(const cJSON *object, const char *key, int least, int most, int *value)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    if (item == NULL)
        return 0;
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= least && item->valuedouble <= most))
        return -1;
    *value = (int)item->valuedouble;
    return 0;
}

/* The index of the member's word in words, *value unchanged if there is no such member. */
static int read_word(const cJSON *object, const char *key, const char *const *words, int n,
                     int *value)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    if (item == NULL)
        return 0;
    for (int i = 0; cJSON_IsString(item) && i < n; i++) {
        if (strcmp(item->valuestring, words[i]) == 0) {
            *value = i;
            return 0;
        }
    }
    return -1;
}

static const char *read_all(struct thumb_params *p, const cJSON *object)
{
    int format = THUMB_AS_SOURCE;
    int fit = THUMB_CONTAIN;
    if (!cJSON_IsObject(object))
        return "params are not a JSON object";
    if (read_int(object, "width", 1, THUMB_SIDE_MAX, &p->width) < 0)
        return "width is not an integer from 1 to 10000";
    if (read_int(object, "height", 1, THUMB_SIDE_MAX, &p->height) < 0)
        return "height is not an integer from 1 to 10000";
    if (read_int(object, "quality", 1, 100, &p->quality) < 0)
        return "quality is not an integer from 1 to 100";
    if (read_word(object, "format", formats, THUMB_FORMATS, &format) < 0)
        return "format is not jpeg, png or webp";
    if (read_word(object, "fit", fits, THUMB_FITS, &fit) < 0)
        return "fit is not contain, cover or fill";
    p->format = (enum thumb_format)format;
    p->fit = (enum thumb_fit)fit;
    p->upscale = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, "upscale"));
    return NULL;
}

int thumb_params_read(struct thumb_params *p, const char *json, size_t len, const char **why)
{
    cJSON *tree = cJSON_ParseWithLength(json, len);
    memset(p, 0, sizeof *p);
    p->width = THUMB_WIDTH_DEFAULT;
    p->quality = THUMB_QUALITY_DEFAULT;
    *why = read_all(p, tree);
    cJSON_Delete(tree);
    return *why == NULL ? 0 : -1;
}
