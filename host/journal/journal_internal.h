#ifndef PENSTOCK_JOURNAL_INTERNAL_H
#define PENSTOCK_JOURNAL_INTERNAL_H

/* journal_internal.h: what loop, writer and reader share. */

#include <pthread.h>

#include "journal/space.h"
#include "journal/store.h"

struct loop_io;

struct op_list {
    struct journal_op *first, **last;
    size_t n;
};

static inline void op_list_init(struct op_list *l)
{
    *l = (struct op_list){.first = NULL, .last = &l->first};
}
static inline void op_list_append(struct op_list *l, struct journal_op *op)
{
    op->next = NULL;
    *l->last = op;
    l->last = &op->next;
    l->n++;
}
/* All of from behind what is in to. */
static inline void op_list_move(struct op_list *to, struct op_list *from)
{
    if (from->first == NULL)
        return;
    *to->last = from->first;
    to->last = from->last;
    to->n += from->n;
    op_list_init(from);
}

/* A thread that works for the loop, and the descriptor that calls the loop back. */
struct helper {
    pthread_t thread;
    bool is_running;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool is_stopping; /* under lock */
    int event_fd;
    struct loop_io *io;
};

struct read_request;

struct journal {
    struct journal_options options;
    char *dir;
    struct store store; /* the writer's, once it runs, and so is space */
    struct space space;
    uint64_t next_seq, next_owner;
    struct op_list put;        /* since the last flush; the loop's */
    char why_now[JOURNAL_WHY]; /* for done and journal_takes; the loop's */

    struct helper writer;
    struct op_list in, out;       /* under writer.lock */
    struct journal_status status; /* under writer.lock */
    char last_fault[JOURNAL_WHY]; /* under writer.lock; stays when it is over */

    struct helper reader;
    struct read_request *reads, *answers; /* under reader.lock */
    size_t n_reads;                       /* under reader.lock */
};

/* journal.c. The function runs in a thread without signals; fn runs in the loop when it is
 * called. -1 with errno. */
int helper_start(struct helper *h, struct loop *loop, void *(*run)(void *arg),
                 void (*on_call)(void *arg, uint32_t events), void *arg);
/* Asks it to end and waits for that. */
void helper_stop(struct helper *h);
void helper_init(struct helper *h);
void helper_clear(struct helper *h);
/* Makes the loop call on_call. [thread] */
void helper_call(struct helper *h);
/* To be called first in on_call. */
void helper_called(struct helper *h);

/* place.c: the folder, made if it is not there, and ours alone. -1: why. */
int place_make(const char *path, char *why);

/* writer.c, read.c: arg is the journal */
void *writer_run(void *arg);
void *reader_run(void *arg);
void reader_on_call(void *arg, uint32_t events);
void reads_clear(struct journal *j);

#endif
