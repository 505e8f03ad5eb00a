/* content_key.c: an idempotency key made of what a task is. It is compared with keys of other days, so
 * it is a real hash. Runs in the core; pure. */
#include "core/content_key.h"

#include <string.h>

#include "base/buf.h"
#include "base/digest.h"

_Static_assert(sizeof CONTENT_KEY_PREFIX - 1 + DIGEST_HEX <= SUBMIT_CONTENT, "the key fits");

/* A line for each part, so that no two contents have the same text: in exact form no string has a line
 * break in it. Their order is a part of it: a plugin sees it. */
static int write_input(const struct submit *s, const struct submit_input *in, zmq_msg_t *body,
                       struct buf *out)
{
    char sha256[DIGEST_HEX];
    zmq_msg_t *bytes = &body[in->frame];
    digest_sha256(zmq_msg_data(bytes), zmq_msg_size(bytes), sha256);
    return buf_printf(out, "\n%s ", sha256) < 0 ? -1 : json_exact(s->doc, in->name, out);
}

static int write_content(const struct submit *s, const struct catalog_pipeline *p, zmq_msg_t *body,
                         struct buf *out)
{
    int rc = buf_printf(out, "pen.content/1\n%s\n%s\n%s\n", p->plugin->id, p->slug, p->version);
    if (rc == 0)
        rc = s->params != 0 ? json_exact(s->doc, s->params, out) : buf_append_str(out, "{}");
    for (size_t i = 0; i < s->n_inputs && rc == 0; i++)
        rc = write_input(s, &s->inputs[i], body, out);
    return rc;
}

int content_key_make(struct submit *s, const struct catalog_pipeline *p, zmq_msg_t *body)
{
    struct buf text = BUF_INIT(SIZE_MAX / 2);
    int rc = write_content(s, p, body, &text);
    if (rc == 0) {
        memcpy(s->content, CONTENT_KEY_PREFIX, sizeof CONTENT_KEY_PREFIX);
        digest_sha256(text.data, text.len, s->content + sizeof CONTENT_KEY_PREFIX - 1);
    }
    buf_clear(&text);
    return rc;
}

bool content_key_is(const char *key)
{
    return strncmp(key, CONTENT_KEY_PREFIX, sizeof CONTENT_KEY_PREFIX - 1) == 0;
}
