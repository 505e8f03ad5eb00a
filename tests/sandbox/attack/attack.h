#ifndef PENSTOCK_TESTS_ATTACK_H
#define PENSTOCK_TESTS_ATTACK_H

/*
 * attack.h: the attacks of attack_plugin, one table a theme. TEST PLUGIN, bad on purpose.
 *
 * An attack does its worst and says what came of it: "done" where it got through, the name of the
 * error where it was refused, or a word of its own; NULL if it has answered for itself. What it
 * opens or starts must be harmless on a machine that holds nothing back: the suite also runs
 * attacks with layers switched off.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <penstock/plugin.h>

/* Faults that a sanitizer would find first. */
#define ATTACK_RAW __attribute__((no_sanitize("undefined")))

/* What an attack may know of the plugin's life so far. */
struct attack_memory {
    pid_t zygote;       /* the process that loaded the plugin */
    uint64_t old_nonce; /* of the task before; 0: none */
};

struct attack_call {
    const pen_host *host; /* of run; NULL in a constructor, open and close */
    const char *argument; /* of the attack's row */
    const char *path;     /* named by the suite: a file of the host, "" if none */
    struct attack_memory *memory;
};

typedef const char *attack_fn(const struct attack_call *call);

struct attack {
    const char *name;
    attack_fn *act;
    const char *argument;
};

/* Each ends with a row without a name. */
extern const struct attack attacks_on_processes[];
extern const struct attack attacks_on_memory[];
extern const struct attack attacks_on_files[];
extern const struct attack attacks_on_the_network[];
extern const struct attack attacks_with_threads[];
extern const struct attack attacks_with_signals[];
extern const struct attack attacks_by_dying[];
extern const struct attack attacks_on_results[];
extern const struct attack attacks_on_neighbours[];

/* plugin_calls.c: "call_<name>": one system call; NULL if the table has none of that name. */
const char *attack_by_call(const char *name);

/* "done" for 0 and above, else the name of errno. */
const char *attack_answer(long rc);
/* A path in the task's own directory; valid until the next call. */
const char *attack_own_path(const char *name);

#endif
