/* schema_values.c: keywords about one value: bounds, lengths, enum, patterns, items that differ. In
 * the core, per task. */
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "plugin/schema_internal.h"

bool schema_type_fits(const struct json_doc *doc, uint32_t token, unsigned types)
{
    if ((types & (1u << json_kind(doc, token))) != 0)
        return true;
    return (types & ON_INTEGER) != 0 && json_is_integral(doc, token);
}

bool schema_check_const(struct check *k, const struct rule *r, const struct place *at)
{
    char wanted[SCHEMA_SHOWN], shown[SCHEMA_SHOWN];
    if (json_equal(k->doc, at->token, &k->s->doc, r->token))
        return true;
    return schema_fail(k, at, "must be %s, is %s", schema_shown(&k->s->doc, r->token, wanted),
                       schema_shown(k->doc, at->token, shown));
}

static bool fail_enum(struct check *k, const struct rule *r, const struct place *at)
{
    enum { VALUES_SHOWN = 12 };
    struct buf list = BUF_INIT(2 * SCHEMA_SHOWN * VALUES_SHOWN);
    char shown[SCHEMA_SHOWN];
    uint32_t value = json_first(r->token), count = k->s->doc.tokens[r->token].count;
    if (k->is_quiet)
        return false;
    for (uint32_t i = 0; i < count && i < VALUES_SHOWN; i++) {
        buf_printf(&list, "%s%s", i > 0 ? ", " : "", schema_shown(&k->s->doc, value, shown));
        value = json_next(&k->s->doc, value);
    }
    if (count > VALUES_SHOWN)
        buf_printf(&list, " and %u more", count - VALUES_SHOWN);
    const char *text = buf_cstr(&list);
    schema_fail(k, at, "must be one of %s; is %s", text != NULL ? text : "its enum",
                schema_shown(k->doc, at->token, shown));
    buf_clear(&list);
    return false;
}

bool schema_check_enum(struct check *k, const struct rule *r, const struct place *at)
{
    const struct json_doc *own = &k->s->doc;
    uint32_t value = json_first(r->token);
    if (!schema_spend(k, own->tokens[r->token].count, at))
        return false;
    for (uint32_t n = own->tokens[r->token].count; n > 0; n--) {
        if (json_equal(k->doc, at->token, own, value))
            return true;
        value = json_next(own, value);
    }
    return fail_enum(k, r, at);
}

static bool fail_bound(struct check *k, const struct rule *r, const struct place *at,
                       const char *relation)
{
    char bound[SCHEMA_SHOWN], shown[SCHEMA_SHOWN];
    return schema_fail(k, at, "must be %s %s, is %s", relation,
                       schema_shown(&k->s->doc, r->token, bound),
                       schema_shown(k->doc, at->token, shown));
}

static int order_to_bound(const struct check *k, const struct rule *r, const struct place *at)
{
    return json_number_order(k->doc, at->token, &k->s->doc, r->token);
}

bool schema_check_minimum(struct check *k, const struct rule *r, const struct place *at)
{
    return order_to_bound(k, r, at) >= 0 || fail_bound(k, r, at, ">=");
}

bool schema_check_maximum(struct check *k, const struct rule *r, const struct place *at)
{
    return order_to_bound(k, r, at) <= 0 || fail_bound(k, r, at, "<=");
}

bool schema_check_above(struct check *k, const struct rule *r, const struct place *at)
{
    return order_to_bound(k, r, at) > 0 || fail_bound(k, r, at, ">");
}

bool schema_check_below(struct check *k, const struct rule *r, const struct place *at)
{
    return order_to_bound(k, r, at) < 0 || fail_bound(k, r, at, "<");
}

bool schema_check_multiple(struct check *k, const struct rule *r, const struct place *at)
{
    return json_multiple_of(k->doc, at->token, &k->s->doc, r->token) == 1 ||
           fail_bound(k, r, at, "a multiple of");
}

static bool check_count(struct check *k, const struct rule *r, const struct place *at,
                        bool is_minimum, uint64_t count, const char *things)
{
    uint64_t limit = (uint64_t)r->u.limit;
    if (is_minimum ? count >= limit : count <= limit)
        return true;
    return schema_fail(k, at, "must have at %s %" PRIu64 " %s, has %" PRIu64,
                       is_minimum ? "least" : "most", limit, things, count);
}

static uint32_t children(const struct check *k, const struct place *at)
{
    return k->doc->tokens[at->token].count;
}

bool schema_check_min_length(struct check *k, const struct rule *r, const struct place *at)
{
    return check_count(k, r, at, true, json_string_length(k->doc, at->token), "characters");
}

bool schema_check_max_length(struct check *k, const struct rule *r, const struct place *at)
{
    return check_count(k, r, at, false, json_string_length(k->doc, at->token), "characters");
}

bool schema_check_min_items(struct check *k, const struct rule *r, const struct place *at)
{
    return check_count(k, r, at, true, children(k, at), "items");
}

bool schema_check_max_items(struct check *k, const struct rule *r, const struct place *at)
{
    return check_count(k, r, at, false, children(k, at), "items");
}

bool schema_check_min_members(struct check *k, const struct rule *r, const struct place *at)
{
    return check_count(k, r, at, true, children(k, at), "members");
}

bool schema_check_max_members(struct check *k, const struct rule *r, const struct place *at)
{
    return check_count(k, r, at, false, children(k, at), "members");
}

/* --- uniqueItems --- */

struct item {
    uint64_t hash;
    uint32_t token, index;
};

static int order_of_items(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

/* The first item in the run that begins at items[at] and equals an earlier one of the run, or n. */
static uint32_t repeated_in_run(const struct json_doc *doc, const struct item *items, uint32_t n,
                                uint32_t at, uint32_t *earlier)
{
    for (uint32_t i = at + 1; i < n && items[i].hash == items[at].hash; i++) {
        for (uint32_t k = at; k < i; k++) {
            if (json_equal(doc, items[k].token, doc, items[i].token)) {
                *earlier = k;
                return i;
            }
        }
    }
    return n;
}

/* The pair of equal items whose second one comes first; false if all differ. */
static bool find_pair(const struct json_doc *doc, const struct item *items, uint32_t n,
                      uint32_t *first, uint32_t *second)
{
    *second = UINT32_MAX;
    for (uint32_t i = 0; i < n;) {
        uint32_t run = i, earlier = 0, later = repeated_in_run(doc, items, n, i, &earlier);
        if (later < n && items[later].index < *second) {
            *first = items[earlier].index;
            *second = items[later].index;
        }
        while (i < n && items[i].hash == items[run].hash)
            i++;
    }
    return *second != UINT32_MAX;
}

static bool check_unique(struct check *k, const struct place *at, struct item *items, uint32_t n)
{
    uint32_t token = json_first(at->token), first, second;
    for (uint32_t i = 0; i < n; i++) {
        items[i] =
            (struct item){.hash = json_hash(k->doc, token, k->s->seed), .token = token, .index = i};
        token = json_next(k->doc, token);
    }
    qsort(items, n, sizeof *items, order_of_items);
    if (!find_pair(k->doc, items, n, &first, &second))
        return true;
    return schema_fail(k, at, "must have different items, but number %u and number %u are equal",
                       first, second);
}

bool schema_check_unique(struct check *k, const struct rule *r, const struct place *at)
{
    enum { FEW = 32 };
    struct item few[FEW], *items = few;
    uint32_t n = children(k, at);
    if (!r->u.limit || n < 2)
        return true;
    if (!schema_spend(k, k->doc->tokens[at->token].next - at->token, at))
        return false;
    if (n > FEW && (items = malloc(n * sizeof *items)) == NULL)
        return schema_stop(k, at, "there is not enough memory to compare its items");
    bool ok = check_unique(k, at, items, n);
    if (items != few)
        free(items);
    return ok;
}

/* --- pattern --- */

/* Backtracking that one match may do: enough for what is quadratic in a short text and linear in a
 * long one. */
enum { TRIES_FIRST = 20000, TRIES_A_BYTE = 200, TRIES_MAX = 5000000, MATCH_MEMORY_KIB = 16 * 1024 };

static int64_t processor_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void set_limits(const struct schema *s, size_t length)
{
    uint64_t tries = TRIES_FIRST + (uint64_t)length * TRIES_A_BYTE;
    pcre2_set_match_limit(s->match_context, (uint32_t)(tries < TRIES_MAX ? tries : TRIES_MAX));
    pcre2_set_heap_limit(s->match_context, MATCH_MEMORY_KIB);
}

static int match(struct check *k, const struct rule *r, const char *text, size_t n)
{
    int64_t start = processor_us();
    set_limits(k->s, n);
    int rc = pcre2_match(r->u.pattern, (PCRE2_SPTR)text, n, 0, PCRE2_NO_UTF_CHECK, k->s->match_data,
                         k->s->match_context);
    k->pattern_us_left -= processor_us() - start;
    return rc;
}

/* The string's text: as it lies if it has no escapes, else unescaped in the schema's scratch
 * memory. */
static int text_of(const struct check *k, uint32_t token, struct json_span *text)
{
    *text = json_at(k->doc, token);
    text->at++;
    text->len -= 2;
    if (!k->doc->tokens[token].escaped)
        return 0;
    buf_reset(k->s->scratch);
    if (json_string(k->doc, token, k->s->scratch) < 0)
        return -1;
    *text = (struct json_span){.at = (const char *)k->s->scratch->data, .len = k->s->scratch->len};
    return 0;
}

bool schema_check_pattern(struct check *k, const struct rule *r, const struct place *at)
{
    char pattern[SCHEMA_SHOWN], shown[SCHEMA_SHOWN];
    struct json_span text;
    if (text_of(k, at->token, &text) < 0)
        return schema_stop(k, at, "there is not enough memory to match it with its pattern");
    int rc = match(k, r, text.at, text.len);
    if (rc >= 0 && k->pattern_us_left > 0)
        return true;
    schema_shown(&k->s->doc, r->token, pattern);
    if (rc == PCRE2_ERROR_NOMATCH && k->pattern_us_left > 0)
        return schema_fail(k, at, "must match the pattern %s, is %s", pattern,
                           schema_shown(k->doc, at->token, shown));
    return schema_stop(k, at, "takes too long to match with the pattern %s", pattern);
}
