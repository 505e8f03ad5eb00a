/* signature.c: the text of signatures, and what they say. Runs in the launcher and the command
 * line. */
#include "plugin/signature.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#define FORMAT_LINE "penstock-signature 1"

/* No space and nothing that ends or hides in a line: a text can be read in one way only. */
static bool name_is_good(const char *name)
{
    size_t n = 0;
    while (name[n] >= 0x21 && name[n] <= 0x7e)
        n++;
    return n > 0 && name[n] == '\0';
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct signed_part *)a)->name, ((const struct signed_part *)b)->name);
}

static int write_parts(const struct signature *s, struct buf *out)
{
    int rc = buf_printf(out, FORMAT_LINE "\nkey %s\n", s->key_id);
    for (size_t i = 0; rc == 0 && i < s->parts.n; i++) {
        const struct signed_part *p = &s->parts.items[i];
        rc = p->link[0] != '\0' ? buf_printf(out, "link %s %s\n", p->link, p->name)
                                : buf_printf(out, "file %s %s\n", p->sha256, p->name);
    }
    return rc;
}

int signature_write(const struct signature *s, struct buf *out)
{
    char hex[2 * SIGN_BYTES + 1];
    sodium_bin2hex(hex, sizeof hex, s->bytes, sizeof s->bytes);
    return write_parts(s, out) < 0 ? -1 : buf_printf(out, "signature %s\n", hex);
}

int signature_make(struct signature *s, const struct signed_parts *parts,
                   const struct secret_key *key, char *why)
{
    struct buf text = BUF_INIT(SIGNATURE_FILE_MAX);
    struct public_key public_part;
    s->parts = *parts;
    for (size_t i = 0; i < parts->n; i++) {
        const struct signed_part *p = &parts->items[i];
        if (name_is_good(p->name) && (p->link[0] == '\0' || name_is_good(p->link)))
            continue;
        snprintf(why, SIGNATURE_WHY, "%s: a name with spaces or without ASCII cannot be signed",
                 p->name);
        return -1;
    }
    qsort(s->parts.items, s->parts.n, sizeof *s->parts.items, by_name);
    secret_key_public(key, &public_part);
    public_key_id(&public_part, s->key_id);
    const int rc = write_parts(s, &text);
    if (rc == 0)
        secret_key_sign(key, text.data, text.len, s->bytes);
    else
        snprintf(why, SIGNATURE_WHY, "too many or too long names");
    buf_clear(&text);
    return rc;
}

/* ---- reading
 * -------------------------------------------------------------------------------------- */

struct reader {
    const char *at, *end;
};

/* Takes the word if it comes next. */
static bool take(struct reader *r, const char *word)
{
    const size_t n = strlen(word);
    if ((size_t)(r->end - r->at) < n || memcmp(r->at, word, n) != 0)
        return false;
    r->at += n;
    return true;
}

/* Takes everything up to last, and last, with no NUL among it; out is NUL-ended. */
static int take_until(struct reader *r, char last, char *out, size_t size)
{
    const char *stop = memchr(r->at, last, (size_t)(r->end - r->at));
    const size_t n = stop != NULL ? (size_t)(stop - r->at) : size;
    if (n >= size)
        return -1;
    memcpy(out, r->at, n);
    out[n] = '\0';
    r->at = stop + 1;
    return strlen(out) == n ? 0 : -1;
}

static bool is_hex(const char *text, size_t n)
{
    return strlen(text) == n && strspn(text, "0123456789abcdef") == n;
}

/* 1: a part; 0: no part comes next. */
static int take_part(struct reader *r, struct signed_part *p)
{
    *p = (struct signed_part){.name = ""};
    if (take(r, "file ")) {
        if (take_until(r, ' ', p->sha256, sizeof p->sha256) < 0 ||
            !is_hex(p->sha256, DIGEST_HEX - 1))
            return -1;
    } else if (take(r, "link ")) {
        if (take_until(r, ' ', p->link, sizeof p->link) < 0 || !name_is_good(p->link))
            return -1;
    } else {
        return 0;
    }
    return take_until(r, '\n', p->name, sizeof p->name) == 0 && name_is_good(p->name) ? 1 : -1;
}

static int take_parts(struct reader *r, struct signed_parts *parts)
{
    struct signed_part part;
    int rc;
    parts->n = 0;
    while ((rc = take_part(r, &part)) > 0) {
        if (parts->n == SIGNATURE_PARTS_MAX ||
            (parts->n > 0 && by_name(&parts->items[parts->n - 1], &part) >= 0))
            return -1;
        parts->items[parts->n++] = part;
    }
    return rc;
}

int signature_parse(struct signature *s, const char *text, size_t len)
{
    struct reader r = {text, text + len};
    char hex[2 * SIGN_BYTES + 1];
    if (!take(&r, FORMAT_LINE "\nkey ") || take_until(&r, '\n', s->key_id, sizeof s->key_id) < 0 ||
        !is_hex(s->key_id, KEY_ID_TEXT - 1) || take_parts(&r, &s->parts) < 0 || s->parts.n == 0 ||
        !take(&r, "signature ") || take_until(&r, '\n', hex, sizeof hex) < 0 ||
        !is_hex(hex, sizeof hex - 1) || r.at != r.end)
        return -1;
    return sodium_hex2bin(s->bytes, sizeof s->bytes, hex, sizeof hex - 1, NULL, NULL, NULL);
}

/* ---- judging
 * -------------------------------------------------------------------------------------- */

bool signature_is_by(const struct signature *s, const struct public_key *key)
{
    struct buf text = BUF_INIT(SIGNATURE_FILE_MAX);
    char id[KEY_ID_TEXT];
    public_key_id(key, id);
    const bool is_good = strcmp(id, s->key_id) == 0 && write_parts(s, &text) == 0 &&
                         public_key_verifies(key, text.data, text.len, s->bytes);
    buf_clear(&text);
    return is_good;
}

static const struct signed_part *find(const struct signed_parts *parts, const char *name)
{
    for (size_t i = 0; i < parts->n; i++) {
        if (strcmp(parts->items[i].name, name) == 0)
            return &parts->items[i];
    }
    return NULL;
}

static int compare_part(const struct signed_part *found, const struct signed_parts *listed,
                        char *why)
{
    const struct signed_part *p = find(listed, found->name);
    if (p == NULL)
        snprintf(why, SIGNATURE_WHY, "%s was not signed", found->name);
    else if (strcmp(p->link, found->link) != 0)
        snprintf(why, SIGNATURE_WHY, "%s was changed after it was signed: it is another link",
                 found->name);
    else if (strcmp(p->sha256, found->sha256) != 0)
        snprintf(why, SIGNATURE_WHY,
                 "%s was changed after it was signed: expected sha256 %s, found %s", found->name,
                 p->sha256, found->sha256);
    else
        return 0;
    return -1;
}

int signature_compare(const struct signature *s, const struct signed_parts *found, char *why)
{
    for (size_t i = 0; i < found->n; i++) {
        if (compare_part(&found->items[i], &s->parts, why) < 0)
            return -1;
    }
    for (size_t i = 0; i < s->parts.n; i++) {
        if (find(found, s->parts.items[i].name) != NULL)
            continue;
        snprintf(why, SIGNATURE_WHY, "%s was signed too, and is missing", s->parts.items[i].name);
        return -1;
    }
    return 0;
}

static const struct public_key *find_key(const char *id, const struct public_key *keys, size_t n)
{
    char other[KEY_ID_TEXT];
    for (size_t i = 0; i < n; i++) {
        public_key_id(&keys[i], other);
        if (strcmp(other, id) == 0)
            return &keys[i];
    }
    return NULL;
}

static enum signature_verdict judge(const struct signature *s, const struct public_key *key,
                                    const struct signed_parts *found, char *why)
{
    if (key == NULL) {
        snprintf(why, SIGNATURE_WHY, "signed by key %s, which is not trusted", s->key_id);
        return SIGNATURE_STRANGER;
    }
    if (!signature_is_by(s, key)) {
        snprintf(why, SIGNATURE_WHY, "the signature was not made by key %s, which it names",
                 s->key_id);
        return SIGNATURE_BROKEN;
    }
    if (signature_compare(s, found, why) < 0)
        return SIGNATURE_CHANGED;
    snprintf(why, SIGNATURE_WHY, "%s", s->key_id);
    return SIGNATURE_GOOD;
}

enum signature_verdict signature_judge(const char *text, size_t len, const struct public_key *keys,
                                       size_t n_keys, const struct signed_parts *found, char *why)
{
    enum signature_verdict verdict = SIGNATURE_ABSENT;
    snprintf(why, SIGNATURE_WHY, "not signed");
    if (len == 0)
        return verdict;
    verdict = SIGNATURE_BROKEN;
    snprintf(why, SIGNATURE_WHY,
             "what lies beside it is no signature: expected what penstock plugin sign writes");
    struct signature *s = malloc(sizeof *s); /* 40 KiB: not for the stack */
    if (s != NULL && signature_parse(s, text, len) == 0)
        verdict = judge(s, find_key(s->key_id, keys, n_keys), found, why);
    free(s);
    return verdict;
}
