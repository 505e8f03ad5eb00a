#ifndef PENSTOCK_CLI_PLUGINS_H
#define PENSTOCK_CLI_PLUGINS_H

/* plugins.h: finds things in the host's answer to PLUGINS. */

#include <stddef.h>
#include <stdint.h>

#include "base/json.h"

/* Tokens of the pipeline of that slug and of its plugin (or NULL); 0: there is none. */
uint32_t plugins_pipeline(const struct json_doc *doc, const char *slug, uint32_t *plugin);
/* The token of the plugin of that id, or that has that pipeline; 0: there is none. */
uint32_t plugins_find(const struct json_doc *doc, const char *id_or_slug);
/* The schema of its params; at NULL: none. Borrowed from the doc's text. */
struct json_span plugins_schema(const struct json_doc *doc, const char *slug);

struct session;
/* Asks the host which file the pipeline comes from; "" if it does not say. */
void plugins_ask_file(struct session *s, const char *slug, char *out, size_t size);

#endif
