/*
 * source_text.c: reads the text of one file through libConfuse. Runs in every program that loads
 * the configuration.
 *
 * libConfuse gets its option arrays from our tables. Each value is taken as text with its line
 * (on_value) and read by our own rows afterwards, in a walk over its tree, so that one wrong value
 * does not hide the next. Two things bend it to that: CFGF_KEYSTRVAL lets it go on behind an
 * unknown option, which on_error has noted by then; and a hidden first option in each section
 * carries the pointer to struct reader, as its callbacks have no argument for it.
 */
#include "conf/sources.h"

#include <confuse.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "conf/tidy.h"

struct reader {
    struct conf *c;
    struct conf_errors *errors;
    struct source source;
    int unknown_line; /* of the last unknown name: what libConfuse trips over behind it is no news
                       */
};

/* A value as it stands in the file. */
struct reading {
    int line;
    char text[];
};

enum { HIDDEN = 0, FIRST_OPTION = 1 };

static struct reader *reader_of(const cfg_t *cfg)
{
    return (struct reader *)cfg->opts[HIDDEN].simple_value.ptr;
}

static struct source *source_at(struct reader *r, int line)
{
    r->source.line = line;
    return &r->source;
}

static int on_value(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
    struct reader *r = reader_of(cfg);
    struct reading *reading = malloc(sizeof *reading + strlen(value) + 1);
    if (reading == NULL)
        return -1;
    reading->line = cfg->line;
    memcpy(reading->text, value, strlen(value) + 1);
    /* def.number is free for this type; nvalues is 1 at the first value of a statement. */
    if (opt->nvalues == 1 && opt->def.number > 0)
        errors_add(r->errors, source_at(r, cfg->line),
                   "\"%s\" is set twice in this section, first in line %ld", opt->name,
                   opt->def.number);
    if (opt->nvalues == 1)
        opt->def.number = cfg->line;
    *(void **)result = reading;
    return 0;
}

static int kind_of(const cfg_t *cfg)
{
    for (int i = 0; i < SECTION_KINDS; i++) {
        if (strcmp(sections[i].name, cfg->name) == 0)
            return i;
    }
    return SECTION_TOP;
}

static void on_unknown(struct reader *r, const cfg_t *cfg, const char *name)
{
    struct buf hint = BUF_INIT(4096), quoted = BUF_INIT(4096);
    section_hint(kind_of(cfg), name, &hint);
    option_quote(name, &quoted);
    errors_add(r->errors, source_at(r, cfg->line), "unknown name %s%s", buf_cstr(&quoted),
               hint.len > 0 ? buf_cstr(&hint) : "");
    buf_clear(&hint);
    buf_clear(&quoted);
    r->unknown_line = cfg->line;
}

/* libConfuse does not say which kind it was; the first section was closed already, its line is that
 * of its brace. */
static void on_twice(struct reader *r, cfg_t *cfg, const char *title)
{
    const char *kind = NULL;
    int ends = 0;
    for (unsigned i = 0; i < cfg_num(cfg); i++) {
        cfg_opt_t *opt = cfg_getnopt(cfg, i);
        const cfg_t *first = opt->type == CFGT_SEC ? cfg_opt_gettsec(opt, title) : NULL;
        if (first == NULL)
            continue;
        ends = kind == NULL ? first->line : 0;
        kind = kind == NULL ? opt->name : "section";
    }
    errors_add(r->errors, source_at(r, cfg->line), "a second %s \"%s\" in this file", kind, title);
    if (ends > 0)
        errors_add(r->errors, source_at(r, ends), "the first %s \"%s\" ends here", kind, title);
}

/* Formats are compared as they stand in libConfuse 3.3; another one is only passed on. */
static void on_error(cfg_t *cfg, const char *format, va_list ap)
{
    struct reader *r = reader_of(cfg);
    char text[256];
    if (strcmp(format, "no such option '%s'") == 0) {
        on_unknown(r, cfg, va_arg(ap, const char *));
        return;
    }
    if (strcmp(format, "found duplicate title '%s'") == 0) {
        on_twice(r, cfg, va_arg(ap, const char *));
        return;
    }
    if (cfg->line == r->unknown_line)
        return;
    vsnprintf(text, sizeof text, format, ap);
    errors_add(r->errors, source_at(r, cfg->line), "syntax: %s", text);
}

static cfg_opt_t *make_options(struct reader *r, int kind);

static void fill_options(struct reader *r, int kind, cfg_opt_t *at)
{
    *at++ = (cfg_opt_t){.name = " ", .type = CFGT_PTR, .simple_value = {.ptr = (void **)r}};
    for (size_t i = 0; kind >= 0 && i < sections[kind].n_options; i++) {
        const struct option *o = &sections[kind].options[i];
        *at++ = (cfg_opt_t){.name = o->name,
                            .type = CFGT_PTR,
                            .flags = option_is_list(o) ? CFGF_LIST : CFGF_NONE,
                            .parsecb = on_value,
                            .freecb = free};
    }
    for (int i = 0; i < SECTION_KINDS; i++) {
        int flags =
            sections[i].title != NULL ? CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES : CFGF_NONE;
        if (sections[i].parent == kind)
            *at++ = (cfg_opt_t){.name = sections[i].name,
                                .type = CFGT_SEC,
                                .flags = flags,
                                .subopts = make_options(r, i)};
    }
}

/* NULL for want of memory stays NULL in subopts: libConfuse then refuses the section. */
static cfg_opt_t *make_options(struct reader *r, int kind)
{
    size_t n = FIRST_OPTION + (kind >= 0 ? sections[kind].n_options : 0) + SECTION_KINDS + 1;
    cfg_opt_t *options = calloc(n, sizeof *options);
    if (options != NULL)
        fill_options(r, kind, options);
    return options;
}

static void free_options(cfg_opt_t *options)
{
    for (cfg_opt_t *at = options; at != NULL && at->name != NULL; at++)
        free_options(at->subopts);
    free(options);
}

static void take_value(struct reader *r, struct node *n, const struct option *o,
                       const cfg_opt_t *opt)
{
    const char **items = calloc(opt->nvalues + 1, sizeof *items);
    const struct reading *first = NULL;
    if (items == NULL) {
        errors_add(r->errors, &r->source, "out of memory");
        return;
    }
    for (unsigned i = 0; i < opt->nvalues; i++) {
        const struct reading *reading = opt->values[i]->ptr;
        if (reading == NULL)
            goto out; /* parsing ended in the middle of it */
        items[i] = reading->text;
        first = first != NULL ? first : reading;
    }
    struct option_text text = {.items = items, .n = opt->nvalues, .base = r->source.base};
    node_set(n, o, &text, source_at(r, first != NULL ? first->line : 0), r->errors);
out:
    free(items);
}

/* The line of the first value, or that of the closing brace. */
static int line_of(const cfg_t *cfg, const struct section *s)
{
    int line = cfg->line;
    for (size_t i = 0; i < s->n_options; i++) {
        int at = (int)cfg->opts[FIRST_OPTION + i].def.number;
        line = at > 0 && at < line ? at : line;
    }
    return line;
}

static void walk(struct reader *r, cfg_t *cfg, int kind, struct node *parent);

static void walk_options(struct reader *r, const cfg_t *cfg, struct node *n)
{
    for (size_t i = 0; i < n->section->n_options; i++) {
        const struct option *o = &n->section->options[i];
        const cfg_opt_t *opt = &cfg->opts[FIRST_OPTION + i];
        bool is_empty_list = option_is_list(o) && (opt->flags & CFGF_MODIFIED) != 0;
        if (opt->nvalues > 0 || is_empty_list)
            take_value(r, n, o, opt);
    }
}

static void walk_sections(struct reader *r, cfg_t *cfg, int kind, struct node *n)
{
    for (unsigned i = 0; i < cfg_num(cfg); i++) {
        cfg_opt_t *opt = cfg_getnopt(cfg, i);
        int child = opt->type == CFGT_SEC ? section_find(kind, opt->name) : -1;
        for (unsigned j = 0; child >= 0 && j < opt->nvalues; j++) {
            if (opt->values[j]->section != NULL)
                walk(r, opt->values[j]->section, child, n);
        }
    }
}

static void walk(struct reader *r, cfg_t *cfg, int kind, struct node *parent)
{
    const char *title = cfg->title != NULL ? cfg->title : "";
    struct source *source = source_at(r, line_of(cfg, &sections[kind]));
    struct node *n = store_node(r->c, (enum section_kind)kind, parent, title, source, r->errors);
    if (n == NULL)
        return;
    walk_options(r, cfg, n);
    walk_sections(r, cfg, kind, n);
}

static void parse(struct reader *r, const char *text)
{
    cfg_opt_t *options = make_options(r, SECTION_TOP);
    cfg_t *cfg = options != NULL ? cfg_init(options, CFGF_KEYSTRVAL) : NULL;
    free_options(options);
    if (cfg == NULL) {
        errors_add(r->errors, &r->source, "out of memory");
        return;
    }
    cfg_set_error_function(cfg, on_error);
    size_t before = r->errors->n;
    if (cfg_parse_buf(cfg, text) != CFG_SUCCESS && r->errors->n == before)
        errors_add(r->errors, source_at(r, cfg->line), "it cannot be read as a configuration");
    walk_sections(r, cfg, SECTION_TOP, NULL);
    cfg_free(cfg);
}

/* libConfuse translates its messages, and on_error knows them in English. */
static void parse_in_english(struct reader *r, const char *text)
{
    locale_t english = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t before = english != (locale_t)0 ? uselocale(english) : (locale_t)0;
    parse(r, text);
    if (english != (locale_t)0) {
        uselocale(before);
        freelocale(english);
    }
}

void source_text_read(struct conf *c, const char *name, char *text, size_t len, const char *base,
                      struct conf_errors *errors)
{
    struct reader r = {
        .c = c, .errors = errors, .source = {.name = name, .rank = RANK_FILE, .base = base}};
    struct tidy_fault fault;
    size_t first = errors->n;
    if (tidy_text(text, len, &fault) < 0) {
        errors_add(errors, source_at(&r, fault.line), "%s", fault.what);
        return;
    }
    parse_in_english(&r, text);
    errors_sort(errors, first);
}
