/* codes_document.c: the table of codes in sdk/docs/protocol.md is the one of base/codes.c. On a
 * difference the table as it ought to be is printed, to be pasted. */
#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/codes.h"

enum { DOCUMENT_MAX = 1 << 20 };

static void write_table(struct buf *out)
{
    buf_append_str(out, "| code | fault | retryable | meaning |\n|---|---|---|---|\n");
    for (int i = 1; i < CODE_COUNT; i++) {
        const struct code_info *info = code_info((enum code)i);
        buf_printf(out, "| `%s` | %s | %s | %s |\n", info->name, code_fault_name((enum code)i),
                   info->is_retryable ? "yes" : "no", info->help);
    }
}

static void document_has_the_table(void **state)
{
    (void)state;
    const char *source = getenv("PENSTOCK_SOURCE");
    char path[4096];
    struct buf document = BUF_INIT(DOCUMENT_MAX), table = BUF_INIT(DOCUMENT_MAX);
    snprintf(path, sizeof path, "%s/sdk/docs/protocol.md", source != NULL ? source : ".");
    assert_int_equal(buf_read_file(&document, path), 0);
    write_table(&table);
    int is_there = strstr(buf_cstr(&document), buf_cstr(&table)) != NULL;
    if (!is_there)
        printf("%s\n", buf_cstr(&table));
    assert_true(is_there);
    buf_clear(&document);
    buf_clear(&table);
}

static void codes_are_consistent(void **state)
{
    (void)state;
    for (int i = 0; i < CODE_COUNT; i++) {
        const struct code_info *info = code_info((enum code)i);
        assert_non_null(info->name);
        assert_non_null(info->help);
        assert_int_equal(code_find(info->name), i);
        if (info->abi_status != 0)
            assert_int_equal(code_of_abi_status(info->abi_status), i);
    }
    assert_int_equal(code_of_abi_status(-5), CODE_PERMANENT);
    assert_int_equal(code_of_abi_status(-99), CODE_CONTRACT_VIOLATION);
    assert_int_equal(code_find("NO_SUCH_CODE"), CODE_COUNT);
    assert_string_equal(code_name((enum code)9999), "INTERNAL");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(document_has_the_table),
                                       cmocka_unit_test(codes_are_consistent)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
