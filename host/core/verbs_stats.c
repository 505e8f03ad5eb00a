/* verbs_stats.c: PLUGINS, STATS. Runs in the core. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/table.h"
#include "core/answer.h"
#include "core/kept.h"
#include "core/peers.h"
#include "core/pipelines.h"
#include "core/push.h"
#include "core/quota.h"
#include "core/tasks.h"
#include "core/verbs.h"
#include "journal/journal.h"
#include "loop/loop.h"
#include "sandbox/guarantee.h"

/* ---- PLUGINS
 * -------------------------------------------------------------------------------------- */

static void write_words(struct json_writer *w, const char *key, char *const *words)
{
    json_key(w, key);
    json_open(w, '[');
    for (; *words != NULL; words++)
        json_put_str(w, *words);
    json_close(w, ']');
}

static void write_raw(struct json_writer *w, const char *key, struct json_span json)
{
    if (json.at != NULL)
        json_member_raw(w, key, json);
}

static void write_quarantine(struct json_writer *w, const struct pipeline *p)
{
    const int64_t left_ms = pipeline_quarantine_ms(p);
    json_member_str(w, "reason", p->reason);
    json_member_int(w, "since", p->quarantined_ms);
    if (left_ms > 0 && !pipeline_is_forbidden(p))
        json_member_int(w, "next_try", clock_wall_ms() + left_ms);
}

/* What its plugin's file and the configuration would make of it now. */
static void write_next(struct json_writer *w, const struct failed_candidate *failed)
{
    json_key(w, "next");
    json_open(w, '{');
    json_member_str(w, "state", "broken");
    json_member_str(w, "reason", failed->reason);
    json_member_int(w, "since", failed->since_ms);
    json_close(w, '}');
}

static void write_state(struct json_writer *w, const struct pipeline *p)
{
    char walls[256];
    json_member_str(w, "state", pipeline_state_name(p));
    json_member_int(w, "generation", (int64_t)p->generation);
    if (p->state == PIPELINE_QUARANTINED)
        write_quarantine(w, p);
    if (p->failed != NULL)
        write_next(w, p->failed);
    json_member_str(w, "mode", box_mode_name(p->mode));
    json_member_str(w, "profile", conf_profile_name(p->conf->profile));
    json_member_int(w, "max_concurrent", p->slots);
    json_member_int(w, "timeout_ms", p->conf->timeout_ms);
    json_member_int(w, "memory_bytes", p->conf->memory_bytes);
    json_member_int(w, "running", (int64_t)sched_lane_running(p->lane));
    json_member_int(w, "queued", (int64_t)sched_lane_waiting(p->lane));
    if (p->walls != 0) {
        box_walls_text(p->walls, p->landlock_abi, walls);
        json_member_str(w, "walls", walls);
    }
}

/* p: the one in service, whose plugin's file this is; NULL: none. */
static void write_pipeline(struct json_writer *w, const struct catalog_pipeline *info,
                           const struct pipeline *p)
{
    json_open(w, '{');
    json_member_str(w, "slug", info->slug);
    json_member_str(w, "version", info->version);
    json_member_str(w, "summary", info->summary);
    json_member_str(w, "task_type", info->task_type);
    write_words(w, "needs", info->needs);
    write_words(w, "output_statuses", info->statuses);
    write_raw(w, "params_schema", info->params_text);
    write_raw(w, "result_schema", info->result_text);
    write_raw(w, "events_schema", info->events_text);
    write_raw(w, "manifest", info->manifest);
    if (p != NULL)
        write_state(w, p);
    json_close(w, '}');
}

static bool is_of_file(const struct pipeline *p, const char *path)
{
    return p != NULL && strcmp(p->info->plugin->path, path) == 0;
}

/* What is in service may be of an older file than the one that was scanned last: it is what clients
 * get. */
static void write_scanned(struct core *c, struct json_writer *w,
                          const struct catalog_plugin *plugin)
{
    for (size_t i = 0; i < plugin->n_pipelines; i++) {
        const struct catalog_pipeline *info = &plugin->pipelines[i];
        const struct pipeline *p = pipeline_find(c, info->slug, strlen(info->slug));
        const bool is_its = is_of_file(p, plugin->path);
        write_pipeline(w, is_its ? p->info : info, is_its ? p : NULL);
    }
}

/* Those of a file that is broken now. */
static void write_in_service(struct core *c, struct json_writer *w, const char *path)
{
    for (const struct pipeline *p = c->first_pipeline; p != NULL; p = p->next) {
        if (pipeline_find(c, p->slug, strlen(p->slug)) == p && is_of_file(p, path))
            write_pipeline(w, p->info, p);
    }
}

static const char *or_absent(const char *s)
{
    return s != NULL && s[0] != '\0' ? s : NULL;
}

static void write_plugin(struct core *c, struct json_writer *w, const struct catalog_plugin *plugin)
{
    json_open(w, '{');
    json_member_str(w, "file", plugin->path);
    json_member_str(w, "state", plugin->state == CATALOG_OK ? "ok" : "broken");
    json_member_str(w, "reason", plugin->reason);
    json_member_str(w, "id", plugin->id);
    json_member_str(w, "version", plugin->version);
    json_member_str(w, "vendor", or_absent(plugin->vendor));
    json_member_str(w, "license", or_absent(plugin->license));
    json_key(w, "pipelines");
    json_open(w, '[');
    if (plugin->state == CATALOG_OK)
        write_scanned(c, w, plugin);
    else
        write_in_service(c, w, plugin->path);
    json_close(w, ']');
    json_close(w, '}');
}

/* Tasks wait for them. */
static void write_gone(struct core *c, struct json_writer *w)
{
    json_key(w, "gone");
    json_open(w, '[');
    for (const struct pipeline *p = c->first_pipeline; p != NULL; p = p->next) {
        if (!pipeline_is_gone(p) || p->is_retired || sched_lane_waiting(p->lane) == 0)
            continue;
        json_open(w, '{');
        json_member_str(w, "slug", p->slug);
        json_member_int(w, "queued", (int64_t)sched_lane_waiting(p->lane));
        json_close(w, '}');
    }
    json_close(w, ']');
}

void verbs_plugins(struct core *c, struct request *q)
{
    struct peer *p = q->peer;
    struct json_writer w;
    answer_begin(c, &w);
    json_key(&w, "plugins");
    json_open(&w, '[');
    for (size_t i = 0; i < catalog_count(c->catalog); i++)
        write_plugin(c, &w, catalog_at(c->catalog, i));
    json_close(&w, ']');
    write_gone(c, &w);
    answer_send(c, p, WIRE_INFO, &w);
}

/* ---- STATS
 * ---------------------------------------------------------------------------------------- */

static void write_counters(const struct core *c, struct json_writer *w)
{
    json_key(w, "tasks");
    json_open(w, '{');
    json_member_int(w, "accepted", c->stats.accepted);
    json_member_int(w, "refused", c->stats.refused);
    json_member_int(w, "succeeded", c->stats.succeeded);
    json_member_int(w, "failed", c->stats.failed);
    json_member_int(w, "cancelled", c->stats.cancelled);
    json_close(w, '}');
    json_key(w, "codes");
    json_open(w, '{');
    for (int i = 1; i < CODE_COUNT; i++) {
        if (c->stats.by_code[i] > 0)
            json_member_int(w, code_name((enum code)i), c->stats.by_code[i]);
    }
    json_close(w, '}');
}

static void write_guarantees(const struct core *c, struct json_writer *w)
{
    const struct launch_report *r = launcher_report(c->launcher);
    if (r == NULL)
        return;
    json_key(w, "guarantees");
    guarantees_write(r->guarantees, w);
}

static void write_journal(struct core *c, struct json_writer *w)
{
    struct journal_status s;
    journal_status(c->journal, &s);
    json_key(w, "journal");
    json_open(w, '{');
    json_member_bool(w, "takes", s.takes);
    json_member_str(w, "why", s.takes ? NULL : s.why);
    json_member_int(w, "free_bytes", s.free_bytes);
    json_member_int(w, "file_bytes", s.file_bytes);
    json_member_int(w, "wal_bytes", s.wal_bytes);
    json_member_int(w, "spool_bytes", s.spool_bytes);
    json_member_int(w, "ballast_bytes", s.ballast_bytes);
    json_member_int(w, "commits", s.commits);
    json_member_int(w, "operations", s.operations);
    json_member_int(w, "failed_commits", s.failed_commits);
    json_member_int(w, "waiting", s.waiting);
    json_member_int(w, "last_commit_us", s.last_commit_us);
    json_close(w, '}');
}

/* How long what is kept. */
static void write_retention(const struct core *c, struct json_writer *w)
{
    json_key(w, "retention");
    json_open(w, '{');
    json_member_int(w, "result_ms", c->host->result_retention_ms);
    json_member_int(w, "history_ms", c->host->history_retention_ms);
    json_member_int(w, "history_max", c->host->history_max);
    json_member_int(w, "dead_letter_ms", c->host->dead_letter_retention_ms);
    json_member_int(w, "dead_letters_max", c->host->dead_letters_max);
    json_close(w, '}');
}

void verbs_stats(struct core *c, struct request *q)
{
    struct peer *p = q->peer;
    struct json_writer w;
    answer_begin(c, &w);
    json_member_str(&w, "version", PENSTOCK_VERSION);
    json_member_str(&w, "host_id", c->host_id);
    json_member_int(&w, "epoch", c->epoch);
    json_member_int(&w, "uptime_ms", loop_now_ms(c->loop) - c->started_mono_ms);
    json_member_bool(&w, "draining", c->phase >= CORE_DRAINING);
    json_member_str(&w, "tcp", c->tcp_address[0] != '\0' ? c->tcp_address : NULL);
    json_key(&w, "capacity");
    json_open(&w, '{');
    push_write_capacity(c, &w);
    json_close(&w, '}');
    write_counters(c, &w);
    write_guarantees(c, &w);
    write_journal(c, &w);
    write_retention(c, &w);
    json_member_bool(&w, "durable", c->host->durable);
    json_member_str(&w, "state_dir", peer_is_operator(c, p) ? c->host->state_dir : NULL);
    json_member_int(&w, "results_waiting_bytes", (int64_t)c->kept_waiting_bytes);
    json_member_int(&w, "peers", (int64_t)table_count(c->peers));
    json_member_int(&w, "clients", (int64_t)table_count(c->clients));
    json_member_int(&w, "results_kept", (int64_t)c->n_kept);
    json_member_int(&w, "results_bytes", (int64_t)c->kept_bytes);
    json_member_int(&w, "dead_letters", c->n_dead);
    json_member_int(&w, "queue_bytes", (int64_t)c->queue_bytes);
    quota_write_stats(c, &w, peer_is_operator(c, p));
    json_member_int(&w, "protocol_errors", c->stats.protocol_errors);
    json_member_int(&w, "messages_in", c->stats.messages_in);
    json_member_int(&w, "messages_out", c->stats.messages_out);
    json_member_int(&w, "doors_reopened", c->stats.doors_reopened);
    json_member_int(&w, "restarts", c->restarts);
    json_member_str(&w, "restarted_by", c->last_end);
    json_member_int(&w, "keys_admitted", c->stats.keys_admitted);
    json_member_int(&w, "keys_refused", c->stats.keys_refused);
    answer_send(c, p, WIRE_INFO, &w);
}
