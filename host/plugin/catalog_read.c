/*
 * catalog_read.c: one plugin's report (abi_describe), read as what it is: bytes from a process that
 * has run a stranger's code. Runs in the core.
 */
#include "plugin/catalog_internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <penstock/plugin.h>

#include "base/text.h"
#include "plugin/rules.h"
#include "plugin/schema.h"

struct reader {
    const struct json_doc *doc;
    struct catalog_plugin *plugin;
    const char *where; /* slug of the pipeline at work, or NULL */
    char *why;
};

__attribute__((format(printf, 2, 3))) static int refuse(struct reader *r, const char *format, ...)
{
    int n = r->where == NULL ? 0 : snprintf(r->why, CATALOG_WHY, "pipeline \"%s\": ", r->where);
    va_list ap;
    va_start(ap, format);
    vsnprintf(r->why + n, CATALOG_WHY - (size_t)n, format, ap);
    va_end(ap);
    errno = EINVAL;
    return -1;
}

static int no_memory(void)
{
    errno = ENOMEM;
    return -1;
}

static bool is_name(const char *s)
{
    return text_is_name(s) != 0;
}

/* Token i as a string that keeps the rule, in *out. */
static int take_string(struct reader *r, uint32_t i, const char *what,
                       bool (*is_good)(const char *), char **out)
{
    if (json_kind(r->doc, i) != JSON_STRING)
        return refuse(r, "report: %s is not a string", what);
    *out = json_strdup(r->doc, i);
    if (*out == NULL)
        return no_memory();
    return is_good(*out) ? 0 : refuse(r, "report: %s is not well-formed", what);
}

/* A member of an object; instead is taken for a missing one, NULL: it is required. */
static int take_member(struct reader *r, uint32_t object, const char *key,
                       bool (*is_good)(const char *), const char *instead, char **out)
{
    uint32_t i = json_find(r->doc, object, key);
    if (i != 0)
        return take_string(r, i, key, is_good, out);
    if (instead == NULL)
        return refuse(r, "report: %s is missing", key);
    *out = strdup(instead);
    return *out == NULL ? no_memory() : 0;
}

static int take_list(struct reader *r, uint32_t object, const char *key,
                     bool (*is_good)(const char *), char ***out)
{
    uint32_t list = json_find(r->doc, object, key);
    uint32_t n = list == 0 ? 0 : r->doc->tokens[list].count;
    uint32_t at = json_first(list);

    if (list != 0 && json_kind(r->doc, list) != JSON_ARRAY)
        return refuse(r, "report: %s is not a list", key);
    if (n > RULE_LIST_MAX)
        return refuse(r, "report: %s has more than %d entries", key, RULE_LIST_MAX);
    *out = calloc((size_t)n + 1, sizeof **out);
    if (*out == NULL)
        return no_memory();
    for (uint32_t i = 0; i < n; i++, at = json_next(r->doc, at)) {
        if (take_string(r, at, key, is_good, &(*out)[i]) < 0)
            return -1;
    }
    return 0;
}

static void take_span(const struct reader *r, uint32_t object, const char *key,
                      struct json_span *out)
{
    uint32_t i = json_find(r->doc, object, key);
    if (i != 0)
        *out = json_at(r->doc, i);
}

static int compile(struct reader *r, const char *what, struct json_span text, struct schema **out)
{
    struct schema_error error;
    if (text.at == NULL)
        return 0;
    *out = schema_compile(text.at, text.len, &error);
    if (*out != NULL)
        return 0;
    return refuse(r, "%s: at \"%s\": %s", what, error.pointer, error.message);
}

static bool is_listed(const struct catalog_plugin *plugin, const char *slug)
{
    for (size_t i = 0; i < plugin->n_pipelines; i++) {
        const char *other = plugin->pipelines[i].slug;
        if (other != NULL && strcmp(other, slug) == 0)
            return true;
    }
    return false;
}

static int read_pipeline(struct reader *r, uint32_t object, struct catalog_pipeline *p)
{
    uint32_t has_open;

    p->plugin = r->plugin;
    if (json_kind(r->doc, object) != JSON_OBJECT)
        return refuse(r, "report: a pipeline is not an object");
    if (take_member(r, object, "slug", is_name, NULL, &p->slug) < 0 || p->slug == NULL)
        return -1;
    if (is_listed(r->plugin, p->slug))
        return refuse(r, "two pipelines are called \"%s\"", p->slug);
    r->where = p->slug;
    if (take_member(r, object, "version", rule_version, NULL, &p->version) < 0 ||
        take_member(r, object, "summary", rule_line, "", &p->summary) < 0 ||
        take_member(r, object, "task_type", is_name, p->slug, &p->task_type) < 0 ||
        take_list(r, object, "needs", rule_need, &p->needs) < 0 ||
        take_list(r, object, "output_statuses", is_name, &p->statuses) < 0)
        return -1;
    has_open = json_find(r->doc, object, "has_open");
    p->has_open = has_open != 0 && json_kind(r->doc, has_open) == JSON_TRUE;
    take_span(r, object, "params_schema", &p->params_text);
    take_span(r, object, "result_schema", &p->result_text);
    take_span(r, object, "events_schema", &p->events_text);
    take_span(r, object, "manifest", &p->manifest);
    if (compile(r, "params_schema", p->params_text, &p->params) < 0 ||
        compile(r, "result_schema", p->result_text, &p->result) < 0)
        return -1;
    r->where = NULL;
    return 0;
}

static int read_pipelines(struct reader *r)
{
    struct catalog_plugin *plugin = r->plugin;
    uint32_t list = json_find(r->doc, 0, "pipelines");
    uint32_t n, at = json_first(list);

    if (list == 0 || json_kind(r->doc, list) != JSON_ARRAY)
        return refuse(r, "report: pipelines is not a list");
    n = r->doc->tokens[list].count;
    if (n == 0 || n > RULE_PIPELINES_MAX)
        return refuse(r, "report: %u pipelines, expected 1 to %d", n, RULE_PIPELINES_MAX);
    plugin->pipelines = calloc(n, sizeof *plugin->pipelines);
    if (plugin->pipelines == NULL)
        return no_memory();
    for (uint32_t i = 0; i < n; i++, at = json_next(r->doc, at)) {
        struct catalog_pipeline *p = &plugin->pipelines[i];
        int rc = read_pipeline(r, at, p);
        plugin->n_pipelines++;
        if (rc < 0)
            return -1;
    }
    return 0;
}

static int read_abi(struct reader *r)
{
    uint32_t pair = json_find(r->doc, 0, "abi");
    int64_t major, minor;

    if (pair == 0 || json_kind(r->doc, pair) != JSON_ARRAY || r->doc->tokens[pair].count != 2 ||
        json_i64(r->doc, json_first(pair), &major) < 0 ||
        json_i64(r->doc, json_next(r->doc, json_first(pair)), &minor) < 0)
        return refuse(r, "report: abi is not two integers");
    if (major != PEN_ABI_MAJOR || minor < 0 || minor > UINT16_MAX)
        return refuse(r, "report: ABI major is not %d", PEN_ABI_MAJOR);
    r->plugin->abi_major = (int)major;
    r->plugin->abi_minor = (int)minor;
    return 0;
}

static int read_report(struct reader *r)
{
    struct catalog_plugin *p = r->plugin;
    if (json_kind(r->doc, 0) != JSON_OBJECT)
        return refuse(r, "report: not an object");
    if (read_abi(r) < 0 || take_member(r, 0, "id", rule_id, NULL, &p->id) < 0 ||
        take_member(r, 0, "version", rule_version, NULL, &p->version) < 0 ||
        take_member(r, 0, "vendor", rule_line, "", &p->vendor) < 0 ||
        take_member(r, 0, "license", rule_line, "", &p->license) < 0)
        return -1;
    return read_pipelines(r);
}

static void free_list(char **list)
{
    for (size_t i = 0; list != NULL && list[i] != NULL; i++)
        free(list[i]);
    free(list);
}

static void clear_pipeline(struct catalog_pipeline *p)
{
    free(p->slug);
    free(p->version);
    free(p->summary);
    free(p->task_type);
    free_list(p->needs);
    free_list(p->statuses);
    schema_free(p->params);
    schema_free(p->result);
}

/* Half-read pipelines are nobody's business. */
static void drop_pipelines(struct catalog_plugin *p)
{
    for (size_t i = 0; i < p->n_pipelines; i++)
        clear_pipeline(&p->pipelines[i]);
    free(p->pipelines);
    p->pipelines = NULL;
    p->n_pipelines = 0;
}

int catalog_read(struct catalog_plugin *p, char *why)
{
    struct json_doc doc = JSON_DOC_INIT;
    struct reader r = {.doc = &doc, .plugin = p, .where = NULL, .why = why};
    struct json_fault fault;
    int rc, error;

    why[0] = 0;
    if (p->report_len > RULE_REPORT_MAX)
        return refuse(&r, "report: longer than %d bytes", RULE_REPORT_MAX);
    if (json_scan(&doc, p->report, p->report_len, &fault) < 0)
        rc = refuse(&r, "report: %s at byte %zu", fault.what, fault.offset);
    else
        rc = read_report(&r);
    error = errno;
    json_doc_clear(&doc);
    if (rc < 0)
        drop_pipelines(p);
    errno = error;
    return rc;
}

void catalog_plugin_free(struct catalog_plugin *p)
{
    if (p == NULL)
        return;
    drop_pipelines(p);
    free(p->path);
    free(p->reason);
    free(p->id);
    free(p->version);
    free(p->vendor);
    free(p->license);
    free(p->report);
    free(p);
}
