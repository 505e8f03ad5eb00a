/*
 * suite_layers.c: what each layer is there for. The launcher leaves one layer out, and the attacks
 * that get through then are what it alone holds back. A second time without seccomp too, which holds
 * back most things by itself: what gets through beyond what seccomp's absence opens is what the layer
 * would hold back behind it.
 *
 * A layer that opens nothing alone has its reason in the table; without one the test fails, and so
 * it does if one that is called redundant opens something.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/walls.h"
#include "suite.h"

enum { TRIES = 1024, LINE = 1024, NAMED = 12 };

enum theme {
    PROCESSES = 1,
    MEMORY = 2,
    FILES = 4,
    NETWORK = 8,
    CALLS = 16,
    THREADS = 32,
    EVERYTHING = 63
};

static const struct {
    uint32_t theme;
    const struct catalogue *catalogue;
} themes[] = {{PROCESSES, &catalogue_processes}, {MEMORY, &catalogue_memory},
              {FILES, &catalogue_files},         {NETWORK, &catalogue_network},
              {CALLS, &catalogue_calls},         {THREADS, &catalogue_threads}};

struct layer {
    const char *name;      /* of walls.h */
    uint32_t settings;     /* where it exists */
    uint32_t themes;       /* attacks that it could have to do with */
    const char *redundant; /* why it opens nothing alone; NULL: it does */
};

static const struct layer layers[] = {
    {"seccomp", ROOT | USER, EVERYTHING, NULL},
    {"landlock", ROOT | USER, FILES | NETWORK | PROCESSES, NULL},
    {"mdwe", ROOT | USER, MEMORY, NULL},
    {"rlimits", ROOT | USER, FILES | THREADS | MEMORY, NULL},
    {"cgroup", ROOT, MEMORY | THREADS, NULL},
    {"scratch", ROOT | USER, FILES, NULL},
    {"pidns", ROOT | USER, PROCESSES | FILES, NULL},
    {"newroot", ROOT | USER, FILES | MEMORY, NULL},
    {"mountns", ROOT | USER, FILES | MEMORY, NULL},
    {"netns", ROOT | USER, NETWORK, "seccomp makes no sockets"},
    {"ipcns", ROOT | USER, CALLS, "seccomp makes no queues, semaphores or shared memory"},
    {"utsns", ROOT | USER, CALLS, "no capability to set a name"},
    {"cgroupns", ROOT | USER, FILES, "the new root shows no control groups"},
    {"userns", USER, CALLS | FILES | MEMORY | PROCESSES, NULL},
    {"uid", ROOT, FILES | PROCESSES, "the new root shows nothing of root's"},
    {"nocaps", ROOT | USER, CALLS, "the box's user has none, and seccomp refuses their calls"},
};

/* What came of the attacks: a bit each, in the order of the catalogues. */
struct tries {
    bool is_open[TRIES];
};

static bool is_to_be_tried(const struct attack_case *c, uint32_t walls)
{
    return (c->places & IN_RUN) != 0 && (c->needs == 0 || (c->needs & walls) != 0);
}

/* What an attack has left where nothing holds it. */
static void bury(void)
{
    pid_t pids[64];
    const size_t n = left_children(getpid(), pids, sizeof pids / sizeof *pids);
    for (size_t i = 0; i < n; i++)
        kill(pids[i], SIGKILL);
    while (waitpid(-1, NULL, 0) > 0)
        continue;
}

/* Another layer says no in its own words. */
static bool is_refused(const char *found)
{
    return found[0] == 'E' && found[1] >= 'A' && found[1] <= 'Z';
}

static void try_theme(struct suite *s, const struct catalogue *all, uint32_t walls, bool *is_open)
{
    char found[FOUND];
    for (size_t i = 0; i < all->n; i++) {
        const struct attack_case *c = &all->cases[i];
        if (!is_to_be_tried(c, walls))
            continue;
        suite_watch(s, c->attack);
        suite_attack(s, c, IN_RUN, found);
        is_open[i] = !suite_is_expected(c, IN_RUN, found) && !is_refused(found);
        if (is_open[i] && s->is_loud)
            suite_say(s, "%s: %.200s", c->attack, found);
        suite_unlink_canaries(s);
    }
}

/* 0; -1: no launcher or no box without that. */
static int try_without(struct suite *s, const char *without, uint32_t wanted, uint32_t walls,
                       struct tries *t)
{
    const char *why;
    size_t at = 0;
    memset(t, 0, sizeof *t);
    setenv("PENSTOCK_WITHOUT", without, 1);
    const int rc = suite_begin(s, &why);
    unsetenv("PENSTOCK_WITHOUT");
    for (size_t i = 0; rc == 0 && i < sizeof themes / sizeof *themes; i++) {
        if ((themes[i].theme & wanted) != 0)
            try_theme(s, themes[i].catalogue, walls, t->is_open + at);
        at += themes[i].catalogue->n;
    }
    if (rc == 0)
        suite_end(s);
    bury();
    return rc;
}

static void add_name(char *out, int n, const char *name)
{
    const size_t used = strlen(out);
    if (n < NAMED)
        snprintf(out + used, LINE - used, "%s%s", n > 0 ? ", " : "", name);
}

/* Names the attacks of t and counts them. An attack that is tried in two kinds of boxes is one. */
static int list(const struct tries *t, char *out)
{
    const char *last = "";
    size_t at = 0;
    int n = 0;
    out[0] = '\0';
    for (size_t i = 0; i < sizeof themes / sizeof *themes; i++) {
        for (size_t j = 0; j < themes[i].catalogue->n; j++, at++) {
            const char *name = themes[i].catalogue->cases[j].attack;
            if (t->is_open[at] && strcmp(name, last) != 0)
                add_name(out, n++, last = name);
        }
    }
    const size_t used = strlen(out);
    if (n > NAMED)
        snprintf(out + used, LINE - used, " and %d more", n - NAMED);
    return n;
}

static void take_away(struct tries *from, const struct tries *what)
{
    for (size_t i = 0; i < TRIES; i++)
        from->is_open[i] = from->is_open[i] && !what->is_open[i];
}

static void print_layer(FILE *out, const struct layer *l, int n, const char *alone,
                        const char *behind)
{
    fprintf(out, "  layer %s: opens %s", l->name, n > 0 ? alone : "nothing");
    if (l->redundant != NULL)
        fprintf(out, " (redundant: %s)", l->redundant);
    if (behind[0] != '\0')
        fprintf(out, "; without seccomp also %s", behind);
    fputc('\n', out);
}

/* Whether it is as the table says. */
static bool try_layer(struct suite *s, const struct layer *l, uint32_t walls,
                      const struct tries *no_seccomp, FILE *out)
{
    static char alone[LINE], behind[LINE];
    static struct tries t, both;
    char without[64];
    const bool is_seccomp = strcmp(l->name, "seccomp") == 0;
    snprintf(without, sizeof without, "seccomp,%s", l->name);
    behind[0] = '\0';
    if (is_seccomp)
        t = *no_seccomp;
    else if (try_without(s, l->name, l->themes, walls, &t) < 0 ||
             try_without(s, without, l->themes, walls, &both) < 0) {
        suite_say(s, "FAILED layer %s: no launcher without it", l->name);
        return false;
    }
    const int n = list(&t, alone);
    if (!is_seccomp) {
        take_away(&both, no_seccomp);
        take_away(&both, &t);
        list(&both, behind);
    }
    print_layer(stdout, l, n, alone, behind);
    if (out != NULL)
        print_layer(out, l, n, alone, behind);
    if ((n == 0) == (l->redundant != NULL))
        return true;
    suite_say(s,
              n == 0 ? "FAILED layer %s: opens nothing, and the table does not say why"
                     : "FAILED layer %s: is called redundant, and is not",
              l->name);
    return false;
}

/* The walls of a box that has all of them. */
static uint32_t all_walls(struct suite *s)
{
    static const struct attack_case first = {.attack = "fine", .box = &box_plain};
    const char *why;
    if (suite_begin(s, &why) < 0) {
        suite_say(s, "FAILED: %s", why);
        return 0;
    }
    suite_box(s, &first, IN_RUN, "{}");
    suite_end(s);
    return s->walls;
}

int suite_run_layers(struct suite *s, FILE *out)
{
    static struct tries no_seccomp;
    uint32_t n = 0, n_good = 0;
    const uint32_t walls = all_walls(s);
    if (walls == 0 || try_without(s, "seccomp", EVERYTHING, walls, &no_seccomp) < 0)
        return -1;
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        const struct layer *l = &layers[i];
        uint32_t wall = 0;
        /* One that this machine does not have cannot be missed. */
        if ((l->settings & s->setting->bit) == 0 || walls_parse(l->name, &wall) < 0 ||
            (wall & walls) == 0)
            continue;
        n++;
        n_good += try_layer(s, l, walls, &no_seccomp, out);
    }
    s->n_cases = n;
    s->n_passed = n_good;
    s->n_failed = n - n_good;
    return n_good == n ? 0 : -1;
}
