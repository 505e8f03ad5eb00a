/* find_plugin.c: looks for plugin files. Part of the command line. */
#include "find_plugin.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "conf/settings.h"
#include "plugin/folder.h"
#include "sandbox/plugin_trust.h"

int plugin_is_file(const char *word)
{
    return strchr(word, '/') != NULL || folder_is_library(word);
}

static int check_signature(const struct conf_host *host, struct plugin_source *source,
                           const struct buf *text, char *why)
{
    struct public_key keys[PLUGIN_KEYS_MAX];
    struct signed_parts *parts = calloc(1, sizeof *parts); /* 40 KiB: not for the stack */
    int rc = parts != NULL ? plugin_source_seal(source, parts, why) : -1;
    size_t n = 0;
    for (; rc == 0 && n < host->trusted_keys.n && n < PLUGIN_KEYS_MAX; n++)
        rc = plugin_key_read(host->trusted_keys.items[n], false, &keys[n], why);
    if (rc == 0) {
        const enum signature_verdict v =
            signature_judge((const char *)text->data, text->len, keys, n, parts, why);
        rc = v == SIGNATURE_GOOD || (!host->require_signature &&
                                     (v == SIGNATURE_ABSENT || v == SIGNATURE_STRANGER))
                 ? 0
                 : -1;
    }
    free(parts);
    return rc;
}

/* The launcher's own judgement, taken before it gives it. */
void plugin_file_trust(const struct conf_host *host, const char *path, char *out, size_t size)
{
    struct buf signature = BUF_INIT(SIGNATURE_FILE_MAX);
    struct plugin_source source;
    char why[PLUGIN_WHY] = "no memory";
    const bool judges = host->require_signature || host->trusted_keys.n > 0;
    int rc = plugin_source_open(&source, path, false, judges ? &signature : NULL, why);
    const bool is_open = rc == 0;
    if (is_open && judges)
        rc = check_signature(host, &source, &signature, why);
    if (is_open)
        plugin_source_close(&source);
    buf_clear(&signature);
    snprintf(out, size, "%s", rc < 0 ? why : "");
}
