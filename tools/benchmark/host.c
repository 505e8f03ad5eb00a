/* host.c: tasks for a running host, as a client would send them: SUBMIT with "wait", RESULT
 * counted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zmq.h>

#include "bench.h"

enum { HEADER_MAX = 512, ANSWER_MAX = 65536, TIMEOUT_MS = 60000 };

struct run {
    void *dealer;
    const struct bench_options *o;
    char *payload, *answer;
    int64_t *sent_ns; /* by task number */
};

static void submit(struct run *x, long number)
{
    char header[HEADER_MAX];
    int n = snprintf(
        header, sizeof header,
        "{\"pipeline\":\"%s\",\"params\":{},\"task_id\":\"%ld\",\"wait\":true,\"durable\":%s,"
        "\"inputs\":[{\"name\":\"x\",\"frame\":0}]}",
        x->o->pipeline, number, x->o->is_durable ? "true" : "false");
    x->sent_ns[number] = bench_now_ns();
    zmq_send(x->dealer, "PEN/1", 5, ZMQ_SNDMORE);
    zmq_send(x->dealer, "SUBMIT", 6, ZMQ_SNDMORE);
    zmq_send(x->dealer, header, (size_t)n, ZMQ_SNDMORE);
    zmq_send(x->dealer, x->payload, x->o->size, 0);
}

/* Tasks end in any order: the answer says which one it is. -1: nothing came. */
static long receive(struct run *x, int *is_success)
{
    char verb[16] = "";
    long number = -1;
    int more = 1;
    for (int i = 0; more; i++) {
        zmq_msg_t m;
        zmq_msg_init(&m);
        if (zmq_msg_recv(&m, x->dealer, 0) < 0) {
            zmq_msg_close(&m);
            return -1;
        }
        size_t n = zmq_msg_size(&m);
        if (i == 1)
            snprintf(verb, sizeof verb, "%.*s", (int)n, (const char *)zmq_msg_data(&m));
        if (i == 2 && n < ANSWER_MAX) {
            memcpy(x->answer, zmq_msg_data(&m), n);
            x->answer[n] = '\0';
            const char *id = strstr(x->answer, "\"task_id\":\"");
            number = id != NULL ? strtol(id + 11, NULL, 10) : -1;
            *is_success =
                strcmp(verb, "RESULT") == 0 && strstr(x->answer, "\"status\":\"success\"") != NULL;
        }
        more = zmq_msg_more(&m);
        zmq_msg_close(&m);
    }
    return number;
}

/* Results are acknowledged, as a client that said HELLO does; this one is anonymous, so nothing is
 * kept waiting. */
static int trip(struct run *x, struct bench_result *r)
{
    long warm_up = x->o->messages / 10, total = x->o->messages + warm_up, sent = 0;
    int64_t start = 0;
    for (long done = 0; done < total; done++) {
        int is_success = 0;
        for (; sent < total && sent - done < x->o->window; sent++)
            submit(x, sent);
        long number = receive(x, &is_success);
        int64_t now = bench_now_ns();
        if (number < 0 || number >= total) {
            fprintf(stderr, "penstock-bench: no answer from the host: %s\n", x->answer);
            return -1;
        }
        if (done == warm_up)
            start = now;
        if (done >= warm_up)
            r->latencies_ns[r->n++] = now - x->sent_ns[number];
        r->failures += !is_success;
    }
    r->seconds = (double)(bench_now_ns() - start) / 1e9;
    return 0;
}

int bench_host(const struct bench_options *o, struct bench_result *r)
{
    struct run x = {.o = o};
    void *context = zmq_ctx_new();
    int timeout = TIMEOUT_MS, linger = 0;
    x.dealer = zmq_socket(context, ZMQ_DEALER);
    x.payload = calloc(1, o->size);
    x.answer = calloc(1, ANSWER_MAX);
    x.sent_ns = calloc((size_t)(o->messages + o->messages / 10 + 1), sizeof *x.sent_ns);
    zmq_setsockopt(x.dealer, ZMQ_RCVTIMEO, &timeout, sizeof timeout);
    zmq_setsockopt(x.dealer, ZMQ_LINGER, &linger, sizeof linger);
    int rc = x.payload != NULL && x.answer != NULL && x.sent_ns != NULL
                 ? zmq_connect(x.dealer, o->endpoint)
                 : -1;
    if (rc == 0)
        rc = trip(&x, r);
    free(x.payload);
    free(x.answer);
    free(x.sent_ns);
    zmq_close(x.dealer);
    zmq_ctx_term(context);
    return rc;
}
