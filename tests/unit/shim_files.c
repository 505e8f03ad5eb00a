/* shim_files.c: addresses of files in params; the worker id in its file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "shim/file_params.h"
#include "shim/identity.h"

static const char prefix[] = "http://o:1/files/";

static int split(const char *json, struct buf *rest, struct file_refs *refs)
{
    struct json_doc doc = JSON_DOC_INIT;
    struct json_fault fault;
    assert_int_equal(json_scan(&doc, json, strlen(json), &fault), 0);
    int rc = file_params_split(&doc, 0, prefix, rest, refs);
    int kept = errno;
    json_doc_clear(&doc);
    errno = kept;
    return rc;
}

static void check_split(const char *json, const char *expected, const char *names)
{
    char found[256] = "";
    struct buf rest = BUF_INIT(4096);
    struct file_refs refs;
    assert_int_equal(split(json, &rest, &refs), 0);
    assert_string_equal(buf_cstr(&rest), expected);
    for (size_t i = 0; i < refs.n; i++) {
        assert_memory_equal(refs.items[i].url, prefix, sizeof prefix - 1);
        size_t n = strlen(found);
        snprintf(found + n, sizeof found - n, "%s ", refs.items[i].name);
    }
    assert_string_equal(found, names);
    file_refs_clear(&refs);
    buf_clear(&rest);
}

#define FILE_A "\"http://o:1/files/a-1.jpg\""

static void test_split(void **state)
{
    (void)state;
    check_split("{}", "{}", "");
    check_split("{ \"w\" : 1.0e2 }", "{ \"w\" : 1.0e2 }", "");
    check_split("{\"image\":" FILE_A "}", "{}", "image ");
    check_split("{ \"image\" : " FILE_A " , \"w\" : 64.0 }", "{ \"w\" : 64.0 }", "image ");
    check_split("{ \"w\" : 64.0 , \"image\" : " FILE_A " }", "{ \"w\" : 64.0 }", "image ");
    check_split("{\"a\":1, \"im\\u0061ge\":" FILE_A
                ",\"b\": [2] , \"mask\":\"http:\\/\\/o:1\\/files\\/x/y\"}",
                "{\"a\":1,\"b\": [2]}", "image mask ");
    check_split("{\"x\":" FILE_A ",\"y\":" FILE_A ",\"z\":null}", "{\"z\":null}", "x y ");
    /* Only the top level, only strings, only this server. */
    check_split("{\"a\":{\"b\":" FILE_A "},\"c\":[" FILE_A "]}",
                "{\"a\":{\"b\":" FILE_A "},\"c\":[" FILE_A "]}", "");
    check_split(
        "{\"a\":\"http://o:1.evil/files/a\",\"b\":\"http://o:1/other\",\"c\":\"http://o:1/files\"}",
        "{\"a\":\"http://o:1.evil/files/a\",\"b\":\"http://o:1/other\",\"c\":\"http://o:1/files\"}",
        "");
}

static void test_bad_addresses(void **state)
{
    static const char *const bad[] = {"",    "..",   "../_worker/x", "a/../b",  "a//b",
                                      "/a",  "a/",   "a?b=c",        "a#b",     "a%2e",
                                      "a b", ".git", "a/.x",         "\xc3\xa4"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char json[128];
        struct buf rest = BUF_INIT(4096);
        struct file_refs refs;
        snprintf(json, sizeof json, "{\"good\":" FILE_A ",\"a\":\"%s%s\"}", prefix, bad[i]);
        assert_int_equal(split(json, &rest, &refs), -1);
        assert_int_equal(errno, EINVAL);
        assert_int_equal(refs.n, 0);
        buf_clear(&rest);
    }
}

static char *state_path(const char *name)
{
    char *path = NULL;
    assert_true(
        asprintf(&path, "%s/%s", getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp", name) > 0);
    return path;
}

static void test_worker_id(void **state)
{
    char *dir = state_path("state/deep");
    (void)state;
    char *first = identity_worker_id(dir, "a"), *again = identity_worker_id(dir, "a");
    char *other = identity_worker_id(dir, "b");
    assert_int_equal(strncmp(first, "penstock-", 9), 0);
    assert_string_equal(first, again);
    assert_string_not_equal(first, other);
    free(first);
    free(again);
    free(other);
    free(dir);
}

static void test_worker_id_by_hand(void **state)
{
    static const struct {
        const char *text;
        bool is_taken;
    } rows[] = {{"box-7\n", true},
                {"box 7", true /* the first word */},
                {"", false},
                {"a/b", false},
                {"0123456789012345678901234567890123456789012345678901234567890123", false}};
    char *dir = state_path("hand");
    char *path = state_path("hand/worker-id.x");
    (void)state;
    assert_int_equal(mkdir(dir, 0700), 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        fputs(rows[i].text, f);
        fclose(f);
        char *id = identity_worker_id(dir, "x");
        assert_int_equal(strncmp(id, "penstock-", 9) != 0, rows[i].is_taken);
        free(id);
    }
    free(path);
    free(dir);
}

/* A folder that cannot be made does not keep the shim from working. */
static void test_worker_id_without_folder(void **state)
{
    (void)state;
    char *id = identity_worker_id("/proc/no-such-folder", "x");
    assert_int_equal(strncmp(id, "penstock-", 9), 0);
    free(id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_bad_addresses),
        cmocka_unit_test(test_worker_id),
        cmocka_unit_test(test_worker_id_by_hand),
        cmocka_unit_test(test_worker_id_without_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
