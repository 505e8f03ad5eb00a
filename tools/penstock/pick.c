/* pick.c: from a plugin file that was named to one pipeline of it. Part of the command line. */
#include "pick.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "find_plugin.h"
#include "local.h"

#include "conf/conf.h"
#include "plugin/catalog.h"

enum { TRUST_TEXT = 512 };

int pick_path(const struct cli *cli, const struct conf *conf, const char *file, char *path)
{
    char trust[TRUST_TEXT];
    if (realpath(file, path) == NULL)
        return cli_fail(cli, CLI_NOT_FOUND, NULL, "no plugin %s: %s", file, strerror(errno));
    plugin_file_trust(conf_host(conf), path, trust, sizeof trust);
    if (trust[0] != '\0')
        cli_warn(cli, "a host would refuse this file: %s", trust);
    return CLI_OK;
}

int pick_scan(struct local *l, const struct conf *conf, const char *path, struct catalog **catalog)
{
    catalog_unref(*catalog);
    *catalog = catalog_new();
    if (*catalog == NULL)
        return cli_no_memory(l->cli);
    int status = local_scan(l, conf, path, *catalog);
    if (status == CLI_OK && catalog_settle(*catalog) < 0)
        status = cli_no_memory(l->cli);
    return status;
}

int pick_pipeline(const struct cli *cli, const struct catalog *catalog, const char *slug,
                  const struct catalog_pipeline **out)
{
    const struct catalog_plugin *plugin = catalog_at(catalog, 0);
    if (plugin->state == CATALOG_BROKEN)
        return cli_fail(cli, CLI_FAIL, "penstock plugin check tells more", "%s is broken: %s",
                        plugin->path, plugin->reason);
    if (slug != NULL)
        *out = catalog_find(catalog, slug);
    else if (plugin->n_pipelines == 1)
        *out = &plugin->pipelines[0];
    else
        return cli_fail(cli, CLI_USAGE, "--pipeline SLUG chooses",
                        "%s has %zu pipelines: %s, %s ...", plugin->path, plugin->n_pipelines,
                        plugin->pipelines[0].slug, plugin->pipelines[1].slug);
    if (*out == NULL)
        return cli_fail(cli, CLI_NOT_FOUND, "penstock plugin check lists what it has",
                        "%s has no pipeline %s", plugin->path, slug);
    return CLI_OK;
}
