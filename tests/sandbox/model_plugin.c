/*
 * model_plugin.c: TEST PLUGIN: a large model held in the ways that a plugin can hold one. Its config
 * is {"file": "/path", "mb": 1024}; the pipelines differ in how open gets at that much memory, and
 * with it in what each fork of a task costs.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <penstock/plugin.h>

enum { MIB = 1 << 20 };

struct model {
    const unsigned char *bytes;
    size_t size;
};

/* The model's own file, shared with everybody who has it open: a fork copies nothing of it, and
 * neither is it counted as memory of the task. */
static const unsigned char *map_file(const char *path, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    void *at = fd >= 0 ? mmap(NULL, size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0) : MAP_FAILED;
    if (fd >= 0)
        close(fd);
    return at != MAP_FAILED ? at : NULL;
}

/* Tables that are made in memory: a fork copies an entry for each page, so few large pages. */
static const unsigned char *make_tables(size_t size, int advice)
{
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return NULL;
    madvise(at, size, advice);
    memset(at, 1, size);
    return at;
}

static size_t read_config(const char *config, char *path, size_t room)
{
    const char *mb = strstr(config, "\"mb\":"), *file = strstr(config, "\"file\":\"");
    snprintf(path, room, "%.*s", file != NULL ? (int)strcspn(file + 8, "\"") : 0,
             file != NULL ? file + 8 : "");
    return mb != NULL ? strtoul(mb + 5, NULL, 10) * MIB : 0;
}

static pen_status keep(void **self, const unsigned char *bytes, size_t size)
{
    struct model *m = bytes != NULL ? malloc(sizeof *m) : NULL;
    if (m == NULL)
        return PEN_E_INTERNAL;
    *m = (struct model){bytes, size};
    *self = m;
    return PEN_OK;
}

static pen_status open_shared(const pen_host *host, const char *config, void **self)
{
    char path[1024];
    const size_t size = read_config(config, path, sizeof path);
    (void)host;
    return keep(self, map_file(path, size), size);
}

static pen_status open_private(const pen_host *host, const char *config, void **self)
{
    char path[1024];
    const size_t size = read_config(config, path, sizeof path);
    (void)host;
    return keep(self, make_tables(size, MADV_NOHUGEPAGE), size);
}

static pen_status open_huge(const pen_host *host, const char *config, void **self)
{
    char path[1024];
    const size_t size = read_config(config, path, sizeof path);
    (void)host;
    return keep(self, make_tables(size, MADV_HUGEPAGE), size);
}

static pen_status run_look(void *self, const pen_host *host, const pen_task *task)
{
    const struct model *m = self;
    char json[32];
    (void)task;
    const int n = snprintf(json, sizeof json, "%d", m->bytes[m->size - 1]);
    return host->result(host, NULL, (pen_bytes){json, (size_t)n});
}

#define PIPELINE(name)                                                                             \
    static const pen_pipeline p_##name = {.size = sizeof(pen_pipeline),                            \
                                          .slug = "model_" #name,                                  \
                                          .version = "1",                                          \
                                          .open = open_##name,                                     \
                                          .run = run_look}

PIPELINE(shared);
PIPELINE(private);
PIPELINE(huge);
static const pen_pipeline *const pipelines[] = {&p_shared, &p_private, &p_huge, NULL};

const pen_plugin pen_plugin_entry = {PEN_PLUGIN_HEADER, .id = "org.penstock.test.model",
                                     .version = "1.0.0", .pipelines = pipelines};
