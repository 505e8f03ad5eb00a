/* outputs.c: files from results. Part of the command line. */
#include "outputs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "human.h"
#include "media.h"

#include "base/fdutil.h"
#include "base/text.h"

enum { NAME_BYTES = 128, PATH_BYTES = 4096, SAME_NAME_MAX = 1000 };

int outputs_open(struct outputs *o, const struct cli *cli, const char *dir)
{
    *o = (struct outputs){.cli = cli, .dir = dir, .fd = -1};
    if (dir == NULL)
        return CLI_OK;
    if (mkdir(dir, 0777) < 0 && errno != EEXIST)
        return cli_fail(cli, CLI_FAIL, NULL, "cannot make the folder %s: %s", dir, strerror(errno));
    o->fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (o->fd < 0)
        return cli_fail(cli, CLI_FAIL, NULL, "cannot open the folder %s: %s", dir, strerror(errno));
    if (faccessat(o->fd, ".", W_OK | X_OK, AT_EACCESS) < 0)
        return cli_fail(cli, CLI_FAIL, NULL, "cannot write to %s: %s", dir, strerror(errno));
    return CLI_OK;
}

void outputs_close(struct outputs *o)
{
    for (size_t i = 0; i < o->n; i++)
        free(o->names[i]);
    free(o->names);
    free(o->sizes);
    fd_close(&o->fd);
    o->names = NULL;
    o->sizes = NULL;
    o->n = 0;
}

static int is_taken(const struct outputs *o, const char *name)
{
    for (size_t i = 0; i < o->n; i++) {
        if (o->names[i] != NULL && strcmp(o->names[i], name) == 0)
            return 1;
    }
    return 0;
}

static int ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n > m && strcasecmp(s + n - m, end) == 0;
}

/* "scan" and "image/png" make scan.png; two outputs that would be one file: scan.png, scan-2.png.
 */
static int choose_name(const struct outputs *o, const char *name, const char *media_type, char *out)
{
    const char *extension = media_type != NULL ? media_extension(media_type) : "";
    int stem = (int)strlen(name);
    if (*extension != '\0' && ends_with(name, extension))
        stem -= (int)strlen(extension);
    snprintf(out, NAME_BYTES, "%.*s%s", stem, name, extension);
    for (int i = 2; is_taken(o, out); i++) {
        if (i > SAME_NAME_MAX)
            return -1;
        snprintf(out, NAME_BYTES, "%.*s-%d%s", stem, name, i, extension);
    }
    return 0;
}

static int write_file(const struct outputs *o, const char *name, const void *bytes, size_t len)
{
    char secret[17], temporary[64];
    id_secret(secret, 8);
    snprintf(temporary, sizeof temporary, ".penstock-%s", secret);
    int fd = openat(o->fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0)
        return -1;
    int rc = fd_write_all(fd, bytes, len);
    if (close(fd) < 0)
        rc = -1;
    if (rc == 0)
        rc = renameat(o->fd, temporary, o->fd, name);
    int saved = errno;
    if (rc < 0)
        unlinkat(o->fd, temporary, 0);
    errno = saved;
    return rc;
}

static int add_entry(struct outputs *o, const char *file, size_t len)
{
    char **names = realloc(o->names, (o->n + 1) * sizeof *names);
    if (names != NULL)
        o->names = names;
    int64_t *sizes = realloc(o->sizes, (o->n + 1) * sizeof *sizes);
    if (sizes != NULL)
        o->sizes = sizes;
    if (names == NULL || sizes == NULL)
        return cli_no_memory(o->cli);
    o->names[o->n] = file != NULL ? strdup(file) : NULL;
    o->sizes[o->n++] = (int64_t)len;
    return CLI_OK;
}

int outputs_write(struct outputs *o, const char *name, const char *media_type, const void *bytes,
                  size_t len)
{
    char file[NAME_BYTES];
    if (o->dir == NULL)
        return add_entry(o, NULL, len);
    /* The host checks names; this is the last fence before a file system. */
    if (!text_is_name(name) || choose_name(o, name, media_type, file) < 0) {
        add_entry(o, NULL, len);
        return cli_fail(o->cli, CLI_FAIL, NULL,
                        "an output has the name \"%s\", which is no file name", name);
    }
    if (write_file(o, file, bytes, len) < 0) {
        int error = errno;
        add_entry(o, NULL, len);
        return cli_fail(o->cli, CLI_FAIL, NULL, "cannot write %s/%s: %s", o->dir, file,
                        strerror(error));
    }
    return add_entry(o, file, len);
}

const char *outputs_path(const struct outputs *o, size_t i, char *out, size_t size)
{
    if (i >= o->n || o->names[i] == NULL)
        *out = '\0';
    else
        snprintf(out, size, "%s/%s", o->dir, o->names[i]);
    return out;
}

void outputs_tell(const struct outputs *o)
{
    char path[PATH_BYTES], size[HUMAN_TEXT];
    for (size_t i = 0; i < o->n && o->dir != NULL; i++) {
        if (o->names[i] == NULL)
            continue;
        human_size(o->sizes[i], size);
        cli_note(o->cli, "wrote %s (%s)", outputs_path(o, i, path, sizeof path), size);
    }
    if (o->n > 0 && o->dir == NULL)
        cli_note(o->cli, "%zu output%s not kept; -o DIR writes them", o->n,
                 o->n == 1 ? " was" : "s were");
}
