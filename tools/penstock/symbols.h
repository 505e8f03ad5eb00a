#ifndef PENSTOCK_CLI_SYMBOLS_H
#define PENSTOCK_CLI_SYMBOLS_H

/*
 * symbols.h: what `penstock` and penstock-symbols say to each other. The files of a plugin are
 * hostile, and so is whoever has read them: penstock-symbols is a process of its own, with nothing
 * but its descriptors, and what it answers is checked like a plugin's word.
 *
 *   0  struct symbols_request
 *   1  a struct symbols_answer for each frame whose function or line is known
 *   3  and up: n_files files; a frame is looked for in those that have its build-id
 *
 * Both come from one build, so they are structs.
 */

#include <stdint.h>

#define SYMBOLS_MAGIC 0x53594d31u

enum {
    SYMBOLS_FRAMES_MAX = 32,
    SYMBOLS_FILES_MAX = 48,
    SYMBOLS_ID_MAX = 20,
    SYMBOLS_FIRST_FD = 3,
    SYMBOLS_FUNCTION_MAX = 256,
    SYMBOLS_SOURCE_MAX = 512
};

struct symbols_frame {
    uint64_t offset;    /* address in the file */
    uint32_t is_return; /* a call returns to it: the call itself stands before */
    uint32_t build_id_len;
    unsigned char build_id[SYMBOLS_ID_MAX];
    uint32_t reserved;
};

struct symbols_request {
    uint32_t magic;
    uint32_t n_frames, n_files;
    uint32_t reserved;
    struct symbols_frame frames[SYMBOLS_FRAMES_MAX];
};

struct symbols_answer {
    uint32_t frame;                      /* index */
    uint32_t line;                       /* 0: not known */
    char function[SYMBOLS_FUNCTION_MAX]; /* "": not known */
    char source[SYMBOLS_SOURCE_MAX];     /* path as the compiler saw it; "": not known */
};

#endif
