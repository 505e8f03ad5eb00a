/* raw.c: what libzmq alone can do on this machine: the limit that everything is held against. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zmq.h>

#include "bench.h"

struct echo {
    void *socket;
};

/* Returns each message to where it came from; an empty payload ends it. */
static void *echo_main(void *arg)
{
    struct echo *e = arg;
    int is_open = 1;
    while (is_open) {
        zmq_msg_t id, body;
        zmq_msg_init(&id);
        zmq_msg_init(&body);
        if (zmq_msg_recv(&id, e->socket, 0) < 0 || zmq_msg_recv(&body, e->socket, 0) < 0)
            return NULL;
        is_open = zmq_msg_size(&body) > 0;
        zmq_msg_send(&id, e->socket, ZMQ_SNDMORE);
        zmq_msg_send(&body, e->socket, 0);
    }
    return NULL;
}

static int trip(void *dealer, const struct bench_options *o, struct bench_result *r)
{
    char *payload = calloc(1, o->size);
    char *back = calloc(1, o->size);
    int64_t *sent_ns = calloc((size_t)o->window, sizeof *sent_ns);
    long warm_up = o->messages / 10, total = o->messages + warm_up, sent = 0;
    int64_t start = 0;
    int rc = payload != NULL && back != NULL && sent_ns != NULL ? 0 : -1;
    for (long done = 0; done < total && rc == 0; done++) {
        for (; sent < total && sent - done < o->window; sent++) {
            sent_ns[sent % o->window] = bench_now_ns();
            zmq_send(dealer, payload, o->size, 0);
        }
        zmq_recv(dealer, back, o->size, 0);
        int64_t now = bench_now_ns();
        if (done == warm_up)
            start = now;
        if (done >= warm_up)
            r->latencies_ns[r->n++] = now - sent_ns[done % o->window];
    }
    r->seconds = (double)(bench_now_ns() - start) / 1e9;
    free(payload);
    free(back);
    free(sent_ns);
    return rc;
}

int bench_raw(const struct bench_options *o, struct bench_result *r)
{
    void *context = zmq_ctx_new();
    struct echo e = {.socket = zmq_socket(context, ZMQ_ROUTER)};
    void *dealer = zmq_socket(context, ZMQ_DEALER);
    char endpoint[256], path[64];
    size_t size = sizeof endpoint;
    pthread_t thread;
    snprintf(path, sizeof path, "ipc:///tmp/penstock-bench-%d.sock", (int)getpid());
    if (zmq_bind(e.socket, o->is_tcp ? "tcp://127.0.0.1:*" : path) < 0 ||
        zmq_getsockopt(e.socket, ZMQ_LAST_ENDPOINT, endpoint, &size) < 0 ||
        zmq_connect(dealer, endpoint) < 0 || pthread_create(&thread, NULL, echo_main, &e) != 0) {
        fprintf(stderr, "penstock-bench: %s\n", zmq_strerror(zmq_errno()));
        return -1;
    }
    int rc = trip(dealer, o, r);
    zmq_send(dealer, "", 0, 0);
    pthread_join(thread, NULL);
    zmq_close(dealer);
    zmq_close(e.socket);
    zmq_ctx_term(context);
    return rc;
}
