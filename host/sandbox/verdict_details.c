/* verdict_details.c: the facts behind a verdict as JSON. Runs in the core. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "sandbox/verdict_internal.h"

static void put_hex(struct json_writer *w, const char *prefix, uint64_t v)
{
    char text[48];
    snprintf(text, sizeof text, "%s0x%llx", prefix, (unsigned long long)v);
    json_put_str(w, text);
}

/* Addresses inside the plugin become offsets, which mean something to whoever has the file. */
static void put_frames(struct json_writer *w, const struct crash_report *c)
{
    enum { PLUGIN_SPAN = 1 << 30 };
    json_key(w, "frames");
    json_open(w, '[');
    for (uint32_t i = 0; i < c->n_frames && i < CRASH_FRAMES_MAX; i++) {
        uint64_t offset = c->frames[i] - c->plugin_base;
        bool is_inside = c->plugin_base != 0 && offset < PLUGIN_SPAN;
        put_hex(w, is_inside ? "plugin+" : "", is_inside ? offset : c->frames[i]);
    }
    json_close(w, ']');
}

static void put_crash(struct json_writer *w, const struct crash_report *c)
{
    json_member_int(w, "si_code", c->code);
    if (c->signal == SIGSYS && c->syscall >= 0) {
        json_member_int(w, "syscall_number", c->syscall);
        json_member_str(w, "syscall", syscall_name(c->syscall));
    }
    if (c->code > 0 && c->signal != SIGSYS && c->signal != SIGABRT) {
        json_key(w, "address");
        put_hex(w, "", c->address);
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

static void put_limits(struct json_writer *w, enum code code, const struct evidence *e)
{
    if (code == CODE_TIMEOUT)
        json_member_int(w, "limit_ms", e->wall_limit_ms);
    if (code == CODE_CPU_LIMIT) {
        json_member_int(w, "cpu_ms", (int64_t)(e->cpu_us / 1000));
        json_member_int(w, "limit_ms", e->cpu_limit_ms);
    }
    if (code == CODE_OOM) {
        json_member_int(w, "limit_bytes", (int64_t)e->memory_limit_bytes);
        if (e->memory_peak_bytes > 0)
            json_member_int(w, "peak_bytes", (int64_t)e->memory_peak_bytes);
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
    json_close(&w, '}');
    /* Without memory for them the verdict goes without details. */
    if (json_end(&w) < 0 || out->len <= 2)
        buf_reset(out);
}
