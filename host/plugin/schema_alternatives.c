/* schema_alternatives.c: allOf, anyOf, oneOf, not, $ref. Runs in the core, per task. */
#include <stdio.h>

#include "plugin/schema_internal.h"

bool schema_matches(struct check *k, uint32_t node, const struct place *at)
{
    bool was_quiet = k->is_quiet;
    k->is_quiet = true;
    bool ok = schema_check_node(k, node, at);
    k->is_quiet = was_quiet;
    return ok;
}

bool schema_check_ref(struct check *k, const struct rule *r, const struct place *at)
{
    return schema_check_node(k, r->u.node, at);
}

bool schema_check_all(struct check *k, const struct rule *r, const struct place *at)
{
    bool ok = true;
    for (uint32_t i = 0; i < r->u.list.n && !k->is_stopped; i++) {
        if (!schema_check_node(k, k->s->list[r->u.list.first + i], at))
            ok = false;
        if (!ok && k->is_quiet)
            return false;
    }
    return ok && !k->is_stopped;
}

bool schema_check_not(struct check *k, const struct rule *r, const struct place *at)
{
    char shown[SCHEMA_SHOWN];
    bool matches = schema_matches(k, r->u.node, at);
    if (k->is_stopped)
        return false;
    if (!matches)
        return true;
    return schema_fail(k, at, "must not match what stands in \"not\", is %s",
                       schema_shown(k->doc, at->token, shown));
}

/* The kinds a node can admit, as far as its type, or that of the schema it refers to, says. */
static unsigned types_of(const struct schema *s, uint32_t i)
{
    for (int steps = 0; steps <= SCHEMA_IN_PLACE_MAX; steps++) {
        const struct node *node = &s->nodes[i];
        bool is_ref = node->n_rules == 1 && s->rules[node->rule].keyword->check == schema_check_ref;
        if (node->is_false)
            return 0;
        if (node->types != ON_ANY || !is_ref)
            return node->types;
        i = s->rules[node->rule].u.node;
    }
    return ON_ANY;
}

/* No alternative matched: names the types if none is right, or the problems of the only one of the
 * right type. */
static bool fail_none(struct check *k, const struct rule *r, const struct place *at)
{
    unsigned all_types = 0;
    uint32_t fitting = 0, one = 0;
    if (k->is_quiet || k->is_stopped)
        return false;
    for (uint32_t i = 0; i < r->u.list.n; i++) {
        uint32_t node = k->s->list[r->u.list.first + i];
        unsigned types = types_of(k->s, node);
        all_types |= types;
        if (schema_type_fits(k->doc, at->token, types)) {
            fitting++;
            one = node;
        }
    }
    if (fitting == 0 && all_types != 0)
        return schema_fail_type(k, at, all_types);
    if (fitting == 1)
        return schema_check_node(k, one, at);
    char shown[SCHEMA_SHOWN];
    return schema_fail(k, at, "matches none of the %u alternatives of %s, is %s", r->u.list.n,
                       r->keyword->name, schema_shown(k->doc, at->token, shown));
}

bool schema_check_any(struct check *k, const struct rule *r, const struct place *at)
{
    for (uint32_t i = 0; i < r->u.list.n; i++) {
        if (schema_matches(k, k->s->list[r->u.list.first + i], at))
            return true;
    }
    return fail_none(k, r, at);
}

bool schema_check_one(struct check *k, const struct rule *r, const struct place *at)
{
    uint32_t matching = 0, first = 0;
    for (uint32_t i = 0; i < r->u.list.n && !k->is_stopped; i++) {
        if (!schema_matches(k, k->s->list[r->u.list.first + i], at))
            continue;
        if (++matching > 1)
            return schema_fail(
                k, at, "must match only one alternative of oneOf, matches number %u and number %u",
                first + 1, i + 1);
        first = i;
    }
    if (k->is_stopped)
        return false;
    return matching == 1 ? true : fail_none(k, r, at);
}
