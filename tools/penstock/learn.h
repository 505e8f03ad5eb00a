#ifndef PENSTOCK_CLI_LEARN_H
#define PENSTOCK_CLI_LEARN_H

/*
 * learn.h: watches the system calls of one box in learn mode and notes what its plugin would need.
 * The theory of operation stands in learn.c. [loop]
 */

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/codes.h"
#include "sandbox/filter.h"

struct box_spec;
struct cli;
struct loop;
struct loop_io;

enum {
    LEARN_CALLS = 1024, /* numbers of system calls that are told apart */
    LEARN_PORTS = 16,
    LEARN_HOSTS = 32,
    LEARN_PATHS = 128,
    LEARN_ADDRESS = INET6_ADDRSTRLEN + 16
};

/* Texts, each once, in the order in which they were seen; what does not fit is only counted. */
struct learn_texts {
    char *items[LEARN_PATHS];
    size_t n, n_dropped;
};

struct learn {
    struct loop *loop;
    struct filter_key key; /* of the box as it is configured */
    const char *const *inputs;
    size_t n_inputs;     /* that it may read already */
    const char *own_dir; /* of the launcher: the box's directories, where they have no other name */
    int listener;        /* -1: none yet */
    struct loop_io *io;
    const char *outcome; /* of the task: the name of a code, or NULL */
    /* What was seen. */
    uint8_t calls[LEARN_CALLS]; /* of each refused call its answer plus 1; 0: not refused */
    bool wants_network, wants_jit, wants_gpu;
    bool is_deaf;                /* the supervision ended before its time */
    bool is_blind;               /* its memory may not be read here */
    uint16_t ports[LEARN_PORTS]; /* TCP, connected to */
    size_t n_ports;
    bool has_more_ports;
    struct learn_texts hosts;  /* "127.0.0.1:80 (TCP)" */
    struct learn_texts reads;  /* files of the host that it did not find */
    struct learn_texts writes; /* files outside of its directory that it would have written */
};

/* Borrows from spec; own_dir: of the launcher. To be cleared in any case. */
void learn_init(struct learn *l, struct loop *loop, const struct box_spec *spec,
                const char *own_dir);
void learn_clear(struct learn *l);
/* Supervises from now on; takes fd. -1 with errno. */
int learn_listen(struct learn *l, int fd);
/* The first task is about to be given: from now on the rules of tasks hold. */
void learn_begin_task(struct learn *l);
/* Notes what became of it, or why there was none, and tells it. CLI_FAIL: there was no box. */
int learn_end_task(struct learn *l, const struct cli *cli, enum code code, const char *message);

/* learn_note.c: what a call tells. memory of the process pid is read. */
struct seccomp_data;
void learn_note_path(struct learn *l, int pid, const struct seccomp_data *call);
void learn_note_address(struct learn *l, int pid, const struct seccomp_data *call, bool is_stream);
void learn_note_text(struct learn_texts *t, const char *text);

/* learn.c */
void learn_texts_clear(struct learn_texts *t);

#endif
