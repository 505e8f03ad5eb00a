/* avtomatika_map.c: translations between Avtomatika's words and ours. Pure; runs in
 * penstock-shim. */
#include "shim/avtomatika_map.h"

#include <math.h>
#include <string.h>

#include "base/buf.h"

double avt_priority(double theirs)
{
    enum { MIDDLE = 5, ABOVE = 4, BELOW = 5, HALFWAY = 5 };
    if (isnan(theirs))
        return MIDDLE;
    if (isinf(theirs))
        return theirs > 0 ? MIDDLE + ABOVE : 0;
    double part = theirs / (fabs(theirs) + HALFWAY); /* -1 to 1 */
    return MIDDLE + part * (theirs > 0 ? ABOVE : BELOW);
}

int64_t avt_deadline_ms(double seconds)
{
    const double latest = 9e15; /* whole milliseconds are exact up to here */
    if (!(seconds > 0))
        return 0;
    return (int64_t)fmin(seconds * 1000, latest);
}

/* A number is read as 64 bits or as a double; a whole double past 64 bits it cannot write back when
 * it checks the signature. */
static bool is_number_fine(const struct json_doc *doc, uint32_t i)
{
    static const char u64_max[] = "18446744073709551615";
    const double past_u64 = 18446744073709551616.0, i64_min = -9223372036854775808.0;
    double v;
    int64_t whole;
    struct json_span s = json_at(doc, i);
    bool is_float =
        memchr(s.at, '.', s.len) || memchr(s.at, 'e', s.len) || memchr(s.at, 'E', s.len);
    if (is_float)
        return json_f64(doc, i, &v) == 0 && (v != floor(v) || (v >= i64_min && v < past_u64));
    if (json_i64(doc, i, &whole) == 0)
        return true;
    size_t most = sizeof u64_max - 1;
    return s.at[0] != '-' && (s.len < most || (s.len == most && memcmp(s.at, u64_max, most) <= 0));
}

const char *avt_why_not(const struct json_doc *doc, uint32_t i, int depth)
{
    const char *why = NULL;
    enum json_kind kind = json_kind(doc, i);
    if (depth > AVT_DEPTH_MAX)
        return "it is nested too deeply for the orchestrator";
    if (kind == JSON_NUMBER)
        return is_number_fine(doc, i) ? NULL : "it has a number that the orchestrator cannot hold";
    if (kind != JSON_OBJECT && kind != JSON_ARRAY)
        return NULL;
    uint32_t t = json_first(i);
    for (uint32_t n = doc->tokens[i].count; n > 0 && why == NULL; n--) {
        t += kind == JSON_OBJECT; /* the value behind the key */
        why = avt_why_not(doc, t, depth + 1);
        t = json_next(doc, t);
    }
    return why;
}

/* Details are for people: without them the result is still right. */
static bool are_details_fine(struct json_span details)
{
    enum { DETAILS_MAX = 64 * 1024, DETAILS_DEPTH = 3 };
    struct json_doc doc = JSON_DOC_INIT;
    struct json_fault fault;
    bool is_fine = details.at != NULL && details.len <= DETAILS_MAX &&
                   json_scan(&doc, details.at, details.len, &fault) == 0 &&
                   avt_why_not(&doc, 0, DETAILS_DEPTH) == NULL;
    json_doc_clear(&doc);
    return is_fine;
}

int avt_error(const char *avt_code, const char *message, enum code code, struct json_span details,
              struct buf *out)
{
    enum { MESSAGE_MAX = 4000 };
    struct json_writer w;
    json_begin(&w, out);
    json_open(&w, '{');
    json_member_str(&w, "code", avt_code);
    json_key(&w, "message");
    json_put_strn(&w, message, strnlen(message, MESSAGE_MAX));
    json_key(&w, "details");
    json_open(&w, '{');
    json_member_str(&w, "code", code_name(code));
    json_member_str(&w, "fault", code_fault_name(code));
    if (are_details_fine(details))
        json_member_raw(&w, "details", details);
    json_close(&w, '}');
    json_close(&w, '}');
    return json_end(&w);
}

static bool takes_outputs(struct json_span data, bool has_outputs, bool *is_empty)
{
    struct json_doc doc = JSON_DOC_INIT;
    struct json_fault fault;
    bool takes =
        json_scan(&doc, data.at, data.len, &fault) == 0 && json_kind(&doc, 0) == JSON_OBJECT;
    *is_empty = takes && doc.tokens[0].count == 0;
    takes = takes && (!has_outputs || json_find(&doc, 0, "outputs") == 0);
    json_doc_clear(&doc);
    return takes;
}

int avt_data(struct json_span data, struct json_span outputs, struct buf *out)
{
    bool is_empty = true;
    struct json_writer w;
    if (data.at == NULL && outputs.at == NULL)
        return 0;
    if (data.at != NULL && takes_outputs(data, outputs.at != NULL, &is_empty)) {
        if (outputs.at == NULL)
            return buf_append(out, data.at, data.len);
        /* Its last byte is the brace. */
        if (buf_append(out, data.at, data.len - 1) < 0 ||
            buf_append_str(out, is_empty ? "\"outputs\":" : ",\"outputs\":") < 0 ||
            buf_append(out, outputs.at, outputs.len) < 0)
            return -1;
        return buf_append_char(out, '}');
    }
    json_begin(&w, out);
    json_open(&w, '{');
    if (data.at != NULL)
        json_member_raw(&w, "data", data);
    if (outputs.at != NULL)
        json_member_raw(&w, "outputs", outputs);
    json_close(&w, '}');
    return json_end(&w);
}
