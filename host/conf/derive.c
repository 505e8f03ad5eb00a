/*
 * derive.c: the last step of loading: fills in defaults that hang on other values, and checks
 * values against each other. Runs in every program that loads the configuration.
 */
#include "conf/derive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "conf/checks.h"

#ifndef PENSTOCK_PLUGIN_DIRS
#define PENSTOCK_PLUGIN_DIRS "/usr/lib/penstock/plugins, /usr/local/lib/penstock/plugins"
#endif

struct context {
    struct conf *c;
    const struct conf_request *request;
    struct conf_errors *errors;
};

static struct conf_host *host_of(const struct conf *c)
{
    return c->host->data;
}

/* An error about a value: at its origin. */
static struct source at(const struct node *n, const char *option)
{
    const struct origin *o = &n->origins[section_option(n->section, option) - n->section->options];
    return (struct source){.name = o->text != NULL ? o->text : "default"};
}

static void set_host(struct context *x, const char *option, const char *text, const char *origin)
{
    const struct source source = {.name = origin, .rank = RANK_DERIVED};
    if (text == NULL)
        errors_add(x->errors, &source, "out of memory");
    else
        node_set_text(x->c->host, option, text, &source, x->errors);
}

static void derive_folders(struct context *x)
{
    const char *origin;
    const struct source none = {.name = "default"};
    if (host_of(x->c)->runtime_dir[0] == '\0') {
        char *path = derive_runtime_dir(x->request->variables, geteuid(), &origin);
        set_host(x, "runtime_dir", path, origin);
        free(path);
    }
    if (host_of(x->c)->state_dir[0] == '\0') {
        char *path = derive_state_dir(x->request->variables, geteuid(), &origin);
        if (path != NULL)
            set_host(x, "state_dir", path, origin);
        else
            errors_add(x->errors, &none,
                       "host.state_dir: neither XDG_STATE_HOME nor HOME is set: name a folder");
        free(path);
    }
    if (node_rank(x->c->host, "plugin_dirs") == RANK_DEFAULT)
        set_host(x, "plugin_dirs", PENSTOCK_PLUGIN_DIRS, "default");
}

static void derive_socket(struct context *x, const char *option, char *const *path,
                          const char *name)
{
    struct buf why = BUF_INIT(1024);
    if ((*path)[0] == '\0') {
        char *made = NULL;
        if (asprintf(&made, "%s/%s", host_of(x->c)->runtime_dir, name) < 0)
            made = NULL;
        set_host(x, option, made, "default");
        free(made);
    }
    if (check_socket(*path, &why) < 0) {
        const struct source source = at(x->c->host, option);
        errors_add(x->errors, &source, "host.%s: %s, found \"%s\"", option, buf_cstr(&why), *path);
    }
    buf_clear(&why);
}

static void derive_sockets(struct context *x)
{
    const struct conf_host *h = host_of(x->c);
    derive_socket(x, "tasks_socket", &h->tasks_socket, "tasks.sock");
    derive_socket(x, "control_socket", &h->control_socket, "control.sock");
    if (strcmp(h->tasks_socket, h->control_socket) == 0) {
        const struct source source = at(x->c->host, "control_socket");
        errors_add(x->errors, &source,
                   "host.control_socket: it must differ from host.tasks_socket");
    }
}

static void derive_curve_key(struct context *x)
{
    const struct conf_host *h = host_of(x->c);
    char *path = NULL;
    if (h->curve_key_file[0] != '\0')
        return;
    if (asprintf(&path, "%s/curve.key", h->state_dir) < 0)
        path = NULL;
    set_host(x, "curve_key_file", path, "default");
    free(path);
}

/* Without keys whoever reaches the address could hand in tasks, and read what others send. */
static void check_doors(struct context *x)
{
    const struct conf_host *h = host_of(x->c);
    const struct source source = at(x->c->host, "tcp");
    if (h->tcp[0] == '\0' || tcp_is_loopback(h->tcp) || h->allowed_keys[0] != '\0')
        return;
    errors_add(x->errors, &source,
               "host.tcp: %s is reached from other machines, whose clients must have keys: name "
               "their list in host.allowed_keys (penstock key allow writes it), or take 127.0.0.1",
               h->tcp);
}

static void derive_concurrency(struct context *x)
{
    const char *root = x->request->root != NULL ? x->request->root : "";
    if (host_of(x->c)->max_concurrent == 0)
        node_derive(x->c->host, "max_concurrent", derive_processors(root), "number of processors");
}

/* Room for one message on its way in and one on its way out, however small they may be here. */
static void derive_unfinished(struct context *x)
{
    enum { LEAST_BYTES = 64 << 20 };
    const struct conf_host *h = host_of(x->c);
    const int64_t twice = 2 * h->max_message_bytes;
    if (h->max_unfinished_bytes == 0)
        node_derive(x->c->host, "max_unfinished", twice > LEAST_BYTES ? twice : LEAST_BYTES,
                    "host.max_message");
}

/* host options that must not be larger than another one. */
static void check_sizes(struct context *x)
{
    const struct conf_host *h = host_of(x->c);
    const struct {
        const char *small, *large;
        bool is_wrong;
    } pairs[] = {
        {"max_frame", "max_message", h->max_frame_bytes > h->max_message_bytes},
        {"max_message", "max_unfinished", h->max_message_bytes > h->max_unfinished_bytes},
        {"max_header", "max_frame", h->max_header_bytes > h->max_frame_bytes},
        {"max_result", "results_max_bytes", h->max_result_bytes > h->results_max_bytes},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        bool is_default = node_rank(x->c->host, pairs[i].small) <= RANK_DERIVED;
        const struct source source = at(x->c->host, is_default ? pairs[i].large : pairs[i].small);
        if (pairs[i].is_wrong)
            errors_add(x->errors, &source, "host.%s is larger than host.%s", pairs[i].small,
                       pairs[i].large);
    }
}

static void derive_pipeline(struct context *x, struct node *n)
{
    struct conf_pipeline *p = n->data;
    const struct conf_host *h = host_of(x->c);
    if (p->max_concurrent == 0)
        node_derive(n, "max_concurrent", h->max_concurrent, "host.max_concurrent");
    if (p->load_timeout_ms == 0)
        node_derive(n, "load_timeout", h->load_timeout_ms, "host.load_timeout");
}

static void derive_tenant(struct context *x, struct node *n)
{
    const struct conf_tenant *t = n->data;
    const struct conf_host *h = host_of(x->c);
    if (t->queue_max == 0)
        node_derive(n, "queue_max", h->tenant_queue_max, "host.tenant_queue_max");
    if (t->queue_max_bytes == 0)
        node_derive(n, "queue_max_bytes", h->tenant_queue_max_bytes, "host.tenant_queue_max_bytes");
    if (t->max_concurrent == 0)
        node_derive(n, "max_concurrent", h->tenant_max_concurrent, "host.tenant_max_concurrent");
}

static void check_required(struct context *x, const struct node *n)
{
    const struct source source = {.name = n->where != NULL ? n->where : "shim"};
    for (size_t i = 0; i < n->section->n_options; i++) {
        const struct option *o = &n->section->options[i];
        if ((o->flags & OPTION_REQUIRED) != 0 &&
            (*(char **)((char *)n->data + o->offset))[0] == '\0')
            errors_add(x->errors, &source, "%s.%s is missing", n->path, o->name);
    }
}

/* Of token and token_file the later source wins; from the same kind of source it cannot be told
 * which was meant. */
static void check_token_source(struct context *x, struct node *n)
{
    struct conf_shim *s = n->data;
    enum rank token = node_rank(n, "token"), file = node_rank(n, "token_file");
    if (s->token[0] == '\0' || s->token_file[0] == '\0')
        return;
    if (token == file) {
        const struct source source = at(n, "token");
        errors_add(x->errors, &source, "%s.token: token_file is given too; give one of them",
                   n->path);
    } else if (token > file) {
        s->token_file[0] = '\0';
    } else {
        s->token[0] = '\0';
    }
}

static void check_shim(struct context *x, struct node *n)
{
    const struct conf_shim *s = n->data;
    if (s->enabled)
        check_required(x, n);
    check_token_source(x, n);
}

/* The launcher would not start: better said before. */
static void check_keys(struct context *x)
{
    const struct conf_host *h = host_of(x->c);
    const struct source required = at(x->c->host, "require_signature"),
                        keys = at(x->c->host, "trusted_keys");
    if (h->require_signature && h->trusted_keys.n == 0)
        errors_add(x->errors, &required, "host.require_signature: host.trusted_keys names no key");
    if (h->trusted_keys.n > CONF_KEYS_MAX)
        errors_add(x->errors, &keys, "host.trusted_keys: at most %d keys", CONF_KEYS_MAX);
}

void derive_and_check(struct conf *c, const struct conf_request *r, struct conf_errors *errors)
{
    struct context x = {.c = c, .request = r, .errors = errors};
    derive_folders(&x);
    derive_sockets(&x);
    derive_curve_key(&x);
    check_doors(&x);
    derive_concurrency(&x);
    derive_unfinished(&x);
    check_sizes(&x);
    check_keys(&x);
    derive_pipeline(&x, c->no_pipeline);
    derive_tenant(&x, c->no_tenant);
    for (size_t i = 0; i < c->n; i++) {
        if (node_kind(c->nodes[i]) == SECTION_PIPELINE)
            derive_pipeline(&x, c->nodes[i]);
        else if (node_kind(c->nodes[i]) == SECTION_TENANT)
            derive_tenant(&x, c->nodes[i]);
        else if (node_kind(c->nodes[i]) == SECTION_SHIM)
            check_shim(&x, c->nodes[i]);
    }
}
