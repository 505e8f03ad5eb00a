/* load.c: loads a plugin's library and opens a pipeline. Runs in the zygote only. */
#include "sandbox/load.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 3, 4))) static int refuse(char *why, size_t size, const char *format,
                                                        ...)
{
    va_list ap;
    va_start(ap, format);
    vsnprintf(why, size, format, ap);
    va_end(ap);
    return -1;
}

/* The linker's words, without the path inside the box, in plain words where they are known. */
static int refuse_by_linker(char *why, size_t size, const char *path, const char *said)
{
    static const char symbol[] = "undefined symbol: ";
    const char *at = strstr(said, symbol);
    if (strncmp(said, path, strlen(path)) == 0 && strncmp(said + strlen(path), ": ", 2) == 0)
        said += strlen(path) + 2;
    else if (strstr(said, "cannot open shared object file") != NULL)
        return refuse(why, size, "it needs the library %.*s, which is not here",
                      (int)strcspn(said, ":"), said);
    if (at != NULL) {
        at += sizeof symbol - 1;
        return refuse(why, size, "it needs the symbol %.*s, which none of its libraries has",
                      (int)strcspn(at, "\t\n "), at);
    }
    return refuse(why, size, "it cannot be loaded: %s", said);
}

int load_library(struct loaded *l, const char *path, char *why, size_t size)
{
    char reason[ABI_WHY];
    Dl_info info;
    void *extra = NULL;
    const ElfW(Sym) *symbol = NULL;
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        return refuse_by_linker(why, size, path, dlerror());
    const void *entry = dlsym(library, "pen_plugin_entry");
    if (entry != NULL && dladdr1(entry, &info, &extra, RTLD_DL_SYMENT) != 0)
        symbol = extra;
    if (abi_read(&l->abi, entry, symbol != NULL ? symbol->st_size : 0, reason) < 0)
        return refuse(why, size, "%s", reason);
    return 0;
}

/* ---- the host of open
 * ----------------------------------------------------------------------------- */

struct open_call {
    bool has_failed;
    const char *wrong_call; /* a function that only run may call */
    char why[512];
};

static void open_log(const pen_host *host, int level, const char *text)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    int i = level < PEN_LOG_ERROR ? PEN_LOG_ERROR : level > PEN_LOG_DEBUG ? PEN_LOG_DEBUG : level;
    (void)host;
    if (text != NULL)
        dprintf(2, "[%s] %.4096s\n", names[i], text);
}

static int open_should_stop(const pen_host *host)
{
    (void)host;
    return 0;
}

static pen_status open_result(const pen_host *host, const char *status, pen_bytes json)
{
    struct open_call *call = host->ctx;
    (void)status;
    (void)json;
    call->wrong_call = "result";
    return PEN_E_INTERNAL;
}

static pen_status open_output(const pen_host *host, const char *name, const char *media_type,
                              pen_bytes bytes)
{
    struct open_call *call = host->ctx;
    (void)name;
    (void)media_type;
    (void)bytes;
    call->wrong_call = "output";
    return PEN_E_INTERNAL;
}

static pen_status open_fail(const pen_host *host, pen_status status, const char *why)
{
    struct open_call *call = host->ctx;
    if (!call->has_failed && why != NULL)
        snprintf(call->why, sizeof call->why, "%s", why);
    call->has_failed = true;
    return status < 0 ? status : PEN_E_INTERNAL;
}

/* All extensions are about a task. */
static const void *open_extension(const pen_host *host, const char *id)
{
    (void)host;
    (void)id;
    return NULL;
}

static pen_status call_open(struct loaded *l, const char *config, struct open_call *call)
{
    const pen_host host = {.size = sizeof host,
                           .abi_major = PEN_ABI_MAJOR,
                           .abi_minor = PEN_ABI_MINOR,
                           .ctx = call,
                           .log = open_log,
                           .should_stop = open_should_stop,
                           .result = open_result,
                           .output = open_output,
                           .fail = open_fail,
                           .extension = open_extension};
    return l->pipeline->open(&host, config, &l->self);
}

int load_open(struct loaded *l, const char *slug, const char *config, char *why, size_t size)
{
    struct open_call call = {.has_failed = false};
    l->pipeline = abi_pipeline(&l->abi, slug);
    l->self = NULL;
    if (l->pipeline == NULL)
        return refuse(why, size, "the plugin has no pipeline \"%s\"", slug);
    if (l->pipeline->open == NULL)
        return 0;
    pen_status status = call_open(l, config, &call);
    if (call.wrong_call != NULL)
        return refuse(why, size, "open called %s, which only run may", call.wrong_call);
    if (call.why[0] != '\0')
        return refuse(why, size, "open failed: %s", call.why);
    if (status != PEN_OK || call.has_failed)
        return refuse(why, size, "open failed with status %d and gave no reason", status);
    return 0;
}
