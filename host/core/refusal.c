/* refusal.c: REFUSED in the making. Runs in the core. */
#include "core/refusal.h"

#include <stdarg.h>
#include <stdio.h>

void refusal_clear(struct refusal *r)
{
    buf_clear(&r->errors);
}

int refuse(struct refusal *r, enum code code, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    vsnprintf(r->message, sizeof r->message, format, ap);
    va_end(ap);
    r->code = code;
    return -1;
}

static void add_error(struct refusal *r, const char *pointer, const char *message)
{
    struct json_writer w;
    size_t before = r->errors.len;
    if (before > 0)
        buf_append_char(&r->errors, ',');
    json_begin(&w, &r->errors);
    json_open(&w, '{');
    json_member_str(&w, "path", pointer);
    json_member_str(&w, "message", message);
    json_close(&w, '}');
    if (json_end(&w) < 0)
        r->errors.len = before; /* over the limit: the first ones were told */
}

int refuse_at(struct refusal *r, const char *pointer, const char *format, ...)
{
    char text[REFUSAL_TEXT / 2];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    add_error(r, pointer, text);
    return refuse(r, CODE_INVALID_INPUT, "%.200s: %s", pointer, text);
}

void refusal_write(const struct refusal *r, struct json_writer *w)
{
    json_member_str(w, "code", code_name(r->code));
    json_member_str(w, "message", r->message);
    json_member_str(w, "fault", code_fault_name(r->code));
    json_member_bool(w, "retryable", code_info(r->code)->is_retryable);
    if (r->retry_after_ms > 0)
        json_member_int(w, "retry_after_ms", r->retry_after_ms);
    if (r->errors.len == 0)
        return;
    json_key(w, "details");
    json_open(w, '{');
    json_key(w, "errors");
    json_open(w, '[');
    json_put_raw(w, (const char *)r->errors.data, r->errors.len);
    json_close(w, ']');
    json_close(w, '}');
}
