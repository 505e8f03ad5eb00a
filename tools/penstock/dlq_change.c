/* dlq_change.c: `penstock dlq requeue` and `dlq purge`: runs dead letters again, or throws them away.
 * The host does it in portions; here they are added up. Part of the command line. */
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "commands.h"
#include "dlq.h"
#include "grid.h"
#include "ids.h"
#include "session.h"
#include "view.h"

#include "base/clock.h"

/* As much as the host does, and tells, at once. */
enum { PORTION = 1000, DRY_PORTION = 100000, DOCUMENT_MAX = 512 * 1024 * 1024 };

struct change_args {
    struct dlq_filter filter; /* first */
    bool all, dry_run, yes;
};

struct change {
    const struct cli *cli;
    const struct change_args *args;
    enum wire_verb verb;
    bool is_dry;
    struct session session;
    struct grid *grid;
    struct buf document;
    struct json_writer w;
    int64_t
        began_ms;  /* letters that come later are not meant: some may be those that failed again */
    int64_t n;     /* found or done */
    int n_unknown; /* of those that were named */
    bool is_full;  /* the queue took no more */
};

#define ARG(field) offsetof(struct change_args, field)

static const struct option_row requeue_rows[] = {
    DLQ_FILTER_ROWS,
    {"all", 0, OPTION_FLAG, ARG(all), NULL, "All there are.", NULL},
    {"dry-run", 0, OPTION_FLAG, ARG(dry_run), NULL, "Only say which ones are meant.", NULL},
};

static const struct option_row purge_rows[] = {
    DLQ_FILTER_ROWS,
    {"all", 0, OPTION_FLAG, ARG(all), NULL, "All there are.", NULL},
    {"dry-run", 0, OPTION_FLAG, ARG(dry_run), NULL, "Only say which ones are meant.", NULL},
    {"yes", 'y', OPTION_FLAG, ARG(yes), NULL, "Do not ask whether it is meant.", NULL},
};

/* ---- one question to the host
 * --------------------------------------------------------------------- */

/* What the count is called. */
static const char *word_of(const struct change *x)
{
    if (x->is_dry)
        return "found";
    return x->verb == WIRE_PURGE ? "purged" : "requeued";
}

static int add_answer(struct change *x, const struct json_doc *doc)
{
    const uint32_t tasks = view_array(doc, 0, "tasks");
    int rc = 0;
    VIEW_EACH(doc, tasks, i)
    {
        char id[400], uid[64], of[64];
        const struct json_span raw = json_at(doc, i);
        const char *cells[] = {view_copy(doc, i, "task_id", id, sizeof id),
                               view_copy(doc, i, "uid", uid, sizeof uid),
                               view_copy(doc, i, "retry_of", of, sizeof of)};
        json_put_raw(&x->w, raw.at, raw.len);
        rc |= grid_row(x->grid, cells, NULL);
    }
    x->n += view_int(doc, 0, word_of(x), 0);
    x->is_full |= view_is(doc, 0, "reason", "the queue is full");
    return rc == 0 ? CLI_OK : cli_no_memory(x->cli);
}

/* id NULL: by the filter, at most limit. */
static int ask(struct change *x, const char *id, bool as_uid, int64_t limit, struct answer *a)
{
    struct buf header = BUF_INIT(16384);
    struct json_writer w;
    int status = CLI_OK;
    json_begin(&w, &header);
    json_open(&w, '{');
    if (id != NULL)
        json_member_str(&w, as_uid ? "uid" : "task_id", id);
    else
        status = dlq_put_filter(x->cli, &x->args->filter, &w);
    if (id == NULL && x->args->filter.before == NULL)
        json_member_int(&w, "until", x->began_ms);
    if (x->args->all)
        json_member_bool(&w, "all", true);
    if (x->is_dry)
        json_member_bool(&w, "dry_run", true);
    json_member_int(&w, "limit", limit);
    json_close(&w, '}');
    answer_clear(a);
    if (status == CLI_OK && json_end(&w) < 0)
        status = cli_no_memory(x->cli);
    if (status == CLI_OK)
        status = session_ask(&x->session, x->verb, &header, NULL, 0, a, NULL);
    if (status == CLI_OK)
        status = add_answer(x, &a->doc);
    buf_clear(&header);
    return status;
}

/* ---- all of it
 * ------------------------------------------------------------------------------------ */

static int change_one(struct change *x, const char *id)
{
    struct answer a = {.verb = WIRE_UNKNOWN};
    const int64_t before = x->n;
    int status = CLI_OK;
    if (id_is_uid(id))
        status = ask(x, id, true, 1, &a);
    if (status == CLI_OK && x->n == before && !x->is_full)
        status = ask(x, id, false, 1, &a);
    if (status == CLI_OK && x->n == before && !x->is_full) {
        x->n_unknown++;
        cli_fail(x->cli, CLI_NOT_FOUND, "penstock dlq list shows what there is",
                 "%s is no dead letter", id);
    }
    answer_clear(&a);
    return status;
}

/* A dry run tells all at once: what it has told stays where it is. */
static int change_by_filter(struct change *x)
{
    const int64_t limit = x->args->filter.limit;
    struct answer a = {.verb = WIRE_UNKNOWN};
    int status = CLI_OK;
    bool has_more = true;
    while (status == CLI_OK && has_more && !x->is_full && (limit == 0 || x->n < limit)) {
        const int64_t left = limit > 0 ? limit - x->n : INT64_MAX, before = x->n;
        const int64_t most = x->is_dry ? DRY_PORTION : PORTION;
        status = ask(x, NULL, false, left < most ? left : most, &a);
        has_more = !x->is_dry && x->n > before && view_bool(&a.doc, 0, "more", 0);
    }
    answer_clear(&a);
    return status;
}

static int change_all(struct change *x, char **operands, int n)
{
    int status = CLI_OK;
    for (int i = 0; i < n && status == CLI_OK && !x->is_full; i++)
        status = change_one(x, operands[i]);
    return n == 0 ? change_by_filter(x) : status;
}

static int print(struct change *x)
{
    json_close(&x->w, ']');
    json_member_int(&x->w, word_of(x), x->n);
    json_close(&x->w, '}');
    if (json_end(&x->w) < 0)
        return cli_no_memory(x->cli);
    if (x->cli->common.is_json)
        printf("%.*s\n", (int)x->document.len, (const char *)x->document.data);
    else if (!x->cli->common.is_quiet)
        grid_print(x->grid);
    cli_note(x->cli, "%lld %s", (long long)x->n, word_of(x));
    if (x->is_full)
        return cli_fail(x->cli, CLI_LATER, "the rest is still there: run it again later",
                        "the queue is full");
    return x->n_unknown > 0 ? CLI_NOT_FOUND : CLI_OK;
}

static int run_change(struct change *x, char **operands, int n)
{
    static const struct grid_column columns[] = {{"TASK", 0, 0}, {"UID", 0, 0}, {"REPEATS", 0, 0}};
    x->began_ms = clock_wall_ms();
    buf_init(&x->document, DOCUMENT_MAX);
    json_begin(&x->w, &x->document);
    json_open(&x->w, '{');
    json_key(&x->w, "tasks");
    json_open(&x->w, '[');
    x->grid = grid_new(x->cli, columns, x->verb == WIRE_RETRY && !x->is_dry ? 3 : 2);
    int status = x->grid != NULL ? session_open(&x->session, x->cli) : cli_no_memory(x->cli);
    if (status == CLI_OK)
        status = change_all(x, operands, n);
    /* What was done before something failed is told too. */
    if (status == CLI_OK || x->n > 0) {
        const int told = print(x);
        status = status == CLI_OK ? told : status;
    }
    session_close(&x->session);
    grid_free(x->grid);
    buf_clear(&x->document);
    return status;
}

static int check_meaning(const struct cli *cli, const struct change_args *a, int n)
{
    const bool has_filter = dlq_has_filter(&a->filter) || a->filter.limit > 0;
    if (n > 0 && (has_filter || a->all))
        return cli_fail(cli, CLI_USAGE, NULL,
                        "name dead letters, or say which by options: not both");
    if (n == 0 && !dlq_has_filter(&a->filter) && !a->all)
        return cli_fail(cli, CLI_USAGE, "name them, or use options such as --pipeline, or --all",
                        "which dead letters are meant?");
    return CLI_OK;
}

static int dlq_requeue(struct cli *cli, void *args, char **operands, int n)
{
    const struct change_args *a = args;
    struct change x = {
        .cli = cli, .args = a, .verb = WIRE_RETRY, .is_dry = a->dry_run, .session.cli = cli};
    const int status = check_meaning(cli, a, n);
    return status == CLI_OK ? run_change(&x, operands, n) : status;
}

/* Whoever cannot be asked has to say it beforehand. */
static int ask_person(const struct cli *cli)
{
    char line[16] = "";
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return cli_fail(cli, CLI_USAGE, "--dry-run shows which ones they are",
                        "dead letters that are purged are gone for good: say --yes");
    fputs("Throw them away for good? [y/N] ", stderr);
    if (fgets(line, sizeof line, stdin) != NULL && (line[0] == 'y' || line[0] == 'Y'))
        return CLI_OK;
    return cli_fail(cli, CLI_FAIL, NULL, "nothing was purged");
}

static int dlq_purge(struct cli *cli, void *args, char **operands, int n)
{
    const struct change_args *a = args;
    struct change x = {
        .cli = cli, .args = a, .verb = WIRE_PURGE, .is_dry = a->dry_run, .session.cli = cli};
    int status = check_meaning(cli, a, n);
    if (status == CLI_OK && !a->dry_run && !a->yes)
        status = ask_person(cli);
    return status == CLI_OK ? run_change(&x, operands, n) : status;
}

const struct command dlq_requeue_command = {
    .words = "dlq requeue",
    .operands = "[ID ...]",
    .max_operands = -1,
    .uses = USES_HOST | USES_JSON,
    .summary = "Run dead letters again, each as a new task.",
    .text =
        "The new task keeps the old one's id if that is free, and gets <id>-retry-<n> otherwise; "
        "its deadline is dropped. Exit status: 3 one that was named is no dead letter, 75 the "
        "queue is full and some are left.",
    ROWS(requeue_rows),
    .args_size = sizeof(struct change_args),
    .run = dlq_requeue,
};

const struct command dlq_purge_command = {
    .words = "dlq purge",
    .operands = "[ID ...]",
    .max_operands = -1,
    .uses = USES_HOST | USES_JSON,
    .summary = "Throw dead letters away for good.",
    .text = "A result that its client has not acknowledged yet stays until it has. Exit status: 3 "
            "one that was named is no dead letter.",
    ROWS(purge_rows),
    .args_size = sizeof(struct change_args),
    .run = dlq_purge,
};
