/* folder.c: lists plugin files. Runs in the core and in the command line. */
#include "plugin/folder.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool folder_is_library(const char *name)
{
    size_t n = strlen(name);
    return n > 3 && name[0] != '.' && strcmp(name + n - 3, ".so") == 0;
}

static int add_path(struct folder_files *f, const char *path)
{
    if (f->n == FOLDER_FILES_MAX) {
        errno = EMFILE;
        return -1;
    }
    char **paths = realloc(f->paths, (f->n + 1) * sizeof(char *));
    if (paths == NULL)
        return -1;
    f->paths = paths;
    paths[f->n] = strdup(path);
    if (paths[f->n] == NULL)
        return -1;
    f->n++;
    return 0;
}

static int add_entry(struct folder_files *f, const char *dir, const char *name)
{
    char path[PATH_MAX];
    int n = folder_is_library(name) ? snprintf(path, sizeof path, "%s/%s", dir, name)
                                    : snprintf(path, sizeof path, "%s/%s/%s.so", dir, name, name);
    if (name[0] == '.' || n < 0 || (size_t)n >= sizeof path || access(path, F_OK) < 0)
        return 0;
    return add_path(f, path);
}

static int list_one(struct folder_files *f, const char *path,
                    void (*on_unreadable)(const char *dir, int error))
{
    DIR *dir = opendir(path);
    int rc = 0;
    if (dir == NULL && on_unreadable != NULL)
        on_unreadable(path, errno);
    for (struct dirent *e; dir != NULL && rc == 0 && (e = readdir(dir)) != NULL;)
        rc = add_entry(f, path, e->d_name);
    if (dir != NULL)
        closedir(dir);
    return rc;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int folder_list(struct folder_files *f, char *const *dirs, size_t n_dirs,
                void (*on_unreadable)(const char *dir, int error))
{
    int rc = 0;
    for (size_t i = 0; i < n_dirs && rc == 0; i++) {
        size_t before = f->n;
        rc = list_one(f, dirs[i], on_unreadable);
        if (f->n > before)
            qsort(f->paths + before, f->n - before, sizeof(char *), by_name);
    }
    return rc;
}

void folder_files_clear(struct folder_files *f)
{
    for (size_t i = 0; i < f->n; i++)
        free(f->paths[i]);
    free(f->paths);
    *f = (struct folder_files){NULL, 0};
}
