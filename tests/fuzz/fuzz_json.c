/* fuzz_json.c: fuzz target: the JSON scanner, its accessors and the canonical form. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int claim)
{
    if (!claim)
        abort();
}

static void visit_string(const struct json_doc *doc, uint32_t i)
{
    char *copy = json_strdup(doc, i);
    struct buf b = BUF_INIT(doc->tokens[i].len);
    require(copy != NULL && json_string_is(doc, i, copy) && json_string(doc, i, &b) == 0);
    require(b.len == strlen(copy) && text_is_utf8(copy, b.len) &&
            json_string_length(doc, i) <= b.len);
    free(copy);
    buf_clear(&b);
}

static void visit_number(const struct json_doc *doc, uint32_t i)
{
    int64_t integer;
    double d;
    json_f64(doc, i, &d);
    require(json_i64(doc, i, &integer) < 0 || json_is_integral(doc, i));
    require(json_number_order(doc, i, doc, i) == 0);
    require(json_multiple_of(doc, i, doc, i) != 0);
}

static void visit_tokens(const struct json_doc *doc, size_t size)
{
    for (uint32_t i = 0; i < doc->n; i++) {
        const struct json_token *t = &doc->tokens[i];
        require(t->len > 0 && t->at + (size_t)t->len <= size && t->next > i && t->next <= doc->n);
        if (t->kind == JSON_STRING)
            visit_string(doc, i);
        else if (t->kind == JSON_NUMBER)
            visit_number(doc, i);
    }
}

/* The canonical form is JSON and its own canonical form. */
static void visit_canonical(const struct json_doc *doc)
{
    struct buf once = BUF_INIT(64 << 20), twice = BUF_INIT(64 << 20);
    struct json_doc again = JSON_DOC_INIT;
    struct json_fault fault;
    require(json_canonical(doc, 0, NULL, &once) == 0);
    require(json_scan(&again, (const char *)once.data, once.len, &fault) == 0);
    require(json_canonical(&again, 0, NULL, &twice) == 0);
    require(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
    json_doc_clear(&again);
    buf_clear(&once);
    buf_clear(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_doc doc = JSON_DOC_INIT;
    struct json_fault fault = {.what = NULL};
    struct cJSON *tree = json_tree((const char *)data, size, &fault);
    if (json_scan(&doc, (const char *)data, size, &fault) == 0) {
        require(tree != NULL && doc.tokens[0].next == doc.n);
        visit_tokens(&doc, size);
        json_hash(&doc, 0, 1);
        require(json_equal(&doc, 0, &doc, 0));
        visit_canonical(&doc);
    } else {
        require(tree == NULL && fault.what != NULL && fault.offset <= size);
    }
    cJSON_Delete(tree);
    json_doc_clear(&doc);
    return 0;
}
