/* schema_report.c: the words and pointers of what is wrong with a value. Runs in the core, per
 * task. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "plugin/schema_internal.h"

enum { POINTER_MAX = 1024, MESSAGE_MAX = 1024 };

/* Number of bytes of s, at most n, that end with a whole character; s is longer than n. */
static size_t cut(const char *s, size_t n)
{
    while (n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80)
        n--;
    return n;
}

const char *schema_shown(const struct json_doc *doc, uint32_t token, char *out)
{
    static const char *const containers[] = {
        [JSON_OBJECT] = "an object", [JSON_ARRAY] = "an array"};
    struct json_span raw = json_at(doc, token);
    enum json_kind kind = json_kind(doc, token);
    size_t room = SCHEMA_SHOWN - 5; /* for ..." and the NUL */
    if (kind == JSON_OBJECT || kind == JSON_ARRAY)
        snprintf(out, SCHEMA_SHOWN, "%s", containers[kind]);
    else if (raw.len <= room)
        snprintf(out, SCHEMA_SHOWN, "%.*s", (int)raw.len, raw.at);
    else
        snprintf(out, SCHEMA_SHOWN, "%.*s...%s", (int)cut(raw.at, room), raw.at,
                 kind == JSON_STRING ? "\"" : "");
    return out;
}

void schema_type_words(unsigned types, char *out, size_t n)
{
    static const struct {
        const char *name;
        unsigned bits;
    } words[] = {{"an object", ON_OBJECT}, {"an array", ON_ARRAY},     {"a string", ON_STRING},
                 {"a number", ON_NUMBER},  {"an integer", ON_INTEGER}, {"a boolean", ON_BOOLEAN},
                 {"null", ON_NULL}};
    size_t at = 0;
    if ((types & ON_NUMBER) != 0)
        types &= ~(unsigned)ON_INTEGER;
    out[0] = '\0';
    for (size_t i = 0; i < sizeof words / sizeof *words && at < n; i++) {
        if ((types & words[i].bits) == 0)
            continue;
        types &= ~words[i].bits;
        const char *between = at == 0 ? "" : types != 0 ? ", " : " or ";
        at += (size_t)snprintf(out + at, n - at, "%s%s", between, words[i].name);
    }
}

/* --- pointers: built backwards, from the value up to the root --- */

struct pointer {
    char *start; /* of the buffer */
    char *at;    /* of what is written; ends with a NUL */
    bool is_cut;
};

static void pointer_start(struct pointer *p, char *out, size_t n)
{
    out[n - 1] = '\0';
    *p = (struct pointer){.start = out, .at = out + n - 1};
}

static void prepend(struct pointer *p, const char *s, size_t n)
{
    if (p->is_cut || (size_t)(p->at - p->start) < n + 3) {
        p->is_cut = true;
        return;
    }
    p->at -= n;
    memcpy(p->at, s, n);
}

static void prepend_name(struct pointer *p, const struct json_doc *doc, uint32_t key)
{
    char *name = json_strdup(doc, key);
    const char *s = name != NULL ? name : "?";
    for (size_t n = strlen(s); n > 0; n--) {
        if (s[n - 1] == '~' || s[n - 1] == '/')
            prepend(p, s[n - 1] == '~' ? "~0" : "~1", 2);
        else
            prepend(p, s + n - 1, 1);
    }
    free(name);
    prepend(p, "/", 1);
}

static void prepend_index(struct pointer *p, uint32_t index)
{
    char text[16];
    int n = snprintf(text, sizeof text, "/%u", index);
    prepend(p, text, (size_t)n);
}

/* Moves the text to the start; a pointer that was too long begins with dots, as its end says more.
 */
static void pointer_end(struct pointer *p)
{
    if (p->is_cut) {
        while (((unsigned char)*p->at & 0xc0) == 0x80)
            p->at++;
        p->at -= 3;
        memcpy(p->at, "...", 3);
    }
    memmove(p->start, p->at, strlen(p->at) + 1);
}

void schema_pointer_to_place(const struct json_doc *doc, const struct place *at, char *out,
                             size_t n)
{
    struct pointer p;
    pointer_start(&p, out, n);
    for (; at->up != NULL; at = at->up) {
        if (at->key != SCHEMA_NONE)
            prepend_name(&p, doc, at->key);
        else
            prepend_index(&p, at->index);
    }
    pointer_end(&p);
}

/* Fills the place of the child of `up` in which the token lies. */
static void descend(const struct json_doc *doc, const struct place *up, uint32_t token,
                    struct place *child)
{
    bool is_object = json_kind(doc, up->token) == JSON_OBJECT;
    uint32_t at = json_first(up->token), index = 0;
    while (json_next(doc, is_object ? at + 1 : at) <= token) {
        at = json_next(doc, is_object ? at + 1 : at);
        index++;
    }
    *child = (struct place){.up = up,
                            .token = is_object ? at + 1 : at,
                            .key = is_object ? at : SCHEMA_NONE,
                            .index = index};
}

void schema_pointer_to_token(const struct json_doc *doc, uint32_t token, char *out, size_t n)
{
    struct place path[JSON_DEPTH_MAX + 1] = {{.token = 0, .key = SCHEMA_NONE}};
    size_t depth = 0;
    /* A member's name stands for its value. */
    while (path[depth].token < token) {
        descend(doc, &path[depth], token, &path[depth + 1]);
        depth++;
    }
    schema_pointer_to_place(doc, &path[depth], out, n);
}

/* --- problems --- */

static void report(struct check *k, const struct place *at, const char *format, va_list ap)
{
    char pointer[POINTER_MAX], message[MESSAGE_MAX];
    if (k->fn == NULL || k->problems >= SCHEMA_PROBLEMS_MAX)
        return;
    k->problems++;
    schema_pointer_to_place(k->doc, at, pointer, sizeof pointer);
    int n = vsnprintf(message, sizeof message, format, ap);
    if (n >= (int)sizeof message)
        message[cut(message, sizeof message - 1)] = '\0';
    k->fn(k->arg, pointer, message);
}

bool schema_fail(struct check *k, const struct place *at, const char *format, ...)
{
    va_list ap;
    if (k->is_quiet || k->is_stopped)
        return false;
    va_start(ap, format);
    report(k, at, format, ap);
    va_end(ap);
    return false;
}

bool schema_stop(struct check *k, const struct place *at, const char *format, ...)
{
    va_list ap;
    if (k->is_stopped)
        return false;
    k->is_stopped = true;
    va_start(ap, format);
    report(k, at, format, ap);
    va_end(ap);
    return false;
}

bool schema_fail_type(struct check *k, const struct place *at, unsigned types)
{
    char words[100], shown[SCHEMA_SHOWN];
    if (k->is_quiet)
        return false;
    schema_type_words(types, words, sizeof words);
    return schema_fail(k, at, "must be %s, is %s", words, schema_shown(k->doc, at->token, shown));
}

/* The property of the node whose name is nearest to the key's, or NULL; the caller frees it. */
static char *nearest_name(const struct check *k, const struct node *node, const char *key)
{
    char *best = NULL;
    int best_distance = (int)(strlen(key) / 3) + 2;
    for (uint32_t i = 0; i < node->n_names; i++) {
        const struct name *name = &k->s->names[node->name + i];
        char *word = name->node != SCHEMA_NONE ? json_strdup(&k->s->doc, name->token) : NULL;
        int distance = word != NULL ? text_distance(key, word) : best_distance;
        if (distance < best_distance) {
            best_distance = distance;
            free(best);
            best = word;
        } else {
            free(word);
        }
    }
    return best;
}

bool schema_fail_member(struct check *k, const struct node *node, const struct place *at)
{
    if (k->is_quiet || k->is_stopped)
        return false;
    char *key = json_strdup(k->doc, at->key);
    char *near = key != NULL ? nearest_name(k, node, key) : NULL;
    if (near != NULL)
        schema_fail(k, at, "is not a known member; did you mean \"%.64s\"?", near);
    else
        schema_fail(k, at, "is not a known member");
    free(near);
    free(key);
    return false;
}

/* --- reports as JSON and as a line --- */

struct explanation {
    struct buf *json, *line;
    bool is_json_full, is_line_full;
    int in_json, in_line; /* problems written */
};

static void add_to_json(struct explanation *x, const char *pointer, const char *message)
{
    struct json_writer w;
    size_t before = x->json->len;
    json_begin(&w, x->json);
    w.comma = x->in_json > 0;
    if (x->in_json == 0)
        json_open(&w, '[');
    json_open(&w, '{');
    json_member_str(&w, "path", pointer);
    json_member_str(&w, "message", message);
    json_close(&w, '}');
    /* The closing bracket must fit too; once there is room for it, it is there. */
    x->is_json_full = json_end(&w) < 0 || buf_reserve(x->json, 1) < 0;
    if (x->is_json_full)
        x->json->len = before;
    else
        x->in_json++;
}

static void add_to_line(struct explanation *x, const char *pointer, const char *message)
{
    const char *separator = x->in_line > 0 ? "; " : "", *colon = pointer[0] != '\0' ? ": " : "";
    x->is_line_full = buf_printf(x->line, "%s%s%s%s", separator, pointer, colon, message) < 0;
    x->in_line += !x->is_line_full;
}

static void explain(void *arg, const char *pointer, const char *message)
{
    struct explanation *x = arg;
    if (x->json != NULL && !x->is_json_full)
        add_to_json(x, pointer, message);
    if (x->line != NULL && !x->is_line_full)
        add_to_line(x, pointer, message);
}

int schema_explain(const struct schema *s, const struct json_doc *doc, uint32_t token,
                   struct buf *json, struct buf *line)
{
    struct explanation x = {.json = json, .line = line};
    int problems = schema_check(s, doc, token, explain, &x);
    if (x.in_json > 0)
        buf_append_char(json, ']');
    return problems;
}
