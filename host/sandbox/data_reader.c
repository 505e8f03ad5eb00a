/* data_reader.c: takes a worker's stream apart into frames. Runs in the core, on bytes that it does
 * not trust. */
#include "sandbox/data_reader.h"

#include <string.h>

/* A buffer larger than this is given back after its frame. */
enum { KEEP_MAX = 256 * 1024 };

/* What stands in front of a frame's body. */
static const struct shape {
    uint8_t fixed;     /* bytes before the names */
    uint8_t names;     /* lengths of names (u32 each) in the fixed part */
    uint8_t has_limit; /* over its maximum it is too big, not broken */
} shapes[DATA_DESCRIPTOR + 1] = {
    [DATA_LOG] = {4, 0, 0},    [DATA_PROGRESS] = {8, 0, 0},   [DATA_OUTPUT] = {8, 2, 1},
    [DATA_RESULT] = {4, 1, 1}, [DATA_FAIL] = {4, 0, 0},       [DATA_CHILD] = {8, 2, 1},
    [DATA_DONE] = {12, 0, 0},  [DATA_DESCRIPTOR] = {0, 0, 0},
};

static const struct shape *shape_of(const struct data_reader *r)
{
    return &shapes[r->head.type];
}

void data_reader_init(struct data_reader *r, uint64_t max)
{
    memset(r, 0, sizeof *r);
    r->in = r->small;
    for (int i = 0; i <= DATA_DESCRIPTOR; i++)
        r->max[i] = max;
    r->max[DATA_TASK] = UINT64_MAX;
    r->max[DATA_DONE] = 0;
    data_reader_reset(r);
}

static void begin_frame(struct data_reader *r)
{
    r->small_len = 0;
    r->small_need = sizeof r->head;
    r->is_in_body = 0;
    r->is_given = 0;
    r->body.len = 0;
    if (r->body.cap > KEEP_MAX)
        buf_clear(&r->body);
}

void data_reader_reset(struct data_reader *r)
{
    r->what = NULL;
    r->in_len = 0;
    begin_frame(r);
}

void data_reader_clear(struct data_reader *r)
{
    data_reader_reset(r);
    buf_clear(&r->body);
}

void data_reader_feed(struct data_reader *r, const void *bytes, size_t n)
{
    r->in = bytes;
    r->in_len = n;
}

static enum data_rc broken(struct data_reader *r, const char *what)
{
    r->what = what;
    r->in_len = 0;
    return DATA_BROKEN;
}

static enum data_rc check_head(struct data_reader *r)
{
    memcpy(&r->head, r->small, sizeof r->head);
    if (r->head.magic != DATA_MAGIC)
        return broken(r, "a frame does not begin with the magic number");
    if (r->head.type < DATA_LOG || r->head.type > DATA_DESCRIPTOR)
        return broken(r, "a frame is of no known type");
    if (r->max[r->head.type] == UINT64_MAX)
        return broken(r, "a frame is of a type that has no place here");
    if (r->head.len < shape_of(r)->fixed)
        return broken(r, "a frame is too short for its type");
    return DATA_FRAME;
}

static uint32_t word_at(const struct data_reader *r, size_t at)
{
    uint32_t v;
    memcpy(&v, r->small + sizeof r->head + at, sizeof v);
    return v;
}

static uint64_t names_len(const struct data_reader *r)
{
    uint64_t n = 0;
    for (size_t i = 0; i < shape_of(r)->names; i++)
        n += word_at(r, i * sizeof(uint32_t));
    return n;
}

static enum data_rc check_body(struct data_reader *r, uint64_t len)
{
    if (len > r->max[r->head.type]) {
        if (!shape_of(r)->has_limit)
            return broken(r, "a frame is longer than its type may be");
        r->what = "it is longer than its limit";
        r->in_len = 0;
        return DATA_TOO_BIG;
    }
    r->body_need = (size_t)len;
    r->is_in_body = 1;
    return DATA_FRAME;
}

/* Called when small_need bytes are there: finds out what comes next. */
static enum data_rc step(struct data_reader *r)
{
    const size_t fixed_end = sizeof r->head + shape_of(r)->fixed;
    if (r->small_len < fixed_end) {
        r->small_need = fixed_end;
        return DATA_FRAME;
    }
    uint64_t names = names_len(r);
    if (names > DATA_WORDS_MAX - (uint64_t)shape_of(r)->fixed ||
        names > r->head.len - shape_of(r)->fixed)
        return broken(r, "a name in a frame is too long");
    if (r->small_len < fixed_end + names) {
        r->small_need = fixed_end + (size_t)names;
        return DATA_FRAME;
    }
    return check_body(r, r->head.len - shape_of(r)->fixed - names);
}

/* DATA_FRAME: head, fixed part and names are complete and good. */
static enum data_rc read_small(struct data_reader *r)
{
    while (!r->is_in_body) {
        size_t n = r->small_need - r->small_len;
        n = n < r->in_len ? n : r->in_len;
        if (n > 0)
            memcpy(r->small + r->small_len, r->in, n);
        r->small_len += n;
        r->in += n;
        r->in_len -= n;
        if (r->small_len < r->small_need)
            return DATA_MORE;
        enum data_rc rc = r->small_len == sizeof r->head ? check_head(r) : DATA_FRAME;
        rc = rc == DATA_FRAME ? step(r) : rc;
        if (rc != DATA_FRAME)
            return rc;
    }
    return DATA_FRAME;
}

static void set_words(const struct data_reader *r, struct data_frame *f)
{
    size_t at = shape_of(r)->fixed;
    *f = (struct data_frame){.type = (enum data_type)r->head.type, .nonce = r->head.nonce};
    if (at >= sizeof f->word)
        f->word = word_at(r, 0);
    if (r->head.type == DATA_PROGRESS)
        memcpy(&f->long_word, r->small + sizeof r->head, sizeof f->long_word);
    if (r->head.type == DATA_DONE)
        memcpy(&f->long_word, r->small + sizeof r->head + 4, sizeof f->long_word);
    for (size_t i = 0; i < shape_of(r)->names; i++) {
        f->name[i] = (const char *)r->small + sizeof r->head + at;
        f->name_len[i] = word_at(r, i * sizeof(uint32_t));
        at += f->name_len[i];
    }
}

/* The body where it lies, if all of it was fed at once; else it is gathered. */
static enum data_rc read_body(struct data_reader *r, struct data_frame *f)
{
    if (r->body.len == 0 && r->in_len >= r->body_need) {
        f->body = r->in;
        r->in += r->body_need;
        r->in_len -= r->body_need;
        return DATA_FRAME;
    }
    size_t n = r->body_need - r->body.len;
    n = n < r->in_len ? n : r->in_len;
    r->body.max = r->body_need;
    if (buf_reserve(&r->body, r->body_need - r->body.len) < 0) {
        r->what = "there is no memory for it";
        return DATA_TOO_BIG;
    }
    buf_append(&r->body, r->in, n);
    r->in += n;
    r->in_len -= n;
    f->body = r->body.data;
    f->owned = &r->body;
    return r->body.len < r->body_need ? DATA_MORE : DATA_FRAME;
}

enum data_rc data_reader_next(struct data_reader *r, struct data_frame *frame)
{
    if (r->is_given)
        begin_frame(r);
    enum data_rc rc = read_small(r);
    if (rc != DATA_FRAME)
        return rc;
    set_words(r, frame);
    rc = read_body(r, frame);
    frame->body_len = r->body_need;
    r->is_given = rc == DATA_FRAME;
    return rc;
}

void *data_reader_room(struct data_reader *r, size_t *n)
{
    if (!r->is_in_body || r->is_given || r->in_len > 0 || r->body.data == NULL ||
        r->body.len == r->body_need)
        return NULL;
    *n = r->body_need - r->body.len;
    return r->body.data + r->body.len;
}

void data_reader_filled(struct data_reader *r, size_t n)
{
    r->body.len += n;
}
