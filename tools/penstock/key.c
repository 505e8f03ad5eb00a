/* key.c: `penstock key new`, `show`, `allow`, `list`, `revoke`: keys for TCP. Part of the command line. */
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "commands.h"
#include "settings.h"
#include "signing.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/secret_file.h"
#include "conf/conf.h"
#include "wire/allowed.h"
#include "wire/curve.h"

enum { KEY_MODE = 0600, LIST_MODE = 0644, JSON_MAX = 4 * 1024 * 1024 };

/* ---- pairs
 * ---------------------------------------------------------------------------------------- */

struct pair_args {
    bool is_host;
};

static const struct option_row pair_rows[] = {
    {"host", 0, OPTION_FLAG, offsetof(struct pair_args, is_host), NULL,
     "The host's own key, in the file that host.curve_key_file names.", NULL},
};

/* A path of the configuration, or the one that was given; freed by the caller. NULL: told. */
static char *choose_path(const struct cli *cli, const char *given, bool is_list, int *status)
{
    *status = CLI_OK;
    if (given != NULL)
        return strdup(given);
    struct conf *conf = settings_load(cli);
    *status = CLI_BAD_CONFIG;
    if (conf == NULL)
        return NULL;
    const struct conf_host *h = conf_host(conf);
    char *path = strdup(is_list ? h->allowed_keys : h->curve_key_file);
    conf_free(conf);
    if (path != NULL && path[0] != '\0') {
        *status = CLI_OK;
        return path;
    }
    free(path);
    *status = cli_fail(cli, CLI_USAGE,
                       "set it in host {}, such as allowed_keys = "
                       "\"/etc/penstock/allowed_keys\", or name a file with --file",
                       "host.allowed_keys names no list");
    return NULL;
}

static char *pair_path(const struct cli *cli, const struct pair_args *a, char **operands, int n,
                       int *status)
{
    if (n == 1 || a->is_host)
        return choose_path(cli, n == 1 ? operands[0] : NULL, false, status);
    *status = cli_fail(cli, CLI_USAGE, "name a file, or --host for the host's own key", "no FILE");
    return NULL;
}

static void print_pair(const struct cli *cli, const struct curve_pair *pair, const char *path,
                       bool is_host)
{
    char hex[CURVE_HEX], z85[CURVE_Z85];
    curve_key_hex(&pair->public_part, hex);
    curve_key_z85(&pair->public_part, z85);
    if (cli->common.is_quiet) {
        puts(hex);
        return;
    }
    printf("public key   %s\nin Z85       %s\nsecret key   in %s, for its owner's eyes only\n", hex,
           z85, path);
    if (is_host)
        printf("\nfor clients:\n  penstock ... --socket tcp://HOST:PORT --client-key FILE "
               "--server-key %s\n",
               hex);
    else
        printf("\nat the host:\n  penstock key allow %s --name NAME\n", hex);
}

static int write_pair(const struct cli *cli, const struct curve_pair *pair, const char *path)
{
    struct buf text = BUF_INIT(CURVE_FILE_MAX);
    const int status = curve_pair_write(pair, &text) == 0
                           ? signing_create(cli, path, KEY_MODE, &text)
                           : cli_no_memory(cli);
    secret_file_clear(&text);
    return status;
}

static int key_new(struct cli *cli, void *args, char **operands, int n)
{
    const struct pair_args *a = args;
    struct curve_pair pair;
    int status;
    char *path = pair_path(cli, a, operands, n, &status);
    if (path == NULL)
        return status;
    if (curve_pair_new(&pair) < 0)
        status = cli_fail(cli, CLI_FAIL, NULL, "no key can be made: %s", strerror(errno));
    else
        status = write_pair(cli, &pair, path);
    if (status == CLI_OK)
        print_pair(cli, &pair, path, a->is_host);
    curve_pair_clear(&pair);
    free(path);
    return status;
}

static int key_show(struct cli *cli, void *args, char **operands, int n)
{
    const struct pair_args *a = args;
    struct curve_pair pair;
    char why[CURVE_WHY];
    int status;
    char *path = pair_path(cli, a, operands, n, &status);
    if (path == NULL)
        return status;
    if (curve_pair_read(path, &pair, why) < 0)
        status = cli_fail(cli, errno == ENOENT ? CLI_NOT_FOUND : CLI_FAIL, NULL, "%s", why);
    else
        print_pair(cli, &pair, path, a->is_host);
    curve_pair_clear(&pair);
    free(path);
    return status;
}

/* ---- the list
 * ------------------------------------------------------------------------------------- */

struct list_args {
    const char *file, *name, *tenant;
};

/* A list while it is changed. */
struct list {
    char path[PATH_MAX]; /* without links: the file itself is replaced */
    struct buf text;
    struct allowed *keys;
};

static void list_clear(struct list *l)
{
    allowed_free(l->keys);
    buf_clear(&l->text);
}

static int list_parse(const struct cli *cli, struct list *l)
{
    char why[ALLOWED_WHY];
    allowed_free(l->keys);
    l->keys = allowed_parse((const char *)l->text.data, l->text.len, why);
    return l->keys != NULL ? CLI_OK : cli_fail(cli, CLI_FAIL, NULL, "%s: %s", l->path, why);
}

/* A list that is not there is an empty one. */
static int list_read(const struct cli *cli, struct list *l, const char *path)
{
    *l = (struct list){.text = BUF_INIT(ALLOWED_FILE_MAX)};
    if (realpath(path, l->path) == NULL) {
        if (errno != ENOENT || snprintf(l->path, sizeof l->path, "%s", path) >= PATH_MAX)
            return cli_fail(cli, CLI_FAIL, NULL, "%s: %s", path, strerror(errno));
    } else if (buf_read_file(&l->text, l->path) < 0) {
        return cli_fail(cli, CLI_FAIL, NULL, "%s: %s", l->path, strerror(errno));
    }
    return list_parse(cli, l);
}

static int list_open(const struct cli *cli, const struct list_args *a, struct list *l)
{
    int status;
    *l = (struct list){.keys = NULL};
    char *path = choose_path(cli, a->file, true, &status);
    if (path != NULL)
        status = list_read(cli, l, path);
    free(path);
    return status;
}

/* What would not be read is not written. */
static int list_write(const struct cli *cli, struct list *l)
{
    const int status = list_parse(cli, l);
    return status == CLI_OK ? signing_replace(cli, l->path, LIST_MODE, &l->text) : status;
}

static int append_line(const struct cli *cli, struct list *l, const struct curve_key *key,
                       const struct list_args *a)
{
    char hex[CURVE_HEX];
    curve_key_hex(key, hex);
    const bool is_open = l->text.len > 0 && l->text.data[l->text.len - 1] != '\n';
    const int rc =
        buf_printf(&l->text, "%s%s %s%s%s\n", is_open ? "\n" : "", hex, a->name,
                   a->tenant != NULL ? " tenant=" : "", a->tenant != NULL ? a->tenant : "");
    return rc == 0 ? CLI_OK : cli_fail(cli, CLI_FAIL, NULL, "%s: it is too long", l->path);
}

static int allow_in(const struct cli *cli, const struct curve_key *key, const struct list_args *a)
{
    struct list l;
    int status = list_open(cli, a, &l);
    if (status == CLI_OK)
        status = append_line(cli, &l, key, a);
    if (status == CLI_OK)
        status = list_write(cli, &l);
    if (status == CLI_OK)
        cli_note(cli, "%s may come in for the tenant %s (%s)", a->name,
                 allowed_find_name(l.keys, a->name)->tenant, l.path);
    list_clear(&l);
    return status;
}

/* A name with a line end in it would be a line of its own. */
static bool is_one_word(const char *text)
{
    return text == NULL || strpbrk(text, " \t\r\n") == NULL;
}

static int key_allow(struct cli *cli, void *args, char **operands, int n)
{
    const struct list_args *a = args;
    struct curve_key key;
    (void)n;
    if (a->name == NULL)
        return cli_fail(cli, CLI_USAGE, "add --name NAME", "who is it?");
    if (!is_one_word(a->name) || !is_one_word(a->tenant))
        return cli_fail(cli, CLI_USAGE, NULL,
                        "--name and --tenant: expected one word each, found \"%s\"",
                        is_one_word(a->name) ? a->tenant : a->name);
    if (curve_key_parse(&key, operands[0], strlen(operands[0])) < 0)
        return cli_fail(cli, CLI_USAGE, "penstock key new FILE makes one and prints it",
                        "expected a public key of 64 hex digits or 40 characters of Z85");
    return allow_in(cli, &key, a);
}

/* Where the line behind this one begins. */
static char *next_line(char *at, char *end)
{
    char *stop = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
    return stop != NULL ? stop + 1 : end;
}

static void cut_line(struct buf *text, size_t line)
{
    assert(text->data != NULL); /* a key stands in it */
    char *at = (char *)text->data, *end = at + text->len;
    char *stop = next_line(at, end);
    while (--line > 0) {
        at = stop;
        stop = next_line(at, end);
    }
    memmove(at, stop, (size_t)(end - stop));
    text->len -= (size_t)(stop - at);
}

static int take_out(const struct cli *cli, struct list *l, const char *name)
{
    const struct allowed_key *key = allowed_find_name(l->keys, name);
    if (key == NULL)
        return cli_fail(cli, CLI_NOT_FOUND, "penstock key list shows who is there",
                        "nobody is called \"%s\" in %s", name, l->path);
    cut_line(&l->text, key->line);
    return list_write(cli, l);
}

static int key_revoke(struct cli *cli, void *args, char **operands, int n)
{
    struct list l;
    int status = list_open(cli, args, &l);
    (void)n;
    if (status == CLI_OK)
        status = take_out(cli, &l, operands[0]);
    if (status == CLI_OK)
        cli_note(cli, "%s may no longer come in (%s)", operands[0], l.path);
    list_clear(&l);
    return status;
}

static void print_list(const struct allowed *keys)
{
    for (size_t i = 0; i < allowed_count(keys); i++) {
        const struct allowed_key *k = allowed_at(keys, i);
        printf("%s  %-20s  %s\n", k->hex, k->name, k->tenant);
    }
}

static int print_json(const struct cli *cli, const struct list *l)
{
    struct buf out = BUF_INIT(JSON_MAX);
    struct json_writer w;
    json_begin(&w, &out);
    json_open(&w, '{');
    json_member_str(&w, "file", l->path);
    json_key(&w, "keys");
    json_open(&w, '[');
    for (size_t i = 0; i < allowed_count(l->keys); i++) {
        const struct allowed_key *k = allowed_at(l->keys, i);
        json_open(&w, '{');
        json_member_str(&w, "key", k->hex);
        json_member_str(&w, "name", k->name);
        json_member_str(&w, "tenant", k->tenant);
        json_close(&w, '}');
    }
    json_close(&w, ']');
    json_close(&w, '}');
    const int status = json_end(&w) == 0 ? CLI_OK : cli_no_memory(cli);
    if (status == CLI_OK)
        printf("%.*s\n", (int)out.len, (const char *)out.data);
    buf_clear(&out);
    return status;
}

static int key_list(struct cli *cli, void *args, char **operands, int n)
{
    struct list l;
    int status = list_open(cli, args, &l);
    (void)operands;
    (void)n;
    if (status == CLI_OK && cli->common.is_json)
        status = print_json(cli, &l);
    else if (status == CLI_OK)
        print_list(l.keys);
    list_clear(&l);
    return status;
}

#define LIST(member) offsetof(struct list_args, member)
/* The first one is for all commands about the list. */
static const struct option_row list_rows[] = {
    {"file", 0, OPTION_TEXT, LIST(file), "FILE", "The list, if not host.allowed_keys.", NULL},
    {"name", 0, OPTION_TEXT, LIST(name), "NAME", "Who has the key: a name for logs and for revoke.",
     NULL},
    {"tenant", 0, OPTION_TEXT, LIST(tenant), "NAME",
     "Whom its tasks are for; without it the name. Several keys may have one tenant.", NULL},
};

const struct command key_new_command = {
    .words = "key new",
    .operands = "[FILE]",
    .max_operands = 1,
    .uses = USES_CONFIG,
    .summary = "Make a key for TCP: of a client in FILE, or of the host with --host.",
    .text = "The file must not be there yet. Its mode is 0600, and nothing takes another one. What "
            "is printed is public.",
    ROWS(pair_rows),
    .args_size = sizeof(struct pair_args),
    .run = key_new,
};
const struct command key_show_command = {
    .words = "key show",
    .operands = "[FILE]",
    .max_operands = 1,
    .uses = USES_CONFIG,
    .summary = "Print the public part of a key.",
    ROWS(pair_rows),
    .args_size = sizeof(struct pair_args),
    .run = key_show,
};
const struct command key_allow_command = {
    .words = "key allow",
    .operands = "PUBLICKEY",
    .min_operands = 1,
    .max_operands = 1,
    .uses = USES_CONFIG,
    .summary = "Let a client come in over TCP.",
    .text = "The key's line is added to the list that host.allowed_keys names. A host that runs "
            "notices at the client's next try.",
    ROWS(list_rows),
    .args_size = sizeof(struct list_args),
    .run = key_allow,
};
const struct command key_list_command = {
    .words = "key list",
    .uses = USES_CONFIG | USES_JSON,
    .summary = "List the clients that may come in over TCP.",
    .rows = list_rows,
    .n_rows = 1,
    .args_size = sizeof(struct list_args),
    .run = key_list,
};
const struct command key_revoke_command = {
    .words = "key revoke",
    .operands = "NAME",
    .min_operands = 1,
    .max_operands = 1,
    .uses = USES_CONFIG,
    .summary = "Let a client no longer come in.",
    .text = "A host that runs notices within a second: it tells the client's connections once, and "
            "ignores them from then on. Tasks that it has accepted run on.",
    .rows = list_rows,
    .n_rows = 1,
    .args_size = sizeof(struct list_args),
    .run = key_revoke,
};
