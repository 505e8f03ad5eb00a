/* launcher_trust.c: whether a plugin's bytes are those that somebody vouches for: the digest in the
 * configuration, a signature by a trusted key. Runs in the launcher. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "plugin/signature.h"
#include "sandbox/launcher.h"

_Static_assert((int)BOX_DIGEST_MAX == (int)DIGEST_HEX, "one kind of digest");
_Static_assert((int)SIGNATURE_WHY <= (int)PLUGIN_WHY, "words fit");

/* ---- at the start
 * --------------------------------------------------------------------------------- */

int launch_trust_start(struct launch *l)
{
    for (size_t i = 0; i < l->options.n_keys; i++) {
        char id[KEY_ID_TEXT], why[PLUGIN_WHY];
        if (plugin_key_read(l->options.keys[i], l->options.is_lenient, &l->keys[i], why) < 0) {
            log_error("a trusted key cannot be used", LS("why", why));
            return -1;
        }
        public_key_id(&l->keys[i], id);
        log_info("plugins signed by this key are trusted", LS("key", id),
                 LS("file", l->options.keys[i]));
    }
    if (l->options.requires_signature && l->options.n_keys == 0) {
        log_error("plugins must be signed, but no key is trusted: set host.trusted_keys");
        return -1;
    }
    return 0;
}

/* ---- of a box
 * ------------------------------------------------------------------------------------- */

static bool wants_bytes(const struct launch *l, const struct launch_start *m)
{
    return m->sha256[0] != '\0' || (m->flags & LAUNCH_DIGEST) != 0 || l->options.n_keys > 0;
}

__attribute__((format(printf, 2, 3))) static int refuse(char *why, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    vsnprintf(why, PLUGIN_WHY, format, ap);
    va_end(ap);
    errno = EBADMSG;
    return -1;
}

static int check_digest(const struct launch_start *m, const char *found, char *why)
{
    if (m->sha256[0] == '\0' || digest_equal(m->sha256, found))
        return 0;
    return refuse(why, "%s: expected sha256 %s, as it is configured, found %s", m->plugin_path,
                  m->sha256, found);
}

/* Where a signature is not required, one by a trusted key must fit all the same: the file was
 * broken on its way, or somebody forgot to sign. */
static bool is_accepted(const struct launch *l, enum signature_verdict verdict)
{
    return verdict == SIGNATURE_GOOD ||
           (!l->options.requires_signature &&
            (verdict == SIGNATURE_ABSENT || verdict == SIGNATURE_STRANGER));
}

static int check_signature(const struct launch *l, const struct launch_start *m,
                           const struct buf *text, const struct signed_parts *parts, char *why)
{
    char words[SIGNATURE_WHY];
    if (l->options.n_keys == 0 ||
        is_accepted(l, signature_judge((const char *)text->data, text->len, l->keys,
                                       l->options.n_keys, parts, words)))
        return 0;
    return refuse(why, "%s: %s", m->plugin_path, words);
}

static int check_bytes(const struct launch *l, const struct launch_start *m,
                       struct plugin_source *source, const struct buf *signature, char *sha256,
                       char *why)
{
    struct signed_parts *parts = calloc(1, sizeof *parts); /* 40 KiB: not for the stack */
    int rc = parts != NULL ? plugin_source_seal(source, parts, why) : -1;
    if (rc == 0)
        rc = check_digest(m, parts->items[0].sha256, why);
    if (rc == 0)
        rc = check_signature(l, m, signature, parts, why);
    if (rc == 0)
        memcpy(sha256, parts->items[0].sha256, BOX_DIGEST_MAX);
    free(parts);
    return rc;
}

int launch_trust(const struct launch *l, const struct launch_start *m, struct plugin_source *source,
                 char *sha256, char *why)
{
    struct buf signature = BUF_INIT(SIGNATURE_FILE_MAX);
    sha256[0] = '\0';
    int rc = plugin_source_open(source, m->plugin_path, l->options.is_lenient,
                                l->options.n_keys > 0 ? &signature : NULL, why);
    if (rc == 0 && wants_bytes(l, m))
        rc = check_bytes(l, m, source, &signature, sha256, why);
    const int saved = errno;
    buf_clear(&signature);
    errno = saved;
    return rc;
}
