/*
 * crash_test.c: what a report says about real crashes: each frame names the module, its build-id and
 * an offset, and these are what readelf and nm say about the file.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmocka_all.h"

#include "base/json.h"
#include "inner_host.h"

#define CRASHES "tests/crashes/crashes"

static int setup(void **state)
{
    struct host *h = calloc(1, sizeof *h);
    assert_non_null(h);
    *state = h;
    return host_start(h);
}

static int teardown(void **state)
{
    host_stop(*state);
    free(*state);
    return 0;
}

struct crash_case {
    const char *how;
    enum code code;
    const char *signal;
    const char *file, *function; /* that one of the frames lies in */
    bool is_first;               /* the first one does */
    const char *said;            /* found in the details, or NULL */
};

static const struct crash_case cases[] = {
    {"segv", CODE_CRASH, "SIGSEGV", "crashes.so", "die_segv", true, NULL},
    {"wild", CODE_CRASH, "SIGSEGV", "crashes.so", "die_wild", true, NULL},
    {"abrt", CODE_CRASH, "SIGABRT", "crashes.so", "die_abrt", false, NULL},
    {"fpe", CODE_CRASH, "SIGFPE", "crashes.so", "die_fpe", true, NULL},
    {"ill", CODE_CRASH, "SIGILL", "crashes.so", "die_ill", true, NULL},
    {"bus", CODE_CRASH, "SIGBUS", "crashes.so", "die_bus", true, NULL},
    {"trap", CODE_CRASH, "SIGTRAP", "crashes.so", "die_trap", true, NULL},
    {"overflow", CODE_CRASH, "SIGSEGV", "crashes.so", "die_overflow", true, NULL},
    {"free", CODE_CRASH, "SIGABRT", "crashes.so", "die_double_free", false,
     "\"last_log\":[\"free(): double free detected"},
    {"jump", CODE_CRASH, "SIGSEGV", "crashes.so", "die_jump", false, NULL},
    {"thread", CODE_CRASH, "SIGSEGV", "crashes.so", "die_in_thread", true, NULL},
    {"library", CODE_CRASH, "SIGSEGV", "later.so", "later_inner", true, NULL},
    {"library", CODE_CRASH, "SIGSEGV", "crashes.so", "die_library", false, NULL},
    {"memory", CODE_OOM, "SIGSEGV", "crashes.so", "die_memory", false, "\"probable\":true"},
};

/* ---- what the tools say about a file ---- */

static FILE *ask(const char *tool, const char *file)
{
    char command[600];
    snprintf(command, sizeof command, "%s %s/tests/crashes/%s", tool, getenv("PENSTOCK_BUILD"),
             file);
    FILE *answer = popen(command, "r"); /* NOLINT: our own words */
    assert_non_null(answer);
    return answer;
}

static void find_function(const char *file, const char *name, unsigned long long *start,
                          unsigned long long *size)
{
    char found[256];
    FILE *answer = ask("nm -S", file);
    *size = 0;
    for (char line[512]; fgets(line, sizeof line, answer) != NULL;) {
        unsigned long long at, n;
        if (sscanf(line, "%llx %llx %*c %255s", &at, &n, found) != 3 || strcmp(found, name) != 0)
            continue;
        *start = at;
        *size = n;
    }
    assert_int_equal(pclose(answer), 0);
    if (*size == 0)
        fail_msg("%s has no function %s", file, name);
}

static void find_build_id(const char *file, char *out)
{
    FILE *answer = ask("readelf -n", file);
    out[0] = '\0';
    for (char line[512]; fgets(line, sizeof line, answer) != NULL;)
        sscanf(line, " Build ID: %40s", out);
    assert_int_equal(pclose(answer), 0);
    assert_int_equal(strlen(out), 40);
}

/* ---- what the report says ---- */

static bool is_inside(const struct json_doc *doc, uint32_t frame, const struct crash_case *c)
{
    unsigned long long start = 0, size = 0, offset;
    uint32_t at = json_find(doc, frame, "offset"), module = json_find(doc, frame, "module");
    if (at == 0 || module == 0 || !json_string_is(doc, module, c->file))
        return false;
    find_function(c->file, c->function, &start, &size);
    offset = strtoull(json_at(doc, at).at + 1, NULL, 16);
    /* Where a call returns to may lie right behind a function that does not return. */
    return offset >= start && offset <= start + size;
}

static void assert_build_id(const struct json_doc *doc, uint32_t frame, const char *file)
{
    char id[64];
    find_build_id(file, id);
    uint32_t found = json_find(doc, frame, "build_id");
    assert_true(found != 0 && json_string_is(doc, found, id));
}

static void assert_frames(const struct crash_case *c, const char *details)
{
    struct json_doc doc = JSON_DOC_INIT;
    struct json_fault fault;
    if (json_scan(&doc, details, strlen(details), &fault) < 0)
        fail_msg("%s: %s: %s", c->how, fault.what, details);
    uint32_t frames = json_find(&doc, 0, "frames"), signal = json_find(&doc, 0, "signal");
    if (frames == 0 || signal == 0 || !json_string_is(&doc, signal, c->signal))
        fail_msg("%s: %s", c->how, details);
    uint32_t found = 0, i = 0;
    for (uint32_t f = json_first(frames); i < doc.tokens[frames].count && found == 0; i++) {
        found = is_inside(&doc, f, c) ? f : 0;
        f = json_next(&doc, f);
    }
    if (found == 0 || (c->is_first && i != 1))
        fail_msg("%s: not in %s: %s", c->how, c->function, details);
    assert_build_id(&doc, found, c->file);
    json_doc_clear(&doc);
}

static void provoke(struct host *h, const struct crash_case *c, enum box_mode mode)
{
    char params[64];
    snprintf(params, sizeof params, "{\"how\":\"%s\"}", c->how);
    host_spec(h, CRASHES, "crashes", mode, 1);
    host_box(h);
    if (h->box == NULL)
        fail_msg("%s: %s", code_name(h->ended_code), h->ended_text);
    host_params(h, params, 10000);
    if (h->last.code != c->code)
        fail_msg("%s: %s: %s %s", c->how, code_name(h->last.code), h->last.message,
                 h->last.details);
    assert_frames(c, h->last.details);
    if (c->said != NULL && strstr(h->last.details, c->said) == NULL)
        fail_msg("%s: %s", c->how, h->last.details);
    host_end_box(h);
}

static void every_way(void **state)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        provoke(*state, &cases[i], i % 2 == 0 ? BOX_FORK : BOX_WARM);
}

/* Why it cannot be loaded is told in the reason, with the plugin's calls. */
static const struct {
    const char *slug, *said;
} loads[] = {
    {"open_dies", "killed by signal 11 (SIGSEGV) while it was loaded; it printed last: "
                  "its memory had run out | crashed at "},
    {"open_calls", "killed by signal 31 (SIGSYS) while it was loaded; it printed last: "
                   "called ptrace, which its box forbids | crashed at "},
};

static void deaths_in_open(void **state)
{
    struct host *h = *state;
    for (size_t i = 0; i < sizeof loads / sizeof *loads; i++) {
        host_spec(h, CRASHES, loads[i].slug, BOX_FORK, 1);
        host_box(h);
        assert_null(h->box);
        assert_int_equal(h->ended_code, CODE_PLUGIN_LOAD_FAILED);
        if (strstr(h->ended_text, loads[i].said) == NULL ||
            strstr(h->ended_text, " crashes.so+0x") == NULL ||
            strstr(h->ended_text, "penstock-box") != NULL)
            fail_msg("%s: %s", loads[i].slug, h->ended_text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_way, setup, teardown),
        cmocka_unit_test_setup_teardown(deaths_in_open, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
