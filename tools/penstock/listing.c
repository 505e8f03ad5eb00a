/* listing.c: pages of LIST, one after the other. Part of the command line. */
#include "listing.h"

#include <stdlib.h>

#include "cli.h"
#include "session.h"
#include "view.h"
#include "when.h"

#include "base/codes.h"

enum { LIMIT = 50, PAGE_MAX = 1000, DOCUMENT_MAX = 512 * 1024 * 1024 };

/* Both forms grow page by page. */
struct listing {
    const struct cli *cli;
    const struct listing_spec *spec;
    const void *args;
    struct grid *grid;
    struct buf document;
    struct json_writer w;
    int64_t left;
    char *cursor;
};

int listing_put_code(const struct cli *cli, const char *code, struct json_writer *w)
{
    if (code != NULL && code_find(code) == CODE_COUNT)
        return cli_fail(cli, CLI_USAGE, "codes are written as in penstock stats, such as CRASH",
                        "there is no code %s", code);
    json_member_str(w, "code", code);
    return CLI_OK;
}

int listing_put_time(const struct cli *cli, const char *option, const char *text,
                     const char *member, struct json_writer *w)
{
    const int64_t at = text != NULL ? when_parse(text, WHEN_AGO) : 0;
    if (text == NULL)
        return CLI_OK;
    if (at <= 0)
        return cli_fail(cli, CLI_USAGE, "write 2h for two hours ago, or 2026-01-31T12:00:00Z",
                        "--%s %s is no point in time", option, text);
    json_member_int(w, member, at);
    return CLI_OK;
}

static int add_page(struct listing *l, const struct json_doc *doc)
{
    const uint32_t tasks = view_array(doc, 0, "tasks");
    int rc = 0;
    VIEW_EACH(doc, tasks, i)
    {
        const struct json_span raw = json_at(doc, i);
        if (l->cli->common.is_json)
            json_put_raw(&l->w, raw.at, raw.len);
        else
            rc |= l->spec->add_row(l->grid, doc, i);
        l->left--;
    }
    free(l->cursor);
    l->cursor = view_text(doc, 0, "cursor");
    return rc == 0 ? CLI_OK : cli_no_memory(l->cli);
}

static int ask_page(struct listing *l, struct session *s)
{
    struct buf header = BUF_INIT(16384);
    struct answer a = {.verb = WIRE_UNKNOWN};
    struct json_writer w;
    json_begin(&w, &header);
    json_open(&w, '{');
    int status = l->spec->put_filter(l->cli, l->args, &w);
    json_member_int(&w, "limit", l->left < PAGE_MAX ? l->left : PAGE_MAX);
    json_member_str(&w, "cursor", l->cursor);
    json_close(&w, '}');
    if (status == CLI_OK && json_end(&w) < 0)
        status = cli_no_memory(l->cli);
    if (status == CLI_OK)
        status = session_ask(s, WIRE_LIST, &header, NULL, 0, &a, NULL);
    if (status == CLI_OK)
        status = add_page(l, &a.doc);
    answer_clear(&a);
    buf_clear(&header);
    return status;
}

static int print_list(struct listing *l)
{
    if (!l->cli->common.is_json) {
        const int status = grid_print(l->grid);
        if (grid_count(l->grid) == 0)
            cli_note(l->cli, "%s", l->spec->none);
        else if (l->cursor != NULL)
            cli_note(l->cli, "there are more; --limit N shows them");
        return status;
    }
    json_close(&l->w, ']');
    json_member_str(&l->w, "cursor", l->cursor);
    json_close(&l->w, '}');
    if (json_end(&l->w) < 0)
        return cli_no_memory(l->cli);
    fwrite(l->document.data, 1, l->document.len, stdout);
    putchar('\n');
    return CLI_OK;
}

/* A page may be short, or empty, and still have others behind it. */
static int ask_all(struct listing *l, struct session *s)
{
    int status;
    do
        status = ask_page(l, s);
    while (status == CLI_OK && l->cursor != NULL && l->left > 0);
    return status == CLI_OK ? print_list(l) : status;
}

int listing_show(struct cli *cli, const struct listing_spec *spec, const void *args, int64_t limit)
{
    struct session s = {.cli = cli};
    struct listing l = {.cli = cli, .spec = spec, .args = args, .left = limit > 0 ? limit : LIMIT};
    buf_init(&l.document, DOCUMENT_MAX);
    json_begin(&l.w, &l.document);
    json_open(&l.w, '{');
    json_key(&l.w, "tasks");
    json_open(&l.w, '[');
    l.grid = grid_new(cli, spec->columns, spec->n_columns);
    int status = l.grid != NULL ? session_open(&s, cli) : cli_no_memory(cli);
    if (status == CLI_OK)
        status = ask_all(&l, &s);
    session_close(&s);
    grid_free(l.grid);
    buf_clear(&l.document);
    free(l.cursor);
    return status;
}
