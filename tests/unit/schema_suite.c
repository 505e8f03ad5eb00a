/*
 * schema_suite.c: runs the official JSON Schema test suite (draft 7) for the keywords that the
 * validator has. Files and groups that are left out are listed with the reason. Usage: schema_suite
 * DIRECTORY; exit 77: it is not there.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json.h"
#include "plugin/schema.h"

#define DIALECT "\"$schema\":\"http://json-schema.org/draft-07/schema#\""

enum { EXIT_SKIP = 77, FILE_MAX = 4 << 20 };

/* Each file of the suite; reason NULL: it is run. */
static const struct suite_file {
    const char *name, *reason;
} files[] = {
    {"additionalItems", NULL},
    {"additionalProperties", NULL},
    {"allOf", NULL},
    {"anyOf", NULL},
    {"boolean_schema", NULL},
    {"const", NULL},
    {"contains", "contains is not supported"},
    {"default", NULL},
    {"definitions", "needs the remote meta-schema"},
    {"dependencies", "dependencies is not supported"},
    {"enum", NULL},
    {"exclusiveMaximum", NULL},
    {"exclusiveMinimum", NULL},
    {"if-then-else", "if is not supported"},
    {"items", NULL},
    {"maxItems", NULL},
    {"maxLength", NULL},
    {"maxProperties", NULL},
    {"maximum", NULL},
    {"minItems", NULL},
    {"minLength", NULL},
    {"minProperties", NULL},
    {"minimum", NULL},
    {"multipleOf", NULL},
    {"not", NULL},
    {"oneOf", NULL},
    {"pattern", NULL},
    {"patternProperties", "patternProperties is not supported"},
    {"properties", NULL},
    {"propertyNames", "propertyNames is not supported"},
    {"ref", NULL},
    {"refRemote", "remote references are not supported"},
    {"required", NULL},
    {"type", NULL},
    {"uniqueItems", NULL},
    {"optional/bignum", NULL},
    {"optional/content", "contentMediaType is an annotation"},
    {"optional/ecmascript-regex", "patterns are PCRE2's, which knows \\Z"},
    {"optional/zeroTerminatedFloats", NULL},
};

/* Groups of files that are run, which the compiler refuses; any other refusal fails the test. */
static const char *const refused_groups[][2] = {
    {"additionalProperties",
     "additionalProperties being false does not allow other properties"},    /* patternProperties */
    {"additionalProperties", "non-ASCII pattern with additionalProperties"}, /* patternProperties */
    {"properties", "properties, patternProperties, additionalProperties interaction"},
    {"ref", "escaped pointer ref"}, /* keeps its schemas in keywords of its own */
    {"ref", "remote ref, containing refs itself"},
    {"ref", "Recursive references between schemas"}, /* $id below the root */
};

struct counts {
    int passed, failed, left_out;
};

struct run {
    struct counts counts;
    const char *file;
    struct json_doc doc;
    struct buf text;
};

/* The schema's text with the dialect named in it. */
static void put_schema(const struct run *r, uint32_t schema, struct buf *out)
{
    struct json_span raw = json_at(&r->doc, schema);
    bool needs_dialect =
        json_kind(&r->doc, schema) == JSON_OBJECT && json_find(&r->doc, schema, "$schema") == 0;
    buf_reset(out);
    if (needs_dialect) {
        buf_append_str(out, "{" DIALECT);
        buf_append_str(out, r->doc.tokens[schema].count > 0 ? "," : "");
        raw.at++;
        raw.len--;
    }
    buf_append(out, raw.at, raw.len);
}

static bool is_expected_refusal(const struct run *r, const char *group)
{
    for (size_t i = 0; i < sizeof refused_groups / sizeof *refused_groups; i++) {
        if (strcmp(refused_groups[i][0], r->file) == 0 && strcmp(refused_groups[i][1], group) == 0)
            return true;
    }
    return false;
}

static void run_tests(struct run *r, const struct schema *s, const char *group, uint32_t tests)
{
    uint32_t test = json_first(tests);
    for (uint32_t n = r->doc.tokens[tests].count; n > 0; n--) {
        char *name = json_strdup(&r->doc, json_find(&r->doc, test, "description"));
        bool expected = json_kind(&r->doc, json_find(&r->doc, test, "valid")) == JSON_TRUE;
        struct buf line = BUF_INIT(10000);
        int problems = schema_explain(s, &r->doc, json_find(&r->doc, test, "data"), NULL, &line);
        if ((problems == 0) == expected) {
            r->counts.passed++;
        } else {
            r->counts.failed++;
            printf("FAILED %s: %s: %s: %s\n", r->file, group, name,
                   problems > 0 ? buf_cstr(&line) : "is accepted");
        }
        buf_clear(&line);
        free(name);
        test = json_next(&r->doc, test);
    }
}

static void run_group(struct run *r, uint32_t group)
{
    struct schema_error e;
    struct buf text = BUF_INIT(FILE_MAX);
    char *name = json_strdup(&r->doc, json_find(&r->doc, group, "description"));
    uint32_t tests = json_find(&r->doc, group, "tests");
    put_schema(r, json_find(&r->doc, group, "schema"), &text);
    struct schema *s = schema_compile((char *)text.data, text.len, &e);
    if (s != NULL) {
        run_tests(r, s, name, tests);
    } else if (is_expected_refusal(r, name)) {
        printf("left out: %s: %s: %s: %s\n", r->file, name, e.pointer, e.message);
        r->counts.left_out += (int)r->doc.tokens[tests].count;
    } else {
        printf("FAILED %s: %s: refused: %s: %s\n", r->file, name, e.pointer, e.message);
        r->counts.failed++;
    }
    schema_free(s);
    buf_clear(&text);
    free(name);
}

/* The scanner refuses \u0000; what the suite tests with it, it tests as well with \u0001. */
static void replace_nuls(struct buf *b)
{
    for (char *at = (char *)b->data; at != NULL && (at = strstr(at, "\\u0000")) != NULL; at += 6)
        at[5] = '1';
}

static int run_file(struct run *r, const char *directory)
{
    char path[1000];
    struct json_fault fault;
    snprintf(path, sizeof path, "%s/%s.json", directory, r->file);
    buf_reset(&r->text);
    if (buf_read_file(&r->text, path) < 0 || buf_cstr(&r->text) == NULL) {
        printf("FAILED %s cannot be read\n", path);
        return -1;
    }
    replace_nuls(&r->text);
    if (json_scan(&r->doc, (char *)r->text.data, r->text.len, &fault) < 0) {
        printf("FAILED %s: %s at %zu\n", path, fault.what, fault.offset);
        return -1;
    }
    uint32_t group = json_first(0);
    for (uint32_t n = r->doc.tokens[0].count; n > 0; n--) {
        run_group(r, group);
        group = json_next(&r->doc, group);
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct run r = {.doc = JSON_DOC_INIT, .text = BUF_INIT(FILE_MAX)};
    if (argc < 2 || access(argv[1], R_OK) < 0) {
        printf("the package json-schema-test-suite is not installed\n");
        return EXIT_SKIP;
    }
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        r.file = files[i].name;
        if (files[i].reason != NULL)
            printf("left out: %s: %s\n", r.file, files[i].reason);
        else if (run_file(&r, argv[1]) < 0)
            r.counts.failed++;
        else
            printf("run: %s\n", r.file);
    }
    printf("%d passed, %d failed, %d left out in files that were run\n", r.counts.passed,
           r.counts.failed, r.counts.left_out);
    json_doc_clear(&r.doc);
    buf_clear(&r.text);
    return r.counts.failed > 0 ? 1 : 0;
}
