/* settings.c: loads the host's configuration. Part of the command line. */
#include "settings.h"

#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli.h"

#include "conf/conf.h"

/* The same words as on penstockd's command line: "--set KEY=VALUE" each. */
static int take_sets(const struct cli *cli, struct conf_request *request)
{
    const struct texts *sets = &cli->common.sets;
    int argc = (int)(2 * sets->n) + 1;
    const char *problem = "";
    char **argv = calloc((size_t)argc + 1, sizeof *argv);
    if (argv == NULL)
        return cli_no_memory(cli);
    argv[0] = (char *)"penstock";
    for (size_t i = 0; i < sets->n; i++) {
        argv[2 * i + 1] = (char *)"--set";
        argv[2 * i + 2] = (char *)(uintptr_t)sets->items[i];
    }
    int rc = conf_request_take(request, &argc, argv, &problem);
    free(argv);
    return rc == 0
               ? CLI_OK
               : cli_fail(cli, CLI_USAGE, "write --set host.queue_max=5", "--set is incomplete");
}

struct conf *settings_read(const struct cli *cli, struct conf_errors *errors)
{
    struct conf_request request = {.file = cli->common.config,
                                   .variables = (const char *const *)environ};
    struct conf *conf = take_sets(cli, &request) == CLI_OK ? conf_load(&request, errors) : NULL;
    conf_request_clear(&request);
    return conf;
}

void settings_tell(const struct cli *cli, const struct conf_errors *errors)
{
    for (size_t i = 0; i < errors->n; i++)
        cli_fail(cli, CLI_BAD_CONFIG, NULL, "%s: %s", errors->items[i].where,
                 errors->items[i].what);
    if (errors->n_dropped > 0)
        cli_warn(cli, "and %zu mistakes more", errors->n_dropped);
}

struct conf *settings_load(const struct cli *cli)
{
    struct conf_errors errors = {0};
    struct conf *conf = settings_read(cli, &errors);
    settings_tell(cli, &errors);
    conf_errors_clear(&errors);
    return conf;
}

struct conf *settings_load_any(const struct cli *cli)
{
    struct conf_request nothing = {.file = "/dev/null"};
    struct conf_errors errors = {0};
    struct conf *conf = settings_read(cli, &errors);
    if (conf == NULL) {
        cli_warn(cli, "the configuration is wrong, so its defaults are used; penstock config check "
                      "tells more");
        conf_errors_clear(&errors);
        conf = conf_load(&nothing, &errors);
    }
    conf_errors_clear(&errors);
    return conf;
}
