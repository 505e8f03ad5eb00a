/* find_plugin.c: looks for plugin files. Part of the command line. */
#include "find_plugin.h"

#include <stdio.h>
#include <string.h>

#include "plugin/folder.h"
#include "sandbox/plugin_file.h"

int plugin_is_file(const char *word)
{
    return strchr(word, '/') != NULL || folder_is_library(word);
}

/* The launcher's own judgement, taken before it gives it. */
void plugin_file_trust(const char *path, char *out, size_t size)
{
    struct plugin_source source;
    char why[PLUGIN_WHY];
    *out = '\0';
    if (plugin_source_open(&source, path, false, why) < 0)
        snprintf(out, size, "%s", why);
    else
        plugin_source_close(&source);
}
