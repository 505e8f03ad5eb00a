/* operate.c: `penstock ping`, `drain`, `resume`, `shutdown`. */
#include <stdio.h>

#include "cli.h"
#include "commands.h"
#include "human.h"
#include "session.h"
#include "view.h"

#include "base/clock.h"

struct shutdown_args {
    bool now;
};

static void print_document(const struct answer *a)
{
    printf("%.*s\n", (int)a->header.len, (const char *)a->header.data);
}

static int ping(struct cli *cli, void *args, char **operands, int n)
{
    struct answer a;
    char id[64];
    int64_t start = clock_mono_us();
    int status = session_ask_once(cli, WIRE_PING, NULL, &a);
    double ms = (double)(clock_mono_us() - start) / 1000;
    (void)args;
    (void)operands;
    (void)n;
    if (status == CLI_OK && cli->common.is_json)
        print_document(&a);
    else if (status == CLI_OK && !cli->common.is_quiet)
        printf("host %s answers (%.1f ms)\n", view_copy(&a.doc, 0, "host_id", id, sizeof id), ms);
    answer_clear(&a);
    return status;
}

static int operate(const struct cli *cli, enum wire_verb verb, const char *header)
{
    struct answer a;
    char state[32];
    int status = session_ask_once(cli, verb, header, &a);
    if (status == CLI_OK && cli->common.is_json)
        print_document(&a);
    else if (status == CLI_OK && !cli->common.is_quiet)
        printf("%s: %lld running, %lld queued\n",
               view_copy(&a.doc, 0, "state", state, sizeof state),
               (long long)view_int(&a.doc, 0, "running", 0),
               (long long)view_int(&a.doc, 0, "queued", 0));
    answer_clear(&a);
    return status;
}

static int drain(struct cli *cli, void *args, char **operands, int n)
{
    (void)args;
    (void)operands;
    (void)n;
    return operate(cli, WIRE_DRAIN, NULL);
}

static int resume(struct cli *cli, void *args, char **operands, int n)
{
    (void)args;
    (void)operands;
    (void)n;
    return operate(cli, WIRE_RESUME, NULL);
}

static int shut_down(struct cli *cli, void *args, char **operands, int n)
{
    const struct shutdown_args *a = args;
    (void)operands;
    (void)n;
    return operate(cli, WIRE_SHUTDOWN, a->now ? "{\"now\": true}" : "{\"now\": false}");
}

static const struct option_row shutdown_rows[] = {
    {"now", 0, OPTION_FLAG, offsetof(struct shutdown_args, now), NULL,
     "Cancel what has not finished instead of waiting for it.", NULL},
};

const struct command ping_command = {
    .words = "ping",
    .uses = USES_HOST | USES_JSON,
    .summary = "Ask the host whether it answers.",
    .run = ping,
};
const struct command drain_command = {
    .words = "drain",
    .uses = USES_HOST | USES_JSON,
    .summary = "Let the host take no new tasks; accepted ones go on.",
    .run = drain,
};
const struct command resume_command = {
    .words = "resume",
    .uses = USES_HOST | USES_JSON,
    .summary = "Let the host take tasks again.",
    .run = resume,
};
const struct command shutdown_command = {
    .words = "shutdown",
    .uses = USES_HOST | USES_JSON,
    .summary = "Drain, then stop the host.",
    ROWS(shutdown_rows),
    .args_size = sizeof(struct shutdown_args),
    .run = shut_down,
};
