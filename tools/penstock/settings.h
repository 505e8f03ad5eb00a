#ifndef PENSTOCK_CLI_SETTINGS_H
#define PENSTOCK_CLI_SETTINGS_H

/* settings.h: the host's configuration as the command line loads it: --config, --set, environment.
 */

struct cli;
struct conf;
struct conf_errors;

/* NULL: errors holds the mistakes, none of them told. The caller clears errors, and frees with
 * conf_free. */
struct conf *settings_read(const struct cli *cli, struct conf_errors *errors);
/* Each mistake as an error. */
void settings_tell(const struct cli *cli, const struct conf_errors *errors);
/* NULL: it is wrong, and each mistake was told. */
struct conf *settings_load(const struct cli *cli);
/* The same; but a wrong configuration costs only a warning, and the defaults are returned (NULL: no
 * memory). */
struct conf *settings_load_any(const struct cli *cli);

#endif
