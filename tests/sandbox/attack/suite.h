#ifndef PENSTOCK_TESTS_SUITE_H
#define PENSTOCK_TESTS_SUITE_H

/*
 * suite.h: attacks on real boxes, case by case. A setting is what the launcher finds where it
 * starts; a case is one attack from one place. What a case found is a text: the answer of an attack
 * ("EPERM", "done"), or "!CODE: words" if the task or the box ended otherwise.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "inner_host.h"

enum { FOUND = 4096, SUITE_CASE_S = 15, REASONS = 16 };

/* Where plugin code runs. */
enum place {
    IN_CONSTRUCTOR = 1,
    IN_OPEN = 2,
    IN_RUN = 4,
    IN_THREAD = 8, /* left by open, in a warm worker */
    IN_CLOSE = 16,
    BY_SUITE = 32, /* the suite does something itself */
    IN_ZYGOTE = IN_CONSTRUCTOR | IN_OPEN,
    IN_TASK = IN_RUN | IN_THREAD | IN_CLOSE,
    ANYWHERE = IN_ZYGOTE | IN_TASK,
    ALL_PLACES = ANYWHERE | BY_SUITE
};

enum setting_bit {
    ROOT = 1,
    USER = 2,
    USER_BARE = 4,
    CONTAINER = 8,
    CONTAINER_USER = 16,
    UML = 32,
    UML_USER = 64
};

/* A kind of box, with what its tasks may use up. */
struct attack_box {
    const char *name;
    enum box_mode mode;
    uint32_t slots, rights, cpu_ms, timeout_ms, threads, files, dir_files;
    uint64_t memory_bytes, file_bytes, dir_bytes;
    uint32_t load_ms;
    bool is_own; /* nobody else's attack in the same box */
};

struct suite;

struct attack_case {
    const char *row;    /* of the catalogue of attacks */
    const char *attack; /* in the plugin's tables; or a name for what the suite does */
    const struct attack_box *box;
    uint32_t places;
    /* What may be found, with | between; "!CODE" or "!CODE(words in its message or details)". A
     * SANDBOX_VIOLATION in a constructor or in open is a PLUGIN_LOAD_FAILED by SIGSYS. */
    const char *expected;
    const char *in_zygote; /* instead, in a constructor and in open; NULL: the same */
    uint32_t needs;        /* enum wall: skipped where there is none of these; 0: runs everywhere */
    const char *path;      /* for the attack: a name of suite_path, or a path */
    void (*act)(struct suite *s, const struct attack_case *c, char *found); /* BY_SUITE */
};

/* catalogue_boxes.c */
extern const struct attack_box box_plain;
extern const struct attack_box box_own;     /* for attacks that may change what comes after them */
extern const struct attack_box box_small;   /* 64 MiB of memory */
extern const struct attack_box box_cpu;     /* a tenth of a second of processor time */
extern const struct attack_box box_brief;   /* ends its tasks and loads after a moment */
extern const struct attack_box box_disk;    /* a directory of 8 MiB and 200 files */
extern const struct attack_box box_network; /* may connect to one port */
extern const struct attack_box box_jit;     /* may write and execute */
extern const struct attack_box box_warm;
extern const struct attack_box box_two; /* two slots */

/* Rows of the catalogue. */
#define TRY(row, attack, box, places, expected)                                                    \
    {                                                                                              \
        row, attack, box, places, expected, NULL, 0, NULL, NULL                                    \
    }
/* Where there is one of these walls. */
#define TRY_IF(needs, row, attack, box, places, expected)                                          \
    {                                                                                              \
        row, attack, box, places, expected, NULL, needs, NULL, NULL                                \
    }
/* With a path for the attack. */
#define TRY_PATH(row, attack, box, places, path, expected)                                         \
    {                                                                                              \
        row, attack, box, places, expected, NULL, 0, path, NULL                                    \
    }
#define TRY_PATH_IF(needs, row, attack, box, places, path, expected)                               \
    {                                                                                              \
        row, attack, box, places, expected, NULL, needs, path, NULL                                \
    }
/* One thing in a constructor and in open, another in tasks. */
#define TRY_BOTH(row, attack, box, places, in_zygote, expected)                                    \
    {                                                                                              \
        row, attack, box, places, expected, in_zygote, 0, NULL, NULL                               \
    }
#define SUITE(row, attack, box, expected, act)                                                     \
    {                                                                                              \
        row, attack, box, BY_SUITE, expected, NULL, 0, NULL, act                                   \
    }

struct catalogue {
    const struct attack_case *cases;
    size_t n;
};
extern const struct catalogue catalogue_processes, catalogue_memory, catalogue_files,
    catalogue_network, catalogue_calls, catalogue_threads, catalogue_deaths, catalogue_results,
    catalogue_load, catalogue_suite;

/* Processes, mounts, control groups, descriptors, files: what there is of each. */
struct left_behind {
    int processes, mounts, groups, own_fds, launcher_fds, files;
};

struct setting {
    const char *name;
    uint32_t bit;
    const char *wrapper[HOST_ARGS]; /* words with a / in front of a build path: "@tests/x" */
    bool is_user;
    uint32_t floor;  /* cases that must run */
    uint32_t slow;   /* times that its clocks go slower */
    uint32_t places; /* where attacks are run from there */
};

struct suite {
    const struct setting *setting;
    struct host host;
    struct host_options options;
    char dir[256]; /* the plugin's copies and canaries */
    char plugin[300];
    const struct attack_case *box_of; /* the case that the box in host was made for */
    uint32_t box_place;
    struct left_behind before;   /* there is no box */
    struct left_behind with_box; /* there is one, and it is idle */
    uint32_t walls;
    int allowed_port, refused_port, listeners[3];
    const char *only; /* of its cases, or NULL */
    uint32_t places;  /* attacks from these only */
    bool is_loud;
    unsigned seed; /* of a storm */
    uint32_t n_cases, n_passed, n_skipped, n_failed;
    struct {
        char text[64];
        uint32_t n;
    } reasons[REASONS];
};

/* suite.c */
/* Words of a case that has failed. */
__attribute__((format(printf, 2, 3))) void suite_say(const struct suite *s, const char *format,
                                                     ...);
const char *suite_place_name(uint32_t place);
/* A case begins: if it takes longer than its limit, the suite ends with its name. */
void suite_watch(const struct suite *s, const char *name);
/* What no attack may leave on the host. */
bool suite_are_canaries_alive(const struct suite *s);
void suite_unlink_canaries(const struct suite *s);

/* suite_layers.c: 0, or -1: a layer is not what it is said to be. */
int suite_run_layers(struct suite *s, FILE *out);
/* suite_storm.c: 0, or -1: something was left. */
int suite_run_storm(struct suite *s, unsigned seed);

/* suite_host.c: the launcher of a setting, its boxes and tasks. */
const struct setting *suite_setting(const char *name);
/* 0, or -1: it cannot be had here, and why. */
int suite_begin(struct suite *s, const char **why);
void suite_end(struct suite *s);
void suite_box(struct suite *s, const struct attack_case *c, uint32_t place, const char *config);
void suite_end_box(struct suite *s);
/* Runs an attack in the box that is there. */
void suite_task(struct suite *s, const struct attack_box *box, const char *params, char *found);
void suite_outcome(const struct suite *s, char *found);
const char *suite_path(const struct suite *s, const char *path);
/* The whole of one attack: its box, its task, what was found. */
void suite_attack(struct suite *s, const struct attack_case *c, uint32_t place, char *found);
bool suite_is_expected(const struct attack_case *c, uint32_t place, const char *found);

/* suite_left.c */
void left_count(const struct suite *s, struct left_behind *l);
/* Waits until it is as before; else says what is left. */
int left_check(const struct suite *s, const struct left_behind *before, char *why, size_t size);
/* Process ids of our descendants, of the launcher's children only, or of one process. */
size_t left_children(pid_t parent, pid_t *pids, size_t n);

#endif
