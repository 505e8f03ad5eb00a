/*
 * suite.c: runs the attacks of the catalogue in one setting.
 *
 *     attack_suite --setting NAME [--layers | --storm [--seed N]] [--only TEXT] [--places BITS] [--loud] [--line FILE]
 *
 * Prints a line for each case that failed, and one at the end: "<setting>: cases C, passed P,
 * skipped S (reasons)", which also goes to the file of --line. Exit status: 1 if a case failed or
 * fewer ran than the setting's floor, 77 if the setting cannot be had here.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sandbox/walls.h"
#include "suite.h"

enum { EXIT_USAGE = 2, EXIT_SKIPPED = 77 };
enum run { RUN_CASES, RUN_LAYERS, RUN_STORM };

static const struct catalogue *const catalogues[] = {
    &catalogue_processes, &catalogue_memory,  &catalogue_files,  &catalogue_network,
    &catalogue_calls,     &catalogue_threads, &catalogue_deaths, &catalogue_results,
    &catalogue_load,      &catalogue_suite};

void suite_say(const struct suite *s, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    fprintf(stderr, "%s: ", s->setting->name);
    vfprintf(stderr, format, ap);
    fputc('\n', stderr);
    va_end(ap);
}

const char *suite_place_name(uint32_t place)
{
    static const struct {
        uint32_t place;
        const char *name;
    } names[] = {{IN_CONSTRUCTOR, "constructor"}, {IN_OPEN, "open"},   {IN_RUN, "run"},
                 {IN_THREAD, "thread"},           {IN_CLOSE, "close"}, {BY_SUITE, "suite"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (names[i].place == place)
            return names[i].name;
    }
    return "?";
}

/* ---- what holds after every case ---- */

/* Each path that a plugin tries to write at. */
static bool is_there(const struct suite *s, bool is_to_be_removed)
{
    const char *const dirs[] = {"/etc", "/usr",     "/usr/lib", "/root", "",
                                "/tmp", "/var/tmp", "/dev/shm", "/dev",  suite_path(s, "%open")};
    char path[600];
    bool found = false;
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
        snprintf(path, sizeof path, "%s/penstock-attack", dirs[i]);
        found = found || access(path, F_OK) == 0;
        if (is_to_be_removed)
            unlink(path);
    }
    return found;
}

bool suite_are_canaries_alive(const struct suite *s)
{
    return !is_there(s, false);
}

void suite_unlink_canaries(const struct suite *s)
{
    is_there(s, true);
}

/* The same pipeline takes an ordinary task, and does it. */
static bool is_next_task_fine(struct suite *s, const struct attack_case *c, char *why)
{
    char found[FOUND];
    /* A worker that dies between two tasks never takes the second; then its host gives it again. */
    for (int i = 0; i < 2; i++) {
        suite_task(s, c->box, "{\"do\":\"fine\"}", found);
        if (strcmp(found, "fine") == 0)
            return true;
        if (s->host.box == NULL || s->host.last.was_started)
            break;
    }
    snprintf(why, FOUND, "the next task: %.1000s", found);
    return false;
}

static bool is_tidy(struct suite *s, const struct attack_case *c, char *why)
{
    if (s->host.box != NULL && s->box_of != NULL) {
        if (!is_next_task_fine(s, c, why))
            return false;
        host_wait_free(&s->host);
        if (s->host.box == NULL || left_check(s, &s->with_box, why, FOUND) < 0)
            return false;
        return true;
    }
    return left_check(s, &s->before, why, FOUND) == 0;
}

/* ---- one case ---- */

static const char *case_at_work = "none";

static void on_alarm(int signo)
{
    static const char text[] = " ran longer than its limit\n";
    (void)signo;
    (void)!write(STDERR_FILENO, case_at_work, strlen(case_at_work));
    (void)!write(STDERR_FILENO, text, sizeof text - 1);
    _exit(EXIT_FAILURE);
}

void suite_watch(const struct suite *s, const char *name)
{
    case_at_work = name;
    alarm(SUITE_CASE_S * s->setting->slow);
}

static void count_skipped(struct suite *s, uint32_t needs)
{
    char text[64];
    size_t i = 0;
    walls_text(needs, 0, text);
    while (i < REASONS - 1 && s->reasons[i].n > 0 && strcmp(s->reasons[i].text, text) != 0)
        i++;
    snprintf(s->reasons[i].text, sizeof s->reasons[i].text, "%s", text);
    s->reasons[i].n++;
    s->n_skipped++;
}

static void judge(struct suite *s, const struct attack_case *c, uint32_t place, const char *found)
{
    char why[FOUND] = "";
    bool is_good = suite_is_expected(c, place, found);
    if (!is_good)
        suite_say(s, "FAILED row %s %s in %s: expected %s, found %.1500s", c->row, c->attack,
                  suite_place_name(place),
                  (place & IN_ZYGOTE) != 0 && c->in_zygote != NULL ? c->in_zygote : c->expected,
                  found);
    if (!is_tidy(s, c, why) || !suite_are_canaries_alive(s)) {
        suite_say(s, "FAILED row %s %s in %s: after it:%s", c->row, c->attack,
                  suite_place_name(place), why[0] != '\0' ? why : " a file of the host was made");
        is_good = false;
        suite_end_box(s);
    }
    if (is_good && s->is_loud)
        suite_say(s, "ok row %s %s in %s: %.200s", c->row, c->attack, suite_place_name(place),
                  found);
    s->n_passed += is_good;
    s->n_failed += !is_good;
}

static void run_case(struct suite *s, const struct attack_case *c, uint32_t place)
{
    char found[FOUND] = "";
    s->n_cases++;
    if (c->needs != 0 && (c->needs & s->walls) == 0) {
        count_skipped(s, c->needs);
        return;
    }
    suite_watch(s, c->attack);
    if (c->act != NULL)
        c->act(s, c, found);
    else
        suite_attack(s, c, place, found);
    judge(s, c, place, found);
    alarm(0);
}

static void run_place(struct suite *s, uint32_t place)
{
    for (size_t i = 0; i < sizeof catalogues / sizeof *catalogues; i++) {
        for (size_t j = 0; j < catalogues[i]->n; j++) {
            const struct attack_case *c = &catalogues[i]->cases[j];
            if ((c->places & place) != 0 && (s->only == NULL || strstr(c->attack, s->only) != NULL))
                run_case(s, c, place);
        }
    }
}

/* The walls of a plain box. The launcher keeps filters of each kind of box, and a control group a slot
 * for the next box, so each kind is made once before anything is counted. */
static int look_round(struct suite *s)
{
    static const struct attack_box *const kinds[] = {&box_plain, &box_network, &box_jit, &box_two};
    for (size_t i = sizeof kinds / sizeof *kinds; i > 0; i--) {
        const struct attack_case first = {.attack = "fine", .box = kinds[i - 1]};
        suite_box(s, &first, IN_RUN, "{}");
        if (s->host.box == NULL) {
            suite_say(s, "no box: %s: %s", code_name(s->host.ended_code), s->host.ended_text);
            return -1;
        }
        suite_end_box(s);
    }
    left_count(s, &s->before);
    return 0;
}

/* ---- the whole ---- */

static void print_line(const struct suite *s, FILE *out)
{
    fprintf(out, "%s: cases %u, passed %u, skipped %u", s->setting->name, s->n_cases, s->n_passed,
            s->n_skipped);
    for (size_t i = 0; i < REASONS && s->reasons[i].n > 0; i++)
        fprintf(out, "%s%u without %s", i == 0 ? " (" : ", ", s->reasons[i].n, s->reasons[i].text);
    fprintf(out, "%s\n", s->n_skipped > 0 ? ")" : "");
}

static void print_skipped(const struct suite *s, FILE *out, const char *why)
{
    fprintf(out, "%s: skipped: %s\n", s->setting->name, why);
}

static int finish(struct suite *s, const char *line_file)
{
    FILE *f = line_file != NULL ? fopen(line_file, "we") : NULL;
    struct left_behind after;
    suite_end(s);
    /* Nobody of the launcher's is left: as subreaper we would have to bury them. */
    if (waitpid(-1, NULL, WNOHANG) >= 0 || errno != ECHILD) {
        suite_say(s, "FAILED a process has outlived the launcher");
        s->n_failed++;
    }
    left_count(s, &after);
    if (after.groups != 0) {
        suite_say(s, "FAILED %d control groups have outlived the launcher", after.groups);
        s->n_failed++;
    }
    print_line(s, stdout);
    if (f != NULL) {
        print_line(s, f);
        fclose(f);
    }
    if (s->only == NULL && s->places == ALL_PLACES &&
        s->n_passed + s->n_failed < s->setting->floor) {
        suite_say(s, "FAILED fewer cases than %u have run", s->setting->floor);
        s->n_failed++;
    }
    return s->n_failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int run_setting(struct suite *s, const char *line_file)
{
    const char *why;
    if (suite_begin(s, &why) < 0) {
        FILE *f = line_file != NULL ? fopen(line_file, "we") : NULL;
        print_skipped(s, stdout, why);
        if (f != NULL) {
            print_skipped(s, f, why);
            fclose(f);
        }
        return EXIT_SKIPPED;
    }
    if (look_round(s) < 0)
        return EXIT_FAILURE;
    signal(SIGALRM, on_alarm);
    for (uint32_t place = 1; place <= BY_SUITE; place <<= 1)
        run_place(s, place & s->setting->places & s->places);
    return finish(s, line_file);
}

__attribute__((format(printf, 2, 3))) static void print_both(FILE *f, const char *format, ...)
{
    va_list ap, again;
    va_start(ap, format);
    va_copy(again, ap);
    vprintf(format, ap);
    if (f != NULL)
        vfprintf(f, format, again);
    va_end(again);
    va_end(ap);
}

/* The same for layers, one line each before the last one. */
static int run_layers(struct suite *s, const char *line_file)
{
    FILE *f = line_file != NULL ? fopen(line_file, "we") : NULL;
    signal(SIGALRM, on_alarm);
    const int rc = suite_run_layers(s, f);
    alarm(0);
    print_both(f, "%s: layers %u, as expected %u\n", s->setting->name, s->n_cases, s->n_passed);
    if (f != NULL)
        fclose(f);
    return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int run_storm(struct suite *s, const char *line_file)
{
    FILE *f = line_file != NULL ? fopen(line_file, "we") : NULL;
    const char *why;
    int rc = EXIT_SKIPPED;
    signal(SIGALRM, on_alarm);
    if (suite_begin(s, &why) < 0) {
        print_both(f, "%s: skipped: %s\n", s->setting->name, why);
    } else {
        rc = suite_run_storm(s, s->seed) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
        alarm(0);
        suite_end(s);
        print_both(f, "%s: storm of %u boxes, seed %u, %s\n", s->setting->name, s->n_cases, s->seed,
                   rc == EXIT_SUCCESS ? "nothing left" : "FAILED");
    }
    if (f != NULL)
        fclose(f);
    return rc;
}

static int run(struct suite *s, enum run what, const char *line_file)
{
    return what == RUN_LAYERS  ? run_layers(s, line_file)
           : what == RUN_STORM ? run_storm(s, line_file)
                               : run_setting(s, line_file);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"setting", required_argument, NULL, 's'},
                                            {"only", required_argument, NULL, 'o'},
                                            {"line", required_argument, NULL, 'l'},
                                            {"loud", no_argument, NULL, 'v'},
                                            {"layers", no_argument, NULL, 'y'},
                                            {"storm", no_argument, NULL, 't'},
                                            {"seed", required_argument, NULL, 'e'},
                                            {"places", required_argument, NULL, 'p'},
                                            {NULL, 0, NULL, 0}};
    struct suite *s = calloc(1, sizeof *s);
    const char *line_file = NULL;
    enum run what = RUN_CASES;
    if (s == NULL)
        return EXIT_FAILURE;
    s->places = ALL_PLACES;
    s->seed = (unsigned)time(NULL);
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == 's')
            s->setting = suite_setting(optarg);
        else if (o == 'o')
            s->only = optarg;
        else if (o == 'l')
            line_file = optarg;
        else if (o == 'v')
            s->is_loud = true;
        else if (o == 'p')
            s->places = (uint32_t)strtoul(optarg, NULL, 0);
        else if (o == 'y')
            what = RUN_LAYERS;
        else if (o == 't')
            what = RUN_STORM;
        else if (o == 'e')
            s->seed = (unsigned)strtoul(optarg, NULL, 0);
        else
            return EXIT_USAGE;
    }
    if (s->setting == NULL) {
        fprintf(stderr, "usage: attack_suite --setting NAME [--layers | --storm [--seed N]] "
                        "[--only TEXT] [--places "
                        "BITS] [--loud] [--line FILE]\n");
        return EXIT_USAGE;
    }
    const int rc = run(s, what, line_file);
    free(s);
    return rc;
}
