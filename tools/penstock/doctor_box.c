/* doctor_box.c: what boxes hold here, and real ones. Part of the command line. */
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
#include "sandbox/guarantee.h"
#include "sandbox/walls.h"

enum { HINT_TEXT = 512 };

/* ---- guarantees ---- */

static bool is_named(const struct conf_list *list, const char *name)
{
    for (size_t i = 0; i < list->n; i++) {
        if (strcmp(list->items[i], name) == 0)
            return true;
    }
    return false;
}

/* Weak is worth a look; below what the configuration requires is wrong. */
static enum finding weigh(const struct conf_host *host, const char *name, uint32_t level)
{
    const bool is_strong = is_named(&host->require_strong, name);
    const bool is_wrong =
        is_strong ? level < LEVEL_STRONG : is_named(&host->require, name) && level < LEVEL_WEAK;
    return is_wrong ? FINDING_FAIL : level == LEVEL_STRONG ? FINDING_OK : FINDING_WARN;
}

/* "strong  mntns+pivot_root, landlock 7"; "weak    RLIMIT_DATA (shared mappings ...)" */
static void tell_guarantee(struct doctor *d, const char *name, const struct guarantee_state *s)
{
    const char *remedy = s->remedy[0] != '\0' ? s->remedy : NULL;
    const char *level = guarantee_level_name(s->level);
    if (s->reason[0] == '\0')
        finding(d, weigh(d->host, name, s->level), name, remedy, "%-6s  %s", level, s->by);
    else if (s->by[0] == '\0')
        finding(d, weigh(d->host, name, s->level), name, remedy, "%-6s  %s", level, s->reason);
    else
        finding(d, weigh(d->host, name, s->level), name, remedy, "%-6s  %s (%s)", level, s->by,
                s->reason);
}

static void check_guarantees(struct doctor *d, const struct launch_report *r)
{
    char text[WALLS_TEXT];
    const int before = d->counts[FINDING_FAIL];
    /* No walls: the probe came to no end, and nothing is known. */
    d->has_guarantees = r->walls != 0;
    memcpy(d->guarantees, r->guarantees, sizeof d->guarantees);
    walls_text(r->walls, r->landlock_abi, text);
    if (d->has_guarantees)
        finding(d, FINDING_OK, "walls", NULL, "%s", text);
    for (uint32_t i = 0; d->has_guarantees && i < GUARANTEES; i++)
        tell_guarantee(d, guarantee_name(i), &r->guarantees[i]);
    if (r->is_refused != 0)
        finding(d, FINDING_FAIL, "test box", NULL, "a host does not start here: %s",
                d->counts[FINDING_FAIL] > before ? "it requires what fails above" : r->why);
}

/* ---- a box ---- */

static void tell_box(struct doctor *d, const struct try_open *t)
{
    finding(d, FINDING_OK, "test box", NULL, "opened in %lld ms; its task ran in %lld ms",
            (long long)t->ms, (long long)t->run_ms);
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
        tell_box(d, &t);
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
    const struct launch_report *report;
    if (local_probe(&l, d->cli, d->host, true, &report) != CLI_OK)
        finding(d, FINDING_FAIL, "launcher", "penstock -v doctor shows its log",
                "it cannot be started");
    else
        check_guarantees(d, report);
    if (report != NULL && report->is_refused == 0) {
        check_selftest(d, &l);
        check_plugins(d, &l);
    }
    d->signo = l.signo;
    local_close(&l);
}
