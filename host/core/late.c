/* late.c: answers in a later turn. Runs in the core. */
#include "core/late.h"

#include <stdlib.h>
#include <string.h>

#include "core/answer.h"
#include "core/peers.h"
#include "core/refusal.h"

struct late {
    struct peer *peer;
    size_t request_len;
    char request[]; /* the member as it came, quotes included */
};

struct late *late_new(struct core *c, struct peer *p)
{
    const struct json_span request = answer_request(c);
    struct late *a = malloc(sizeof *a + request.len);
    if (a == NULL)
        return NULL;
    *a = (struct late){.peer = p, .request_len = request.len};
    if (request.len > 0)
        memcpy(a->request, request.at, request.len);
    p->held++;
    return a;
}

void late_begin(struct core *c, const struct late *a, struct json_writer *w)
{
    answer_begin_as(c, w, (struct json_span){a->request, a->request_len});
}

void late_send_body(struct core *c, struct late *a, enum wire_verb verb, struct json_writer *w,
                    zmq_msg_t *const *body, size_t n_body)
{
    answer_send_body(c, a->peer, verb, w, body, n_body);
    late_free(a);
}

void late_send(struct core *c, struct late *a, enum wire_verb verb, struct json_writer *w)
{
    late_send_body(c, a, verb, w, NULL, 0);
}

void late_refused(struct core *c, struct late *a, enum code code, const char *message,
                  int64_t retry_after_ms)
{
    struct json_writer w;
    struct refusal r = REFUSAL_INIT;
    refuse(&r, code, "%s", message);
    r.retry_after_ms = retry_after_ms;
    c->stats.refused++;
    late_begin(c, a, &w);
    refusal_write(&r, &w);
    late_send(c, a, WIRE_REFUSED, &w);
    refusal_clear(&r);
}

void late_free(struct late *a)
{
    if (a == NULL)
        return;
    a->peer->held--;
    free(a);
}
