/* run.c: `penstock run`: one task in the same box as the host's, without a host. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "commands.h"
#include "find_plugin.h"
#include "local.h"
#include "outputs.h"
#include "params.h"
#include "pick.h"
#include "run_task.h"
#include "settings.h"

#include "base/buf.h"
#include "conf/conf.h"
#include "plugin/catalog.h"
#include "plugin/folder.h"
#include "plugin/schema.h"
#include "sandbox/box.h"

struct run_args {
    struct texts params, inputs;
    const char *params_json, *dir, *mode, *pipeline, *config, *metadata;
    int64_t timeout_ms, memory_bytes;
};

struct running {
    const struct cli *cli;
    const struct run_args *args;
    const struct conf *conf;
    struct local local;
    struct catalog *catalog;
    const struct catalog_pipeline *pipeline;
    struct inputs inputs;
    struct outputs outputs;
    struct buf given, params; /* given: what --params said */
    char path[PATH_MAX];
};

static const char *const mode_words[] = {"fork", "warm", "exec", NULL};

#define ARG(field) offsetof(struct run_args, field)

static const struct option_row run_rows[] = {
    {"param", 'p', OPTION_TEXTS, ARG(params), "NAME=VALUE",
     "One parameter. Numbers, true, false, null, objects and arrays are read as JSON unless the "
     "pipeline's schema wants "
     "a string.",
     NULL},
    {"params", 'P', OPTION_TEXT, ARG(params_json), "JSON|@FILE",
     "All parameters; - reads standard input.", NULL},
    {"input", 'i', OPTION_TEXTS, ARG(inputs), "NAME=FILE",
     "One input; FILE - is standard input. FILE;type=image/png names its media type.", NULL},
    {"output", 'o', OPTION_TEXT, ARG(dir), "DIR", "Write the outputs into this folder.", NULL},
    {"pipeline", 0, OPTION_TEXT, ARG(pipeline), "SLUG",
     "Which pipeline of the file, if it has several.", NULL},
    {"timeout", 't', OPTION_DURATION, ARG(timeout_ms), "DURATION", "How long it may run.", NULL},
    {"memory", 'm', OPTION_SIZE, ARG(memory_bytes), "SIZE", "How much memory it may use.", NULL},
    {"mode", 0, OPTION_TEXT, ARG(mode), "MODE", "fork, warm or exec.", mode_words},
    {"plugin-config", 0, OPTION_TEXT, ARG(config), "JSON",
     "The configuration that the plugin's open gets.", NULL},
    {"metadata", 0, OPTION_TEXT, ARG(metadata), "JSON", "An object that the plugin is shown.",
     NULL},
};

/* ---- finding the pipeline
 * ------------------------------------------------------------------------- */

static int find_in_file(struct running *r, const char *file)
{
    int status = pick_path(r->cli, r->conf, file, r->path);
    if (status == CLI_OK)
        status = pick_scan(&r->local, r->conf, r->path, &r->catalog);
    return status == CLI_OK ? pick_pipeline(r->cli, r->catalog, r->args->pipeline, &r->pipeline)
                            : status;
}

static int not_found(const struct running *r, const char *slug, size_t n_files, size_t n_broken)
{
    char hint[160];
    if (n_broken > 0)
        snprintf(hint, sizeof hint, "%zu of them are broken; penstock plugin check FILE tells why",
                 n_broken);
    else
        snprintf(hint, sizeof hint,
                 "penstock config show --origin tells where host.plugin_dirs comes from");
    return cli_fail(r->cli, CLI_NOT_FOUND, hint,
                    "no pipeline %s in %zu plugin file%s of plugin_dirs", slug, n_files,
                    n_files == 1 ? "" : "s");
}

static int find_in_dirs(struct running *r, const char *slug)
{
    struct folder_files files = {NULL, 0};
    size_t n_broken = 0;
    int status = folder_list(&files, conf_host(r->conf)->plugin_dirs.items,
                             conf_host(r->conf)->plugin_dirs.n, NULL) == 0
                     ? CLI_OK
                     : cli_no_memory(r->cli);
    for (size_t i = 0; i < files.n && status == CLI_OK && r->pipeline == NULL; i++) {
        status = pick_scan(&r->local, r->conf, files.paths[i], &r->catalog);
        if (status == CLI_OK)
            r->pipeline = catalog_find(r->catalog, slug);
        n_broken += status == CLI_OK && catalog_at(r->catalog, 0)->state == CATALOG_BROKEN;
    }
    if (status == CLI_OK && r->pipeline == NULL)
        status = not_found(r, slug, files.n, n_broken);
    folder_files_clear(&files);
    return status;
}

/* ---- the task
 * ------------------------------------------------------------------------------------- */

static void tell_problem(void *arg, const char *pointer, const char *message)
{
    cli_fail(arg, CLI_FAIL, NULL, "  /params%s %s", pointer, message);
}

static int check_params(const struct running *r)
{
    struct json_doc doc = JSON_DOC_INIT;
    struct json_fault fault;
    if (r->pipeline->params == NULL)
        return CLI_OK;
    int rc = json_scan(&doc, (const char *)r->params.data, r->params.len, &fault);
    if (rc == 0 && schema_check(r->pipeline->params, &doc, 0, NULL, NULL) != 0) {
        rc = -1;
        cli_fail(r->cli, CLI_FAIL, NULL,
                 "refused (INVALID_INPUT): the params do not fit the schema of %s",
                 r->pipeline->slug);
        schema_check(r->pipeline->params, &doc, 0, tell_problem, (void *)(uintptr_t)r->cli);
    }
    json_doc_clear(&doc);
    return rc == 0 ? CLI_OK : CLI_FAIL;
}

static int check_object(const struct cli *cli, const char *name, const char *text)
{
    struct json_doc doc = JSON_DOC_INIT;
    struct json_fault fault;
    int is_object = text == NULL || (json_scan(&doc, text, strlen(text), &fault) == 0 &&
                                     json_kind(&doc, 0) == JSON_OBJECT);
    json_doc_clear(&doc);
    return is_object ? CLI_OK : cli_fail(cli, CLI_USAGE, NULL, "--%s is no JSON object", name);
}

static enum box_mode mode_of(const char *word)
{
    static const enum box_mode modes[] = {BOX_FORK, BOX_WARM, BOX_EXEC};
    size_t i = 0;
    while (mode_words[i + 1] != NULL && strcmp(mode_words[i], word) != 0)
        i++;
    return modes[i];
}

static int make_spec(const struct running *r, struct box_spec *spec)
{
    int status = local_spec(r->cli, r->conf, r->pipeline, spec);
    if (r->args->config != NULL)
        spec->config = r->args->config;
    if (r->args->mode != NULL)
        spec->mode = mode_of(r->args->mode);
    if (r->args->memory_bytes > 0)
        spec->limits.memory_bytes = (uint64_t)r->args->memory_bytes;
    return status;
}

static int run_one(struct running *r)
{
    struct box_spec spec;
    const struct conf_pipeline *limits =
        conf_pipeline(r->conf, r->pipeline->plugin->id, r->pipeline->slug);
    const struct run_task task = {
        .cli = r->cli,
        .local = &r->local,
        .pipeline = r->pipeline,
        .spec = &spec,
        .params = &r->params,
        .metadata = r->args->metadata,
        .inputs = &r->inputs,
        .timeout_ms = r->args->timeout_ms > 0 ? r->args->timeout_ms : limits->timeout_ms,
    };
    int status = make_spec(r, &spec);
    return status != CLI_OK ? status : run_task(&task, &r->outputs);
}

static int prepare(struct running *r, const char *what)
{
    int status = check_object(r->cli, "plugin-config", r->args->config);
    if (status == CLI_OK)
        status = check_object(r->cli, "metadata", r->args->metadata);
    if (status == CLI_OK)
        status = params_read(r->cli, r->args->params_json, &r->args->params, &r->given);
    if (status == CLI_OK)
        status = outputs_open(&r->outputs, r->cli, r->args->dir);
    if (status == CLI_OK)
        status = inputs_read(r->cli, &r->args->inputs, &r->inputs);
    if (status == CLI_OK)
        status = local_open(&r->local, r->cli, conf_host(r->conf), plugin_is_file(what));
    if (status == CLI_OK)
        status = plugin_is_file(what) ? find_in_file(r, what) : find_in_dirs(r, what);
    if (status == CLI_OK)
        status =
            params_build(r->cli, &r->given, &r->args->params, r->pipeline->params_text, &r->params);
    return status == CLI_OK ? check_params(r) : status;
}

static int run(struct cli *cli, void *args, char **operands, int n)
{
    struct running r = {.cli = cli, .args = args, .outputs = {.fd = -1}, .local = {.pid = -1}};
    (void)n;
    struct conf *conf = settings_load(cli);
    if (conf == NULL)
        return CLI_BAD_CONFIG;
    r.conf = conf;
    buf_init(&r.given, PARAMS_MAX);
    buf_init(&r.params, PARAMS_MAX);
    int status = prepare(&r, operands[0]);
    if (status == CLI_OK)
        status = run_one(&r);
    local_close(&r.local);
    catalog_unref(r.catalog);
    inputs_clear(&r.inputs);
    outputs_close(&r.outputs);
    buf_clear(&r.given);
    buf_clear(&r.params);
    conf_free(conf);
    return status;
}

const struct command run_command = {
    .words = "run",
    .operands = "PIPELINE|FILE.so",
    .min_operands = 1,
    .max_operands = 1,
    .uses = USES_CONFIG | USES_JSON,
    .summary = "Run one task here, in a box like the host's, without a host.",
    .text = "The result goes to standard output; what the plugin logs, and the verdict, to "
            "standard error. ^C cancels.\n"
            "\n"
            "Exit status: 0 it succeeded, 1 it failed, 3 no such pipeline, 5 out of time, 75 a "
            "later try may succeed.\n"
            "\n"
            "penstock run ./thumbnail.so -p width=320 -i image=photo.jpg -o out",
    ROWS(run_rows),
    .args_size = sizeof(struct run_args),
    .run = run,
};
