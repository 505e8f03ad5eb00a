/* plugin_check.c: `penstock plugin check`: looks at plugin files without a host. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "commands.h"
#include "find_plugin.h"
#include "hints.h"
#include "local.h"
#include "settings.h"
#include "terminal.h"
#include "try_open.h"

#include "base/buf.h"
#include "base/json.h"
#include "conf/conf.h"
#include "plugin/catalog.h"
#include "sandbox/box.h"

enum { TRUST_TEXT = 512, HINT_TEXT = 512, DOCUMENT_MAX = 64 * 1024 * 1024 };

struct check_args {
    bool opens;
};

struct checking {
    const struct cli *cli;
    const struct check_args *args;
    const struct conf *conf;
    struct local local;
    struct catalog *catalog;
    struct json_writer *w; /* NULL: for people; else points to writer */
    struct json_writer writer;
    int n_bad;
};

static const struct option_row check_rows[] = {
    {"open", 0, OPTION_FLAG, offsetof(struct check_args, opens), NULL,
     "Open each pipeline too, in a box as the host would.", NULL},
};

static int scan(struct checking *c, const char *file)
{
    char path[PATH_MAX];
    if (realpath(file, path) == NULL)
        return cli_fail(c->cli, CLI_NOT_FOUND, NULL, "no plugin %s: %s", file, strerror(errno));
    return local_scan(&c->local, c->conf, path, c->catalog);
}

/* ---- opening
 * -------------------------------------------------------------------------------------- */

static void write_open(struct json_writer *w, const struct try_open *t)
{
    char walls[256];
    json_member_bool(w, "opens", t->code == CODE_OK);
    if (t->code != CODE_OK) {
        json_member_str(w, "code", code_name(t->code));
        json_member_str(w, "reason", t->message);
        return;
    }
    box_walls_text(t->walls, t->landlock_abi, walls);
    json_member_str(w, "mode", box_mode_name(t->mode));
    json_member_int(w, "open_ms", t->ms);
    json_member_str(w, "walls", walls);
}

static int open_pipeline(struct checking *c, const struct catalog_pipeline *p)
{
    struct box_spec spec;
    struct try_open t;
    char hint[HINT_TEXT];
    if (!c->args->opens)
        return CLI_OK;
    int status = local_spec(c->cli, c->conf, p, &spec);
    if (status == CLI_OK)
        status = try_open(&c->local, &spec, false, &t);
    if (status != CLI_OK)
        return status;
    c->n_bad += t.code != CODE_OK;
    if (c->w != NULL)
        write_open(c->w, &t);
    else if (t.code == CODE_OK)
        printf("    opens in %lld ms, %s mode\n", (long long)t.ms, box_mode_name(t.mode));
    if (t.code != CODE_OK) {
        hint_for_reason(t.message, hint, sizeof hint);
        cli_fail(c->cli, CLI_FAIL, hint[0] != '\0' ? hint : NULL, "%s does not open: %s", p->slug,
                 t.message);
    }
    return CLI_OK;
}

/* ---- reports
 * -------------------------------------------------------------------------------------- */

static int report_pipelines(struct checking *c, const struct catalog_plugin *p)
{
    int status = CLI_OK;
    if (c->w != NULL) {
        json_key(c->w, "pipelines");
        json_open(c->w, '[');
    }
    for (size_t i = 0; i < p->n_pipelines && status == CLI_OK; i++) {
        const struct catalog_pipeline *pipeline = &p->pipelines[i];
        if (c->w != NULL) {
            json_open(c->w, '{');
            json_member_str(c->w, "slug", pipeline->slug);
            json_member_str(c->w, "version", pipeline->version);
            json_member_str(c->w, "summary", pipeline->summary);
        } else {
            printf("  %s %s%s%s\n", pipeline->slug, pipeline->version,
                   pipeline->summary[0] != '\0' ? "  " : "", pipeline->summary);
        }
        status = open_pipeline(c, pipeline);
        if (c->w != NULL)
            json_close(c->w, '}');
    }
    if (c->w != NULL)
        json_close(c->w, ']');
    return status;
}

static void write_plugin(struct json_writer *w, const struct catalog_plugin *p, const char *trust,
                         const char *hint)
{
    json_member_str(w, "file", p->path);
    json_member_str(w, "state", p->state == CATALOG_OK ? "ok" : "broken");
    json_member_str(w, "reason", p->reason);
    if (p->reason != NULL && hint[0] != '\0')
        json_member_str(w, "hint", hint);
    if (trust[0] != '\0')
        json_member_str(w, "warning", trust);
    json_member_str(w, "id", p->id);
    json_member_str(w, "version", p->version);
    json_member_str(w, "vendor", p->vendor);
    json_member_str(w, "license", p->license);
    if (p->id == NULL)
        return;
    json_key(w, "abi");
    json_open(w, '[');
    json_put_int(w, p->abi_major);
    json_put_int(w, p->abi_minor);
    json_close(w, ']');
}

static void tell_plugin(const struct checking *c, const struct catalog_plugin *p, const char *hint)
{
    const char *on = c->cli->has_color_out ? COLOR_GREEN : "",
               *off = c->cli->has_color_out ? COLOR_OFF : "";
    if (p->state == CATALOG_BROKEN)
        cli_fail(c->cli, CLI_FAIL, hint[0] != '\0' ? hint : NULL, "%s is broken: %s", p->path,
                 p->reason);
    else
        printf("%s: %sgood%s: %s %s, ABI %d.%d\n", p->path, on, off, p->id, p->version,
               p->abi_major, p->abi_minor);
}

static int report(struct checking *c, const struct catalog_plugin *p)
{
    char trust[TRUST_TEXT], hint[HINT_TEXT] = "";
    int status = CLI_OK;
    plugin_file_trust(conf_host(c->conf), p->path, trust, sizeof trust);
    if (p->reason != NULL)
        hint_for_reason(p->reason, hint, sizeof hint);
    if (c->w != NULL) {
        json_open(c->w, '{');
        write_plugin(c->w, p, trust, hint);
    } else {
        tell_plugin(c, p, hint);
    }
    if (trust[0] != '\0' && c->w == NULL)
        cli_warn(c->cli, "a host would refuse %s: %s", p->path, trust);
    c->n_bad += p->state == CATALOG_BROKEN;
    if (p->state == CATALOG_OK)
        status = report_pipelines(c, p);
    if (c->w != NULL)
        json_close(c->w, '}');
    return status;
}

static int report_all(struct checking *c)
{
    int status = CLI_OK;
    for (size_t i = 0; i < catalog_count(c->catalog) && status == CLI_OK; i++)
        status = report(c, catalog_at(c->catalog, i));
    return status;
}

static int report_document(struct checking *c)
{
    struct buf out = BUF_INIT(DOCUMENT_MAX);
    c->w = &c->writer;
    json_begin(c->w, &out);
    json_open(c->w, '{');
    json_key(c->w, "plugins");
    json_open(c->w, '[');
    int status = report_all(c);
    json_close(c->w, ']');
    json_close(c->w, '}');
    if (json_end(c->w) < 0)
        status = cli_no_memory(c->cli);
    else
        printf("%.*s\n", (int)out.len, (const char *)out.data);
    buf_clear(&out);
    return status;
}

static int check_files(struct checking *c, char **files, int n)
{
    int status = local_open(&c->local, c->cli, conf_host(c->conf), true);
    for (int i = 0; i < n && status == CLI_OK; i++)
        status = scan(c, files[i]);
    if (status == CLI_OK && catalog_settle(c->catalog) < 0)
        status = cli_no_memory(c->cli);
    if (status == CLI_OK)
        status = c->cli->common.is_json ? report_document(c) : report_all(c);
    return status == CLI_OK && c->n_bad > 0 ? CLI_FAIL : status;
}

static int plugin_check(struct cli *cli, void *args, char **operands, int n)
{
    struct checking c = {.cli = cli, .args = args, .local = {.pid = -1}};
    struct conf *conf = settings_load(cli);
    if (conf == NULL)
        return CLI_BAD_CONFIG;
    c.conf = conf;
    c.catalog = catalog_new();
    int status = c.catalog != NULL ? check_files(&c, operands, n) : cli_no_memory(cli);
    local_close(&c.local);
    catalog_unref(c.catalog);
    conf_free(conf);
    return status;
}

const struct command plugin_check_command = {
    .words = "plugin check",
    .operands = "FILE.so ...",
    .min_operands = 1,
    .max_operands = -1,
    .uses = USES_CONFIG | USES_JSON,
    .summary = "Load plugin files in a confined process and check what they say of themselves.",
    .text = "It needs no host. Owner and mode of the files, for which a host would refuse them, "
            "are only warned of. "
            "Several files are checked against each other too: ids and slugs must be unique. Exit "
            "status 1: one of them "
            "is broken.",
    ROWS(check_rows),
    .args_size = sizeof(struct check_args),
    .run = plugin_check,
};
