/* avtomatika_skills.c: our pipelines as their skills. Pure; runs in penstock-shim. */
#include <string.h>

#include "base/digest.h"
#include "shim/avtomatika.h"

enum { SCHEMA_DEPTH = 3 }; /* body, list, skill */

/*
 * With files, a task's params hold addresses and its data hold outputs that the pipeline's own
 * schemas do not know. They are checked by the host without these; the orchestrator, which checks
 * with them, must not be told that nothing else is allowed.
 */
static void put_open_schema(struct json_writer *w, const struct json_doc *doc)
{
    uint32_t key = json_first(0);
    json_open(w, '{');
    for (uint32_t n = doc->tokens[0].count; n > 0; n--, key = json_next(doc, key + 1)) {
        struct json_span name = json_at(doc, key), value = json_at(doc, key + 1);
        if (json_string_is(doc, key, "additionalProperties") &&
            json_kind(doc, key + 1) == JSON_FALSE)
            continue;
        json_put_raw(w, name.at, name.len);
        w->comma = false;
        json_put_raw(w, ":", 1);
        w->comma = false;
        json_put_raw(w, value.at, value.len);
    }
    json_close(w, '}');
}

/* objects_only: leave the schema out unless it says that the value is an object. */
static void put_schema(struct json_writer *w, const char *key, const char *schema, bool with_files,
                       bool objects_only)
{
    struct json_doc doc = JSON_DOC_INIT;
    struct json_fault fault;
    if (schema == NULL)
        return;
    if (json_scan(&doc, schema, strlen(schema), &fault) == 0 &&
        avt_why_not(&doc, 0, SCHEMA_DEPTH) == NULL) {
        uint32_t type = json_find(&doc, 0, "type");
        if (!objects_only || (type != 0 && json_string_is(&doc, type, "object"))) {
            json_key(w, key);
            if (with_files)
                put_open_schema(w, &doc);
            else
                json_put_raw(w, schema, strlen(schema));
        }
    }
    json_doc_clear(&doc);
}

static void put_skill(struct json_writer *w, const struct pipeline *p, bool with_files)
{
    json_open(w, '{');
    json_member_str(w, "name", p->slug);
    json_member_str(w, "type", p->slug);
    json_member_str(w, "version", p->version);
    json_member_str(w, "description", p->summary);
    put_schema(w, "input_schema", p->params_schema, with_files, false);
    /* Data that is no object is sent inside of one, so its schema would not fit. */
    put_schema(w, "output_schema", p->result_schema, with_files, true);
    if (p->events_schema != NULL)
        json_member_raw(w, "events_schema",
                        (struct json_span){p->events_schema, strlen(p->events_schema)});
    if (p->output_statuses != NULL && strcmp(p->output_statuses, "[]") != 0)
        json_member_raw(w, "output_statuses",
                        (struct json_span){p->output_statuses, strlen(p->output_statuses)});
    json_close(w, '}');
}

int avt_skills_write(const struct pipelines *p, bool with_files, struct buf *out, char *hash)
{
    struct json_writer w;
    buf_reset(out);
    json_begin(&w, out);
    json_open(&w, '[');
    for (size_t i = 0; i < p->n; i++)
        put_skill(&w, &p->items[i], with_files);
    json_close(&w, ']');
    if (json_end(&w) < 0)
        return -1;
    digest_sha256(out->data, out->len, hash);
    return 0;
}
