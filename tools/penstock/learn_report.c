/* learn_report.c: from what was seen to what would have to be configured. Part of the command line. */
#include "learn_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "learn.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/text.h"
#include "conf/conf.h"
#include "conf/extra_calls.h"
#include "plugin/catalog.h"
#include "sandbox/box.h"
#include "sandbox/filter.h"
#include "sandbox/verdict.h"

enum { SNIPPET_MAX = 1 << 20, DOCUMENT_MAX = 4 << 20, ARGUMENTS = 6 };

/* The settings, those that are configured among them, and what no setting gives. */
struct advice {
    const char *profile; /* NULL: as it is by default */
    bool jit;
    struct learn_texts ports, calls, inputs;
    struct learn_texts never, refused, absent, writes; /* names of calls; paths */
    struct learn_texts odd;                            /* inputs that cannot be written down */
    bool wants_both;                                   /* network and GPU */
    bool has_news;                                     /* something that is not configured */
};

static void advice_clear(struct advice *a)
{
    learn_texts_clear(&a->ports);
    learn_texts_clear(&a->calls);
    learn_texts_clear(&a->inputs);
    learn_texts_clear(&a->never);
    learn_texts_clear(&a->refused);
    learn_texts_clear(&a->absent);
    learn_texts_clear(&a->odd);
}

/* ---- what would have to be set
 * --------------------------------------------------------------------- */

/* Whether a box with those rights would let the call through, whatever its arguments are. */
static bool is_given_by(uint32_t rights, int number)
{
    static const uint64_t args[ARGUMENTS];
    const struct filter_key key = {.kind = FILTER_TASK, .rights = rights};
    return filter_judge(&key, number, args) == ANSWER_ALLOW;
}

static void sort_call(struct advice *a, const struct learn *l, int number)
{
    char unnamed[32];
    const char *name = syscall_name(number);
    const enum filter_answer answer = (enum filter_answer)(l->calls[number] - 1);
    snprintf(unnamed, sizeof unnamed, "system call %d", number);
    if (name != NULL && ((l->wants_network && is_given_by(BOX_MAY_NETWORK, number)) ||
                         (l->wants_jit && is_given_by(BOX_MAY_JIT, number))))
        return;
    struct learn_texts *list = answer == ANSWER_TRAP     ? &a->never
                               : answer == ANSWER_ENOSYS ? &a->absent
                                                         : &a->refused;
    if (name != NULL && extra_call_bit(name) != 0 && answer != ANSWER_ENOSYS)
        list = &a->calls;
    learn_note_text(list, name != NULL ? name : unnamed);
}

static void advise_calls(struct advice *a, const struct conf_pipeline *c, const struct learn *l)
{
    for (size_t i = 0; i < c->extra_syscalls.n; i++)
        learn_note_text(&a->calls, c->extra_syscalls.items[i]);
    const size_t known = a->calls.n;
    for (int i = 0; i < LEARN_CALLS; i++) {
        if (l->calls[i] != 0)
            sort_call(a, l, i);
    }
    a->has_news |= a->calls.n > known;
}

static void advise_ports(struct advice *a, const struct conf_pipeline *c, const struct learn *l)
{
    for (size_t i = 0; c->profile == CONF_PROFILE_NETWORK && i < c->connect_ports.n; i++) {
        if (strcmp(c->connect_ports.items[i], "0") == 0)
            return; /* all of them, already */
        learn_note_text(&a->ports, c->connect_ports.items[i]);
    }
    const size_t known = a->ports.n;
    if (l->has_more_ports) /* more than can be named: 0 stands for all of them */
        learn_note_text(&a->ports, "0");
    for (size_t i = 0; i < l->n_ports && !l->has_more_ports; i++) {
        char text[16];
        snprintf(text, sizeof text, "%u", l->ports[i]);
        learn_note_text(&a->ports, text);
    }
    a->has_news |= a->ports.n > known;
}

/* The profile network brings these along. */
static bool is_of_network(const char *path)
{
    static const char *const files[] = {
        "/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf",  "/etc/gai.conf",
        "/etc/services",    "/etc/ssl",   "/etc/ca-certificates"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const size_t n = strlen(files[i]);
        if (strncmp(path, files[i], n) == 0 && (path[n] == '\0' || path[n] == '/'))
            return true;
    }
    return false;
}

/* Between quotes in a file of the configuration. */
static bool can_be_written(const char *path)
{
    return path[strcspn(path, "\"\\$'\n\r")] == '\0' && text_is_utf8(path, strlen(path));
}

static void advise_inputs(struct advice *a, const struct conf_pipeline *c, const struct learn *l,
                          bool has_network)
{
    for (size_t i = 0; i < c->inputs.n; i++)
        learn_note_text(&a->inputs, c->inputs.items[i]);
    const size_t known = a->inputs.n;
    for (size_t i = 0; i < l->reads.n; i++) {
        const char *path = l->reads.items[i];
        if (!has_network || !is_of_network(path))
            learn_note_text(can_be_written(path) ? &a->inputs : &a->odd, path);
    }
    a->has_news |= a->inputs.n > known;
}

static const char *advise_profile(const struct conf_pipeline *c, const struct learn *l,
                                  const struct advice *a)
{
    if (l->wants_network || c->profile == CONF_PROFILE_NETWORK)
        return "network";
    if (l->wants_gpu || c->profile == CONF_PROFILE_GPU)
        return "gpu";
    if (c->profile == CONF_PROFILE_STRICT)
        return a->inputs.n > 0 ? "default" : "strict";
    return NULL;
}

static void advise(struct advice *a, const struct conf_pipeline *c, const struct learn *l)
{
    const bool has_network = l->wants_network || c->profile == CONF_PROFILE_NETWORK;
    a->jit = c->jit || l->wants_jit;
    a->has_news = (l->wants_jit && !c->jit) ||
                  (l->wants_network && c->profile != CONF_PROFILE_NETWORK) ||
                  (l->wants_gpu && c->profile != CONF_PROFILE_GPU);
    a->writes = l->writes; /* borrowed */
    a->wants_both = has_network && (l->wants_gpu || c->profile == CONF_PROFILE_GPU);
    advise_calls(a, c, l);
    if (has_network)
        advise_ports(a, c, l);
    advise_inputs(a, c, l, has_network);
    a->profile = advise_profile(c, l, a);
}

/* ---- as text
 * -------------------------------------------------------------------------------------- */

static void put_list(struct buf *out, const char *key, const struct learn_texts *t,
                     const char *quote)
{
    if (t->n == 0)
        return;
    buf_printf(out, "        %s = {", key);
    for (size_t i = 0; i < t->n; i++)
        buf_printf(out, "%s%s%s%s", i > 0 ? ", " : "", quote, t->items[i], quote);
    buf_append_str(out, "}\n");
}

static void put_snippet(struct buf *out, const struct catalog_pipeline *p, const struct advice *a)
{
    buf_printf(out, "plugin \"%s\" {\n    pipeline \"%s\" {\n", p->plugin->id, p->slug);
    if (a->profile != NULL)
        buf_printf(out, "        profile = %s\n", a->profile);
    put_list(out, "connect_ports", &a->ports, "");
    put_list(out, "extra_syscalls", &a->calls, "");
    put_list(out, "inputs", &a->inputs, "\"");
    if (a->jit)
        buf_append_str(out, "        jit = yes\n");
    buf_append_str(out, "    }\n}\n");
}

static bool has_settings(const struct advice *a)
{
    return a->profile != NULL || a->ports.n > 0 || a->calls.n > 0 || a->inputs.n > 0 || a->jit;
}

/* Of a plugin's own words: no line of them may end the comment. */
static void put_remark(struct buf *out, const char *what, const struct learn_texts *t)
{
    if (t->n == 0)
        return;
    buf_printf(out, "# %s", what);
    for (size_t i = 0; i < t->n; i++) {
        buf_append_str(out, i > 0 ? ", " : " ");
        for (const char *c = t->items[i]; *c != '\0'; c++)
            buf_append_char(out, (unsigned char)*c < ' ' || *c == 0x7f ? '?' : *c);
    }
    if (t->n_dropped > 0)
        buf_printf(out, " and %zu more", t->n_dropped);
    buf_append_char(out, '\n');
}

static void put_text(struct buf *out, const struct catalog_pipeline *p, const struct learn *l,
                     const struct advice *a)
{
    buf_printf(out, "# %s, in one task: %s\n", p->slug,
               a->has_news       ? "it needs what its configuration does not give"
               : has_settings(a) ? "its configuration gives what it needs"
                                 : "it needs nothing to be configured");
    put_remark(out, "It connected to", &l->hosts);
    put_remark(out, "Never allowed, and ends the task:", &a->never);
    put_remark(out, "Refused with an error in every profile but off; most plugins do without:",
               &a->refused);
    put_remark(out, "Written to, but only a task's own directory can be:", &a->writes);
    put_remark(out, "Inputs with names that cannot stand here:", &a->odd);
    if (a->wants_both)
        buf_append_str(out, "# It wants the network and a GPU: no profile gives both.\n");
    if (l->is_blind)
        buf_append_str(out,
                       "# Its memory cannot be read here (kernel.yama.ptrace_scope?): files and "
                       "addresses are missing.\n");
    if (l->is_deaf)
        buf_append_str(out, "# Watching it failed in between: this is not all.\n");
    if (has_settings(a))
        put_snippet(out, p, a);
}

/* ---- as JSON
 * -------------------------------------------------------------------------------------- */

static void put_array(struct json_writer *w, const char *key, const struct learn_texts *t)
{
    json_key(w, key);
    json_open(w, '[');
    for (size_t i = 0; i < t->n; i++)
        json_put_str(w, t->items[i]);
    json_close(w, ']');
}

static void put_settings(struct json_writer *w, const struct advice *a)
{
    json_key(w, "settings");
    json_open(w, '{');
    json_member_str(w, "profile", a->profile);
    put_array(w, "connect_ports", &a->ports);
    put_array(w, "extra_syscalls", &a->calls);
    put_array(w, "inputs", &a->inputs);
    json_member_bool(w, "jit", a->jit);
    json_close(w, '}');
}

static int put_json(struct buf *out, const struct catalog_pipeline *p, const struct learn *l,
                    const struct advice *a)
{
    struct json_writer w;
    struct buf snippet = BUF_INIT(SNIPPET_MAX);
    if (has_settings(a))
        put_snippet(&snippet, p, a);
    json_begin(&w, out);
    json_open(&w, '{');
    json_member_str(&w, "plugin", p->plugin->id);
    json_member_str(&w, "pipeline", p->slug);
    json_member_str(&w, "task", l->outcome);
    put_settings(&w, a);
    put_array(&w, "connected", &l->hosts);
    put_array(&w, "never_allowed", &a->never);
    put_array(&w, "refused", &a->refused);
    put_array(&w, "absent", &a->absent);
    put_array(&w, "written", &a->writes);
    json_member_bool(&w, "new", a->has_news);
    json_member_bool(&w, "complete", !l->is_deaf && !l->is_blind);
    json_member_str(&w, "snippet", buf_cstr(&snippet));
    json_close(&w, '}');
    buf_clear(&snippet);
    return json_end(&w) < 0 ? -1 : buf_append_char(out, '\n');
}

int learn_report(const struct cli *cli, const struct conf *conf,
                 const struct catalog_pipeline *pipeline, const struct learn *l)
{
    struct buf out = BUF_INIT(DOCUMENT_MAX);
    struct advice *a = calloc(1, sizeof *a);
    int status = CLI_OK;
    if (a == NULL)
        return cli_no_memory(cli);
    advise(a, conf_pipeline(conf, pipeline->plugin->id, pipeline->slug), l);
    if (!cli->common.is_json)
        put_text(&out, pipeline, l, a);
    else if (put_json(&out, pipeline, l, a) < 0)
        status = cli_no_memory(cli);
    if (status == CLI_OK)
        fwrite(out.data, 1, out.len, stdout);
    advice_clear(a);
    free(a);
    buf_clear(&out);
    return status;
}
