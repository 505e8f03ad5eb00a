/* fuzz_schema.c: fuzz target: a JSON Schema in the first line, a value to check with it behind. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "plugin/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int claim)
{
    if (!claim)
        abort();
}

static void check(const struct schema *s, const char *text, size_t n)
{
    struct json_doc doc = JSON_DOC_INIT, report = JSON_DOC_INIT;
    struct json_fault fault;
    struct buf json = BUF_INIT(1 << 20), line = BUF_INIT(1 << 20);
    if (json_scan(&doc, text, n, &fault) == 0) {
        int problems = schema_explain(s, &doc, 0, &json, &line);
        require(problems <= SCHEMA_PROBLEMS_MAX && (problems > 0) == (line.len > 0));
        if (problems > 0)
            require(json_scan(&report, (const char *)json.data, json.len, &fault) == 0 &&
                    report.tokens[0].count == (uint32_t)problems);
        /* Which bound is met first may differ, but not whether the value is valid. */
        require((schema_check(s, &doc, 0, NULL, NULL) > 0) == (problems > 0));
    }
    buf_clear(&json);
    buf_clear(&line);
    json_doc_clear(&report);
    json_doc_clear(&doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct schema_error e;
    const uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;
    size_t n = end != NULL ? (size_t)(end - data) : size;
    struct schema *s = schema_compile((const char *)data, n, &e);
    if (s == NULL)
        require(e.message[0] != '\0');
    else if (end != NULL)
        check(s, (const char *)end + 1, size - n - 1);
    schema_free(s);
    return 0;
}
