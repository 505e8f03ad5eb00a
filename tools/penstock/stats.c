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

/* "takes tasks"; "1204, the last one in 2.1 ms; 0 failed, 31 changes wait" */
static void print_journal(const struct cli *cli, const struct json_doc *doc)
{
    char text[512], why[256], size[HUMAN_TEXT], spool[HUMAN_TEXT], room[HUMAN_TEXT];
    uint32_t j = view_object(doc, 0, "journal");
    if (j == 0)
        return;
    snprintf(text, sizeof text, "%s", "takes tasks");
    if (!view_bool(doc, j, "takes", 1))
        snprintf(text, sizeof text, "takes no tasks: %s",
                 view_copy(doc, j, "why", why, sizeof why));
    grid_pair(cli, "journal", text);
    snprintf(text, sizeof text, "%lld, the last one in %.1f ms; %lld failed, %lld changes wait",
             (long long)view_int(doc, j, "commits", 0),
             (double)view_int(doc, j, "last_commit_us", 0) / 1000,
             (long long)view_int(doc, j, "failed_commits", 0),
             (long long)view_int(doc, j, "waiting", 0));
    grid_pair(cli, "commits", text);
    human_size(view_int(doc, j, "file_bytes", 0) + view_int(doc, j, "wal_bytes", 0), size);
    human_size(view_int(doc, j, "spool_bytes", 0), spool);
    human_size(view_int(doc, j, "free_bytes", 0), room);
    snprintf(text, sizeof text, "%s, %s in files beside it; %s free", size, spool, room);
    grid_pair(cli, "of size", text);
}

/* "results 1 d, history 7 d (100000 tasks), dead letters 30 d (10000)" */
static void print_retention(const struct cli *cli, const struct json_doc *doc)
{
    char text[256], results[HUMAN_TEXT], history[HUMAN_TEXT], dead[HUMAN_TEXT];
    uint32_t r = view_object(doc, 0, "retention");
    if (r == 0)
        return;
    human_age(view_int(doc, r, "result_ms", 0), results);
    human_age(view_int(doc, r, "history_ms", 0), history);
    human_age(view_int(doc, r, "dead_letter_ms", 0), dead);
    snprintf(text, sizeof text, "results %s, history %s (%lld tasks), dead letters %s (%lld)",
             results, history, (long long)view_int(doc, r, "history_max", 0), dead,
             (long long)view_int(doc, r, "dead_letters_max", 0));
    grid_pair(cli, "kept for", text);
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
    char text[128], path[1024], since[HUMAN_TEXT];
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
    grid_pair(cli, "state folder", view_copy(doc, 0, "state_dir", path, sizeof path));
    print_journal(cli, doc);
    print_retention(cli, doc);
    pair_count(cli, doc, 0, "dead_letters", "dead letters");
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
