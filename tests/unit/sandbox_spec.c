/* sandbox_spec.c: what a configuration makes of a pipeline's box (host/sandbox/spec.h): rights, what
 * they come with, and refusals that say how to mend them. */
#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "conf/extra_calls.h"
#include "conf_kit.h"
#include "plugin/catalog.h"
#include "sandbox/spec.h"

struct trial {
    const char *needs; /* members of a JSON list */
    const char *lines; /* of the pipeline's section */
    const char *said;  /* why it is refused; NULL: it is not */
    uint32_t rights;
    const char *weak; /* NULL: no more than the default */
};

#define P BOX_MAY_PROC
#define N BOX_MAY_NETWORK
#define J BOX_MAY_JIT
#define G BOX_MAY_GPU

static const struct trial trials[] = {
    {"", "", NULL, P, NULL},
    {"", "profile = strict", NULL, 0, NULL},
    {"", "profile = network", NULL, P | N, "the host's network"},
    {"", "profile = gpu", NULL, P | G, "the accelerator's devices"},
    {"", "profile = off", NULL, P | N | J | G | BOX_MAY_ALL, "all that the box's user may"},
    {"", "jit = yes", NULL, P | J, "code made while it runs"},
    {"", "profile = network jit = yes", NULL, P | N | J, "network, code made"},
    {"", "profile = strict jit = yes", NULL, J, "code made while it runs"},
    {"", "extra_syscalls = { mincore }", NULL, P, "extra system calls"},
    {"\"network\"", "",
     "needs \"network\", which its configuration does not give: set profile = network", 0, NULL},
    {"\"network\"", "profile = gpu", "set profile = network", 0, NULL},
    {"\"network\"", "profile = network", NULL, P | N, "the host's network"},
    {"\"network\"", "profile = off", NULL, P | N | J | G | BOX_MAY_ALL, "all that"},
    {"\"gpu\"", "", "set profile = gpu in plugin \"org.t\" { pipeline \"p\" { ... } }", 0, NULL},
    {"\"gpu\"", "profile = gpu", NULL, P | G, "the accelerator's devices"},
    {"\"jit\"", "", "set jit = yes", 0, NULL},
    {"\"jit\"", "jit = yes", NULL, P | J, "code made while it runs"},
    {"\"threads\", \"pen.files/1\"", "", NULL, P, NULL},
    {"", "inputs = { \"/models\" }", NULL, P, NULL},
    {"", "profile = strict inputs = { \"/models\" }",
     "inputs (/models ...), which the profile strict", 0, NULL},
    {"", "profile = network connect_ports = { 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17 }",
     "more than 16 connect_ports", 0, NULL},
};

static struct catalog *catalog_of(const char *needs)
{
    char report[512];
    struct catalog *c = catalog_new();
    const int n = snprintf(report, sizeof report,
                           "{\"abi\":[1,0],\"id\":\"org.t\",\"version\":\"1\",\"pipelines\":"
                           "[{\"slug\":\"p\",\"version\":\"1\",\"needs\":[%s]}]}",
                           needs);
    assert_non_null(c);
    assert_int_equal(catalog_add(c, "/p.so", report, (size_t)n), 0);
    assert_int_equal(catalog_settle(c), 0);
    assert_non_null(catalog_find(c, "p"));
    return c;
}

/* The answer of spec_of; what *spec borrows lives until the kit is cleared. */
static int make(struct kit *k, struct catalog *c, const char *lines, struct box_spec *spec,
                char *why)
{
    char text[1024];
    snprintf(text, sizeof text, "plugin \"org.t\" {\n pipeline \"p\" {\n %s\n }\n}\n", lines);
    kit_load(k, text);
    assert_non_null(k->conf);
    why[0] = '\0';
    return spec_of(k->conf, catalog_find(c, "p"), spec, why);
}

static void try_it(const struct trial *t)
{
    char why[SPEC_WHY], what[SPEC_WHY];
    struct catalog *c = catalog_of(t->needs);
    struct box_spec spec;
    struct kit k = {.conf = NULL};
    const int rc = make(&k, c, t->lines, &spec, why);
    if (rc != (t->said != NULL ? -1 : 0) || (t->said != NULL && strstr(why, t->said) == NULL))
        fail_msg("%s; %s: %d, \"%s\"", t->needs, t->lines, rc, why);
    if (rc == 0 && spec.rights != t->rights)
        fail_msg("%s; %s: rights %u", t->needs, t->lines, spec.rights);
    if (rc == 0 && (spec_is_weak(&spec, what) != (t->weak != NULL) ||
                    (t->weak != NULL && strstr(what, t->weak) == NULL)))
        fail_msg("%s; %s: it may \"%s\"", t->needs, t->lines, what);
    kit_clear(&k);
    catalog_unref(c);
}

static void rights_and_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof trials / sizeof *trials; i++)
        try_it(&trials[i]);
}

static void what_comes_with_rights(void **state)
{
    char why[SPEC_WHY];
    struct catalog *c = catalog_of("");
    struct box_spec spec;
    struct kit k = {.conf = NULL};
    (void)state;
    assert_int_equal(make(&k, c, "profile = network connect_ports = { 443, 8080 }", &spec, why), 0);
    assert_int_equal(spec.n_ports, 2);
    assert_int_equal(spec.ports[0], 443);
    assert_int_equal(spec.ports[1], 8080);
    kit_clear(&k);
    assert_int_equal(make(&k, c, "profile = network", &spec, why), 0);
    assert_int_equal(spec.n_ports, 3);
    kit_clear(&k);
    assert_int_equal(make(&k, c, "", &spec, why), 0);
    assert_int_equal(spec.n_ports, 0);
    kit_clear(&k);
    assert_int_equal(make(&k, c,
                          "extra_syscalls = { mincore, inotify_init1 } inputs = { \"/a\", \"/b\" }",
                          &spec, why),
                     0);
    assert_true(spec.extra_calls == (extra_call_bit("mincore") | extra_call_bit("inotify_init1")));
    assert_int_equal(spec.n_inputs, 2);
    assert_string_equal(spec.inputs[1], "/b");
    kit_clear(&k);
    catalog_unref(c);
}

/* Before any box: `penstock config check` says it, with the whole catalogue. */
static void a_call_outside_the_catalogue(void **state)
{
    (void)state;
    kit_expect_error("plugin \"a.b\" { pipeline \"p\" { extra_syscalls = { ptrace } } }\n", ":1",
                     "expected one of getxattr, lgetxattr");
    kit_expect_error("plugin \"a.b\" { pipeline \"p\" { extra_syscalls = { mlock } } }\n", ":1",
                     "futex_waitv");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rights_and_refusals),
        cmocka_unit_test(what_comes_with_rights),
        cmocka_unit_test(a_call_outside_the_catalogue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
