/* reference.c: all options as a document, from the tables. Runs in the command line (`penstock
 * config reference`). */
#include "conf/conf.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "conf/tables.h"

enum { SMALL = 256, TYPE_MAX = 1024 };

/* "plugin.<id>.pipeline.<slug>" */
static void section_path(int kind, char *out, size_t size)
{
    const struct section *s = &sections[kind];
    char parent[SMALL] = "";
    if (s->parent != SECTION_TOP)
        section_path(s->parent, parent, sizeof parent);
    snprintf(out, size, "%s%s%s%s%s", parent, parent[0] != '\0' ? "." : "", s->name,
             s->title != NULL ? "." : "", s->title != NULL ? s->title : "");
}

static void variable_text(const char *path, const char *key, char *out, size_t size)
{
    snprintf(out, size, "PENSTOCK_%s_%s", path, key);
    for (char *at = out; *at != '\0'; at++)
        *at = isalnum((unsigned char)*at) || *at == '<' || *at == '>'
                  ? (char)toupper((unsigned char)*at)
                  : '_';
}

static void flag_text(const struct option *o, char *out, size_t size)
{
    snprintf(out, size, "--%s", o->name);
    for (char *at = out; *at != '\0'; at++)
        *at = *at == '_' ? '-' : *at;
}

static const char *fallback_text(const struct option *o)
{
    if (o->derived != NULL)
        return o->derived;
    return o->fallback[0] != '\0' ? o->fallback : "empty";
}

static int help_one(int kind, const struct option *o,
                    int (*fn)(void *arg, const struct conf_help *help), void *arg)
{
    char path[SMALL], variable[SMALL], flag[SMALL];
    struct buf type = BUF_INIT(TYPE_MAX);
    section_path(kind, path, sizeof path);
    variable_text(path, o->name, variable, sizeof variable);
    flag_text(o, flag, sizeof flag);
    int rc = option_describe(o, &type);
    if (rc == 0) {
        const struct conf_help help = {.section = path,
                                       .key = o->name,
                                       .type = buf_cstr(&type),
                                       .fallback = fallback_text(o),
                                       .help = o->help,
                                       .variable = variable,
                                       .flag = (o->flags & OPTION_FLAG) != 0 ? flag : NULL,
                                       .needs_restart = (o->flags & OPTION_RESTART) != 0};
        rc = help.type != NULL ? fn(arg, &help) : -1;
    }
    buf_clear(&type);
    return rc;
}

static int help_section(int kind, int (*fn)(void *arg, const struct conf_help *help), void *arg)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sections[kind].n_options; i++)
        rc = help_one(kind, &sections[kind].options[i], fn, arg);
    return rc;
}

int conf_each_option(int (*fn)(void *arg, const struct conf_help *help), void *arg)
{
    int rc = 0;
    for (int kind = 0; rc == 0 && kind < SECTION_KINDS; kind++)
        rc = help_section(kind, fn, arg);
    return rc;
}

static int print_markdown(void *arg, const struct conf_help *h)
{
    struct buf *out = arg;
    buf_printf(out, "\n### `%s`\n\n%s\n\n", h->key, h->help);
    buf_printf(out, "Takes %s. Default: %s. Variable: `%s`.", h->type, h->fallback, h->variable);
    if (h->flag != NULL)
        buf_printf(out, " Flag: `%s`.", h->flag);
    if (h->needs_restart)
        buf_append_str(out, " Takes effect at the next start.");
    return buf_append_str(out, "\n");
}

static int print_plain(void *arg, const struct conf_help *h)
{
    struct buf *out = arg;
    buf_printf(out, "\n  %s\n      %s\n      Takes %s. Default: %s.\n      %s", h->key, h->help,
               h->type, h->fallback, h->variable);
    return buf_printf(out, "%s%s%s\n", h->flag != NULL ? ", flag " : "",
                      h->flag != NULL ? h->flag : "",
                      h->needs_restart ? "; takes effect at the next start" : "");
}

/* The opening line of a section in a file. */
static int print_opening(int kind, struct buf *out)
{
    const struct section *s = &sections[kind];
    if (s->parent != SECTION_TOP && print_opening(s->parent, out) < 0)
        return -1;
    const char *space = s->parent != SECTION_TOP ? " " : "";
    if (s->title == NULL)
        return buf_printf(out, "%s%s {", space, s->name);
    return buf_printf(out, "%s%s \"%s\" {", space, s->name, s->title);
}

static int print_heading(int kind, enum conf_text form, struct buf *out)
{
    bool is_markdown = form == CONF_TEXT_MARKDOWN;
    buf_append_str(out, is_markdown ? "\n## `" : "\n");
    print_opening(kind, out);
    return buf_printf(out, is_markdown ? "`\n\n%s\n" : "\n  %s\n", sections[kind].help);
}

int conf_reference(enum conf_text form, struct buf *out)
{
    bool is_markdown = form == CONF_TEXT_MARKDOWN;
    buf_append_str(out, is_markdown ? "# plugins.conf\n\n" : "plugins.conf\n\n");
    buf_append_str(
        out,
        "A later source wins: defaults, /usr/lib/penstock/*.conf, /etc/penstock/plugins.conf, "
        "/etc/penstock/conf.d/*.conf,\nvariables PENSTOCK_*, flags. With --config FILE that file "
        "stands in place of the others. Any option can be\nset by --set SECTION.OPTION=VALUE.\n");
    for (int kind = 0; kind < SECTION_KINDS; kind++) {
        print_heading(kind, form, out);
        if (help_section(kind, is_markdown ? print_markdown : print_plain, out) < 0)
            return -1;
    }
    return buf_append_str(out, "");
}
