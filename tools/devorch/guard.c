/* guard.c: token, timestamp, replay and signature of workers' messages. Runs in penstock-devorch.
 */
#include "guard.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/table.h"
#include "protocol.h"

enum {
    NONCES_MAX = 100000,
    CANONICAL_MAX = 8 * PROTOCOL_BODY_MAX, /* 1e18 gets longer, [] and "" do not */
    BAD_REQUEST = 400,
    FORBIDDEN = 403,
    FAILED = 500
};

struct nonce {
    struct nonce *next;
    int64_t until_ms;
    char key[DIGEST_HEX]; /* of who said what: a claimed nonce can be long */
};

int guard_init(struct guard *g)
{
    g->seen = table_new();
    return g->seen != NULL ? 0 : -1;
}

static void forget_oldest(struct guard *g)
{
    struct nonce *old = g->first;
    g->first = old->next;
    if (g->first == NULL)
        g->last = NULL;
    table_take(g->seen, old->key, DIGEST_HEX - 1);
    free(old);
}

void guard_clear(struct guard *g)
{
    while (g->first != NULL)
        forget_oldest(g);
    table_free(g->seen);
}

static int make_key(const char *worker_id, struct json_span said, char *key)
{
    struct buf text = BUF_INIT((size_t)2 * PROTOCOL_BODY_MAX);
    int rc = buf_append(&text, worker_id, strlen(worker_id) + 1);
    if (rc == 0)
        rc = buf_append(&text, said.at, said.len);
    if (rc == 0)
        digest_sha256(text.data, text.len, key);
    buf_clear(&text);
    return rc;
}

/* Remembers that this worker has said this. False if it had. */
static bool say_once(struct guard *g, const char *worker_id, struct json_span said)
{
    int64_t now = clock_mono_ms();
    while (g->first != NULL && (g->first->until_ms <= now || table_count(g->seen) >= NONCES_MAX))
        forget_oldest(g);
    struct nonce *nonce = calloc(1, sizeof *nonce);
    if (nonce == NULL || make_key(worker_id, said, nonce->key) < 0) {
        free(nonce);
        return true; /* without memory nothing can be remembered */
    }
    nonce->until_ms = now + PROTOCOL_NONCE_S * 1000;
    bool is_new = table_get(g->seen, nonce->key, DIGEST_HEX - 1) == NULL;
    if (!is_new || table_put(g->seen, nonce->key, DIGEST_HEX - 1, nonce) < 0) {
        free(nonce);
        return is_new;
    }
    *(g->last != NULL ? &g->last->next : &g->first) = nonce;
    g->last = nonce;
    return true;
}

static int refuse(struct request *r, unsigned status, const char *text)
{
    reply_error(r, status, "%s", text);
    return -1;
}

static int check_token(const struct guard *g, struct request *r, const char *worker_id)
{
    const char *token = request_header(r, "X-Worker-Token");
    if (token == NULL || *token == '\0')
        return refuse(r, FORBIDDEN,
                      "Unauthorized: Missing X-Worker-Token header or client certificate.");
    if (worker_id == NULL || *worker_id == '\0')
        return refuse(r, FORBIDDEN, "Unauthorized: Invalid token or missing worker_id hint");
    if (!digest_equal(token, g->token))
        return refuse(r, FORBIDDEN, "Unauthorized: No valid token found");
    return 0;
}

static int read_body(struct message *m)
{
    struct json_fault fault;
    struct json_span body = request_body(m->r);
    if (json_scan(&m->doc, body.at, body.len, &fault) < 0) {
        reply_error(m->r, BAD_REQUEST, "the body is not valid JSON: %s at byte %zu", fault.what,
                    fault.offset);
        m->doc.n = 0;
        return -1;
    }
    if (json_kind(&m->doc, 0) != JSON_OBJECT)
        return refuse(m->r, BAD_REQUEST, "the body is not a JSON object");
    return 0;
}

static char *sender(const struct message *m, const char *path_id)
{
    const char *header = request_header(m->r, "X-Worker-ID");
    if (path_id != NULL)
        return strdup(path_id);
    if (header != NULL && *header != '\0')
        return strdup(header);
    uint32_t i = m->doc.n > 0 ? json_find(&m->doc, 0, "worker_id") : 0;
    return i != 0 ? json_strdup(&m->doc, i) : NULL;
}

int message_open(const struct guard *g, struct request *r, const char *path_id, bool may_be_empty,
                 struct message *m)
{
    *m = (struct message){.r = r, .doc = JSON_DOC_INIT};
    if ((request_body(r).len > 0 || !may_be_empty) && read_body(m) < 0)
        return -1;
    m->worker_id = sender(m, path_id);
    return check_token(g, r, m->worker_id);
}

void message_close(struct message *m)
{
    json_doc_clear(&m->doc);
    free(m->worker_id);
}

/* A member that Python would call true: neither absent nor null, "", 0, false, [] or {}. */
static uint32_t find_filled(const struct json_doc *doc, uint32_t object, const char *name)
{
    uint32_t i = json_find(doc, object, name);
    double number;
    if (i == 0)
        return 0;
    switch (json_kind(doc, i)) {
    case JSON_NULL:
    case JSON_FALSE:
        return 0;
    case JSON_STRING:
        return json_at(doc, i).len > 2 ? i : 0;
    case JSON_NUMBER:
        return json_f64(doc, i, &number) == 0 && number == 0 ? 0 : i;
    case JSON_TRUE:
        return i;
    default:
        return doc->tokens[i].count > 0 ? i : 0;
    }
}

static int check_time(const struct message *m)
{
    uint32_t i = find_filled(&m->doc, 0, "timestamp");
    double then;
    if (i == 0)
        return refuse(m->r, FORBIDDEN, "Missing required timestamp for replay protection");
    if (json_f64(&m->doc, i, &then) < 0)
        return refuse(m->r, BAD_REQUEST, "Expected `int` - at `$.timestamp`");
    int64_t now = clock_wall_ms() / 1000;
    double off = (double)now - trunc(then);
    if (fabs(off) > PROTOCOL_CLOCK_S)
        return refuse(m->r, FORBIDDEN, "Message timestamp expired (replay protection)");
    return 0;
}

static int check_replay(struct guard *g, const struct message *m)
{
    static const char *const names[] = {"event_id", "nonce", "message_id"};
    uint32_t i = 0;
    for (size_t k = 0; k < 3 && i == 0; k++)
        i = find_filled(&m->doc, 0, names[k]);
    uint32_t security = json_find(&m->doc, 0, "security");
    if (i == 0 && security != 0 && json_kind(&m->doc, security) == JSON_OBJECT)
        i = find_filled(&m->doc, security, "signature");
    if (i == 0 || say_once(g, m->worker_id, json_at(&m->doc, i)))
        return 0;
    return refuse(m->r, FORBIDDEN, "Duplicate message detected (replay attack)");
}

static int check_signature(const struct guard *g, const struct message *m, uint32_t signature,
                           const char *const *unsigned_names)
{
    char expected[DIGEST_HEX];
    struct buf canonical = BUF_INIT(CANONICAL_MAX);
    char *claimed = json_strdup(&m->doc, signature);
    int rc = json_canonical(&m->doc, 0, unsigned_names, &canonical);
    if (rc == 0)
        digest_hmac(g->token, strlen(g->token), canonical.data, canonical.len, expected);
    buf_clear(&canonical);
    if (rc < 0)
        rc = refuse(m->r, FAILED, "out of memory");
    else if (claimed == NULL || !digest_equal(claimed, expected))
        rc = refuse(m->r, FORBIDDEN, "Invalid cryptographic signature");
    free(claimed);
    return rc;
}

static int check_signer(const struct message *m, uint32_t security)
{
    uint32_t i = find_filled(&m->doc, security, "signer_id");
    if (i == 0 || json_string_is(&m->doc, i, m->worker_id))
        return 0;
    char *signer = json_strdup(&m->doc, i);
    reply_error(m->r, FORBIDDEN, "Message signer ID '%s' does not match worker ID '%s'",
                signer != NULL ? signer : "?", m->worker_id);
    free(signer);
    return -1;
}

int message_verify(struct guard *g, const struct message *m, const char *const *unsigned_names)
{
    if (check_time(m) < 0 || check_replay(g, m) < 0)
        return -1;
    uint32_t security = find_filled(&m->doc, 0, "security");
    if (security == 0)
        return refuse(m->r, FORBIDDEN, "Missing required security context");
    if (json_kind(&m->doc, security) != JSON_OBJECT)
        return refuse(m->r, BAD_REQUEST, "Expected `object` - at `$.security`");
    uint32_t signature = find_filled(&m->doc, security, "signature");
    if (signature == 0)
        return refuse(m->r, FORBIDDEN, "Missing required cryptographic signature");
    if (check_signer(m, security) < 0)
        return -1;
    return check_signature(g, m, signature, unsigned_names);
}
