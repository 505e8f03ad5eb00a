/* plugin_list.c: `penstock plugin list` and `show`: what the host has loaded. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "commands.h"
#include "grid.h"
#include "human.h"
#include "plugins.h"
#include "session.h"
#include "terminal.h"
#include "view.h"

enum { NAME_TEXT = 4096 };

static const struct grid_column columns[] = {
    {"PIPELINE", GRID_CUT, 0.3}, {"VERSION", 0, 0},       {"STATE", 0, 0},
    {"RUN", GRID_RIGHT, 0},      {"WAIT", GRID_RIGHT, 0}, {"PLUGIN", GRID_CUT, 0.2},
    {"SUMMARY", GRID_CUT, 0},
};

static const char *state_color(const char *state)
{
    if (strcmp(state, "ready") == 0)
        return COLOR_GREEN;
    if (strcmp(state, "quarantined") == 0 || strcmp(state, "broken") == 0)
        return COLOR_RED;
    return NULL;
}

static void format_count(const struct json_doc *doc, uint32_t object, const char *key, char *out,
                         size_t size)
{
    snprintf(out, size, "%lld", (long long)view_int(doc, object, key, 0));
}

static int add_pipeline(struct grid *g, const struct json_doc *doc, uint32_t plugin,
                        uint32_t pipeline)
{
    char slug[80], version[80], state[32], running[24], queued[24], id[160], summary[1024];
    view_copy(doc, pipeline, "slug", slug, sizeof slug);
    view_copy(doc, pipeline, "version", version, sizeof version);
    view_copy(doc, pipeline, "state", state, sizeof state);
    view_copy(doc, pipeline, "summary", summary, sizeof summary);
    view_copy(doc, plugin, "id", id, sizeof id);
    format_count(doc, pipeline, "running", running, sizeof running);
    format_count(doc, pipeline, "queued", queued, sizeof queued);
    const char *cells[] = {slug, version, state, running, queued, id, summary};
    const char *colors[] = {NULL, NULL, state_color(state), NULL, NULL, COLOR_DIM, NULL};
    return grid_row(g, cells, colors);
}

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

/* After the table: a reason is a sentence, and must not be cut. */
static void tell_reason(const struct cli *cli, const struct json_doc *doc, uint32_t object,
                        const char *name, const char *state)
{
    char *reason = view_text(doc, object, "reason");
    cli_warn(cli, "%s is %s: %s", name, state, reason != NULL ? reason : "no reason given");
    free(reason);
}

/* Those with less round them than others have. */
static void tell_profile(const struct cli *cli, const struct json_doc *doc, uint32_t pipeline)
{
    char slug[80], profile[32];
    view_copy(doc, pipeline, "slug", slug, sizeof slug);
    view_copy(doc, pipeline, "profile", profile, sizeof profile);
    if (profile[0] != '\0' && strcmp(profile, "default") != 0 && strcmp(profile, "strict") != 0)
        cli_note(cli, "%s runs with the profile %s", slug, profile);
}

static void tell_plugin(const struct cli *cli, const struct json_doc *doc, uint32_t plugin)
{
    char name[NAME_TEXT];
    uint32_t pipelines = view_array(doc, plugin, "pipelines");
    if (view_is(doc, plugin, "state", "broken")) {
        view_copy(doc, plugin, "file", name, sizeof name);
        tell_reason(cli, doc, plugin, file_name(name), "broken");
        return;
    }
    VIEW_EACH(doc, pipelines, i)
    {
        if (view_is(doc, i, "state", "quarantined"))
            tell_reason(cli, doc, i, view_copy(doc, i, "slug", name, sizeof name), "quarantined");
        tell_profile(cli, doc, i);
    }
}

static int print_plugins(const struct cli *cli, const struct json_doc *doc)
{
    uint32_t plugins = view_array(doc, 0, "plugins");
    struct grid *g = grid_new(cli, columns, sizeof columns / sizeof *columns);
    int rc = g != NULL ? 0 : -1;
    VIEW_EACH(doc, plugins, i)
    {
        uint32_t pipelines =
            view_is(doc, i, "state", "broken") ? 0 : view_array(doc, i, "pipelines");
        VIEW_EACH(doc, pipelines, k)
        {
            if (rc == 0)
                rc = add_pipeline(g, doc, i, k);
        }
    }
    if (rc == 0)
        grid_print(g);
    grid_free(g);
    VIEW_EACH(doc, plugins, m)
    {
        tell_plugin(cli, doc, m);
    }
    if (view_count(doc, plugins) == 0)
        cli_note(cli, "no plugins; penstock config show tells where they are looked for");
    return rc == 0 ? CLI_OK : cli_no_memory(cli);
}

static void print_document(const struct json_doc *doc, uint32_t i)
{
    struct json_span raw = json_at(doc, i);
    fwrite(raw.at, 1, raw.len, stdout);
    putchar('\n');
}

static int plugin_list(struct cli *cli, void *args, char **operands, int n)
{
    struct answer a;
    int status = session_ask_once(cli, WIRE_PLUGINS, NULL, &a);
    (void)args;
    (void)operands;
    (void)n;
    if (status == CLI_OK && cli->common.is_json)
        print_document(&a.doc, 0);
    else if (status == CLI_OK)
        status = print_plugins(cli, &a.doc);
    answer_clear(&a);
    return status;
}

static void pair(const struct cli *cli, const struct json_doc *doc, uint32_t object,
                 const char *key)
{
    char *text = view_text(doc, object, key);
    grid_pair(cli, key, text);
    free(text);
}

static void pair_list(const struct cli *cli, const struct json_doc *doc, uint32_t object,
                      const char *key, const char *label)
{
    struct buf text = BUF_INIT(65536);
    uint32_t list = view_array(doc, object, key);
    VIEW_EACH(doc, list, i)
    {
        if (text.len > 0)
            buf_append_str(&text, ", ");
        json_string(doc, i, &text);
    }
    grid_pair(cli, label, text.len > 0 ? buf_cstr(&text) : NULL);
    buf_clear(&text);
}

static void pair_raw(const struct cli *cli, const struct json_doc *doc, uint32_t object,
                     const char *key, const char *label)
{
    uint32_t i = json_find(doc, object, key);
    if (i == 0)
        return;
    struct json_span raw = json_at(doc, i);
    grid_label(cli, label);
    terminal_print_json(stdout, raw.at, raw.len);
    putchar('\n');
}

static void pair_numbers(const struct cli *cli, const struct json_doc *doc, uint32_t p)
{
    char text[160], number[HUMAN_TEXT];
    int64_t timeout = view_int(doc, p, "timeout_ms", 0),
            memory = view_int(doc, p, "memory_bytes", 0);
    if (timeout > 0) {
        human_duration(timeout, number);
        grid_pair(cli, "timeout", number);
    }
    if (memory > 0) {
        human_size(memory, number);
        grid_pair(cli, "memory", number);
    }
    snprintf(text, sizeof text, "%lld running, %lld queued, %lld at once",
             (long long)view_int(doc, p, "running", 0), (long long)view_int(doc, p, "queued", 0),
             (long long)view_int(doc, p, "max_concurrent", 0));
    grid_pair(cli, "tasks", text);
}

static void print_pipeline(const struct cli *cli, const struct json_doc *doc, uint32_t p)
{
    putchar('\n');
    pair(cli, doc, p, "slug");
    pair(cli, doc, p, "version");
    pair(cli, doc, p, "summary");
    pair(cli, doc, p, "state");
    pair(cli, doc, p, "reason");
    pair(cli, doc, p, "mode");
    pair(cli, doc, p, "profile");
    pair_numbers(cli, doc, p);
    pair_list(cli, doc, p, "needs", "needs");
    pair_list(cli, doc, p, "output_statuses", "statuses");
    pair(cli, doc, p, "walls");
    pair_raw(cli, doc, p, "params_schema", "params");
    pair_raw(cli, doc, p, "result_schema", "result");
    pair_raw(cli, doc, p, "manifest", "manifest");
}

static void print_plugin(const struct cli *cli, const struct json_doc *doc, uint32_t plugin)
{
    uint32_t pipelines = view_array(doc, plugin, "pipelines");
    pair(cli, doc, plugin, "id");
    pair(cli, doc, plugin, "version");
    pair(cli, doc, plugin, "vendor");
    pair(cli, doc, plugin, "license");
    pair(cli, doc, plugin, "file");
    pair(cli, doc, plugin, "state");
    pair(cli, doc, plugin, "reason");
    VIEW_EACH(doc, pipelines, i)
    {
        print_pipeline(cli, doc, i);
    }
}

static int plugin_show(struct cli *cli, void *args, char **operands, int n)
{
    struct answer a;
    int status = session_ask_once(cli, WIRE_PLUGINS, NULL, &a);
    (void)args;
    (void)n;
    uint32_t plugin = status == CLI_OK ? plugins_find(&a.doc, operands[0]) : 0;
    if (status == CLI_OK && plugin == 0)
        status = cli_fail(cli, CLI_NOT_FOUND, "penstock plugin list shows what there is",
                          "the host has no plugin or pipeline %s", operands[0]);
    else if (status == CLI_OK && cli->common.is_json)
        print_document(&a.doc, plugin);
    else if (status == CLI_OK)
        print_plugin(cli, &a.doc, plugin);
    answer_clear(&a);
    return status;
}

const struct command plugin_list_command = {
    .words = "plugin list",
    .uses = USES_HOST | USES_JSON,
    .summary = "List the pipelines of the host's plugins; broken plugins with the reason.",
    .run = plugin_list,
};
const struct command plugin_show_command = {
    .words = "plugin show",
    .operands = "ID|SLUG",
    .min_operands = 1,
    .max_operands = 1,
    .uses = USES_HOST | USES_JSON,
    .summary = "Show one plugin with its pipelines, limits and schemas.",
    .run = plugin_show,
};
