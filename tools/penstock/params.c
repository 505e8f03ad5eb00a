/* params.c: turns words of the command line into JSON. Part of the command line. */
#include "params.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "view.h"

#include "base/buf.h"

struct params {
    const struct cli *cli;
    const struct texts *single;
    struct json_doc schema;
    uint32_t properties; /* of the schema, 0: none */
};

int params_need_schema(const struct texts *single)
{
    return single->n > 0;
}

static int read_stdin(struct buf *out)
{
    ssize_t n;
    while ((n = buf_read(out, STDIN_FILENO, 65536)) > 0)
        ;
    return n < 0 ? -1 : 0;
}

static int read_whole(const struct cli *cli, const char *whole, struct buf *out)
{
    int rc = 0;
    if (strcmp(whole, "-") == 0 || strcmp(whole, "@-") == 0)
        rc = read_stdin(out);
    else if (whole[0] == '@')
        rc = buf_read_file(out, whole + 1);
    else
        rc = buf_append_str(out, whole);
    if (rc < 0)
        return cli_fail(cli, CLI_FAIL, NULL, "cannot read --params %s: %s", whole, strerror(errno));
    return CLI_OK;
}

/* Bits by enum json_kind of what the schema's "type" allows; integers are numbers here. 0: it does
 * not say. */
static unsigned kinds_of_word(const struct json_doc *doc, uint32_t i)
{
    static const struct {
        const char *name;
        unsigned kinds;
    } words[] = {
        {"object", 1u << JSON_OBJECT}, {"array", 1u << JSON_ARRAY},
        {"string", 1u << JSON_STRING}, {"integer", 1u << JSON_NUMBER},
        {"null", 1u << JSON_NULL},     {"boolean", 1u << JSON_TRUE | 1u << JSON_FALSE},
        {"number", 1u << JSON_NUMBER},
    };
    for (size_t k = 0; k < sizeof words / sizeof *words; k++) {
        if (json_kind(doc, i) == JSON_STRING && json_string_is(doc, i, words[k].name))
            return words[k].kinds;
    }
    return 0;
}

static unsigned kinds_allowed(const struct params *p, const char *name)
{
    uint32_t property = p->properties != 0 ? view_object(&p->schema, p->properties, name) : 0;
    uint32_t type = property != 0 ? json_find(&p->schema, property, "type") : 0;
    unsigned kinds = 0;
    if (type == 0 || json_kind(&p->schema, type) != JSON_ARRAY)
        return type != 0 ? kinds_of_word(&p->schema, type) : 0;
    VIEW_EACH(&p->schema, type, i)
    {
        kinds |= kinds_of_word(&p->schema, i);
    }
    return kinds;
}

/* The kind of JSON the text is, JSON_STRING also if it is none. */
static enum json_kind kind_of(const char *text)
{
    struct json_doc doc = JSON_DOC_INIT;
    struct json_fault fault;
    enum json_kind kind =
        json_scan(&doc, text, strlen(text), &fault) < 0 ? JSON_STRING : json_kind(&doc, 0);
    json_doc_clear(&doc);
    return kind;
}

static void put_value(const struct params *p, struct json_writer *w, const char *name,
                      const char *value)
{
    enum json_kind kind = kind_of(value);
    unsigned allowed = kinds_allowed(p, name);
    int is_string = kind == JSON_STRING ||
                    ((allowed & 1u << JSON_STRING) != 0 && (allowed & 1u << (unsigned)kind) == 0);
    if (is_string)
        json_put_str(w, value);
    else
        json_put_raw(w, value, strlen(value));
}

/* Length of the name in "NAME=VALUE". */
static size_t name_len(const char *param)
{
    return strcspn(param, "=");
}

static int sets_name(const struct texts *single, const char *name, size_t from)
{
    for (size_t i = from; i < single->n; i++) {
        if (name_len(single->items[i]) == strlen(name) &&
            strncmp(single->items[i], name, strlen(name)) == 0)
            return 1;
    }
    return 0;
}

/* The members of the whole that no --param sets. */
static int put_kept(const struct params *p, struct json_writer *w, const struct json_doc *whole)
{
    uint32_t n = whole->tokens[0].count;
    for (uint32_t key = json_first(0); n > 0; n--) {
        uint32_t value = json_next(whole, key);
        char *name = json_strdup(whole, key);
        if (name == NULL)
            return cli_no_memory(p->cli);
        if (!sets_name(p->single, name, 0)) {
            struct json_span raw = json_at(whole, value);
            json_key(w, name);
            json_put_raw(w, raw.at, raw.len);
        }
        free(name);
        key = json_next(whole, value);
    }
    return CLI_OK;
}

/* Of several with one name the last counts. */
static int put_single(const struct params *p, struct json_writer *w)
{
    for (size_t i = 0; i < p->single->n; i++) {
        const char *item = p->single->items[i];
        char *name = strndup(item, name_len(item));
        if (name == NULL)
            return cli_no_memory(p->cli);
        if (!sets_name(p->single, name, i + 1)) {
            json_key(w, name);
            put_value(p, w, name, item + strlen(name) + 1);
        }
        free(name);
    }
    return CLI_OK;
}

static int merge(const struct params *p, const struct json_doc *whole, struct buf *out)
{
    struct json_writer w;
    json_begin(&w, out);
    json_open(&w, '{');
    int status = put_kept(p, &w, whole);
    if (status == CLI_OK)
        status = put_single(p, &w);
    json_close(&w, '}');
    return status == CLI_OK && json_end(&w) < 0 ? cli_no_memory(p->cli) : status;
}

static int check_single(const struct cli *cli, const struct texts *single)
{
    for (size_t i = 0; i < single->n; i++) {
        if (name_len(single->items[i]) == 0 || single->items[i][name_len(single->items[i])] != '=')
            return cli_fail(cli, CLI_USAGE, "write --param NAME=VALUE",
                            "--param %s has no name and value", single->items[i]);
    }
    return CLI_OK;
}

static int scan_whole(const struct cli *cli, const struct buf *text, struct json_doc *doc)
{
    struct json_fault fault;
    if (json_scan(doc, (const char *)text->data, text->len, &fault) < 0)
        return cli_fail(cli, CLI_USAGE, NULL, "--params is not JSON: %s at byte %zu", fault.what,
                        fault.offset);
    if (json_kind(doc, 0) != JSON_OBJECT)
        return cli_fail(cli, CLI_USAGE, "write --params '{\"name\": value}'",
                        "--params is no object");
    return CLI_OK;
}

static void open_schema(struct params *p, struct json_span schema)
{
    struct json_fault fault;
    if (schema.at != NULL && json_scan(&p->schema, schema.at, schema.len, &fault) == 0)
        p->properties = view_object(&p->schema, 0, "properties");
}

int params_read(const struct cli *cli, const char *whole, const struct texts *single,
                struct buf *text)
{
    struct json_doc doc = JSON_DOC_INIT;
    int status = check_single(cli, single);
    if (status == CLI_OK)
        status = read_whole(cli, whole != NULL ? whole : "{}", text);
    if (status == CLI_OK)
        status = scan_whole(cli, text, &doc);
    json_doc_clear(&doc);
    return status;
}

int params_build(const struct cli *cli, const struct buf *text, const struct texts *single,
                 struct json_span schema, struct buf *out)
{
    struct params p = {.cli = cli, .single = single, .schema = JSON_DOC_INIT};
    struct json_doc doc = JSON_DOC_INIT;
    if (single->n == 0)
        return buf_append(out, text->data, text->len) < 0 ? cli_no_memory(cli) : CLI_OK;
    int status = scan_whole(cli, text, &doc);
    if (status == CLI_OK) {
        open_schema(&p, schema);
        status = merge(&p, &doc, out);
    }
    json_doc_clear(&p.schema);
    json_doc_clear(&doc);
    return status;
}
