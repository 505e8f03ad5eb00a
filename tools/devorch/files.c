/* files.c: the file store and its pages. Runs in penstock-devorch. */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/log.h"
#include "base/table.h"
#include "orch.h"

enum { FILES_MAX = 4096, OK = 200, CREATED = 201, BAD_REQUEST = 400, NOT_FOUND = 404, FULL = 507 };

void files_init(struct files *f, size_t max_bytes)
{
    *f = (struct files){.by_name = table_new(), .max_bytes = max_bytes};
}

static void stored_free(struct stored *s)
{
    if (s == NULL)
        return;
    fd_close(&s->fd);
    free(s->name);
    free(s);
}

static void free_one(void *value, void *arg)
{
    (void)arg;
    stored_free(value);
}

void files_clear(struct files *f)
{
    if (f->by_name != NULL)
        table_each(f->by_name, free_one, NULL);
    table_free(f->by_name);
    f->by_name = NULL;
}

static int digest_file(struct stored *s)
{
    if (s->size == 0) {
        digest_sha256("", 0, s->sha256);
        return 0;
    }
    void *bytes = mmap(NULL, s->size, PROT_READ, MAP_PRIVATE, s->fd, 0);
    if (bytes == MAP_FAILED)
        return -1;
    digest_sha256(bytes, s->size, s->sha256);
    return munmap(bytes, s->size);
}

const struct stored *files_get(const struct files *f, const char *name)
{
    return f->by_name != NULL ? table_get(f->by_name, name, strlen(name)) : NULL;
}

const struct stored *files_put(struct files *f, const char *name, int fd, size_t size)
{
    const struct stored *old = files_get(f, name);
    size_t before = old != NULL ? old->size : 0;
    if (f->by_name == NULL || f->bytes - before + size > f->max_bytes ||
        (old == NULL && table_count(f->by_name) >= FILES_MAX)) {
        errno = ENOSPC;
        return NULL;
    }
    struct stored *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    *s = (struct stored){.name = strdup(name), .fd = fd, .size = size};
    struct stored *gone = table_take(f->by_name, name, strlen(name));
    if (s->name == NULL || digest_file(s) < 0 || table_put(f->by_name, name, strlen(name), s) < 0) {
        if (gone != NULL)
            table_put(f->by_name, name, strlen(name), gone);
        s->fd = -1;
        stored_free(s);
        return NULL;
    }
    stored_free(gone);
    f->bytes += size - before;
    return s;
}

static void reply_stored(struct orch *o, struct request *r, unsigned status, const struct stored *s)
{
    char uri[160];
    struct answer a;
    snprintf(uri, sizeof uri, "http://127.0.0.1:%d/files/%s", server_port(o->server), s->name);
    answer_begin(&a);
    json_open(&a.w, '{');
    json_member_str(&a.w, "uri", uri);
    json_member_str(&a.w, "sha256", s->sha256);
    json_member_int(&a.w, "size", (int64_t)s->size);
    json_close(&a.w, '}');
    answer_send(r, status, &a);
}

static void store(struct orch *o, struct request *r, const char *name)
{
    size_t size;
    int fd = request_take_file(r, &size);
    bool is_new = files_get(&o->files, name) == NULL;
    const struct stored *s = files_put(&o->files, name, fd, size);
    if (s == NULL) {
        close(fd);
        reply_error(r, FULL, "the file store is full");
        return;
    }
    log_info("file stored", LS("name", s->name), LI("bytes", s->size));
    reply_stored(o, r, is_new ? CREATED : OK, s);
}

void on_file_new(void *context, struct request *r)
{
    char id[ID_TEXT];
    id_new(id);
    store(context, r, id);
}

void on_file_put(void *context, struct request *r)
{
    if (text_is_name(request_segment(r)))
        store(context, r, request_segment(r));
    else
        reply_error(r, BAD_REQUEST,
                    "a file's name is 1 to 63 letters, digits, dots, dashes and underscores");
}

void on_file_get(void *context, struct request *r)
{
    struct orch *o = context;
    const struct stored *s = files_get(&o->files, request_segment(r));
    int fd = s != NULL ? fcntl(s->fd, F_DUPFD_CLOEXEC, 0) : -1;
    if (fd < 0)
        reply_error(r, s == NULL ? NOT_FOUND : FULL,
                    s == NULL ? "no such file" : "too many open files");
    else
        reply_file(r, fd, s->size);
}
