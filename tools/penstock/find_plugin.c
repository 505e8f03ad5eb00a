/* find_plugin.c: looks for plugin files. Part of the command line. */
#include "find_plugin.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/settings.h"
#include "sandbox/plugin_file.h"

static int is_library(const char *name)
{
    size_t n = strlen(name);
    return n > 3 && name[0] != '.' && strcmp(name + n - 3, ".so") == 0;
}

int plugin_is_file(const char *word)
{
    return strchr(word, '/') != NULL || is_library(word);
}

static int add_path(struct plugin_files *f, const char *path)
{
    char **paths = realloc(f->paths, (f->n + 1) * sizeof *paths);
    if (paths == NULL)
        return -1;
    f->paths = paths;
    paths[f->n] = strdup(path);
    return paths[f->n] != NULL ? (f->n++, 0) : -1;
}

/* A plugin with libraries of its own lies with them in a folder of its name. */
static int add_entry(struct plugin_files *f, const char *dir, const char *name)
{
    char path[PATH_MAX];
    int n = is_library(name) ? snprintf(path, sizeof path, "%s/%s", dir, name)
                             : snprintf(path, sizeof path, "%s/%s/%s.so", dir, name, name);
    if (name[0] == '.' || n < 0 || (size_t)n >= sizeof path || access(path, F_OK) < 0)
        return 0;
    return add_path(f, path);
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int plugin_files_list(const struct conf_list *dirs, struct plugin_files *out)
{
    int rc = 0;
    *out = (struct plugin_files){NULL, 0};
    for (size_t i = 0; i < dirs->n; i++) {
        DIR *dir = opendir(dirs->items[i]);
        for (struct dirent *e; dir != NULL && rc == 0 && (e = readdir(dir)) != NULL;)
            rc = add_entry(out, dirs->items[i], e->d_name);
        if (dir != NULL)
            closedir(dir);
    }
    if (out->n > 0)
        qsort(out->paths, out->n, sizeof *out->paths, compare);
    return rc;
}

void plugin_files_clear(struct plugin_files *f)
{
    for (size_t i = 0; i < f->n; i++)
        free(f->paths[i]);
    free(f->paths);
    *f = (struct plugin_files){NULL, 0};
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
