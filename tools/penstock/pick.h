#ifndef PENSTOCK_CLI_PICK_H
#define PENSTOCK_CLI_PICK_H

/* pick.h: from a plugin file that was named to one pipeline of it. Errors are told; functions return
 * exit statuses. [loop] */

struct catalog;
struct catalog_pipeline;
struct cli;
struct conf;
struct local;

/* The file's real path (PATH_MAX bytes), with a warning where a host would refuse it. */
int pick_path(const struct cli *cli, const struct conf *conf, const char *file, char *path);
/* Scans one file into a catalogue of its own, in the place of *catalog. */
int pick_scan(struct local *l, const struct conf *conf, const char *path, struct catalog **catalog);
/* The pipeline of the only file of the catalogue; slug NULL: it must have one only. */
int pick_pipeline(const struct cli *cli, const struct catalog *catalog, const char *slug,
                  const struct catalog_pipeline **out);

#endif
