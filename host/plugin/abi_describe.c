/* abi_describe.c: a checked descriptor as JSON, for the core. Runs in the confined scan child. */
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "plugin/abi.h"

static void put_json(struct json_writer *w, const char *key, const char *json)
{
    struct json_span span = {.at = json, .len = json == NULL ? 0 : strlen(json)};
    if (json != NULL)
        json_member_raw(w, key, span);
}

static void put_list(struct json_writer *w, const char *key, const char *const *list)
{
    json_key(w, key);
    json_open(w, '[');
    for (; list != NULL && *list != NULL; list++)
        json_put_str(w, *list);
    json_close(w, ']');
}

static void put_pipeline(struct json_writer *w, const pen_pipeline *pl)
{
    json_open(w, '{');
    json_member_str(w, "slug", pl->slug);
    json_member_str(w, "version", pl->version);
    json_member_str(w, "summary", pl->summary);
    json_member_str(w, "task_type", pl->task_type != NULL ? pl->task_type : pl->slug);
    put_json(w, "params_schema", pl->params_schema);
    put_json(w, "result_schema", pl->result_schema);
    put_json(w, "events_schema", pl->events_schema);
    put_json(w, "manifest", pl->manifest);
    put_list(w, "needs", pl->needs);
    put_list(w, "output_statuses", pl->output_statuses);
    json_member_bool(w, "has_open", pl->open != NULL);
    json_close(w, '}');
}

int abi_describe(const struct abi_plugin *p, struct buf *out)
{
    struct json_writer w;
    json_begin(&w, out);
    json_open(&w, '{');
    json_key(&w, "abi");
    json_open(&w, '[');
    json_put_int(&w, p->head.abi_major);
    json_put_int(&w, p->head.abi_minor);
    json_close(&w, ']');
    json_member_str(&w, "id", p->head.id);
    json_member_str(&w, "version", p->head.version);
    json_member_str(&w, "vendor", p->head.vendor);
    json_member_str(&w, "license", p->head.license);
    json_key(&w, "pipelines");
    json_open(&w, '[');
    for (size_t i = 0; i < p->n_pipelines; i++)
        put_pipeline(&w, &p->pipelines[i]);
    json_close(&w, ']');
    json_close(&w, '}');
    return json_end(&w);
}
