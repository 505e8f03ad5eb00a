/* doctor_box.c: starts real boxes and looks at their walls. Part of the command line. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "doctor.h"
#include "find_plugin.h"
#include "hints.h"
#include "local.h"
#include "try_open.h"

#include "conf/conf.h"
#include "plugin/catalog.h"
#include "plugin/folder.h"
#include "sandbox/box.h"

enum { HINT_TEXT = 512 };

/* In the order of the report; each with what is lost without it. is_vital: without it a plugin gets
 * out. */
static const struct {
    uint32_t wall;
    int is_vital;
    const char *name, *lost, *remedy;
} walls[] = {
    {WALL_SECCOMP, 1, "seccomp", "plugins may call everything the kernel has",
     "a kernel with CONFIG_SECCOMP_FILTER; in a container, its seccomp profile must allow "
     "seccomp()"},
    {WALL_LANDLOCK, 0, "landlock", "plugins can read what their user can",
     "kernel 5.13 or later with lsm=landlock,... on its command line"},
    {WALL_PIDNS, 0, "pid namespace", "plugins see other processes",
     "let the host make namespaces: user.max_user_namespaces > 0, and AppArmor's restriction off"},
    {WALL_MOUNTNS, 0, "mount namespace",
     "plugins see the host's files as far as Landlock lets them",
     "let the host make namespaces: user.max_user_namespaces > 0, and AppArmor's restriction off"},
    {WALL_NEWROOT, 0, "own root", "plugins see the host's files as far as Landlock lets them",
     "let the host make mount namespaces"},
    {WALL_NETNS, 0, "net namespace", "only seccomp keeps plugins from the network",
     "let the host make namespaces"},
    {WALL_NO_CAPS, 1, "no capabilities", "plugins have rights of root",
     "run the host as a user of its own"},
    {WALL_MDWE, 0, "mdwe", "plugins can make code while they run", "kernel 6.3 or later"},
};

static void check_walls(struct doctor *d, const struct try_open *t)
{
    char text[256];
    box_walls_text(t->walls, t->landlock_abi, text);
    finding(d, FINDING_OK, "test box", NULL, "opened in %lld ms; its task ran in %lld ms",
            (long long)t->ms, (long long)t->run_ms);
    finding(d, FINDING_OK, "walls", NULL, "%s", text);
    for (size_t i = 0; i < sizeof walls / sizeof *walls; i++) {
        if ((t->walls & walls[i].wall) == 0)
            finding(d, walls[i].is_vital ? FINDING_FAIL : FINDING_WARN, walls[i].name,
                    walls[i].remedy, "not round this box: %s", walls[i].lost);
    }
}

static void check_box(struct doctor *d, struct local *l, const struct catalog_pipeline *p)
{
    struct box_spec spec;
    struct try_open t;
    if (local_spec(d->cli, d->conf, p, &spec) != CLI_OK)
        return;
    if (try_open(l, &spec, true, &t) != CLI_OK || t.code != CODE_OK)
        finding(d, FINDING_FAIL, "test box", "penstock -v doctor shows the launcher's log",
                "it failed (%s): %s", code_name(t.code), t.message);
    else
        check_walls(d, &t);
}

static struct catalog *scan_files(const struct doctor *d, struct local *l, char **paths, size_t n)
{
    struct catalog *c = catalog_new();
    int status = c != NULL ? CLI_OK : CLI_FAIL;
    for (size_t i = 0; i < n && status == CLI_OK; i++)
        status = local_scan(l, d->conf, paths[i], c);
    if (status == CLI_OK && catalog_settle(c) == 0)
        return c;
    catalog_unref(c);
    return NULL;
}

static void check_selftest(struct doctor *d, struct local *l)
{
    char path[PATH_MAX];
    char *paths[] = {path};
    if (local_program("penstock-selftest.so", path, sizeof path) < 0) {
        finding(d, FINDING_WARN, "test box", "it is installed together with penstock",
                "no penstock-selftest.so in %s", path);
        return;
    }
    struct catalog *c = scan_files(d, l, paths, 1);
    if (c == NULL)
        finding(d, FINDING_FAIL, "test box", NULL, "the scan of %s failed", path);
    else if (catalog_at(c, 0)->state == CATALOG_BROKEN)
        finding(d, FINDING_FAIL, "test box", "penstock -v doctor shows the launcher's log", "%s",
                catalog_at(c, 0)->reason);
    else
        check_box(d, l, &catalog_at(c, 0)->pipelines[0]);
    catalog_unref(c);
}

static void tell_plugin(struct doctor *d, const struct catalog_plugin *p)
{
    char hint[HINT_TEXT], trust[HINT_TEXT];
    plugin_file_trust(d->host, p->path, trust, sizeof trust);
    if (p->state == CATALOG_BROKEN)
        finding(d, FINDING_FAIL, "plugin",
                hint_for_reason(p->reason, hint, sizeof hint)[0] != '\0' ? hint : NULL,
                "%s is broken: %s", p->path, p->reason);
    else if (trust[0] != '\0')
        finding(d, FINDING_FAIL, "plugin",
                hint_for_reason(trust, hint, sizeof hint)[0] != '\0' ? hint : NULL,
                "the host refuses %s: %s", p->path, trust);
    else
        finding(d, FINDING_OK, "plugin", NULL, "%s %s, %zu pipeline%s", p->id, p->version,
                p->n_pipelines, p->n_pipelines == 1 ? "" : "s");
}

static void check_plugins(struct doctor *d, struct local *l)
{
    struct folder_files files = {NULL, 0};
    if (folder_list(&files, d->host->plugin_dirs.items, d->host->plugin_dirs.n, NULL) < 0)
        return;
    struct catalog *c = scan_files(d, l, files.paths, files.n);
    for (size_t i = 0; c != NULL && i < catalog_count(c); i++)
        tell_plugin(d, catalog_at(c, i));
    if (files.n == 0)
        finding(d, FINDING_WARN, "plugin", "copy FILE.so into one of the plugin_dirs",
                "there are none");
    catalog_unref(c);
    folder_files_clear(&files);
}

void doctor_box(struct doctor *d)
{
    struct local l;
    if (local_open(&l, d->cli, d->host, true) != CLI_OK) {
        finding(d, FINDING_FAIL, "launcher", "install penstock-launcher beside penstock",
                "it cannot be started");
    } else {
        check_selftest(d, &l);
        check_plugins(d, &l);
    }
    d->signo = l.signo;
    local_close(&l);
}
