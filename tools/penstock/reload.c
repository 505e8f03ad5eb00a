/* reload.c: `penstock reload`: the host reads its configuration and its plugins anew. */
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "commands.h"
#include "session.h"
#include "view.h"

enum { PATIENCE_MS = 180000, TEXT = 1024 };

struct reload_args {
    bool force;
};

static void print_names(const struct json_doc *doc, const char *key, const char *label)
{
    const uint32_t names = view_array(doc, 0, key);
    VIEW_EACH(doc, names, i)
    {
        char *name = json_strdup(doc, i);
        printf("%s: %s\n", label, name != NULL ? name : "?");
        free(name);
    }
}

static void print_reasons(const struct json_doc *doc, const char *list, const char *key,
                          const char *label)
{
    char name[TEXT], reason[TEXT];
    const uint32_t items = view_array(doc, 0, list);
    VIEW_EACH(doc, items, i)
    printf("%s: %s: %s\n", label, view_copy(doc, i, key, name, sizeof name),
           view_copy(doc, i, "reason", reason, sizeof reason));
}

static void print_report(const struct json_doc *doc)
{
    printf("reloaded: %u pipelines added, %u changed, %u removed, %lld as they were\n",
           view_count(doc, view_array(doc, 0, "added")),
           view_count(doc, view_array(doc, 0, "changed")),
           view_count(doc, view_array(doc, 0, "removed")),
           (long long)view_int(doc, 0, "unchanged", 0));
    print_names(doc, "added", "added");
    print_names(doc, "changed", "changed");
    print_names(doc, "removed", "removed");
    print_names(doc, "needs_restart", "needs a restart");
    print_names(doc, "changing", "left as it was, still changing");
    print_reasons(doc, "failed", "pipeline", "left as it was");
    print_reasons(doc, "broken", "file", "broken");
}

/* "the configuration is wrong" with each place, as penstock config check tells it. */
static int tell_wrong(const struct cli *cli, const struct json_doc *doc)
{
    char message[TEXT], where[TEXT], what[TEXT];
    const uint32_t errors = view_array(doc, view_object(doc, 0, "details"), "errors");
    VIEW_EACH(doc, errors, i)
    cli_fail(cli, CLI_BAD_CONFIG, NULL, "%s: %s", view_copy(doc, i, "path", where, sizeof where),
             view_copy(doc, i, "message", what, sizeof what));
    return cli_fail(cli, CLI_BAD_CONFIG, NULL, "%s",
                    view_copy(doc, 0, "message", message, sizeof message));
}

/* Something is not as it was asked to be. */
static int status_of(const struct json_doc *doc)
{
    const bool is_whole = view_count(doc, view_array(doc, 0, "failed")) == 0 &&
                          view_count(doc, view_array(doc, 0, "changing")) == 0;
    return is_whole ? CLI_OK : CLI_FAIL;
}

static int tell(const struct cli *cli, const struct answer *a)
{
    if (cli->common.is_json)
        printf("%.*s\n", (int)a->header.len, (const char *)a->header.data);
    if (a->verb == WIRE_REFUSED)
        return cli->common.is_json ? CLI_BAD_CONFIG : tell_wrong(cli, &a->doc);
    if (!cli->common.is_json && !cli->common.is_quiet)
        print_report(&a->doc);
    return status_of(&a->doc);
}

/* New plugins are loaded before the answer comes. */
static int reload(struct cli *cli, void *args, char **operands, int n)
{
    const struct reload_args *r = args;
    struct session s;
    struct answer a = {.verb = WIRE_UNKNOWN};
    struct buf header = BUF_INIT(TEXT);
    (void)operands;
    (void)n;
    if (cli->common.patience_ms < PATIENCE_MS)
        cli->common.patience_ms = PATIENCE_MS;
    int status = session_open(&s, cli);
    if (status == CLI_OK && buf_printf(&header, "{\"force\": %s}", r->force ? "true" : "false") < 0)
        status = cli_no_memory(cli);
    if (status == CLI_OK)
        status = session_ask(&s, WIRE_RELOAD, &header, NULL, 0, &a, "INVALID_INPUT");
    if (status == CLI_OK)
        status = tell(cli, &a);
    session_close(&s);
    answer_clear(&a);
    buf_clear(&header);
    return status;
}

static const struct option_row reload_rows[] = {
    {"force", 0, OPTION_FLAG, offsetof(struct reload_args, force), NULL,
     "Load plugins anew whose files have not changed, too.", NULL},
};

const struct command reload_command = {
    .words = "reload",
    .uses = USES_HOST | USES_JSON,
    .summary = "Let the host read its configuration and plugins anew.",
    ROWS(reload_rows),
    .args_size = sizeof(struct reload_args),
    .run = reload,
};
