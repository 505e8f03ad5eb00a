#ifndef PENSTOCK_PLUGIN_RULES_H
#define PENSTOCK_PLUGIN_RULES_H

/*
 * rules.h: what a descriptor may say, word by word. Used twice: by abi.c on the plugin's struct in
 * a confined child, and by catalog.c in the core on what that child reports, which may be a lie.
 * Pure.
 */

#include <stdbool.h>
#include <stddef.h>

enum {
    RULE_PIPELINES_MAX = 64, /* of one plugin */
    RULE_LIST_MAX = 32,      /* needs, output statuses of one pipeline */
    RULE_ID_MAX = 128,
    RULE_VERSION_MAX = 64,
    RULE_LINE_MAX = 1024,             /* summary, vendor, license */
    RULE_JSON_MAX = 1024 * 1024,      /* one manifest or schema; schema.h allows less */
    RULE_REPORT_MAX = 8 * 1024 * 1024 /* one plugin's whole report */
};

/* [A-Za-z0-9][A-Za-z0-9._-]{0,127} */
bool rule_id(const char *s);
/* [A-Za-z0-9][A-Za-z0-9.+~_-]{0,63} */
bool rule_version(const char *s);
/* One line of valid UTF-8 without control characters, at most RULE_LINE_MAX bytes. */
bool rule_line(const char *s);
/* An extension or right that this host knows. */
bool rule_need(const char *s);
/* All of those, for messages: "pen.files/1, ...". A literal. */
const char *rule_needs_known(void);

#endif
