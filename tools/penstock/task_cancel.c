/* task_cancel.c: `penstock task cancel`: stops tasks, and tells truthfully what was found. */
#include <string.h>

#include "cli.h"
#include "commands.h"
#include "grid.h"
#include "ids.h"
#include "session.h"
#include "view.h"

enum { DOCUMENT_MAX = 64 * 1024 * 1024 };

struct cancel_args {
    struct texts jobs;
};

struct cancelling {
    const struct cli *cli;
    struct grid *grid;
    struct buf document;
    struct json_writer w;
    int n_stopped, n_finished, n_unknown;
};

static const struct option_row cancel_rows[] = {
    {"job", 'j', OPTION_TEXTS, offsetof(struct cancel_args, jobs), "ID",
     "Cancel every task of this job.", NULL},
};

static const char *words_of(const char *found)
{
    static const char *const words[][2] = {
        {"queued", "cancelled before it ran"},
        {"running", "asked to stop; killed after 2 s"},
        {"retry wait", "cancelled, it had failed before"},
        {"finished", "too late, it has finished"},
        {"unknown", "not known to the host"},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(words[i][0], found) == 0)
            return words[i][1];
    }
    return "";
}

static int add_found(struct cancelling *c, const struct json_doc *doc, uint32_t i, const char *word)
{
    char id[160], found[32];
    view_copy(doc, i, "task_id", id, sizeof id);
    view_copy(doc, i, "found", found, sizeof found);
    if (strcmp(found, "unknown") == 0)
        c->n_unknown++;
    else if (strcmp(found, "finished") == 0)
        c->n_finished++;
    else
        c->n_stopped++;
    struct json_span raw = json_at(doc, i);
    json_put_raw(&c->w, raw.at, raw.len);
    const char *cells[] = {id[0] != '\0' ? id : word, found, words_of(found)};
    return grid_row(c->grid, cells, NULL);
}

static int ask(struct cancelling *c, struct session *s, const char *key, const char *word,
               struct answer *a)
{
    struct buf header = BUF_INIT(4096);
    struct json_writer w;
    json_begin(&w, &header);
    json_open(&w, '{');
    json_member_str(&w, key, word);
    json_close(&w, '}');
    answer_clear(a);
    int status = json_end(&w) < 0 ? cli_fail(c->cli, CLI_USAGE, NULL, "the id is too long")
                                  : session_ask(s, WIRE_CANCEL, &header, NULL, 0, a, NULL);
    buf_clear(&header);
    return status;
}

static int is_unknown(const struct answer *a)
{
    uint32_t tasks = view_array(&a->doc, 0, "tasks");
    return view_count(&a->doc, tasks) == 1 &&
           view_is(&a->doc, json_first(tasks), "found", "unknown");
}

static int cancel_one(struct cancelling *c, struct session *s, const char *key, const char *word)
{
    struct answer a = {.verb = WIRE_UNKNOWN};
    int status = CLI_OK;
    if (strcmp(key, "task_id") == 0 && id_is_uid(word))
        status = ask(c, s, "uid", word, &a);
    if (status == CLI_OK && (a.verb == WIRE_UNKNOWN || is_unknown(&a)))
        status = ask(c, s, key, word, &a);
    uint32_t tasks = status == CLI_OK ? view_array(&a.doc, 0, "tasks") : 0;
    VIEW_EACH(&a.doc, tasks, i)
    {
        if (add_found(c, &a.doc, i, word) != 0)
            status = cli_no_memory(c->cli);
    }
    if (status == CLI_OK && view_count(&a.doc, tasks) == 0)
        c->n_unknown++;
    answer_clear(&a);
    return status;
}

static int cancel_all(struct cancelling *c, const struct cancel_args *a, char **operands, int n)
{
    struct session s;
    int status = session_open(&s, c->cli);
    for (int i = 0; i < n && status == CLI_OK; i++)
        status = cancel_one(c, &s, "task_id", operands[i]);
    for (size_t i = 0; i < a->jobs.n && status == CLI_OK; i++)
        status = cancel_one(c, &s, "job_id", a->jobs.items[i]);
    session_close(&s);
    return status;
}

/* Not found beats too late: a wrong id is the caller's mistake. */
static int conclude(struct cancelling *c)
{
    json_close(&c->w, ']');
    json_close(&c->w, '}');
    if (c->cli->common.is_json)
        printf("%.*s\n", (int)c->document.len, (const char *)c->document.data);
    else if (!c->cli->common.is_quiet)
        grid_print(c->grid);
    if (c->n_unknown > 0)
        return cli_fail(c->cli, CLI_NOT_FOUND, "penstock task list shows what there is",
                        "%d not found", c->n_unknown);
    return c->n_stopped == 0 && c->n_finished > 0 ? CLI_FAIL : CLI_OK;
}

static int task_cancel(struct cli *cli, void *args, char **operands, int n)
{
    static const struct grid_column columns[] = {
        {"TASK", 0, 0}, {"FOUND", 0, 0}, {"", GRID_CUT, 0}};
    const struct cancel_args *a = args;
    struct cancelling c = {.cli = cli};
    if (n == 0 && a->jobs.n == 0)
        return cli_fail(cli, CLI_USAGE, "usage: penstock task cancel ID ... | --job ID",
                        "nothing to cancel");
    buf_init(&c.document, DOCUMENT_MAX);
    json_begin(&c.w, &c.document);
    json_open(&c.w, '{');
    json_key(&c.w, "tasks");
    json_open(&c.w, '[');
    c.grid = grid_new(cli, columns, 3);
    int status = c.grid != NULL ? cancel_all(&c, a, operands, n) : cli_no_memory(cli);
    if (status == CLI_OK)
        status = conclude(&c);
    grid_free(c.grid);
    buf_clear(&c.document);
    return status;
}

const struct command task_cancel_command = {
    .words = "task cancel",
    .operands = "ID ...",
    .max_operands = -1,
    .uses = USES_HOST | USES_JSON,
    .summary = "Cancel tasks, or all of a job.",
    .text =
        "Exit status: 0 they will end as cancelled, 1 they had finished before, 3 there are none.",
    ROWS(cancel_rows),
    .args_size = sizeof(struct cancel_args),
    .run = task_cancel,
};
