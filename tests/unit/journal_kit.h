#ifndef PENSTOCK_TESTS_JOURNAL_KIT_H
#define PENSTOCK_TESTS_JOURNAL_KIT_H

/* journal_kit.h: a journal in a folder of the test's own, and operations that are waited for.
 * Failures end the test (cmocka). */

#include "cmocka_all.h"

#include "journal/journal.h"
#include "loop/loop.h"

struct kit_op {
    struct journal_op op; /* first */
    struct kit *kit;
    bool is_done;
    enum code code;
    char why[JOURNAL_WHY];
    unsigned order; /* of all that are done, from 1 */
};

struct kit {
    struct loop *loop;
    struct journal *journal;
    struct journal_options options;
    char dir[256];
    char why[JOURNAL_WHY];
    unsigned n_done;
    struct journal_rows *rows; /* of the last kit_read */
    enum code read_code;
    bool is_read;
};

int kit_setup(void **state);
int kit_teardown(void **state);
/* Opens and starts; replay NULL: nothing is replayed. */
void kit_open(struct kit *k, const struct journal_replay *replay);
/* How many operations were lost. */
size_t kit_close(struct kit *k);

/* An operation that the kit frees; the caller fills u. */
struct kit_op *kit_op(struct kit *k, enum journal_kind kind);
struct kit_op *kit_accept(struct kit *k, uint64_t seq, const char *task_id, const char *header);
struct kit_op *kit_finish(struct kit *k, uint64_t seq, const char *data);
struct kit_op *kit_seq(struct kit *k, enum journal_kind kind, uint64_t seq);
/* Puts, flushes, waits: its code. */
enum code kit_do(struct kit *k, struct kit_op *op);
void kit_put(struct kit *k, struct kit_op *op);
void kit_wait(struct kit *k, const bool *flag);

/* The answer is in k->rows until the next. */
struct journal_rows *kit_read(struct kit *k, const struct journal_query *q);
/* The one row of that task, everything with it; NULL: there is none. */
const struct journal_row *kit_row(struct kit *k, uint64_t seq);

struct journal_bytes kit_bytes(const char *s);
#define kit_assert_bytes(bytes, text)                                                              \
    do {                                                                                           \
        assert_int_equal((bytes).len, strlen(text));                                               \
        assert_memory_equal((bytes).data, (text), (bytes).len);                                    \
    } while (0)

#endif
