/* options.c: from tables to getopt_long and back into structs. Part of the command line. */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#include "base/text.h"

enum { ROWS_MAX = 40, FIRST_VALUE = 1000 };

static const char *const color_words[] = {"auto", "always", "never", NULL};

#define COMMON(field) offsetof(struct common_args, field)

const struct option_row common_rows[] = {
    {"socket", 0, OPTION_TEXT, COMMON(socket), "PATH",
     "The host's socket: a path, or ipc://PATH, or tcp://ADDRESS:PORT [PENSTOCK_SOCKET].", NULL},
    {"server-key", 0, OPTION_TEXT, COMMON(server_key), "KEY",
     "Over TCP: the host's public key, as penstock key show --host prints it there "
     "[PENSTOCK_SERVER_KEY].",
     NULL},
    {"client-key", 0, OPTION_TEXT, COMMON(client_key), "FILE",
     "Over TCP: our own key, as penstock key new makes it [PENSTOCK_CLIENT_KEY].", NULL},
    {"patience", 0, OPTION_DURATION, COMMON(patience_ms), "DURATION",
     "How long to wait for the host's first answer (2s) [PENSTOCK_PATIENCE].", NULL},
    {"config", 'c', OPTION_TEXT, COMMON(config), "FILE",
     "Read this configuration instead of the usual one [PENSTOCK_CONFIG].", NULL},
    {"set", 0, OPTION_TEXTS, COMMON(sets), "KEY=VALUE",
     "One value of the configuration, such as host.queue_max=5.", NULL},
    {"json", 0, OPTION_FLAG, COMMON(is_json), NULL, "Print one JSON document instead of text.",
     NULL},
    {"color", 0, OPTION_TEXT, COMMON(color), "WHEN",
     "Colours: auto, always or never. NO_COLOR and CLICOLOR_FORCE are heeded.", color_words},
    {"quiet", 'q', OPTION_FLAG, COMMON(is_quiet), NULL, "Say nothing but results and errors.",
     NULL},
    {"verbose", 'v', OPTION_FLAG, COMMON(is_verbose), NULL, "Say more.", NULL},
    {"help", 'h', OPTION_FLAG, COMMON(wants_help), NULL, "Print this help and exit.", NULL},
};
const size_t n_common_rows = sizeof common_rows / sizeof *common_rows;

/* In the order of common_rows; 0: every command has it. */
static const unsigned common_needs[] = {
    USES_HOST, USES_HOST, USES_HOST, USES_HOST, USES_HOST | USES_CONFIG, USES_CONFIG, USES_JSON,
    0,         0,         0,         0};

unsigned long common_rows_of(unsigned uses)
{
    unsigned long set = 0;
    for (size_t i = 0; i < n_common_rows; i++) {
        if (common_needs[i] == 0 || (common_needs[i] & uses) != 0)
            set |= 1ul << i;
    }
    return set;
}

/* The rows of one call, common ones last, and where their values go. */
struct reading {
    const struct cli *cli;
    const struct option_row *rows[ROWS_MAX];
    char *bases[ROWS_MAX];
    size_t n;
    struct option longs[ROWS_MAX + 1];
    char shorts[3 * ROWS_MAX + 2];
};

static void add_row(struct reading *r, const struct option_row *row, void *base)
{
    if (r->n == ROWS_MAX)
        abort();
    size_t i = r->n++, at = strlen(r->shorts);
    r->rows[i] = row;
    r->bases[i] = base;
    int takes = row->kind != OPTION_FLAG;
    r->longs[i] = (struct option){row->name, takes ? required_argument : no_argument, NULL,
                                  FIRST_VALUE + (int)i};
    if (row->letter != 0) {
        r->shorts[at++] = row->letter;
        if (takes)
            r->shorts[at] = ':';
    }
}

static void gather(struct reading *r, struct cli *cli, const struct command *command, void *args)
{
    unsigned long common = command != NULL ? common_rows_of(command->uses) : ~0ul;
    /* ':' first tells a missing value from an unknown option; '+' stops at the first operand. */
    snprintf(r->shorts, sizeof r->shorts, "%s", command != NULL ? ":" : "+:");
    for (size_t i = 0; command != NULL && i < command->n_rows; i++)
        add_row(r, &command->rows[i], args);
    for (size_t i = 0; i < n_common_rows; i++) {
        if ((common >> i & 1) != 0)
            add_row(r, &common_rows[i], &cli->common);
    }
}

static const char *hint_of(const struct command *command, char *out, size_t size)
{
    snprintf(out, size, "penstock %s%s--help tells more", command != NULL ? command->words : "",
             command != NULL ? " " : "");
    return out;
}

static int unknown_option(const struct reading *r, const struct command *command, const char *word)
{
    const char *names[ROWS_MAX];
    char bare[64], hint[128];
    for (size_t i = 0; i < r->n; i++)
        names[i] = r->rows[i]->name;
    snprintf(bare, sizeof bare, "%s", word + strspn(word, "-"));
    bare[strcspn(bare, "=")] = '\0';
    const char *near = strncmp(word, "--", 2) == 0 ? text_nearest(bare, names, r->n) : NULL;
    if (near != NULL)
        snprintf(hint, sizeof hint, "did you mean --%s?", near);
    else
        hint_of(command, hint, sizeof hint);
    return cli_fail(r->cli, CLI_USAGE, hint, "unknown option %s", word);
}

static int bad_value(const struct cli *cli, const struct option_row *row, const char *value,
                     const char *expected)
{
    return cli_fail(cli, CLI_USAGE, expected, "--%s does not take \"%s\"", row->name, value);
}

static int check_words(const struct cli *cli, const struct option_row *row, const char *value)
{
    char list[256] = "one of";
    size_t at = strlen(list);
    for (size_t i = 0; row->words[i] != NULL; i++) {
        if (strcmp(row->words[i], value) == 0)
            return CLI_OK;
        at +=
            (size_t)snprintf(list + at, sizeof list - at, "%s %s", i > 0 ? "," : "", row->words[i]);
        if (at >= sizeof list)
            at = sizeof list - 1;
    }
    return bad_value(cli, row, value, list);
}

static int add_text(const struct cli *cli, struct texts *list, const char *value)
{
    const char **items = realloc(list->items, (list->n + 1) * sizeof *items);
    if (items == NULL)
        return cli_no_memory(cli);
    list->items = items;
    items[list->n++] = value;
    return CLI_OK;
}

static int put_number(const struct cli *cli, const struct option_row *row, int64_t *to,
                      const char *value)
{
    switch (row->kind) {
    case OPTION_DURATION:
        return text_parse_duration(value, to) == 0
                   ? CLI_OK
                   : bad_value(cli, row, value, "write 500ms, 30s, 5m, 1h");
    case OPTION_SIZE:
        return text_parse_size(value, to) == 0
                   ? CLI_OK
                   : bad_value(cli, row, value, "write 4096, 64Ki, 512M, 2G");
    default:
        return text_parse_i64(value, to) == 0 && *to >= 0
                   ? CLI_OK
                   : bad_value(cli, row, value, "a whole number is needed");
    }
}

static int put(const struct cli *cli, const struct option_row *row, char *base, const char *value)
{
    void *to = base + row->offset;
    if (row->words != NULL) {
        int status = check_words(cli, row, value);
        if (status != CLI_OK)
            return status;
    }
    switch (row->kind) {
    case OPTION_FLAG:
        *(bool *)to = true;
        return CLI_OK;
    case OPTION_TEXT:
        *(const char **)to = value;
        return CLI_OK;
    case OPTION_TEXTS:
        return add_text(cli, to, value);
    default:
        return put_number(cli, row, to, value);
    }
}

static int find_row(const struct reading *r, int found)
{
    for (size_t i = 0; i < r->n; i++) {
        if (found == FIRST_VALUE + (int)i || (found < FIRST_VALUE && r->rows[i]->letter == found))
            return (int)i;
    }
    return -1;
}

/* getopt says '?' for unknown and ambiguous ones and for --flag=value. */
static int refuse(const struct reading *r, const struct command *command, int found, char **argv)
{
    char letter[3] = {'-', (char)optopt, '\0'}, hint[128];
    const char *word = optopt > 0 && optopt < FIRST_VALUE ? letter : argv[optind - 1];
    if (found == ':')
        return cli_fail(r->cli, CLI_USAGE, hint_of(command, hint, sizeof hint), "%s needs a value",
                        word);
    if (optopt >= FIRST_VALUE)
        return cli_fail(r->cli, CLI_USAGE, NULL, "--%s takes no value",
                        r->rows[optopt - FIRST_VALUE]->name);
    return unknown_option(r, command, word);
}

int options_read(struct cli *cli, const struct command *command, void *args, int argc, char **argv,
                 int *first)
{
    struct reading r = {.cli = cli};
    int status = CLI_OK, found;
    gather(&r, cli, command, args);
    optind = 0; /* starts getopt anew; it is called twice */
    opterr = 0;
    while (status == CLI_OK && (found = getopt_long(argc, argv, r.shorts, r.longs, NULL)) != -1) {
        int i = found == '?' || found == ':' ? -1 : find_row(&r, found);
        status = i < 0 ? refuse(&r, command, found, argv) : put(cli, r.rows[i], r.bases[i], optarg);
    }
    *first = optind;
    return status;
}

void options_clear(const struct command *command, void *args)
{
    for (size_t i = 0; i < command->n_rows; i++) {
        if (command->rows[i].kind == OPTION_TEXTS)
            free(((struct texts *)(void *)((char *)args + command->rows[i].offset))->items);
    }
}
