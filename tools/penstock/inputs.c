/* inputs.c: reads input files. Part of the command line. */
#include "inputs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "media.h"

#include "base/buf.h"
#include "base/fdutil.h"
#include "base/text.h"

#define PIPE_MAX ((size_t)1 << 30) /* what is read from a pipe is kept in memory */

static int read_stream(struct input *in, int fd)
{
    struct buf b = BUF_INIT(PIPE_MAX);
    ssize_t n;
    while ((n = buf_read(&b, fd, 65536)) > 0)
        ;
    if (n < 0 || buf_cstr(&b) == NULL) {
        buf_clear(&b);
        return -1;
    }
    in->len = b.len;
    in->bytes = buf_detach(&b);
    return 0;
}

static int read_file(struct input *in, int fd)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -1;
    if (S_ISDIR(st.st_mode)) {
        errno = EISDIR;
        return -1;
    }
    if (!S_ISREG(st.st_mode) || st.st_size == 0)
        return read_stream(in, fd);
    in->bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (in->bytes == MAP_FAILED) {
        in->bytes = NULL;
        return -1;
    }
    in->len = (size_t)st.st_size;
    in->is_mapped = 1;
    return 0;
}

static int read_path(const struct cli *cli, struct input *in, const char *path)
{
    int is_stdin = strcmp(path, "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    int rc = fd < 0 ? -1 : is_stdin ? read_stream(in, fd) : read_file(in, fd);
    int saved = errno;
    if (!is_stdin)
        fd_close(&fd);
    if (rc < 0)
        return cli_fail(cli, CLI_FAIL, NULL, "cannot read %s: %s",
                        is_stdin ? "standard input" : path, strerror(saved));
    return CLI_OK;
}

/* Cuts ";type=..." off the path. */
static char *take_type(char *path)
{
    static const char mark[] = ";type=";
    char *at = strstr(path, mark);
    if (at == NULL)
        return NULL;
    *at = '\0';
    return strdup(at + sizeof mark - 1);
}

static int is_used(const struct inputs *in, const char *name)
{
    for (size_t i = 0; i + 1 < in->n; i++) { /* the last is the new one */
        if (strcmp(in->items[i].name, name) == 0)
            return 1;
    }
    return 0;
}

static int fill(const struct cli *cli, const struct inputs *all, struct input *in, char *word)
{
    char *equals = strchr(word, '=');
    if (equals == NULL || equals == word || equals[1] == '\0')
        return cli_fail(cli, CLI_USAGE, "write --input NAME=FILE",
                        "--input %s has no name and file", word);
    *equals = '\0';
    in->name = strdup(word);
    in->media_type = take_type(equals + 1);
    if (in->name == NULL)
        return cli_no_memory(cli);
    if (!text_is_name(in->name))
        return cli_fail(cli, CLI_USAGE, "letters, digits, . _ - only, at most 63",
                        "\"%s\" cannot name an input", word);
    if (is_used(all, in->name))
        return cli_fail(cli, CLI_USAGE, NULL, "two inputs are called %s", word);
    if (in->media_type == NULL && media_of_file(equals + 1) != NULL)
        in->media_type = strdup(media_of_file(equals + 1));
    return read_path(cli, in, equals + 1);
}

int inputs_read(const struct cli *cli, const struct texts *words, struct inputs *out)
{
    int status = CLI_OK;
    *out = (struct inputs){calloc(words->n > 0 ? words->n : 1, sizeof *out->items), 0};
    if (out->items == NULL)
        return cli_no_memory(cli);
    for (size_t i = 0; i < words->n && status == CLI_OK; i++) {
        char *word = strdup(words->items[i]);
        status = word == NULL ? cli_no_memory(cli) : fill(cli, out, &out->items[out->n++], word);
        free(word);
    }
    return status;
}

void inputs_clear(struct inputs *in)
{
    for (size_t i = 0; i < in->n; i++) {
        free(in->items[i].name);
        free(in->items[i].media_type);
        if (in->items[i].is_mapped)
            munmap(in->items[i].bytes, in->items[i].len);
        else
            free(in->items[i].bytes);
    }
    free(in->items);
    *in = (struct inputs){NULL, 0};
}
