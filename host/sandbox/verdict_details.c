/* verdict_details.c: the facts behind a verdict as JSON. Runs in the core. */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "sandbox/verdict_internal.h"

static void put_hex(struct json_writer *w, uint64_t v)
{
    char text[24];
    snprintf(text, sizeof text, "0x%llx", (unsigned long long)v);
    json_put_str(w, text);
}

/* A name that a plugin may have written: one line of plain characters. */
static void put_name(struct json_writer *w, const char *name)
{
    char text[CRASH_NAME_MAX];
    size_t n = strnlen(name, sizeof text - 1);
    for (size_t i = 0; i < n; i++)
        text[i] = (char)(name[i] > ' ' && name[i] <= '~' ? name[i] : '?');
    text[n] = '\0';
    json_member_str(w, "module", text);
}

static void put_build_id(struct json_writer *w, const struct crash_module *m)
{
    char text[2 * CRASH_BUILD_ID_MAX + 1] = "";
    if (m->build_id_len == 0 || m->build_id_len > CRASH_BUILD_ID_MAX)
        return;
    for (uint32_t i = 0; i < m->build_id_len; i++)
        snprintf(text + 2 * i, 3, "%02x", m->build_id[i]);
    json_member_str(w, "build_id", text);
}

static const struct crash_module *module_of(const struct crash_report *c,
                                            const struct crash_frame *f)
{
    const bool is_known =
        f->module < c->n_modules && f->module < CRASH_MODULES_MAX && c->modules[f->module].name[0];
    return is_known ? &c->modules[f->module] : NULL;
}

/* The offset is the address in the file: it means something to whoever has a file of that build-id,
 * and the same in every run. */
static void put_frame(struct json_writer *w, const struct crash_report *c,
                      const struct crash_frame *f)
{
    const struct crash_module *m = module_of(c, f);
    json_open(w, '{');
    if (m != NULL) {
        put_name(w, m->name);
        put_build_id(w, m);
        json_key(w, "offset");
        put_hex(w, f->address - m->bias);
    }
    json_key(w, "address");
    put_hex(w, f->address);
    json_close(w, '}');
}

static void put_frames(struct json_writer *w, const struct crash_report *c)
{
    json_key(w, "frames");
    json_open(w, '[');
    for (uint32_t i = 0; i < c->n_frames && i < CRASH_FRAMES_MAX; i++)
        put_frame(w, c, &c->frames[i]);
    json_close(w, ']');
}

static void put_crash(struct json_writer *w, const struct crash_report *c)
{
    json_member_int(w, "si_code", c->code);
    if (c->signal == SIGSYS && c->syscall >= 0) {
        json_member_int(w, "syscall_number", c->syscall);
        json_member_str(w, "syscall", syscall_name(c->syscall));
    }
    if (has_address(c)) {
        json_key(w, "address");
        put_hex(w, c->address);
    }
    put_frames(w, c);
}

static void put_signal(struct json_writer *w, const struct evidence *e)
{
    char name[24];
    const char *abbrev = sigabbrev_np(signal_of(e));
    snprintf(name, sizeof name, "SIG%s", abbrev != NULL ? abbrev : "?");
    json_member_int(w, "signal_number", signal_of(e));
    json_member_str(w, "signal", name);
    if (crash_of(e) != NULL)
        put_crash(w, crash_of(e));
}

/* The codes whose reason may stand in what the task printed before. */
static bool wants_log(enum code code)
{
    static const enum code codes[] = {
        CODE_CRASH,       CODE_TIMEOUT,    CODE_OOM,    CODE_CPU_LIMIT, CODE_SANDBOX_VIOLATION,
        CODE_PLUGIN_EXIT, CODE_DISK_LIMIT, CODE_KILLED, CODE_NO_RESULT,
    };
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        if (codes[i] == code)
            return true;
    }
    return false;
}

static void put_last_log(struct json_writer *w, const struct evidence *e)
{
    const char *at = e->last_log, *end = at + e->last_log_len;
    json_key(w, "last_log");
    json_open(w, '[');
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        const size_t n = (size_t)((stop != NULL ? stop : end) - at);
        json_put_strn(w, at, n);
        at += n + 1;
    }
    json_close(w, ']');
}

static void put_limits(struct json_writer *w, enum code code, const struct evidence *e)
{
    if (code == CODE_TIMEOUT && e->killed != KILL_DEADLINE)
        json_member_int(w, "limit_ms", e->wall_limit_ms);
    if (code == CODE_CPU_LIMIT) {
        json_member_int(w, "cpu_ms", (int64_t)(e->cpu_us / 1000));
        json_member_int(w, "limit_ms", e->cpu_limit_ms);
    }
    if (code == CODE_OOM) {
        json_member_int(w, "limit_bytes", (int64_t)e->memory_limit_bytes);
        if (e->memory_peak_bytes > 0)
            json_member_int(w, "peak_bytes", (int64_t)e->memory_peak_bytes);
        /* The handler's word, not the kernel's. */
        if (crash_of(e) != NULL)
            json_member_bool(w, "probable", true);
    }
    if (code == CODE_DISK_LIMIT && e->killed == KILL_DISK) {
        json_member_int(w, "limit_bytes", (int64_t)e->dir_limit_bytes);
        json_member_int(w, "limit_files", e->dir_limit_files);
    }
}

void verdict_details(struct buf *out, enum code code, const struct evidence *e)
{
    struct json_writer w;
    json_begin(&w, out);
    json_open(&w, '{');
    if (signal_of(e) != 0)
        put_signal(&w, e);
    if (exit_of(e) != 0)
        json_member_int(&w, "exit_status", exit_of(e));
    if (e->has_fail || (e->is_done && e->run_status != 0))
        json_member_int(&w, "plugin_status", e->has_fail ? e->fail_status : e->run_status);
    put_limits(&w, code, e);
    if (wants_log(code) && e->last_log_len > 0)
        put_last_log(&w, e);
    json_close(&w, '}');
    /* Without memory for them the verdict goes without details. */
    if (json_end(&w) < 0 || out->len <= 2)
        buf_reset(out);
}
