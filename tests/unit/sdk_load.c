/*
 * sdk_load.c: the checks of a descriptor on real libraries: each is loaded in a child process, as a
 * scan child would (without the box), and what comes of it is compared with a table. argv[1]:
 * folder of the test plugins, argv[2]: of the product's.
 */
#include <dlfcn.h>
#include <link.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "plugin/abi.h"

enum { CHILD_OK = 10, CHILD_REFUSED = 11, CHILD_UNLOADABLE = 12, HUNG = -1, KILLED_BASE = 1000 };

/* So long is waited for a child that is meant to hang, and for one that is not: a library that comes
 * from a cold disk takes its time. */
enum { HANG_MS = 700, LOAD_MS = 20000 };

struct outcome {
    int how; /* exit status, KILLED_BASE + signal, or HUNG */
    char why[ABI_WHY];
};

static void child_main(const char *path, int out)
{
    static struct abi_plugin plugin;
    char why[ABI_WHY] = "";
    void *library, *entry;
    const ElfW(Sym) *symbol = NULL;
    Dl_info info;
    int how;

    signal(SIGSEGV, SIG_DFL); /* cmocka's and the sanitizers' handlers are not what is tested */
    library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        dprintf(out, "%s", dlerror());
        _exit(CHILD_UNLOADABLE);
    }
    entry = dlsym(library, "pen_plugin_entry");
    if (entry != NULL && dladdr1(entry, &info, (void **)&symbol, RTLD_DL_SYMENT) == 0)
        symbol = NULL;
    how = abi_read(&plugin, entry, symbol == NULL ? 0 : symbol->st_size, why);
    dprintf(out, "%s", why);
    _exit(how == 0 ? CHILD_OK : CHILD_REFUSED);
}

/* Reads until the child ends or has been silent for too long. */
static void listen_to(int fd, pid_t child, int patience_ms, struct outcome *o)
{
    size_t n = 0;
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        ssize_t got;
        if (poll(&p, 1, patience_ms) == 0) {
            kill(child, SIGKILL);
            o->how = HUNG;
            break;
        }
        got = read(fd, o->why + n, sizeof o->why - 1 - n);
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    o->why[n] = 0;
}

static void load(const char *folder, const char *name, int patience_ms, struct outcome *o)
{
    char path[4096];
    int fds[2], status = 0;
    pid_t child;

    memset(o, 0, sizeof *o);
    snprintf(path, sizeof path, "%s/%s.so", folder, name);
    assert_int_equal(pipe(fds), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(fds[0]);
        child_main(path, fds[1]);
    }
    close(fds[1]);
    listen_to(fds[0], child, patience_ms, o);
    close(fds[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (o->how != HUNG)
        o->how = WIFSIGNALED(status) ? KILLED_BASE + WTERMSIG(status) : WEXITSTATUS(status);
}

static const struct expected {
    const char *name;
    int how;
    const char *words;
} bad[] = {
    {"short_size", CHILD_REFUSED, "size of pen_plugin is 24, expected at least"},
    {"lying_size", CHILD_REFUSED, "but its symbol has"},
    {"wrong_magic", CHILD_REFUSED, "magic is 0xdecafbad, expected 0x314e4550"},
    {"wrong_major", CHILD_REFUSED, "ABI major is 2, expected 1"},
    {"missing_run", CHILD_REFUSED, "pipeline \"missing_run\": run is missing"},
    {"unknown_need", CHILD_REFUSED, "need \"pen.teleport/1\" is not known"},
    {"bad_schema", CHILD_REFUSED, "params_schema is not JSON"},
    {"no_symbol", CHILD_REFUSED, "there is no symbol pen_plugin_entry"},
    {"undefined_symbol", CHILD_UNLOADABLE, "function_that_nobody_has"},
    {"crash_in_constructor", KILLED_BASE + SIGSEGV, ""},
    {"hang_in_constructor", HUNG, ""},
    {"exit_in_constructor", 0, ""},
    {"not_there_at_all", CHILD_UNLOADABLE, "cannot open shared object"},
    /* In order by themselves: who refuses them is the catalogue, or open. */
    {"wrong_schema", CHILD_OK, ""},
    {"dup_a", CHILD_OK, ""},
    {"dup_b", CHILD_OK, ""},
    {"dup_id", CHILD_OK, ""},
    {"badopen", CHILD_OK, ""},
    {"misbehave", CHILD_OK, ""},
};

static void check(const char *folder, const struct expected *e)
{
    struct outcome o;
    load(folder, e->name, e->how == HUNG ? HANG_MS : LOAD_MS, &o);
    if (o.how != e->how || strstr(o.why, e->words) == NULL)
        fail_msg("%s: %d \"%s\", expected %d \"%s\"", e->name, o.how, o.why, e->how, e->words);
}

static void test_plugins_of_the_tests(void **state)
{
    const char *const *folders = *state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        check(folders[0], &bad[i]);
}

static void test_plugins_of_the_product(void **state)
{
    static const struct expected good[] = {{"echo", CHILD_OK, ""}, {"thumbnail", CHILD_OK, ""}};
    const char *const *folders = *state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        check(folders[1], &good[i]);
}

int main(int argc, char **argv)
{
    const char *folders[2] = {argc > 1 ? argv[1] : ".", argc > 2 ? argv[2] : "."};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_plugins_of_the_tests, (void *)folders),
        cmocka_unit_test_prestate(test_plugins_of_the_product, (void *)folders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
