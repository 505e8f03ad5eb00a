/* abi.c: reads and checks a plugin's descriptor. Runs in the confined scan child and in the zygote.
 */
#include "plugin/abi.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"

/* What version 1.0 of the header ended with; shorter is not a plugin of this ABI. A later host
 * keeps these. */
enum {
    HEAD_LEAST = offsetof(pen_plugin, pipelines) + sizeof(void *),
    PIPELINE_LEAST = offsetof(pen_pipeline, run) + sizeof(void *),
    SIZE_MOST = 65536 /* of any struct: beyond it is not a size but something else */
};

struct reader {
    struct abi_plugin *p;
    char *why;
    const char *where; /* slug of the pipeline at work, or NULL */
};

__attribute__((format(printf, 2, 3))) static int refuse(struct reader *r, const char *format, ...)
{
    int n = r->where == NULL ? 0 : snprintf(r->why, ABI_WHY, "pipeline \"%s\": ", r->where);
    va_list ap;
    va_start(ap, format);
    vsnprintf(r->why + n, ABI_WHY - (size_t)n, format, ap);
    va_end(ap);
    return -1;
}

/* Copies the shorter of both; the rest stays zero. */
static void copy_struct(void *to, size_t room, const void *from, uint32_t size)
{
    memset(to, 0, room);
    memcpy(to, from, size < room ? size : room);
}

static int read_size(struct reader *r, const char *what, const void *from, uint32_t least,
                     uint32_t *size)
{
    memcpy(size, from, sizeof *size);
    if (*size < least)
        return refuse(r, "size of %s is %u, expected at least %u", what, *size, least);
    if (*size > SIZE_MOST)
        return refuse(r, "size of %s is %u, expected at most %d", what, *size, SIZE_MOST);
    return 0;
}

static int read_head(struct reader *r, const void *entry, size_t symbol_size)
{
    struct {
        uint32_t size, magic;
        uint16_t major, minor;
    } start;
    uint32_t size;

    if (entry == NULL)
        return refuse(r, "there is no symbol pen_plugin_entry");
    if (symbol_size > 0 && symbol_size < sizeof start)
        return refuse(r, "symbol pen_plugin_entry has %zu bytes, expected at least %d", symbol_size,
                      HEAD_LEAST);
    memcpy(&start, entry, sizeof start);
    if (start.magic != PEN_ABI_MAGIC)
        return refuse(r, "magic is 0x%08x, expected 0x%08x: not a Penstock plugin", start.magic,
                      PEN_ABI_MAGIC);
    if (start.major != PEN_ABI_MAJOR)
        return refuse(r, "ABI major is %u, expected %d: build the plugin with this host's SDK",
                      start.major, PEN_ABI_MAJOR);
    if (read_size(r, "pen_plugin", entry, HEAD_LEAST, &size) < 0)
        return -1;
    if (symbol_size > 0 && size > symbol_size)
        return refuse(r, "size of pen_plugin is %u, but its symbol has %zu bytes", size,
                      symbol_size);
    copy_struct(&r->p->head, sizeof r->p->head, entry, size);
    return 0;
}

struct word_rule {
    bool (*is_good)(const char *);
    const char *expected;
};

static bool name_rule(const char *s)
{
    return text_is_name(s) != 0;
}

static const struct word_rule id_word = {rule_id, "1 to 128 letters, digits, '.', '_', '-'"};
static const struct word_rule name_word = {name_rule, "1 to 63 letters, digits, '.', '_', '-'"};
static const struct word_rule version_word = {rule_version,
                                              "1 to 64 letters, digits, '.', '+', '~', '_', '-'"};
static const struct word_rule line_word = {rule_line, "one line of UTF-8, at most 1024 bytes"};

static int check_word(struct reader *r, const char *field, const char *s,
                      const struct word_rule *rule, bool is_required)
{
    if (s == NULL && !is_required)
        return 0;
    if (s == NULL)
        return refuse(r, "%s is missing, expected %s", field, rule->expected);
    if (rule->is_good(s))
        return 0;
    if (!rule_line(s) || strlen(s) > RULE_ID_MAX)
        return refuse(r, "%s is not %s", field, rule->expected);
    return refuse(r, "%s is \"%s\", expected %s", field, s, rule->expected);
}

static int check_head(struct reader *r)
{
    const pen_plugin *h = &r->p->head;
    if (check_word(r, "id", h->id, &id_word, true) < 0 ||
        check_word(r, "version", h->version, &version_word, true) < 0 ||
        check_word(r, "vendor", h->vendor, &line_word, false) < 0 ||
        check_word(r, "license", h->license, &line_word, false) < 0)
        return -1;
    if (h->pipelines == NULL || h->pipelines[0] == NULL)
        return refuse(r, "the list of pipelines is empty, expected 1 to %d", RULE_PIPELINES_MAX);
    return 0;
}

/* A JSON text of a descriptor: NULL, or valid and of one of the kinds (JSON_TRUE stands for both
 * booleans). */
static int check_json(struct reader *r, const char *field, const char *text, bool may_be_bool)
{
    struct json_doc doc = JSON_DOC_INIT;
    struct json_fault fault;
    size_t n;
    int rc;

    if (text == NULL)
        return 0;
    n = strnlen(text, RULE_JSON_MAX + 1);
    if (n > RULE_JSON_MAX)
        return refuse(r, "%s is longer than %d bytes", field, RULE_JSON_MAX);
    if (json_scan(&doc, text, n, &fault) < 0) {
        rc = refuse(r, "%s is not JSON: %s at byte %zu", field, fault.what, fault.offset);
    } else {
        enum json_kind kind = json_kind(&doc, 0);
        bool is_bool = kind == JSON_TRUE || kind == JSON_FALSE;
        rc = kind == JSON_OBJECT || (may_be_bool && is_bool)
                 ? 0
                 : refuse(r, "%s is JSON, but not an object", field);
    }
    json_doc_clear(&doc);
    return rc;
}

static int check_needs(struct reader *r, const char *const *list)
{
    for (size_t i = 0; list != NULL && list[i] != NULL; i++) {
        if (i == RULE_LIST_MAX)
            return refuse(r, "needs has more than %d entries", RULE_LIST_MAX);
        if (check_word(r, "a need", list[i], &line_word, true) < 0)
            return -1;
        if (!rule_need(list[i]))
            return refuse(r, "need \"%.64s\" is not known, expected one of %s", list[i],
                          rule_needs_known());
    }
    return 0;
}

static int check_statuses(struct reader *r, const char *const *list)
{
    for (size_t i = 0; list != NULL && list[i] != NULL; i++) {
        if (i == RULE_LIST_MAX)
            return refuse(r, "output_statuses has more than %d entries", RULE_LIST_MAX);
        if (check_word(r, "an output status", list[i], &name_word, true) < 0)
            return -1;
    }
    return 0;
}

static int check_pipeline(struct reader *r, const pen_pipeline *pl)
{
    if (check_word(r, "slug", pl->slug, &name_word, true) < 0)
        return -1;
    if (abi_pipeline(r->p, pl->slug) != NULL)
        return refuse(r, "two pipelines are called \"%s\"", pl->slug);
    r->where = pl->slug;
    if (pl->run == NULL)
        return refuse(r, "run is missing");
    if (check_word(r, "version", pl->version, &version_word, true) < 0 ||
        check_word(r, "summary", pl->summary, &line_word, false) < 0 ||
        check_word(r, "task_type", pl->task_type, &name_word, false) < 0 ||
        check_needs(r, pl->needs) < 0 || check_statuses(r, pl->output_statuses) < 0 ||
        check_json(r, "params_schema", pl->params_schema, true) < 0 ||
        check_json(r, "result_schema", pl->result_schema, true) < 0 ||
        check_json(r, "events_schema", pl->events_schema, true) < 0 ||
        check_json(r, "manifest", pl->manifest, false) < 0)
        return -1;
    r->where = NULL;
    return 0;
}

static int read_pipelines(struct reader *r)
{
    struct abi_plugin *p = r->p;
    for (size_t i = 0; p->head.pipelines[i] != NULL; i++) {
        const void *from = p->head.pipelines[i];
        uint32_t size;
        if (i == RULE_PIPELINES_MAX)
            return refuse(r, "the list of pipelines has no end after %d entries",
                          RULE_PIPELINES_MAX);
        if (read_size(r, "pen_pipeline", from, PIPELINE_LEAST, &size) < 0)
            return -1;
        copy_struct(&p->pipelines[i], sizeof p->pipelines[i], from, size);
        if (check_pipeline(r, &p->pipelines[i]) < 0)
            return -1;
        p->n_pipelines++;
    }
    return 0;
}

int abi_read(struct abi_plugin *p, const void *entry, size_t symbol_size, char *why)
{
    struct reader r = {.p = p, .why = why, .where = NULL};
    memset(p, 0, sizeof *p);
    why[0] = 0;
    if (read_head(&r, entry, symbol_size) < 0 || check_head(&r) < 0)
        return -1;
    return read_pipelines(&r);
}

const pen_pipeline *abi_pipeline(const struct abi_plugin *p, const char *slug)
{
    for (size_t i = 0; i < p->n_pipelines; i++) {
        if (strcmp(p->pipelines[i].slug, slug) == 0)
            return &p->pipelines[i];
    }
    return NULL;
}
