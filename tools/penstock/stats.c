/* stats.c: `penstock stats`: the host's numbers since its start. */
#include <stdio.h>

#include "cli.h"
#include "commands.h"
#include "grid.h"
#include "human.h"
#include "session.h"
#include "view.h"

static void pair_count(const struct cli *cli, const struct json_doc *doc, uint32_t object,
                       const char *key, const char *label)
{
    char text[32];
    int64_t n = view_int(doc, object, key, -1);
    if (n < 0)
        return;
    snprintf(text, sizeof text, "%lld", (long long)n);
    grid_pair(cli, label, text);
}

static void pair_size(const struct cli *cli, const struct json_doc *doc, const char *key,
                      const char *label)
{
    char text[HUMAN_TEXT];
    human_size(view_int(doc, 0, key, 0), text);
    grid_pair(cli, label, text);
}

static void print_capacity(const struct cli *cli, const struct json_doc *doc)
{
    char text[96];
    uint32_t c = view_object(doc, 0, "capacity");
    snprintf(text, sizeof text, "%lld of %lld", (long long)view_int(doc, c, "running", 0),
             (long long)view_int(doc, c, "max_concurrent", 0));
    grid_pair(cli, "running", text);
    snprintf(text, sizeof text, "%lld of %lld", (long long)view_int(doc, c, "queued", 0),
             (long long)view_int(doc, c, "queue_max", 0));
    grid_pair(cli, "queued", text);
}

/* "CRASH 3, TIMEOUT 1" */
static void print_codes(const struct cli *cli, const struct json_doc *doc)
{
    struct buf text = BUF_INIT(65536);
    uint32_t codes = view_object(doc, 0, "codes");
    uint32_t n = codes != 0 ? doc->tokens[codes].count : 0;
    for (uint32_t key = json_first(codes); n > 0; n--) {
        uint32_t value = json_next(doc, key);
        struct json_span raw = json_at(doc, value);
        if (text.len > 0)
            buf_append_str(&text, ", ");
        json_string(doc, key, &text);
        buf_printf(&text, " %.*s", (int)raw.len, raw.at);
        key = json_next(doc, value);
    }
    grid_pair(cli, "codes", text.len > 0 ? buf_cstr(&text) : NULL);
    buf_clear(&text);
}

/* "fs strong, net strong, ..., memory weak" */
static void print_guarantees(const struct cli *cli, const struct json_doc *doc)
{
    struct buf text = BUF_INIT(4096);
    uint32_t all = view_object(doc, 0, "guarantees");
    uint32_t n = all != 0 ? doc->tokens[all].count : 0;
    for (uint32_t key = json_first(all); n > 0; n--) {
        char level[32];
        uint32_t value = json_next(doc, key);
        if (text.len > 0)
            buf_append_str(&text, ", ");
        json_string(doc, key, &text);
        buf_printf(&text, " %s", view_copy(doc, value, "level", level, sizeof level));
        key = json_next(doc, value);
    }
    grid_pair(cli, "guarantees", text.len > 0 ? buf_cstr(&text) : NULL);
    buf_clear(&text);
}

static void print_stats(const struct cli *cli, const struct json_doc *doc)
{
    char text[128], since[HUMAN_TEXT];
    uint32_t tasks = view_object(doc, 0, "tasks");
    human_duration(view_int(doc, 0, "uptime_ms", 0), since);
    grid_pair(cli, "version", view_copy(doc, 0, "version", text, sizeof text));
    grid_pair(cli, "host", view_copy(doc, 0, "host_id", text, sizeof text));
    grid_pair(cli, "up for", since);
    grid_pair(cli, "state",
              view_bool(doc, 0, "draining", 0) ? "draining: takes no new tasks" : "serving");
    print_capacity(cli, doc);
    pair_count(cli, doc, tasks, "accepted", "accepted");
    pair_count(cli, doc, tasks, "refused", "refused");
    pair_count(cli, doc, tasks, "succeeded", "succeeded");
    pair_count(cli, doc, tasks, "failed", "failed");
    pair_count(cli, doc, tasks, "cancelled", "cancelled");
    print_codes(cli, doc);
    print_guarantees(cli, doc);
    pair_count(cli, doc, 0, "clients", "clients");
    pair_count(cli, doc, 0, "results_kept", "results kept");
    pair_size(cli, doc, "results_bytes", "of size");
    pair_size(cli, doc, "queue_bytes", "queue size");
    pair_count(cli, doc, 0, "protocol_errors", "bad messages");
    pair_count(cli, doc, 0, "restarts", "restarts");
    if (view_int(doc, 0, "restarts", 0) > 0)
        grid_pair(cli, "the last by", view_copy(doc, 0, "restarted_by", text, sizeof text));
}

static int stats(struct cli *cli, void *args, char **operands, int n)
{
    struct answer a;
    int status = session_ask_once(cli, WIRE_STATS, NULL, &a);
    (void)args;
    (void)operands;
    (void)n;
    if (status == CLI_OK && cli->common.is_json)
        printf("%.*s\n", (int)a.header.len, (const char *)a.header.data);
    else if (status == CLI_OK)
        print_stats(cli, &a.doc);
    answer_clear(&a);
    return status;
}

const struct command stats_command = {
    .words = "stats",
    .uses = USES_HOST | USES_JSON,
    .summary = "Print the host's numbers since its start.",
    .run = stats,
};
