/* plugin_sign.c: `penstock plugin keygen` and `plugin sign`. Part of the command line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "commands.h"
#include "signing.h"

#include "sandbox/plugin_file.h"

/* ---- keygen
 * --------------------------------------------------------------------------------------- */

static int write_keys(const struct cli *cli, const char *path, const struct secret_key *secret,
                      const struct public_key *public_part)
{
    char public_path[PATH_MAX];
    struct buf secret_text = BUF_INIT(KEY_FILE_MAX), public_text = BUF_INIT(KEY_FILE_MAX);
    int status = CLI_OK;
    if ((size_t)snprintf(public_path, sizeof public_path, "%s.pub", path) >= sizeof public_path)
        status = cli_fail(cli, CLI_USAGE, NULL, "the name is too long");
    else if (secret_key_write(secret, &secret_text) < 0 ||
             public_key_write(public_part, &public_text) < 0)
        status = cli_no_memory(cli);
    if (status == CLI_OK)
        status = signing_create(cli, path, 0600, &secret_text);
    if (status == CLI_OK) {
        status = signing_create(cli, public_path, 0644, &public_text);
        if (status != CLI_OK)
            unlink(path);
    }
    if (secret_text.data != NULL)
        explicit_bzero(secret_text.data, secret_text.cap);
    buf_clear(&secret_text);
    buf_clear(&public_text);
    return status;
}

static int plugin_keygen(struct cli *cli, void *args, char **operands, int n)
{
    struct secret_key secret;
    struct public_key public_part;
    char id[KEY_ID_TEXT];
    (void)args;
    (void)n;
    secret_key_new(&secret);
    secret_key_public(&secret, &public_part);
    const int status = write_keys(cli, operands[0], &secret, &public_part);
    secret_key_clear(&secret);
    if (status != CLI_OK)
        return status;
    public_key_id(&public_part, id);
    printf("key %s\n  %s      the secret key: keep it, and away from hosts\n"
           "  %s.pub  the public key: for host.trusted_keys\n",
           id, operands[0], operands[0]);
    return CLI_OK;
}

const struct command plugin_keygen_command = {
    .words = "plugin keygen",
    .operands = "FILE",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "Make a pair of keys for signing plugins: FILE and FILE.pub.",
    .text =
        "Neither file must be there yet. The secret key is not encrypted: its mode is 0600, and "
        "penstock plugin sign takes no other.",
    .run = plugin_keygen,
};

/* ---- sign
 * ----------------------------------------------------------------------------------------- */

struct sign_args {
    const char *key;
};

static const struct option_row sign_rows[] = {
    {"key", 'k', OPTION_TEXT, offsetof(struct sign_args, key), "FILE",
     "The secret key that penstock plugin keygen made.", NULL},
};

static int write_signature(const struct cli *cli, const struct measured *m,
                           const struct signature *s)
{
    char path[PATH_MAX + sizeof PLUGIN_SIGNATURE_SUFFIX];
    struct buf text = BUF_INIT(SIGNATURE_FILE_MAX);
    snprintf(path, sizeof path, "%s%s", m->path, PLUGIN_SIGNATURE_SUFFIX);
    int status = signature_write(s, &text) == 0 ? CLI_OK : cli_no_memory(cli);
    if (status == CLI_OK)
        status = signing_replace(cli, path, 0644, &text);
    if (status == CLI_OK)
        printf("%s: key %s, %zu file%s\n", path, s->key_id, m->parts.n, m->parts.n == 1 ? "" : "s");
    buf_clear(&text);
    return status;
}

static int sign_one(const struct cli *cli, const struct secret_key *key, const char *file)
{
    char why[SIGNATURE_WHY];
    int status = CLI_OK;
    struct measured *m = measured_new(cli, file, &status);
    if (m == NULL)
        return status;
    struct signature *s = malloc(sizeof *s);
    if (s == NULL)
        status = cli_no_memory(cli);
    else if (signature_make(s, &m->parts, key, why) < 0)
        status = cli_fail(cli, CLI_FAIL, NULL, "%s: %s", m->path, why);
    else
        status = write_signature(cli, m, s);
    free(s);
    measured_free(m);
    return status;
}

static int plugin_sign(struct cli *cli, void *args, char **operands, int n)
{
    const struct sign_args *a = args;
    struct secret_key key;
    if (a->key == NULL)
        return cli_fail(cli, CLI_USAGE, "penstock plugin keygen makes one",
                        "--key FILE names the secret key");
    int status = signing_secret_key(cli, a->key, &key);
    for (int i = 0; i < n && status == CLI_OK; i++)
        status = sign_one(cli, &key, operands[i]);
    secret_key_clear(&key);
    return status;
}

const struct command plugin_sign_command = {
    .words = "plugin sign",
    .operands = "FILE.so ...",
    .min_operands = 1,
    .max_operands = -1,
    .summary = "Sign plugin files: FILE.so.sig is written beside each.",
    .text = "Signed is the SHA-256 of the file under its name; of a plugin in a folder of its own "
            "(foo/foo.so) the libraries beside it too. A host with host.require_signature takes "
            "only what one of its trusted_keys has signed.\n"
            "\n"
            "penstock plugin sign ./thumbnail.so --key release",
    ROWS(sign_rows),
    .args_size = sizeof(struct sign_args),
    .run = plugin_sign,
};
