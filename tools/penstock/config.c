/* config.c: `penstock config check`, `show`, `reference`. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "commands.h"
#include "grid.h"
#include "settings.h"
#include "terminal.h"

#include "base/buf.h"
#include "base/json.h"
#include "conf/conf.h"

enum { TEXT_MAX = 16 * 1024 * 1024 };

struct show_args {
    bool with_origin, only_changed;
};

struct reference_args {
    const char *form;
};

static void print_checked(const struct conf *conf)
{
    const struct conf_list *files = conf_files(conf);
    for (size_t i = 0; i < files->n; i++)
        printf("%s: good\n", files->items[i]);
    if (files->n == 0)
        puts("good: no file, defaults and environment only");
}

static void write_errors(struct json_writer *w, const struct conf_errors *errors)
{
    json_key(w, "errors");
    json_open(w, '[');
    for (size_t i = 0; i < errors->n; i++) {
        json_open(w, '{');
        json_member_str(w, "where", errors->items[i].where);
        json_member_str(w, "what", errors->items[i].what);
        json_close(w, '}');
    }
    json_close(w, ']');
}

static void write_files(struct json_writer *w, const struct conf *conf)
{
    json_key(w, "files");
    json_open(w, '[');
    for (size_t i = 0; conf != NULL && i < conf_files(conf)->n; i++)
        json_put_str(w, conf_files(conf)->items[i]);
    json_close(w, ']');
}

static int print_check_document(const struct cli *cli, const struct conf *conf,
                                const struct conf_errors *errors)
{
    struct buf out = BUF_INIT(TEXT_MAX);
    struct json_writer w;
    json_begin(&w, &out);
    json_open(&w, '{');
    json_member_bool(&w, "valid", conf != NULL);
    write_files(&w, conf);
    write_errors(&w, errors);
    json_close(&w, '}');
    int rc = json_end(&w);
    if (rc == 0)
        printf("%.*s\n", (int)out.len, (const char *)out.data);
    buf_clear(&out);
    return rc == 0 ? CLI_OK : cli_no_memory(cli);
}

static int config_check(struct cli *cli, void *args, char **operands, int n)
{
    struct conf_errors errors = {0};
    (void)args;
    if (n > 0)
        cli->common.config = operands[0];
    struct conf *conf = settings_read(cli, &errors);
    int status = conf != NULL ? CLI_OK : CLI_BAD_CONFIG;
    if (cli->common.is_json && print_check_document(cli, conf, &errors) != CLI_OK)
        status = CLI_FAIL;
    settings_tell(cli, &errors);
    if (conf != NULL && !cli->common.is_json && !cli->common.is_quiet)
        print_checked(conf);
    conf_errors_clear(&errors);
    conf_free(conf);
    return status;
}

struct showing {
    const struct cli *cli;
    const struct show_args *args;
    struct grid *grid;     /* for people */
    struct json_writer *w; /* with --json: points to writer */
    struct json_writer writer;
};

static int show_cell(void *arg, const struct conf_item *item)
{
    struct showing *s = arg;
    struct buf key = BUF_INIT(4096);
    if (item->is_default && s->args->only_changed)
        return 0;
    buf_printf(&key, "%s.%s", item->section, item->key);
    const char *cells[] = {buf_cstr(&key), item->value[0] != '\0' ? item->value : "-",
                           item->origin};
    const char *colors[] = {NULL, NULL, COLOR_DIM};
    int rc = grid_row(s->grid, cells, colors);
    buf_clear(&key);
    return rc;
}

static int show_member(void *arg, const struct conf_item *item)
{
    struct showing *s = arg;
    if (item->is_default && s->args->only_changed)
        return 0;
    json_open(s->w, '{');
    json_member_str(s->w, "section", item->section);
    json_member_str(s->w, "key", item->key);
    json_member_str(s->w, "value", item->value);
    json_member_str(s->w, "origin", item->origin);
    json_member_bool(s->w, "default", item->is_default);
    json_close(s->w, '}');
    return 0;
}

static int show_document(struct showing *s, const struct conf *conf)
{
    struct buf out = BUF_INIT(TEXT_MAX);
    s->w = &s->writer;
    json_begin(s->w, &out);
    json_open(s->w, '{');
    write_files(s->w, conf);
    json_key(s->w, "values");
    json_open(s->w, '[');
    int rc = conf_each_value(conf, show_member, s);
    json_close(s->w, ']');
    json_close(s->w, '}');
    if (json_end(s->w) < 0)
        rc = -1;
    if (rc == 0)
        printf("%.*s\n", (int)out.len, (const char *)out.data);
    buf_clear(&out);
    return rc;
}

static int show_table(struct showing *s, const struct conf *conf)
{
    static const struct grid_column columns[] = {
        {"KEY", 0, 0}, {"VALUE", GRID_WRAP, 0.3}, {"ORIGIN", GRID_WRAP, 0.3}};
    s->grid = grid_new(s->cli, columns, s->args->with_origin ? 3 : 2);
    int rc = s->grid != NULL ? conf_each_value(conf, show_cell, s) : -1;
    if (rc == 0 && grid_count(s->grid) == 0)
        cli_note(s->cli, "nothing differs from the defaults");
    else if (rc == 0)
        rc = grid_print(s->grid);
    grid_free(s->grid);
    return rc;
}

static int config_show(struct cli *cli, void *args, char **operands, int n)
{
    struct showing s = {.cli = cli, .args = args};
    struct conf *conf = settings_load(cli);
    (void)operands;
    (void)n;
    if (conf == NULL)
        return CLI_BAD_CONFIG;
    int rc = cli->common.is_json ? show_document(&s, conf) : show_table(&s, conf);
    conf_free(conf);
    return rc == 0 ? CLI_OK : cli_no_memory(cli);
}

static int config_reference(struct cli *cli, void *args, char **operands, int n)
{
    const struct reference_args *a = args;
    struct buf out = BUF_INIT(TEXT_MAX);
    int is_markdown = a->form != NULL && strcmp(a->form, "markdown") == 0;
    (void)operands;
    (void)n;
    int rc = conf_reference(is_markdown ? CONF_TEXT_MARKDOWN : CONF_TEXT_PLAIN, &out);
    if (rc == 0)
        fwrite(out.data, 1, out.len, stdout);
    buf_clear(&out);
    return rc == 0 ? CLI_OK : cli_no_memory(cli);
}

static const char *const form_words[] = {"text", "markdown", NULL};

static const struct option_row show_rows[] = {
    {"origin", 'O', OPTION_FLAG, offsetof(struct show_args, with_origin), NULL,
     "Tell where each value comes from.", NULL},
    {"changed", 0, OPTION_FLAG, offsetof(struct show_args, only_changed), NULL,
     "Only what is not the default.", NULL},
};
static const struct option_row reference_rows[] = {
    {"format", 'f', OPTION_TEXT, offsetof(struct reference_args, form), "FORM", "text or markdown.",
     form_words},
};

const struct command config_check_command = {
    .words = "config check",
    .operands = "[FILE]",
    .max_operands = 1,
    .uses = USES_CONFIG | USES_JSON,
    .summary = "Check the configuration; every mistake is told. Exit status 78 if there is one.",
    .run = config_check,
};
const struct command config_show_command = {
    .words = "config show",
    .uses = USES_CONFIG | USES_JSON,
    .summary = "Print the configuration in force; secrets are masked.",
    ROWS(show_rows),
    .args_size = sizeof(struct show_args),
    .run = config_show,
};
const struct command config_reference_command = {
    .words = "config reference",
    .summary = "Print every option with its type, default and meaning.",
    ROWS(reference_rows),
    .args_size = sizeof(struct reference_args),
    .run = config_reference,
};
