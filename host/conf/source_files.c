/* source_files.c: which files are read, and in which order. Runs in every program that loads the
 * configuration. */
#include "conf/sources.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "conf/bundle.h"

/* The folder of a path as an absolute one, freed by the caller. Links are not followed: what is
 * written relative stands next to the name that was given. NULL: ENOMEM, or no working directory.
 */
static char *folder_of(const char *path)
{
    char *folder = NULL;
    const char *slash = strrchr(path, '/');
    int n = slash == NULL ? 0 : (int)(slash - path);
    if (path[0] == '/')
        return strndup(path, n > 0 ? (size_t)n : 1);
    char *here = getcwd(NULL, 0);
    if (here == NULL)
        return NULL;
    while (n >= 2 && path[0] == '.' && path[1] == '/') {
        path += 2;
        n = n > 2 ? n - 2 : 0;
    }
    bool is_here = n == 0 || (n == 1 && path[0] == '.');
    if (asprintf(&folder, "%s%s%.*s", here, is_here ? "" : "/", is_here ? 0 : n, path) < 0)
        folder = NULL;
    free(here);
    return folder;
}

static void read_text(struct conf *c, const char *path, struct buf *b, struct conf_errors *errors)
{
    const struct source source = {.name = path};
    char *folder = folder_of(path);
    if (folder == NULL || buf_cstr(b) == NULL || list_append(&c->files, path) < 0)
        errors_add(errors, &source, "out of memory");
    else
        source_text_read(c, path, (char *)b->data, b->len, folder, errors);
    free(folder);
}

struct files {
    struct conf *c;
    const struct conf_request *r;
    struct conf_errors *errors;
};

/* What is wrong with a file is captured in its place. */
static void say_wrong(const struct files *f, const char *path, const char *what)
{
    const struct source source = {.name = path};
    errors_add(f->errors, &source, "%s", what);
    if (f->r->capture != NULL &&
        bundle_add(f->r->capture, BUNDLE_ERROR, path, what, strlen(what)) < 0)
        errors_add(f->errors, &source, "out of memory");
}

/* Reading a text changes it. */
static void take_text(const struct files *f, const char *path, struct buf *b)
{
    if (f->r->capture != NULL && bundle_add(f->r->capture, BUNDLE_FILE, path, b->data, b->len) < 0)
        say_wrong(f, path, "out of memory");
    read_text(f->c, path, b, f->errors);
}

static void read_file(const struct files *f, const char *path, bool must_exist)
{
    char what[128];
    struct buf b = BUF_INIT(SOURCE_FILE_MAX);
    if (buf_read_file(&b, path) == 0) {
        take_text(f, path, &b);
    } else if (errno == EMSGSIZE) {
        say_wrong(f, path, "longer than 1Mi");
    } else if (must_exist || (errno != ENOENT && errno != ENOTDIR)) {
        snprintf(what, sizeof what, "cannot be read: %s", strerror(errno));
        say_wrong(f, path, what);
    }
    buf_clear(&b);
}

static int is_conf(const struct dirent *e)
{
    size_t n = strlen(e->d_name);
    return e->d_name[0] != '.' && n > 5 && strcmp(e->d_name + n - 5, ".conf") == 0;
}

/* By bytes: the same order in every locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void read_folder(const struct files *f, const char *folder)
{
    const struct source source = {.name = folder};
    char what[128];
    struct dirent **entries = NULL;
    int n = scandir(folder, &entries, is_conf, by_name);
    if (n < 0 && errno != ENOENT && errno != ENOTDIR) {
        snprintf(what, sizeof what, "cannot be read: %s", strerror(errno));
        say_wrong(f, folder, what);
    }
    for (int i = 0; i < n; i++) {
        char *path = NULL;
        if (asprintf(&path, "%s/%s", folder, entries[i]->d_name) < 0)
            errors_add(f->errors, &source, "out of memory");
        else
            read_file(f, path, true);
        free(path);
        free(entries[i]);
    }
    free(entries);
}

/* A path made of up to three parts; freed by the caller. */
static char *join(const char *a, const char *b, const char *c)
{
    char *path = NULL;
    return asprintf(&path, "%s%s%s", a, b, c) < 0 ? NULL : path;
}

static void read_joined(const struct files *f, char *path, bool is_folder)
{
    const struct source source = {.name = "configuration"};
    if (path == NULL)
        errors_add(f->errors, &source, "out of memory");
    else if (is_folder)
        read_folder(f, path);
    else
        read_file(f, path, false);
    free(path);
}

/* As a user: $XDG_CONFIG_HOME/penstock/plugins.conf, over the system's files. */
static void read_user(const struct files *f)
{
    const char *config = variable_get(f->r->variables, "XDG_CONFIG_HOME");
    const char *home = variable_get(f->r->variables, "HOME");
    if (geteuid() == 0)
        return;
    if (config != NULL && config[0] == '/')
        read_joined(f, join(config, "/penstock/plugins.conf", ""), false);
    else if (home != NULL && home[0] == '/')
        read_joined(f, join(home, "/.config/penstock/plugins.conf", ""), false);
}

/* Where the administrator's files are: systemd may say so. Freed by the caller; NULL: ENOMEM. */
static char *system_folder(const struct conf_request *r, const char *root)
{
    const char *folder = variable_get(r->variables, "CONFIGURATION_DIRECTORY");
    if (folder != NULL && folder[0] == '/')
        return strndup(folder, strcspn(folder, ":"));
    return join(root, "/etc/penstock", "");
}

static void read_captured(void *arg, enum bundle_kind kind, const char *path, struct buf *text)
{
    const struct files *f = arg;
    if (kind == BUNDLE_FILE)
        read_text(f->c, path, text, f->errors);
    else
        say_wrong(f, path, buf_cstr(text) != NULL ? buf_cstr(text) : "out of memory");
}

static void read_bundle(struct files *f)
{
    if (bundle_each(f->r->bundle, f->r->bundle_len, read_captured, f) < 0)
        say_wrong(f, "configuration", "what was handed over is not whole");
}

void source_files_read(struct conf *c, const struct conf_request *r, struct conf_errors *errors)
{
    struct files f = {c, r, errors};
    const char *root = r->root != NULL ? r->root : "";
    if (r->bundle != NULL) {
        read_bundle(&f);
        return;
    }
    if (r->file != NULL) {
        read_file(&f, r->file, true);
        return;
    }
    char *folder = system_folder(r, root);
    const char *start = folder != NULL ? folder : "";
    read_joined(&f, join(root, "/usr/lib/penstock", ""), true);
    read_joined(&f, folder != NULL ? join(start, "/plugins.conf", "") : NULL, false);
    read_joined(&f, folder != NULL ? join(start, "/conf.d", "") : NULL, true);
    read_user(&f);
    free(folder);
}
