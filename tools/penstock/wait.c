/* wait.c: between ACCEPTED and RESULT. Part of the command line. */
#include "wait.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "event.h"
#include "progress.h"
#include "view.h"

#include "base/clock.h"
#include "loop/loop.h"

enum { PULSE_MS = 1000, SILENCE_MS = 15000, CANCEL_PATIENCE_MS = 10000 };

static void finish(struct wait *w, int status)
{
    w->status = status;
    w->is_over = true;
    loop_stop(w->session->loop);
}

static void on_event(struct wait *w, const struct answer *a)
{
    char state[32];
    if (view_is(&a->doc, 0, "kind", "state")) {
        progress_state(w->progress, view_copy(&a->doc, 0, "state", state, sizeof state));
    } else if (view_is(&a->doc, 0, "kind", "progress")) {
        char *message = view_text(&a->doc, 0, "message");
        const char *text = message != NULL ? message : "";
        progress_set(w->progress, view_double(&a->doc, 0, "fraction", -1), text, strlen(text));
        free(message);
    }
    if (w->wants_events || view_is(&a->doc, 0, "kind", "log")) {
        progress_hide(w->progress);
        event_show(w->session->cli, a, w->wants_events);
    }
}

/* Another epoch: the host was started anew, or has cut its connections. The secret tells whether it still knows us. */
static void on_pong(struct wait *w, const struct answer *a)
{
    struct buf header = BUF_INIT(4096);
    struct json_writer out;
    int64_t epoch = view_int(&a->doc, 0, "epoch", w->epoch);
    if (epoch == w->epoch)
        return;
    w->epoch = epoch;
    json_begin(&out, &header);
    json_open(&out, '{');
    json_member_str(&out, "name", "penstock");
    json_member_str(&out, "kind", "cli");
    json_member_str(&out, "resume", w->resume);
    json_close(&out, '}');
    session_send(w->session, WIRE_HELLO, &header, NULL, 0);
    buf_clear(&header);
}

static void on_welcome(struct wait *w, const struct answer *a)
{
    if (!view_bool(&a->doc, 0, "resumed", 0))
        finish(w, cli_fail(w->session->cli, CLI_UNREACHABLE, "submit it again",
                           "the host was started anew and does not know task %s any more", w->uid));
}

static int is_ours(const struct wait *w, const struct answer *a)
{
    return !w->is_accepted || w->uid[0] == '\0' || view_is(&a->doc, 0, "uid", w->uid);
}

static void on_push(void *arg, struct answer *a)
{
    struct wait *w = arg;
    w->heard_ms = clock_mono_ms();
    switch (a->verb) {
    case WIRE_EVENT:
        on_event(w, a);
        break;
    case WIRE_RESULT:
        if (!is_ours(w, a) || w->is_over)
            break;
        w->result = *a;
        *a = (struct answer){.verb = WIRE_UNKNOWN};
        finish(w, CLI_OK);
        break;
    case WIRE_PONG:
        on_pong(w, a);
        break;
    case WIRE_WELCOME:
        on_welcome(w, a);
        break;
    default: /* INFO on our CANCEL */
        break;
    }
}

static void on_pulse(void *arg)
{
    struct wait *w = arg;
    int is_there = session_is_reachable(w->session);
    if ((!is_there && !w->is_durable) || clock_mono_ms() - w->heard_ms > SILENCE_MS) {
        progress_hide(w->progress);
        finish(w, session_unreachable(w->session, is_there ? "the host has fallen silent"
                                                           : "the host is gone"));
        return;
    }
    session_send(w->session, WIRE_PING, NULL, NULL, 0);
    loop_timer_after(w->pulse, PULSE_MS);
}

static void send_cancel(struct wait *w)
{
    struct buf header = BUF_INIT(1024);
    struct json_writer out;
    json_begin(&out, &header);
    json_open(&out, '{');
    json_member_str(&out, "uid", w->uid);
    json_close(&out, '}');
    session_send(w->session, WIRE_CANCEL, &header, NULL, 0);
    buf_clear(&header);
    loop_timer_after(w->hurry, CANCEL_PATIENCE_MS);
}

static void on_hurry(void *arg)
{
    struct wait *w = arg;
    finish(w, cli_fail(w->session->cli, CLI_SIGNAL + w->signo, NULL,
                       "task %s was asked to stop; it has not ended yet", w->uid));
}

static void on_signal(void *arg, int signo)
{
    struct wait *w = arg;
    progress_hide(w->progress);
    if (w->signo != 0) {
        finish(w, cli_fail(w->session->cli, CLI_SIGNAL + signo, NULL,
                           "left task %s to the host, which stops it", w->uid));
        return;
    }
    w->signo = signo;
    cli_note(w->session->cli, "stopping the task; once more to leave at once");
    if (w->is_accepted)
        send_cancel(w);
}

int wait_begin(struct wait *w, struct session *s, const struct answer *welcome, const char *label,
               bool wants_events)
{
    sigset_t signals;
    *w = (struct wait){.session = s, .wants_events = wants_events, .heard_ms = clock_mono_ms()};
    view_copy(&welcome->doc, 0, "resume", w->resume, sizeof w->resume);
    w->epoch = view_int(&welcome->doc, 0, "epoch", 0);
    w->is_durable = view_bool(&welcome->doc, 0, "durable", 0);
    s->on_push = on_push;
    s->arg = w;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    w->pulse = loop_timer_new(s->loop, on_pulse, w);
    w->hurry = loop_timer_new(s->loop, on_hurry, w);
    if (w->pulse == NULL || w->hurry == NULL || loop_signals(s->loop, &signals, on_signal, w) < 0)
        return cli_fail(s->cli, CLI_FAIL, NULL, "cannot wait: %s", strerror(errno));
    w->progress = progress_new(s->cli, s->loop, label);
    progress_state(w->progress, "submitting");
    return CLI_OK;
}

void wait_accepted(struct wait *w, const struct answer *accepted)
{
    w->is_accepted = true;
    view_copy(&accepted->doc, 0, "uid", w->uid, sizeof w->uid);
    if (w->signo != 0)
        send_cancel(w);
}

int wait_run(struct wait *w)
{
    loop_timer_after(w->pulse, PULSE_MS);
    while (!w->is_over) {
        if (loop_run(w->session->loop) < 0)
            return cli_fail(w->session->cli, CLI_FAIL, NULL, "epoll: %s", strerror(errno));
        if (w->session->status != CLI_OK && !w->is_over)
            return w->session->status;
    }
    progress_hide(w->progress);
    return w->status;
}

void wait_end(struct wait *w)
{
    progress_free(w->progress);
    w->progress = NULL;
    loop_timer_free(w->pulse);
    loop_timer_free(w->hurry);
    answer_clear(&w->result);
    w->pulse = w->hurry = NULL;
}
