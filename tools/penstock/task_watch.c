/* task_watch.c: `penstock task watch`: events as they come, of one task or of all. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "commands.h"
#include "event.h"
#include "ids.h"
#include "result.h"
#include "session.h"
#include "view.h"

#include "base/clock.h"
#include "loop/loop.h"

enum { TICK_MS = 500, SILENCE_MS = 15000 };

struct watch_args {
    bool all;
};

/* Two ways: on the control socket events of everything are pushed; elsewhere only the clients' own
 * are, which the command line has none of, so one task is asked for again and again. */
struct watching {
    struct session *session;
    struct loop_timer *tick;
    const char *id; /* NULL: all */
    char uid[64], state[32];
    double fraction;
    int64_t heard_ms;
    bool is_polling;
    int signo, status;
};

static const struct option_row watch_rows[] = {
    {"all", 'a', OPTION_FLAG, offsetof(struct watch_args, all), NULL, "Every task of the host.",
     NULL},
};

static void finish(struct watching *w, int status)
{
    w->status = status;
    loop_stop(w->session->loop);
}

static void ask_state(struct watching *w)
{
    struct buf header = BUF_INIT(1024);
    if (id_header(&header, w->uid, 1) == 0)
        session_send(w->session, WIRE_QUERY, &header, NULL, 0);
    buf_clear(&header);
}

static void on_event(struct watching *w, const struct answer *a)
{
    if (w->id != NULL && !view_is(&a->doc, 0, "uid", w->uid))
        return;
    event_show_dated(w->session->cli, a);
    if (w->id != NULL && view_is(&a->doc, 0, "state", "finished"))
        ask_state(w);
}

/* An event made from what QUERY tells, so that both ways look alike. */
static void show_change(struct watching *w, const struct json_doc *doc, uint32_t task,
                        const char *state)
{
    struct answer event = {.verb = WIRE_EVENT};
    struct json_writer out;
    struct json_fault fault;
    char id[160], code[64];
    buf_init(&event.header, 4096);
    json_begin(&out, &event.header);
    json_open(&out, '{');
    json_member_str(&out, "kind", "state");
    json_member_str(&out, "task_id", view_copy(doc, task, "task_id", id, sizeof id));
    json_member_str(&out, "uid", w->uid);
    json_member_str(&out, "state", state);
    json_member_int(&out, "attempt", view_int(doc, task, "attempt", 1));
    if (view_copy(doc, task, "code", code, sizeof code)[0] != '\0')
        json_member_str(&out, "code", code);
    json_close(&out, '}');
    if (json_end(&out) == 0 &&
        json_scan(&event.doc, (const char *)event.header.data, event.header.len, &fault) == 0)
        event_show_dated(w->session->cli, &event);
    answer_clear(&event);
}

static void on_state(struct watching *w, const struct json_doc *doc)
{
    uint32_t task = view_object(doc, 0, "task");
    char state[32], code[64];
    if (task == 0) {
        finish(w, cli_fail(w->session->cli, CLI_NOT_FOUND, NULL, "the host has forgotten task %s",
                           w->id));
        return;
    }
    view_copy(doc, task, "state", state, sizeof state);
    if (w->is_polling && strcmp(state, w->state) != 0)
        show_change(w, doc, task, state);
    snprintf(w->state, sizeof w->state, "%s", state);
    if (strcmp(state, "finished") == 0)
        finish(w, result_status_of_code(view_copy(doc, task, "code", code, sizeof code)));
}

static void on_push(void *arg, struct answer *a)
{
    struct watching *w = arg;
    w->heard_ms = clock_mono_ms();
    if (a->verb == WIRE_EVENT)
        on_event(w, a);
    else if (a->verb == WIRE_INFO)
        on_state(w, &a->doc);
}

static void on_tick(void *arg)
{
    struct watching *w = arg;
    if (!session_is_reachable(w->session) || clock_mono_ms() - w->heard_ms > SILENCE_MS) {
        finish(w, session_unreachable(w->session, "the host is gone"));
        return;
    }
    if (w->is_polling)
        ask_state(w);
    else
        session_send(w->session, WIRE_PING, NULL, NULL, 0);
    loop_timer_after(w->tick, TICK_MS);
}

static void on_signal(void *arg, int signo)
{
    struct watching *w = arg;
    w->signo = signo;
    finish(w, CLI_SIGNAL + signo);
}

/* The host refuses the control socket's WATCH elsewhere. */
static int begin_watch(struct watching *w, bool all)
{
    static const char words[] = "{\"all\": true, \"events\": [\"state\", \"progress\", \"log\"]}";
    struct buf header = BUF_INIT(sizeof words);
    struct answer a = {.verb = WIRE_UNKNOWN};
    int status = buf_append_str(&header, words) < 0
                     ? cli_no_memory(w->session->cli)
                     : session_ask(w->session, WIRE_WATCH, &header, NULL, 0, &a, "UNAUTHORIZED");
    w->is_polling = a.verb == WIRE_REFUSED;
    if (status == CLI_OK && w->is_polling && all)
        status = session_refused(w->session->cli, &a.doc);
    answer_clear(&a);
    buf_clear(&header);
    return status;
}

static int find_task(struct watching *w)
{
    struct answer a;
    int status = id_query(w->session, w->id, &a);
    if (status == CLI_OK) {
        uint32_t task = view_object(&a.doc, 0, "task");
        char state[32];
        view_copy(&a.doc, task, "uid", w->uid, sizeof w->uid);
        view_copy(&a.doc, task, "state", state, sizeof state);
        show_change(w, &a.doc, task, state);
        snprintf(w->state, sizeof w->state, "%s", state);
        on_state(w, &a.doc);
    }
    answer_clear(&a);
    return status;
}

static int set_up(struct watching *w)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    w->tick = loop_timer_new(w->session->loop, on_tick, w);
    if (w->tick == NULL || loop_signals(w->session->loop, &set, on_signal, w) < 0)
        return cli_fail(w->session->cli, CLI_FAIL, NULL, "cannot wait: %s", strerror(errno));
    w->session->on_push = on_push;
    w->session->arg = w;
    w->heard_ms = clock_mono_ms();
    return CLI_OK;
}

static int watch(struct watching *w, bool all)
{
    enum { STILL = -1 };
    int status = set_up(w);
    w->status = STILL;
    if (status == CLI_OK)
        status = begin_watch(w, all);
    if (status == CLI_OK && w->id != NULL)
        status = find_task(w);
    if (status != CLI_OK)
        return status;
    loop_timer_after(w->tick, TICK_MS);
    while (w->status == STILL) {
        if (loop_run(w->session->loop) < 0)
            return cli_fail(w->session->cli, CLI_FAIL, NULL, "epoll: %s", strerror(errno));
        if (w->session->status != CLI_OK)
            return w->session->status;
    }
    return w->status;
}

static int task_watch(struct cli *cli, void *args, char **operands, int n)
{
    const struct watch_args *a = args;
    struct session s;
    struct watching w = {.session = &s, .id = n > 0 ? operands[0] : NULL};
    if ((n > 0) == a->all)
        return cli_fail(cli, CLI_USAGE, "usage: penstock task watch ID | --all",
                        "name one task, or --all");
    int status = session_open(&s, cli);
    if (status == CLI_OK)
        status = watch(&w, a->all);
    loop_timer_free(w.tick);
    session_close(&s);
    return status;
}

const struct command task_watch_command = {
    .words = "task watch",
    .operands = "[ID]",
    .max_operands = 1,
    .uses = USES_HOST | USES_JSON,
    .summary = "Print events as they come, of one task until it has finished, or of all until ^C.",
    .text = "With --json each line is an object. Progress and log lines, and --all, need the "
            "control socket. The exit "
            "status is that of the task.",
    ROWS(watch_rows),
    .args_size = sizeof(struct watch_args),
    .run = task_watch,
};
