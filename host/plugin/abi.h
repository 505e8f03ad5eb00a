#ifndef PENSTOCK_PLUGIN_ABI_H
#define PENSTOCK_PLUGIN_ABI_H

/*
 * abi.h: reads and checks a plugin's descriptor, and reports it as JSON. Pure: no dlopen, no
 * allocation in abi_read. It follows pointers that the plugin's library holds, so it runs only in
 * processes that are confined (scan child, zygote); what it says there is checked again by whoever
 * reads the report (catalog.h).
 */

#include <stddef.h>

#include <penstock/plugin.h>

#include "plugin/rules.h"

struct buf;

enum { ABI_WHY = 512 };

/* Copies of the plugin's structs, as long as this host knows them; what the plugin's are too short
 * for is zero. Strings and functions stay the library's: valid until it is closed. */
struct abi_plugin {
    pen_plugin head;
    pen_pipeline pipelines[RULE_PIPELINES_MAX];
    size_t n_pipelines;
};

/*
 * entry: address of the symbol pen_plugin_entry; symbol_size: its st_size from dladdr1, 0 if
 * unknown. Checks magic, sizes, major, ids, names, lists, texts and that each JSON text is JSON
 * (schemas are compiled by the catalogue). -1: why (ABI_WHY bytes) says what was expected and what
 * was found.
 */
int abi_read(struct abi_plugin *p, const void *entry, size_t symbol_size, char *why);

/* The pipeline of that slug, or NULL. */
const pen_pipeline *abi_pipeline(const struct abi_plugin *p, const char *slug);

/*
 * Appends the descriptor as one JSON object:
 *   {"abi":[1,0], "id", "version", "vendor", "license", "pipelines":[{"slug", "version", "summary",
 *    "task_type", "params_schema", "result_schema", "events_schema", "manifest", "needs":[],
 * "output_statuses":[], "has_open"}]} Schemas and manifest are JSON values, not strings; members
 * without a value are left out, except that task_type falls back to the slug. -1 with errno of the
 * buffer, whose maximum should be RULE_REPORT_MAX.
 */
int abi_describe(const struct abi_plugin *p, struct buf *out);

#endif
