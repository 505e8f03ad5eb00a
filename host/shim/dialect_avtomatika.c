/* dialect_avtomatika.c: the dialect's table: starting, draining, ending. Runs in penstock-shim. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "loop/loop.h"
#include "net/http.h"
#include "shim/avtomatika.h"

/* The newest protocol this was tried with; a server only warns of another one. */
#define RXON_VERSION "1.0b17"

static void avt_free(void *self);

static void make_headers(struct avt *a)
{
    size_t n = 0;
    snprintf(a->id_header, sizeof a->id_header, "X-Worker-ID: %s", a->shim->worker_id);
    snprintf(a->token_header, sizeof a->token_header, "X-Worker-Token: %s", a->shim->token);
    a->headers[n++] = "X-RXON-Version: " RXON_VERSION;
    a->headers[n++] = a->id_header;
    if (a->shim->token[0] != '\0')
        a->headers[n++] = a->token_header;
    a->headers[n] = NULL;
}

static void *avt_new(struct shim *s)
{
    struct avt *a = calloc(1, sizeof *a);
    if (a == NULL)
        return NULL;
    a->shim = s;
    a->status_told = "";
    make_headers(a);
    a->place = (struct files_place){
        .loop = s->loop, .http = s->http, .url = s->url, .headers = a->headers};
    if (avt_presence_init(a) < 0 || avt_poll_init(a) < 0 || avt_results_init(a) < 0 ||
        avt_events_init(a) < 0) {
        avt_free(a);
        return NULL;
    }
    return a;
}

static void line_clear(struct avt_line *line)
{
    http_cancel(line->call);
    loop_timer_free(line->timer);
}

static void avt_free(void *self)
{
    struct avt *a = self;
    if (a == NULL)
        return;
    line_clear(&a->presence);
    line_clear(&a->poll);
    line_clear(&a->results);
    line_clear(&a->events);
    while (a->first != NULL)
        avt_task_free(a->first);
    buf_clear(&a->skills);
    free(a);
}

static void on_pipelines(void *self)
{
    avt_presence_skills(self);
    avt_poll_kick(self);
}

static void on_room(void *self)
{
    avt_presence_changed(self);
    avt_poll_kick(self);
}

static void on_progress(void *self, void *context, double fraction, const char *message)
{
    (void)self;
    avt_events_add(context, fraction, message);
}

static void on_result(void *self, void *context, const struct bridge_outcome *o)
{
    struct avt_task *t = context;
    (void)self;
    if (t->phase == AVT_AT_CORE) /* else it was answered here already */
        avt_task_ended(t, o);
}

void avt_check_drained(struct avt *a)
{
    if (!a->shim->is_draining || a->n_tasks > 0)
        return;
    /* A poll that is still held may bring a task, unless there is no time left for it. */
    if (!avt_poll_is_running(a) || a->shim->is_hurrying)
        avt_presence_goodbye(a);
}

static void on_drain(void *self)
{
    struct avt *a = self;
    log_info("draining", LI("tasks", a->n_tasks),
             LS("poll", avt_poll_is_running(a) ? "held" : "none"));
    avt_presence_changed(a);
    avt_check_drained(a);
}

/* What still runs is answered so that the orchestrator gives it to somebody else: "cancelled" would
 * end the job. The core is to end it once that answer is taken, not before: what cannot be answered
 * goes on when the host is back. */
static void on_hurry(void *self)
{
    struct avt *a = self;
    for (struct avt_task *t = a->first, *next; t != NULL; t = next) {
        next = t->next;
        if (t->phase == AVT_READY)
            continue;
        avt_task_fail(t, "TRANSIENT_ERROR", "the worker is stopping");
    }
    avt_check_drained(a);
}

const struct dialect dialect_avtomatika = {
    .name = "avtomatika",
    .worker_type = "penstock",
    .start = avt_new,
    .pipelines = on_pipelines,
    .room = on_room,
    .progress = on_progress,
    .found = avt_adopt,
    .result = on_result,
    .drain = on_drain,
    .hurry = on_hurry,
    .free = avt_free,
};
