/* plugins.c: reads the host's list of plugins. Part of the command line. */
#include "plugins.h"

#include <stddef.h>

#include "session.h"
#include "view.h"

uint32_t plugins_pipeline(const struct json_doc *doc, const char *slug, uint32_t *plugin)
{
    uint32_t list = view_array(doc, 0, "plugins");
    VIEW_EACH(doc, list, i)
    {
        uint32_t pipelines = view_array(doc, i, "pipelines");
        VIEW_EACH(doc, pipelines, k)
        {
            if (!view_is(doc, k, "slug", slug))
                continue;
            if (plugin != NULL)
                *plugin = i;
            return k;
        }
    }
    return 0;
}

uint32_t plugins_find(const struct json_doc *doc, const char *id_or_slug)
{
    uint32_t list = view_array(doc, 0, "plugins"), plugin = 0;
    VIEW_EACH(doc, list, i)
    {
        if (view_is(doc, i, "id", id_or_slug))
            return i;
    }
    return plugins_pipeline(doc, id_or_slug, &plugin) != 0 ? plugin : 0;
}

struct json_span plugins_schema(const struct json_doc *doc, const char *slug)
{
    uint32_t pipeline = plugins_pipeline(doc, slug, NULL);
    uint32_t schema = pipeline != 0 ? view_object(doc, pipeline, "params_schema") : 0;
    return schema != 0 ? json_at(doc, schema) : (struct json_span){NULL, 0};
}

void plugins_ask_file(struct session *s, const char *slug, char *out, size_t size)
{
    struct answer a = {.verb = WIRE_UNKNOWN};
    uint32_t plugin = 0;
    out[0] = '\0';
    if (session_ask(s, WIRE_PLUGINS, NULL, NULL, 0, &a, NULL) == 0 && a.verb == WIRE_INFO &&
        plugins_pipeline(&a.doc, slug, &plugin) != 0)
        view_copy(&a.doc, plugin, "file", out, size);
    answer_clear(&a);
}
