/* answer.c: answers to requests. Runs in the core. */
#include "core/answer.h"

#include <errno.h>

#include "base/log.h"
#include "core/peers.h"

enum { REQUEST_MAX = 128 };

struct json_span answer_request(const struct core *c)
{
    uint32_t request = c->doc.n > 0 ? json_find(&c->doc, 0, "request") : 0;
    bool is_there = request != 0 && json_kind(&c->doc, request) == JSON_STRING &&
                    c->doc.tokens[request].len <= REQUEST_MAX + 2;
    return is_there ? json_at(&c->doc, request) : (struct json_span){NULL, 0};
}

void answer_begin_as(struct core *c, struct json_writer *w, struct json_span request)
{
    buf_reset(&c->out);
    json_begin(w, &c->out);
    json_open(w, '{');
    if (request.len > 0)
        json_member_raw(w, "request", request);
}

void answer_begin(struct core *c, struct json_writer *w)
{
    answer_begin_as(c, w, answer_request(c));
}

void answer_send_body(struct core *c, struct peer *p, enum wire_verb verb, struct json_writer *w,
                      zmq_msg_t *const *body, size_t n_body)
{
    json_close(w, '}');
    if (json_end(w) < 0) {
        log_error("no memory for an answer", LS("verb", wire_verb_name(verb)));
        return;
    }
    if (p->is_lost)
        return;
    if (router_send(p->router, &p->to, verb, c->out.data, c->out.len, body, n_body) == 0)
        c->stats.messages_out++;
    else
        log_debug("answer not sent", LS("verb", wire_verb_name(verb)), LE(errno));
}

void answer_send(struct core *c, struct peer *p, enum wire_verb verb, struct json_writer *w)
{
    answer_send_body(c, p, verb, w, NULL, 0);
}

void answer_refused(struct core *c, struct peer *p, enum code code, const char *message)
{
    struct json_writer w;
    struct refusal r = REFUSAL_INIT;
    refuse(&r, code, "%s", message);
    c->stats.refused++;
    answer_begin(c, &w);
    refusal_write(&r, &w);
    answer_send(c, p, WIRE_REFUSED, &w);
}
