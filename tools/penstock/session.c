/* session.c: questions to the host and its answers. Part of the command line. */
#include "session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "endpoint.h"
#include "view.h"

#include "base/codes.h"
#include "loop/loop.h"
#include "wire/curve.h"

enum { HEADER_MAX = 256 * 1024 * 1024, LINGER_MS = 1000, BUSY_FACTOR = 5 };

void answer_clear(struct answer *a)
{
    buf_clear(&a->header);
    buf_clear(&a->bytes);
    json_doc_clear(&a->doc);
    free(a->body);
    *a = (struct answer){.verb = WIRE_UNKNOWN};
}

static int copy_body(struct answer *a, const struct wire_view *body, size_t n)
{
    size_t total = 0, at = 0;
    for (size_t i = 0; i < n; i++)
        total += body[i].len;
    buf_init(&a->bytes, total + 1);
    a->body = calloc(n > 0 ? n : 1, sizeof *a->body);
    if (a->body == NULL || buf_reserve(&a->bytes, total + 1) < 0)
        return -1;
    for (size_t i = 0; i < n; at += body[i++].len) {
        a->body[i] = (struct wire_view){a->bytes.data + at, body[i].len};
        if (buf_append(&a->bytes, body[i].data, body[i].len) < 0)
            return -1;
    }
    a->n_body = n;
    return 0;
}

/* -1: no memory, or a header that is no JSON object. */
static int answer_fill(struct answer *a, enum wire_verb verb, const char *header, size_t header_len,
                       const struct wire_view *body, size_t n_body)
{
    struct json_fault fault;
    *a = (struct answer){.verb = verb};
    buf_init(&a->header, HEADER_MAX);
    if (buf_append(&a->header, header, header_len) < 0 || buf_cstr(&a->header) == NULL ||
        copy_body(a, body, n_body) < 0)
        return -1;
    if (json_scan(&a->doc, (const char *)a->header.data, a->header.len, &fault) < 0)
        return -1;
    return json_kind(&a->doc, 0) == JSON_OBJECT ? 0 : -1;
}

static bool is_push(const struct session *s, enum wire_verb verb)
{
    return verb == WIRE_EVENT || (verb == WIRE_RESULT && !s->takes_result);
}

static void on_message(void *arg, enum wire_verb verb, const char *header, size_t header_len,
                       const struct wire_view *body, size_t n_body)
{
    struct session *s = arg;
    struct answer a;
    s->has_answered = true;
    if (answer_fill(&a, verb, header, header_len, body, n_body) < 0) {
        answer_clear(&a);
        s->status =
            cli_fail(s->cli, CLI_FAIL, NULL, "the host's %s cannot be read", wire_verb_name(verb));
        loop_stop(s->loop);
        return;
    }
    if (s->awaited != NULL && !is_push(s, verb)) {
        *s->awaited = a;
        s->awaited = NULL;
        s->status = CLI_OK;
        loop_stop(s->loop);
        return;
    }
    if (s->on_push != NULL)
        s->on_push(s->arg, &a);
    answer_clear(&a);
}

static void on_impatient(void *arg)
{
    struct session *s = arg;
    s->awaited = NULL;
    s->status = session_unreachable(s, "the host does not answer");
    loop_stop(s->loop);
}

bool session_is_reachable(const struct session *s)
{
    return endpoint_probe(s->endpoint) == 0;
}

static bool is_tcp(const struct session *s)
{
    return strncmp(s->endpoint, "tcp://", 6) == 0;
}

/* Whoever is not let in is not told why. */
int session_unreachable(const struct session *s, const char *why)
{
    const char *hint = is_tcp(s)
                           ? "does penstockd run there? And if it wants keys: is --server-key its "
                             "own, and is that of --client-key in its list (penstock key list)?"
                           : "start it with `penstockd`; `penstock doctor` looks closer";
    return cli_fail(s->cli, CLI_UNREACHABLE, hint, "%s (%s)", why, s->endpoint);
}

static int check_endpoint(const struct session *s)
{
    int error = endpoint_probe(s->endpoint);
    if (error == 0)
        return CLI_OK;
    if (error == EACCES || error == EPERM)
        return cli_fail(s->cli, CLI_REFUSED, "ask the operator to add you to the socket's group",
                        "no access to %s", s->endpoint);
    if (error == ENOENT)
        return session_unreachable(s, "the host does not run: there is no such socket");
    if (error == ECONNREFUSED)
        return session_unreachable(s, "the host does not run: nobody listens");
    return session_unreachable(s, strerror(error));
}

static bool is_given(const char *option)
{
    return option != NULL && *option != '\0';
}

static int read_keys(const struct cli *cli, struct curve_key *host, struct curve_pair *self)
{
    const struct common_args *a = &cli->common;
    char why[CURVE_WHY];
    if (!is_given(a->server_key) || !is_given(a->client_key))
        return cli_fail(cli, CLI_USAGE, "give --server-key KEY and --client-key FILE",
                        "over TCP both keys are needed, or none");
    if (curve_key_parse(host, a->server_key, strlen(a->server_key)) < 0)
        return cli_fail(cli, CLI_USAGE, "penstock key show --host prints it at the host",
                        "--server-key: expected 64 hex digits or 40 characters of Z85");
    if (curve_pair_read(a->client_key, self, why) < 0)
        return cli_fail(cli, CLI_FAIL, "penstock key new FILE makes one", "%s", why);
    return CLI_OK;
}

/* Keys are for TCP; at sockets of the file system they stay in the pocket. */
static int connect_client(struct session *s)
{
    const struct common_args *a = &s->cli->common;
    struct curve_key host;
    struct curve_pair self;
    if (!is_tcp(s) || (!is_given(a->server_key) && !is_given(a->client_key))) {
        s->client = wire_client_new(s->loop, s->endpoint, on_message, s);
        return CLI_OK;
    }
    const int status = read_keys(s->cli, &host, &self);
    if (status == CLI_OK)
        s->client = wire_client_new_curve(s->loop, s->endpoint, &host, &self, on_message, s);
    const int saved = errno;
    curve_pair_clear(&self);
    errno = saved;
    return status;
}

int session_open(struct session *s, const struct cli *cli)
{
    *s = (struct session){.cli = cli, .endpoint = endpoint_choose(cli)};
    if (s->endpoint == NULL)
        return cli_no_memory(cli);
    int status = check_endpoint(s);
    if (status != CLI_OK)
        return status;
    s->loop = loop_new();
    s->patience = s->loop != NULL ? loop_timer_new(s->loop, on_impatient, s) : NULL;
    if (s->patience != NULL && (status = connect_client(s)) != CLI_OK)
        return status;
    if (s->client == NULL)
        return cli_fail(cli, CLI_UNREACHABLE, NULL, "cannot connect to %s: %s", s->endpoint,
                        strerror(errno));
    return CLI_OK;
}

void session_close(struct session *s)
{
    wire_client_free(s->client, s->has_answered ? LINGER_MS : 0);
    loop_timer_free(s->patience);
    loop_free(s->loop);
    free(s->endpoint);
    *s = (struct session){.cli = s->cli};
}

int session_send(struct session *s, enum wire_verb verb, const struct buf *header,
                 const struct wire_view *body, size_t n_body)
{
    const char *text = header != NULL ? (const char *)header->data : "{}";
    if (wire_client_send(s->client, verb, text, header != NULL ? header->len : 2, body, n_body) < 0)
        return cli_fail(s->cli, CLI_UNREACHABLE, NULL, "cannot send %s: %s", wire_verb_name(verb),
                        strerror(errno));
    return CLI_OK;
}

int session_refused(const struct cli *cli, const struct json_doc *doc)
{
    char code[64], message[1024], hint[80] = "";
    enum code found = code_find(view_copy(doc, 0, "code", code, sizeof code));
    int64_t later = view_int(doc, 0, "retry_after_ms", 0);
    if (later > 0)
        snprintf(hint, sizeof hint, "try again in %lld ms", (long long)later);
    view_copy(doc, 0, "message", message, sizeof message);
    uint32_t errors = view_array(doc, view_object(doc, 0, "details"), "errors");
    int status = found == CODE_COUNT ? CLI_REFUSED : code_info(found)->exit_code;
    /* The message is that of the first one. */
    if (view_count(doc, errors) < 2)
        return cli_fail(cli, status, hint[0] != '\0' ? hint : NULL, "refused (%s): %s", code,
                        message);
    cli_fail(cli, status, NULL, "refused (%s): %u mistakes", code, view_count(doc, errors));
    VIEW_EACH(doc, errors, i)
    {
        char path[256], what[512];
        cli_fail(cli, status, NULL, "  %s %s", view_copy(doc, i, "path", path, sizeof path),
                 view_copy(doc, i, "message", what, sizeof what));
    }
    return status;
}

static int wait_answer(struct session *s, struct answer *out)
{
    s->awaited = out;
    s->status = CLI_UNREACHABLE;
    /* A host that has spoken once is there: it may be busy. */
    loop_timer_after(s->patience, s->cli->common.patience_ms * (s->has_answered ? BUSY_FACTOR : 1));
    int rc = loop_run(s->loop);
    loop_timer_off(s->patience);
    s->awaited = NULL;
    return rc < 0 ? cli_fail(s->cli, CLI_FAIL, NULL, "epoll: %s", strerror(errno)) : s->status;
}

int session_ask(struct session *s, enum wire_verb verb, const struct buf *header,
                const struct wire_view *body, size_t n_body, struct answer *out,
                const char *want_code)
{
    *out = (struct answer){.verb = WIRE_UNKNOWN};
    int status = session_send(s, verb, header, body, n_body);
    if (status == CLI_OK)
        status = wait_answer(s, out);
    if (status != CLI_OK || out->verb != WIRE_REFUSED)
        return status;
    if (want_code != NULL && view_is(&out->doc, 0, "code", want_code))
        return CLI_OK;
    return session_refused(s->cli, &out->doc);
}

int session_ask_once(const struct cli *cli, enum wire_verb verb, const char *header,
                     struct answer *out)
{
    struct session s;
    struct buf text = BUF_INIT(1024 * 1024);
    *out = (struct answer){.verb = WIRE_UNKNOWN};
    int status = session_open(&s, cli);
    if (status == CLI_OK && buf_append_str(&text, header != NULL ? header : "{}") < 0)
        status = cli_no_memory(cli);
    if (status == CLI_OK)
        status = session_ask(&s, verb, &text, NULL, 0, out, NULL);
    session_close(&s);
    buf_clear(&text);
    return status;
}

int session_hello(struct session *s, const char *resume, struct answer *out)
{
    struct buf header = BUF_INIT(4096);
    struct json_writer w;
    json_begin(&w, &header);
    json_open(&w, '{');
    json_member_str(&w, "name", "penstock");
    json_member_str(&w, "kind", "cli");
    json_member_str(&w, "resume", resume);
    json_close(&w, '}');
    *out = (struct answer){.verb = WIRE_UNKNOWN};
    int status = json_end(&w) < 0 ? cli_no_memory(s->cli)
                                  : session_ask(s, WIRE_HELLO, &header, NULL, 0, out, NULL);
    buf_clear(&header);
    return status;
}
