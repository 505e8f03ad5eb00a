#ifndef PENSTOCK_CLI_LEARN_REPORT_H
#define PENSTOCK_CLI_LEARN_REPORT_H

/* learn_report.h: from what was seen to what would have to be configured, for people and programs. */

struct catalog_pipeline;
struct cli;
struct conf;
struct learn;

/* Prints it. CLI_OK, or CLI_FAIL without memory. */
int learn_report(const struct cli *cli, const struct conf *conf,
                 const struct catalog_pipeline *pipeline, const struct learn *l);

#endif
