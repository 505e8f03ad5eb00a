/* avtomatika_sign.c: the signature of a body. Pure; runs in penstock-shim. */
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/json.h"
#include "shim/avtomatika_map.h"

static int put_signature(struct buf *body, const char *signature, const char *signer)
{
    struct json_writer w;
    body->len--; /* the closing brace */
    json_begin(&w, body);
    w.comma = true;
    json_key(&w, "security");
    json_open(&w, '{');
    json_member_str(&w, "signature", signature);
    json_member_str(&w, "signer_id", signer);
    json_close(&w, '}');
    json_close(&w, '}');
    if (json_end(&w) == 0)
        return 0;
    errno = EMSGSIZE;
    return -1;
}

/* What the server would sign: our bytes as it writes them, not as they are. */
static int digest_of(const char *secret, const struct buf *body, const char *unsigned_name,
                     char *hex)
{
    const char *const drop[] = {"security", unsigned_name, NULL};
    struct json_doc doc = JSON_DOC_INIT;
    struct json_fault fault;
    struct buf canonical = BUF_INIT(2 * (size_t)AVT_BODY_MAX);
    int rc = json_scan(&doc, (const char *)body->data, body->len, &fault);
    errno = EINVAL;
    if (rc == 0)
        rc = json_canonical(&doc, 0, drop, &canonical);
    if (rc == 0)
        digest_hmac(secret, strlen(secret), canonical.data, canonical.len, hex);
    int kept = errno;
    json_doc_clear(&doc);
    buf_clear(&canonical);
    errno = kept;
    return rc;
}

int avt_sign(const char *secret, const char *signer, struct buf *body, const char *unsigned_name)
{
    char hex[DIGEST_HEX];
    if (digest_of(secret, body, unsigned_name, hex) < 0)
        return -1;
    return put_signature(body, hex, signer);
}
