/* plugin_verify.c: `penstock plugin verify`. Part of the command line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "commands.h"
#include "hints.h"
#include "settings.h"
#include "signing.h"
#include "terminal.h"

#include "base/json.h"
#include "conf/conf.h"
#include "sandbox/plugin_trust.h"

enum { HINT_TEXT = 512, DOCUMENT_MAX = 16 * 1024 * 1024 };

struct verify_args {
    struct texts keys;
};

static const struct option_row verify_rows[] = {
    {"key", 'k', OPTION_TEXTS, offsetof(struct verify_args, keys), "FILE",
     "A public key (NAME.pub), instead of the configuration's trusted_keys. May be given several "
     "times.",
     NULL},
};

struct verifying {
    const struct cli *cli;
    struct public_key keys[PLUGIN_KEYS_MAX];
    size_t n_keys;
    struct json_writer *w; /* NULL: for people; else points to writer */
    struct json_writer writer;
    int n_bad;
};

static const char *const states[] = {
    [SIGNATURE_GOOD] = "good",          [SIGNATURE_ABSENT] = "unsigned",
    [SIGNATURE_STRANGER] = "untrusted", [SIGNATURE_BROKEN] = "broken",
    [SIGNATURE_CHANGED] = "changed",
};

static void write_one(struct json_writer *w, const struct measured *m, enum signature_verdict v,
                      const char *words)
{
    json_open(w, '{');
    json_member_str(w, "file", m->path);
    json_member_str(w, "state", states[v]);
    json_member_str(w, v == SIGNATURE_GOOD ? "key" : "reason", words);
    json_member_str(w, "sha256", m->parts.items[0].sha256);
    json_close(w, '}');
}

static void tell_one(const struct cli *cli, const struct measured *m, enum signature_verdict v,
                     const char *words)
{
    char hint[HINT_TEXT];
    const char *on = cli->has_color_out ? COLOR_GREEN : "",
               *off = cli->has_color_out ? COLOR_OFF : "";
    if (v == SIGNATURE_GOOD) {
        printf("%s: %sgood%s: signed by key %s\n", m->path, on, off, words);
        return;
    }
    hint_for_reason(words, hint, sizeof hint);
    cli_fail(cli, CLI_FAIL, hint[0] != '\0' ? hint : NULL, "%s: %s", m->path, words);
}

static int verify_one(struct verifying *v, const char *file)
{
    char words[SIGNATURE_WHY];
    int status = CLI_OK;
    struct measured *m = measured_new(v->cli, file, &status);
    if (m == NULL)
        return status;
    const enum signature_verdict verdict = signature_judge(
        (const char *)m->signature.data, m->signature.len, v->keys, v->n_keys, &m->parts, words);
    v->n_bad += verdict != SIGNATURE_GOOD;
    if (v->w != NULL)
        write_one(v->w, m, verdict, words);
    else
        tell_one(v->cli, m, verdict, words);
    measured_free(m);
    return CLI_OK;
}

static int verify_all(struct verifying *v, char **files, int n)
{
    int status = CLI_OK;
    for (int i = 0; i < n && status == CLI_OK; i++)
        status = verify_one(v, files[i]);
    return status;
}

static int verify_document(struct verifying *v, char **files, int n)
{
    struct buf out = BUF_INIT(DOCUMENT_MAX);
    v->w = &v->writer;
    json_begin(v->w, &out);
    json_open(v->w, '{');
    json_key(v->w, "plugins");
    json_open(v->w, '[');
    int status = verify_all(v, files, n);
    json_close(v->w, ']');
    json_close(v->w, '}');
    if (json_end(v->w) < 0)
        status = cli_no_memory(v->cli);
    else if (status == CLI_OK)
        printf("%.*s\n", (int)out.len, (const char *)out.data);
    buf_clear(&out);
    return status;
}

static int read_keys(struct verifying *v, const char *const *paths, size_t n)
{
    int status = CLI_OK;
    if (n > PLUGIN_KEYS_MAX)
        return cli_fail(v->cli, CLI_USAGE, NULL, "%zu keys, at most %d can be looked at", n,
                        PLUGIN_KEYS_MAX);
    for (; v->n_keys < n && status == CLI_OK; v->n_keys++)
        status = signing_public_key(v->cli, paths[v->n_keys], &v->keys[v->n_keys]);
    return status;
}

static int keys_of_configuration(struct verifying *v)
{
    struct conf *conf = settings_load(v->cli);
    if (conf == NULL)
        return CLI_BAD_CONFIG;
    const struct conf_list *list = &conf_host(conf)->trusted_keys;
    int status = list->n > 0 ? read_keys(v, (const char *const *)list->items, list->n)
                             : cli_fail(v->cli, CLI_USAGE, "--key FILE names a public key",
                                        "the configuration names no trusted_keys");
    conf_free(conf);
    return status;
}

static int plugin_verify(struct cli *cli, void *args, char **operands, int n)
{
    const struct verify_args *a = args;
    struct verifying v = {.cli = cli};
    int status =
        a->keys.n > 0 ? read_keys(&v, a->keys.items, a->keys.n) : keys_of_configuration(&v);
    if (status == CLI_OK)
        status =
            cli->common.is_json ? verify_document(&v, operands, n) : verify_all(&v, operands, n);
    return status == CLI_OK && v.n_bad > 0 ? CLI_FAIL : status;
}

const struct command plugin_verify_command = {
    .words = "plugin verify",
    .operands = "FILE.so ...",
    .min_operands = 1,
    .max_operands = -1,
    .uses = USES_CONFIG | USES_JSON,
    .summary = "Check the signatures of plugin files, as a host does.",
    .text = "Exit status 1: one of them is not signed by such a key, or was changed since.",
    ROWS(verify_rows),
    .args_size = sizeof(struct verify_args),
    .run = plugin_verify,
};
