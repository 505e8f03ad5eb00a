/* plugin_learn.c: `penstock plugin learn`: runs one task and tells what its plugin would need. Part
 * of the command line. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "commands.h"
#include "learn.h"
#include "learn_report.h"
#include "local.h"
#include "outputs.h"
#include "params.h"
#include "pick.h"
#include "run_task.h"
#include "settings.h"

#include "base/buf.h"
#include "conf/conf.h"
#include "plugin/catalog.h"
#include "sandbox/box.h"

struct learn_args {
    struct texts params, inputs;
    const char *params_json, *pipeline, *config;
    int64_t timeout_ms;
};

struct learning {
    const struct cli *cli;
    const struct learn_args *args;
    const struct conf *conf;
    struct local local;
    struct catalog *catalog;
    const struct catalog_pipeline *pipeline;
    struct inputs inputs;
    struct outputs outputs;
    struct buf given, params;
    struct learn learn;
    char path[PATH_MAX];
};

#define ARG(field) offsetof(struct learn_args, field)

static const struct option_row learn_rows[] = {
    {"param", 'p', OPTION_TEXTS, ARG(params), "NAME=VALUE", "One parameter of the task.", NULL},
    {"params", 'P', OPTION_TEXT, ARG(params_json), "JSON|@FILE",
     "All parameters; - reads standard input.", NULL},
    {"input", 'i', OPTION_TEXTS, ARG(inputs), "NAME=FILE", "One input; FILE - is standard input.",
     NULL},
    {"pipeline", 0, OPTION_TEXT, ARG(pipeline), "SLUG",
     "Which pipeline of the file, if it has several.", NULL},
    {"timeout", 't', OPTION_DURATION, ARG(timeout_ms), "DURATION", "How long the task may run.",
     NULL},
    {"plugin-config", 0, OPTION_TEXT, ARG(config), "JSON",
     "The configuration that the plugin's open gets.", NULL},
};

static int prepare(struct learning *l, const char *file)
{
    int status = params_read(l->cli, l->args->params_json, &l->args->params, &l->given);
    if (status == CLI_OK)
        status = inputs_read(l->cli, &l->args->inputs, &l->inputs);
    if (status == CLI_OK)
        status = local_open(&l->local, l->cli, conf_host(l->conf), true);
    if (status == CLI_OK)
        status = pick_path(l->cli, l->conf, file, l->path);
    if (status == CLI_OK)
        status = pick_scan(&l->local, l->conf, l->path, &l->catalog);
    if (status == CLI_OK)
        status = pick_pipeline(l->cli, l->catalog, l->args->pipeline, &l->pipeline);
    if (status == CLI_OK)
        status =
            params_build(l->cli, &l->given, &l->args->params, l->pipeline->params_text, &l->params);
    return status;
}

/* One process from its loading to its last task: the listener is of one process. */
static int make_spec(const struct learning *l, struct box_spec *spec)
{
    const int status = local_spec(l->cli, l->conf, l->pipeline, spec);
    if (status != CLI_OK)
        return status;
    if ((spec->rights & BOX_MAY_ALL) != 0)
        return cli_fail(l->cli, CLI_FAIL, "set another profile for this run with --set",
                        "the profile off allows everything: there is nothing to learn");
    spec->mode = BOX_WARM;
    spec->flags |= LAUNCH_LEARN;
    if (l->args->config != NULL)
        spec->config = l->args->config;
    return CLI_OK;
}

static int learn(struct learning *l)
{
    struct box_spec spec;
    const struct conf_pipeline *limits =
        conf_pipeline(l->conf, l->pipeline->plugin->id, l->pipeline->slug);
    const struct run_task task = {
        .cli = l->cli,
        .local = &l->local,
        .pipeline = l->pipeline,
        .spec = &spec,
        .params = &l->params,
        .inputs = &l->inputs,
        .timeout_ms = l->args->timeout_ms > 0 ? l->args->timeout_ms : limits->timeout_ms,
        .learn = &l->learn,
    };
    int status = make_spec(l, &spec);
    if (status != CLI_OK)
        return status;
    learn_init(&l->learn, l->local.loop, &spec, l->local.dir);
    status = run_task(&task, &l->outputs);
    return status != CLI_OK ? status : learn_report(l->cli, l->conf, l->pipeline, &l->learn);
}

static int plugin_learn(struct cli *cli, void *args, char **operands, int n)
{
    struct learning l = {.cli = cli,
                         .args = args,
                         .outputs = {.fd = -1},
                         .local = {.pid = -1},
                         .learn = {.listener = -1}};
    (void)n;
    struct conf *conf = settings_load(cli);
    if (conf == NULL)
        return CLI_BAD_CONFIG;
    l.conf = conf;
    buf_init(&l.given, PARAMS_MAX);
    buf_init(&l.params, PARAMS_MAX);
    int status = prepare(&l, operands[0]);
    if (status == CLI_OK)
        status = learn(&l);
    learn_clear(&l.learn);
    local_close(&l.local);
    catalog_unref(l.catalog);
    inputs_clear(&l.inputs);
    outputs_close(&l.outputs);
    buf_clear(&l.given);
    buf_clear(&l.params);
    conf_free(conf);
    return status;
}

const struct command plugin_learn_command = {
    .words = "plugin learn",
    .operands = "FILE.so",
    .min_operands = 1,
    .max_operands = 1,
    .uses = USES_CONFIG | USES_JSON,
    .summary = "Run one task and print the settings that its plugin would need.",
    .text =
        "The task runs behind the same walls as always; what they refuse is noted, and answered "
        "with an error where the task would else be ended. What is printed is a piece of "
        "configuration. A plugin that was refused something may not come to the next thing: run "
        "it again with the new settings until nothing is added.\n"
        "\n"
        "penstock plugin learn ./fetch.so -p url=http://localhost:8080/ > fetch.conf",
    ROWS(learn_rows),
    .args_size = sizeof(struct learn_args),
    .run = plugin_learn,
};
