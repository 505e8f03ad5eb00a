/* worker_files.c: the extension pen.files/1: <task_dir>/<slot>/in holds inputs as files, .../out is
 * the plugin's. Runs in tasks and warm workers, confined to that slot's directory. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/text.h"
#include "sandbox/tree.h"
#include "sandbox/worker_internal.h"

static int make_dir(int at, const char *name)
{
    return mkdirat(at, name, 0700) < 0 ? -1 : tree_open(at, name);
}

static int make_dirs(struct worker_files *f)
{
    fd_close(&f->in_fd);
    fd_close(&f->out_fd);
    if (tree_empty(f->top_fd) < 0)
        return -1;
    if (!f->is_on)
        return 0;
    f->in_fd = make_dir(f->top_fd, "in");
    f->out_fd = make_dir(f->top_fd, "out");
    return f->in_fd >= 0 && f->out_fd >= 0 ? 0 : -1;
}

static int set_paths(struct worker_files *f, const char *task_dir, uint32_t slot)
{
    int n = snprintf(f->top, sizeof f->top, "%s/%u", task_dir, slot);
    int m = snprintf(f->out, sizeof f->out, "%s/%u/out", task_dir, slot);
    if (n > 0 && m > 0 && (size_t)m < sizeof f->out)
        return 0;
    errno = ENAMETOOLONG;
    return -1;
}

int worker_files_open(struct worker *w, int is_wanted)
{
    struct worker_files *f = &w->files;
    /* After a forked task the warden empties the directory. */
    if (!is_wanted && w->setup.mode == BOX_FORK)
        return 0;
    f->is_on = is_wanted;
    if (set_paths(f, w->setup.task_dir, w->setup.slot) < 0)
        return -1;
    f->top_fd = tree_open(AT_FDCWD, f->top);
    return f->top_fd >= 0 ? make_dirs(f) : -1;
}

static void forget_paths(struct worker *w)
{
    struct worker_files *f = &w->files;
    for (uint32_t i = 0; f->paths != NULL && i < w->task.task.n_inputs; i++)
        free(f->paths[i]);
    free(f->paths);
    f->paths = NULL;
}

int worker_files_tidy(struct worker *w)
{
    struct worker_files *f = &w->files;
    forget_paths(w);
    if (f->top_fd < 0 || (!f->is_on && tree_is_empty(f->top_fd)))
        return 0;
    return make_dirs(f);
}

static const char *files_dir(const pen_host *host)
{
    return worker_of(host)->files.out;
}

/* Not fd_write_all: the last filter has no send. */
static int write_all(int fd, pen_bytes bytes)
{
    for (size_t at = 0; at < bytes.len;) {
        ssize_t n = write(fd, (const char *)bytes.data + at, bytes.len - at);
        if (n < 0 && errno != EINTR)
            return -1;
        at += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static int write_input(int dir, const char *name, pen_bytes bytes)
{
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0400);
    if (fd < 0)
        return -1;
    int rc = write_all(fd, bytes);
    close(fd);
    if (rc < 0)
        unlinkat(dir, name, 0);
    return rc;
}

/* A client's name that is no name of ours becomes "_<place>", which is none of theirs. */
static const char *file_name(const char *name, uint32_t place, char *room, size_t size)
{
    if (text_is_name(name))
        return name;
    snprintf(room, size, "_%u", place);
    return room;
}

static char *put_input(struct worker *w, uint32_t place)
{
    const pen_input *input = w->task.task.inputs[place];
    char *path = NULL;
    char room[24];
    const char *name = file_name(input->name, place, room, sizeof room);
    if (write_input(w->files.in_fd, name, input->bytes) < 0)
        return NULL;
    return asprintf(&path, "%s/in/%s", w->files.top, name) < 0 ? NULL : path;
}

static const char *files_input_path(const pen_host *host, const char *name)
{
    struct worker *w = worker_of(host);
    const pen_task *task = &w->task.task;
    if (!w->is_running || name == NULL)
        return NULL;
    if (w->files.paths == NULL)
        w->files.paths = calloc(task->n_inputs + 1, sizeof *w->files.paths);
    for (uint32_t i = 0; w->files.paths != NULL && i < task->n_inputs; i++) {
        if (strcmp(task->inputs[i]->name, name) != 0)
            continue;
        if (w->files.paths[i] == NULL)
            w->files.paths[i] = put_input(w, i);
        return w->files.paths[i];
    }
    return NULL;
}

/* The path below out, or NULL if it does not lead there. */
static const char *below(const struct worker_files *f, const char *path)
{
    size_t n = strlen(f->out);
    if (path == NULL || path[0] != '/')
        return path;
    return strncmp(path, f->out, n) == 0 && path[n] == '/' ? path + n + 1 : NULL;
}

static int open_output(const struct worker_files *f, const char *path, struct stat *st)
{
    /* O_NONBLOCK: a FIFO must not hold us up. */
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
    int fd = path != NULL ? (int)syscall(SYS_openat2, f->out_fd, path, &how, sizeof how) : -1;
    if (fd >= 0 && (fstat(fd, st) < 0 || !S_ISREG(st->st_mode)))
        fd_close(&fd);
    return fd;
}

static pen_status files_output_file(const pen_host *host, const char *name, const char *media_type,
                                    const char *path)
{
    struct worker *w = worker_of(host);
    struct iovec parts[3];
    uint32_t lengths[2];
    struct stat st;
    pen_status status = worker_note_output(w, name, media_type);
    if (status != PEN_OK)
        return status;
    int fd = open_output(&w->files, below(&w->files, path), &st);
    if (fd < 0)
        return worker_refuse(w, "output_file %s: \"%.200s\" is no regular file below dir", name,
                             path != NULL ? path : "");
    size_t n = worker_two_names(parts, lengths, name, media_type != NULL ? media_type : "");
    int rc = frames_out_put_file(&w->out, DATA_OUTPUT, parts, n, fd, (uint64_t)st.st_size);
    close(fd);
    return rc == 0 ? PEN_OK
                   : worker_refuse(w, "output_file %s: the file changed or cannot be read", name);
}

const pen_files *worker_files_extension(void)
{
    static const pen_files files = {.size = sizeof files,
                                    .dir = files_dir,
                                    .input_path = files_input_path,
                                    .output_file = files_output_file};
    return &files;
}
