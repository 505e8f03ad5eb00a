/* journal_kill.c: what was confirmed is there after kill -9, and groups are whole. A child process
 * writes and says what was confirmed; it is killed at a moment of its own choice. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "journal_kit.h"

enum { ROUNDS = 8, STEPS_MAX = 400, CHILDREN = 2, LARGE_EVERY = 16, WINDOW = 64 };

/* ---- the child process ---- */

struct writing {
    struct kit *k;
    int pipe;
    int n_waiting;
};

static void confirm(struct writing *w, uint64_t seq, char what)
{
    struct {
        uint64_t seq;
        char what;
    } message;
    memset(&message, 0, sizeof message);
    message.seq = seq;
    message.what = what;
    if (write(w->pipe, &message, sizeof message) != (ssize_t)sizeof message)
        _exit(1);
}

struct step {
    struct journal_op op; /* first */
    struct writing *w;
    char id[32];
};

static void on_done(struct journal_op *op, enum code code, const char *why)
{
    struct step *s = (struct step *)op;
    (void)why;
    s->w->n_waiting--;
    if (code == CODE_OK && op->kind == JOURNAL_ACCEPT)
        confirm(s->w, op->u.task.seq, 'a');
    else if (code == CODE_OK && op->kind == JOURNAL_FINISH)
        confirm(s->w, op->u.task_end.seq, 'f');
    free(s);
}

static struct step *step_new(struct writing *w)
{
    struct step *s = calloc(1, sizeof *s);
    s->w = w;
    w->n_waiting++;
    s->op.done = on_done;
    return s;
}

static void put_accept(struct writing *w, uint64_t seq)
{
    struct step *s = step_new(w);
    snprintf(s->id, sizeof s->id, "t-%llu", (unsigned long long)seq);
    s->op.kind = JOURNAL_ACCEPT;
    s->op.u.task =
        (struct journal_task){.seq = seq, .uid = s->id, .task_id = s->id, .pipeline = "echo"};
    journal_put(w->k->journal, &s->op);
}

/* A task that ends, and its children, in one turn. */
static void put_finish(struct writing *w, uint64_t seq)
{
    struct step *s = step_new(w);
    static const char large[8192]; /* lies in a file of its own */
    s->op.kind = JOURNAL_FINISH;
    s->op.u.task_end.seq = seq;
    s->op.u.task_end.result = (struct journal_result){
        .status = "ok",
        .code = "OK",
        .data = {large, seq / (1 + CHILDREN) % LARGE_EVERY == 0 ? sizeof large : 2}};
    journal_put(w->k->journal, &s->op);
}

/* Tasks are numbered first, first + 1 + CHILDREN ...; each one's children lie behind it. */
static void write_for_ever(struct kit *k, int pipe)
{
    struct writing w = {.k = k, .pipe = pipe};
    kit_open(k, NULL);
    for (uint64_t seq = journal_next_seq(k->journal);; seq += 1 + CHILDREN) {
        put_accept(&w, seq);
        journal_flush(k->journal);
        put_finish(&w, seq);
        for (uint64_t i = 1; i <= CHILDREN; i++)
            put_accept(&w, seq + i);
        journal_flush(k->journal);
        do {
            loop_turn(k->loop, w.n_waiting > WINDOW ? -1 : 0);
        } while (w.n_waiting > WINDOW);
    }
}

/* ---- the parent ---- */

struct found {
    uint64_t first, n;
    char phase[STEPS_MAX * 64]; /* by seq - first: 0 not there, else enum journal_phase + 1 */
};

static int no_owner(void *arg, const struct journal_owner *o)
{
    (void)arg;
    (void)o;
    return 0;
}

static int see_task(void *arg, const struct journal_row *row)
{
    struct found *f = arg;
    if (f->first == 0)
        f->first = row->task.seq;
    uint64_t i = row->task.seq - f->first;
    assert_null(row->fault);
    if (i < sizeof f->phase)
        f->phase[i] = (char)(1 + (int)row->phase);
    f->n = i + 1;
    return 0;
}

struct message {
    uint64_t seq;
    char what;
};

/* Reads until there are n, kills, and reads what is left: all of it was confirmed. */
static size_t read_and_kill(int pipe, pid_t pid, size_t n, struct message *all, size_t max)
{
    size_t got = 0;
    while (got < max && read(pipe, &all[got], sizeof *all) == (ssize_t)sizeof *all) {
        if (++got == n)
            kill(pid, SIGKILL);
    }
    waitpid(pid, NULL, 0);
    return got;
}

static void check(struct kit *k, const struct message *confirmed, size_t n)
{
    static struct found f;
    const struct journal_replay replay = {no_owner, see_task, &f};
    memset(&f, 0, sizeof f);
    kit_open(k, &replay);
    for (size_t i = 0; i < n; i++) {
        assert_true(confirmed[i].seq >= f.first);
        uint64_t at = confirmed[i].seq - f.first;
        assert_true(at < sizeof f.phase);
        if (confirmed[i].what == 'a')
            assert_true(f.phase[at] != 0);
        else
            assert_int_equal(f.phase[at], 1 + JOURNAL_UNACKNOWLEDGED);
    }
    for (uint64_t i = 0; i + CHILDREN < f.n && i + CHILDREN < sizeof f.phase; i += 1 + CHILDREN) {
        bool has_ended = f.phase[i] == 1 + JOURNAL_UNACKNOWLEDGED;
        for (uint64_t c = 1; c <= CHILDREN; c++)
            assert_int_equal(f.phase[i + c] != 0, has_ended);
    }
    kit_close(k);
}

static void one_round(void **state, unsigned n)
{
    static struct message confirmed[100000];
    struct kit *k = *state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        write_for_ever(k, ends[1]);
    }
    close(ends[1]);
    size_t got = read_and_kill(ends[0], pid, n, confirmed, 100000);
    close(ends[0]);
    assert_true(got >= n);
    check(k, confirmed, got);
}

static void test_killed(void **state)
{
    const char *wish = getenv("PENSTOCK_SEED");
    unsigned seed = wish != NULL ? (unsigned)strtoul(wish, NULL, 10) : (unsigned)time(NULL);
    print_message("PENSTOCK_SEED=%u\n", seed);
    for (int i = 0; i < ROUNDS; i++) {
        one_round(state, 1 + (unsigned)rand_r(&seed) % STEPS_MAX);
        kit_teardown(state); /* each round has a journal of its own */
        assert_int_equal(kit_setup(state), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_killed, kit_setup, kit_teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
