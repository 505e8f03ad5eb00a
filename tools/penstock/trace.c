/* trace.c: the crash report of a task, for people and for programs. Part of the command line. */
#include "trace.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "grid.h"
#include "terminal.h"
#include "view.h"

#include "base/buf.h"

enum { LINE_MAX_BYTES = 1024, FRAME_TEXT = 1024, SOURCE_TEXT = 128 };

/* ---- reading ---- */

static uint64_t view_hex(const struct json_doc *doc, uint32_t object, const char *key)
{
    char text[32];
    return strtoull(view_copy(doc, object, key, text, sizeof text), NULL, 16);
}

/* "" if it is not hexadecimal to its end. */
static uint32_t read_build_id(const char *hex, unsigned char *out)
{
    uint32_t n = 0;
    for (; n < SYMBOLS_ID_MAX && hex[2 * n] != '\0'; n++) {
        unsigned byte;
        if (sscanf(hex + 2 * n, "%2x", &byte) != 1 || hex[2 * n + 1] == '\0')
            return 0;
        out[n] = (unsigned char)byte;
    }
    return n;
}

static void read_frame(struct trace_frame *f, const struct json_doc *doc, uint32_t i)
{
    char id[2 * SYMBOLS_ID_MAX + 1];
    const struct json_span raw = json_at(doc, i);
    *f = (struct trace_frame){.end = raw.at + raw.len - 1};
    view_copy(doc, i, "module", f->module, sizeof f->module);
    f->build_id_len = read_build_id(view_copy(doc, i, "build_id", id, sizeof id), f->build_id);
    f->offset = view_hex(doc, i, "offset");
    f->address = view_hex(doc, i, "address");
}

void trace_read(struct trace *t, const struct json_doc *doc, uint32_t result)
{
    t->doc = doc;
    t->n_frames = 0;
    t->details = result < doc->n && json_kind(doc, result) == JSON_OBJECT
                     ? view_object(doc, view_object(doc, result, "error"), "details")
                     : 0;
    uint32_t frames = view_array(doc, t->details, "frames");
    VIEW_EACH(doc, frames, i)
    {
        if (t->n_frames < SYMBOLS_FRAMES_MAX && json_kind(doc, i) == JSON_OBJECT)
            read_frame(&t->frames[t->n_frames++], doc, i);
    }
}

/* ---- words ---- */

static const struct {
    const char *signal;
    int64_t code; /* si_code */
    const char *words;
} meanings[] = {
    {"SIGSEGV", SEGV_MAPERR, "no memory is mapped there"},
    {"SIGSEGV", SEGV_ACCERR, "the memory there is protected"},
    {"SIGSEGV", SI_KERNEL, "an address that no memory can have"},
    {"SIGBUS", BUS_ADRALN, "the address is not aligned"},
    {"SIGBUS", BUS_ADRERR, "beyond the end of a mapped file"},
    {"SIGFPE", FPE_INTDIV, "an integer was divided by zero"},
    {"SIGFPE", FPE_INTOVF, "an integer overflowed"},
    {"SIGFPE", FPE_FLTDIV, "a number was divided by zero"},
    {"SIGILL", ILL_ILLOPN, "the processor does not know that instruction"},
    {"SIGILL", ILL_ILLOPC, "the processor does not know that instruction"},
    {"SIGTRAP", TRAP_BRKPT, "a breakpoint"},
    {"SIGTRAP", SI_KERNEL, "a breakpoint"},
    {"SIGABRT", SI_TKILL, "it called abort"},
};

static const char *meaning_of(const char *signal, int64_t code)
{
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++) {
        if (meanings[i].code == code && strcmp(meanings[i].signal, signal) == 0)
            return meanings[i].words;
    }
    return NULL;
}

/* "SIGSEGV at address 0x10: no memory is mapped there"; "" without a signal. */
static const char *signal_words(const struct trace *t, char *out, size_t size)
{
    char name[32], address[32];
    view_copy(t->doc, t->details, "signal", name, sizeof name);
    view_copy(t->doc, t->details, "address", address, sizeof address);
    const char *meaning = meaning_of(name, view_int(t->doc, t->details, "si_code", 0));
    snprintf(out, size, "%s%s%s%s%s", name, address[0] != '\0' ? " at address " : "", address,
             meaning != NULL ? ": " : "", meaning != NULL ? meaning : "");
    return out;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static void source_words(const struct trace_frame *f, char *out, size_t size)
{
    out[0] = '\0';
    if (f->line != 0)
        snprintf(out, size, "%.80s:%u", base_name(f->source), f->line);
}

static void place_words(const struct trace_frame *f, char *out, size_t size)
{
    if (f->module[0] != '\0')
        snprintf(out, size, "%s+0x%llx", f->module, (unsigned long long)f->offset);
    else
        snprintf(out, size, "0x%llx", (unsigned long long)f->address);
}

struct widths {
    int function, source;
};

static int wider(int width, const char *text)
{
    enum { MOST = 32 };
    const int n = (int)strlen(text);
    return n > MOST ? MOST : n > width ? n : width;
}

static struct widths measure(const struct trace *t, uint32_t n)
{
    struct widths widths = {1, 0};
    char source[SOURCE_TEXT];
    for (uint32_t i = 0; i < n; i++) {
        source_words(&t->frames[i], source, sizeof source);
        widths.function = wider(widths.function, t->frames[i].function);
        widths.source = wider(widths.source, source);
    }
    return widths;
}

/* "#0  run_crash  deaths.c:19  misbehave.so+0x1234" */
static void frame_words(const struct trace_frame *f, uint32_t number, struct widths widths,
                        char *out, size_t size)
{
    char source[SOURCE_TEXT], place[96];
    source_words(f, source, sizeof source);
    place_words(f, place, sizeof place);
    snprintf(out, size, "#%-2u %-*s  %-*s%s%s", number, widths.function,
             f->function[0] != '\0' ? f->function : "?", widths.source, source,
             widths.source > 0 ? "  " : "", place);
}

/* How many frames are about the plugin: what has called it, is always the same. */
static uint32_t frames_of_plugin(const struct trace *t)
{
    for (uint32_t n = t->n_frames; n > 0; n--) {
        const char *module = t->frames[n - 1].module;
        if (strcmp(module, "penstock-box") != 0 && strncmp(module, "libc.so", 7) != 0)
            return n;
    }
    return t->n_frames;
}

/* ---- showing ---- */

/* A deep recursion is one line and a number. */
static bool is_same_call(const struct trace_frame *a, const struct trace_frame *b)
{
    return a->module[0] != '\0' && strcmp(a->module, b->module) == 0 && a->offset == b->offset;
}

typedef void put_fn(const struct cli *cli, const char *name, const char *text, size_t n);

static void put_repeats(const struct cli *cli, put_fn *put, uint32_t n)
{
    char text[64];
    if (n > 0)
        put(cli, "", text,
            (size_t)snprintf(text, sizeof text, "    (the same call %u more times)", n));
}

static void put_frames(const struct cli *cli, const struct trace *t, put_fn *put)
{
    const uint32_t n = cli->common.is_verbose ? t->n_frames : frames_of_plugin(t);
    const struct widths widths = measure(t, n);
    uint32_t repeats = 0;
    for (uint32_t i = 0; i < n; i++) {
        char text[FRAME_TEXT];
        if (i > 0 && is_same_call(&t->frames[i], &t->frames[i - 1])) {
            repeats++;
            continue;
        }
        put_repeats(cli, put, repeats);
        repeats = 0;
        frame_words(&t->frames[i], i, widths, text, sizeof text);
        put(cli, i == 0 ? "backtrace" : "", text, strlen(text));
    }
    put_repeats(cli, put, repeats);
}

static void put_log(const struct cli *cli, const struct trace *t, put_fn *put)
{
    uint32_t lines = view_array(t->doc, t->details, "last_log");
    const char *name = "last lines";
    VIEW_EACH(t->doc, lines, i)
    {
        char *line = json_strdup(t->doc, i);
        if (line != NULL)
            put(cli, name, line, strnlen(line, LINE_MAX_BYTES));
        name = "";
        free(line);
    }
}

static void put_stdout(const struct cli *cli, const char *name, const char *text, size_t n)
{
    grid_label(cli, name);
    terminal_print(stdout, text, n);
    putchar('\n');
}

static void put_stderr(const struct cli *cli, const char *name, const char *text, size_t n)
{
    fprintf(stderr, "  %s%-11s%s ", cli->has_color_err ? COLOR_BOLD : "", name,
            cli->has_color_err ? COLOR_OFF : "");
    terminal_print(stderr, text, n);
    fputc('\n', stderr);
}

static void put_all(const struct cli *cli, const struct trace *t, put_fn *put, int with_log)
{
    char text[256], call[64];
    if (t->details == 0)
        return;
    signal_words(t, text, sizeof text);
    if (text[0] != '\0')
        put(cli, "signal", text, strlen(text));
    view_copy(t->doc, t->details, "syscall", call, sizeof call);
    if (call[0] != '\0')
        put(cli, "system call", call, strlen(call));
    put_frames(cli, t, put);
    if (with_log)
        put_log(cli, t, put);
}

void trace_show(const struct cli *cli, const struct trace *t)
{
    put_all(cli, t, put_stdout, true);
}

void trace_tell(const struct cli *cli, const struct trace *t, int with_log)
{
    if (!cli->common.is_quiet)
        put_all(cli, t, put_stderr, with_log);
}

/* ---- JSON ---- */

static void put_symbol(FILE *stream, const struct trace_frame *f)
{
    struct buf out = BUF_INIT(16 * 1024);
    struct json_writer w;
    json_begin(&w, &out);
    json_open(&w, '{');
    json_member_str(&w, "function", f->function[0] != '\0' ? f->function : NULL);
    json_member_str(&w, "file", f->line != 0 ? f->source : NULL);
    if (f->line != 0)
        json_member_int(&w, "line", f->line);
    json_close(&w, '}');
    if (json_end(&w) == 0)
        fprintf(stream, ",\"symbol\":%.*s", (int)out.len, (const char *)out.data);
    buf_clear(&out);
}

void trace_put_json(FILE *stream, const struct trace *t, const char *at, const char *end)
{
    for (uint32_t i = 0; i < t->n_frames; i++) {
        const struct trace_frame *f = &t->frames[i];
        /* A frame without members of its own has no comma to put a member behind. */
        if ((f->function[0] == '\0' && f->line == 0) || f->end < at || f->end >= end)
            continue;
        fwrite(at, 1, (size_t)(f->end - at), stream);
        put_symbol(stream, f);
        at = f->end;
    }
    fwrite(at, 1, (size_t)(end - at), stream);
}
