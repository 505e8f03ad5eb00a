/* suite_kills.c: processes of a box that lie, die, or live side by side; and what a box must not
 * make of its host: a large one, a full log, a core file. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "suite_acts.h"

enum { PIDS = 64, TURN_MS = 100, FLAT_KB = 32 << 10 };

/* ---- a zygote that lies ---- */

/* A launcher whose boxes have another zygote, which does what its configuration says. */
static int start_players(struct suite *s, struct host *h)
{
    static char helper[4096];
    struct host_options o = s->options;
    host_build_path(helper, sizeof helper, "tests/play_box");
    o.args[0] = "--box-helper";
    o.args[1] = helper;
    return host_start_with(h, &o);
}

static void play(struct suite *s, struct host *h, const char *part)
{
    host_spec(h, s->plugin, "attack", BOX_FORK, strcmp(part, "name-twice") == 0 ? 2 : 1);
    h->spec.config = part;
    host_box(h);
}

/* "name-host": our own pid; "name-sibling": another box's warden; else a part of play_box. */
void act_lie(struct suite *s, const struct attack_case *c, char *found)
{
    char part[64];
    struct host h;
    pid_t sibling = getpid();
    suite_end_box(s);
    if (strcmp(c->attack, "name-sibling") == 0) {
        static const struct attack_case other = {.attack = "fine", .box = &box_plain};
        suite_box(s, &other, IN_RUN, "{}");
        left_children(s->host.launcher_pid, &sibling, 1);
    }
    if (strcmp(c->attack, "name-host") == 0 || strcmp(c->attack, "name-sibling") == 0)
        snprintf(part, sizeof part, "name-pid-%d", (int)sibling);
    else
        snprintf(part, sizeof part, "%s", c->attack);
    if (start_players(s, &h) < 0)
        return;
    play(s, &h, part);
    while (h.box != NULL)
        loop_turn(h.loop, TURN_MS);
    snprintf(found, FOUND, "!%s: %s", code_name(h.ended_code), h.ended_text);
    host_stop(&h);
    /* The box that was named lives on. */
    if (strcmp(c->attack, "name-sibling") == 0 && strcmp(found, "") != 0 && s->host.box == NULL)
        snprintf(found, FOUND, "the sibling is dead");
    suite_end_box(s);
}

/* ---- processes that die ---- */

static bool is_task(pid_t pid)
{
    char path[64], name[32] = "";
    snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
    FILE *f = fopen(path, "re");
    const bool is_read = f != NULL && fgets(name, sizeof name, f) != NULL;
    if (f != NULL)
        fclose(f);
    return is_read && strncmp(name, "task-", 5) == 0;
}

/* The process of the box that is meant: "warden", "zygote", "task". 0: there is none. */
static pid_t find(const struct suite *s, const char *who)
{
    pid_t warden = 0, pids[PIDS];
    if (left_children(s->host.launcher_pid, &warden, 1) != 1 || strcmp(who, "warden") == 0)
        return warden;
    const size_t n = left_children(warden, pids, PIDS);
    for (size_t i = 0; i < n; i++) {
        if (is_task(pids[i]) == (strcmp(who, "task") == 0))
            return pids[i];
    }
    return 0;
}

static void begin(struct suite *s, uint32_t slot, const struct box_task *task)
{
    s->host.n_logs = 0;
    if (box_run(s->host.box, slot, task, &s->host) < 0)
        return;
    s->host.is_free[slot] = false;
    s->host.n_running++;
    /* Until it says that it is at work. */
    host_turn_until(&s->host, &s->host.n_logs, 1);
}

static const struct box_task holding = {.id = "holding",
                                        .tenant = "test",
                                        .params = "{\"do\":\"hold\"}",
                                        .params_len = 13,
                                        .attempt = 1,
                                        .timeout_ms = 10000};

void act_kill(struct suite *s, const struct attack_case *c, char *found)
{
    const char *who = c->attack + strlen("kill_");
    suite_box(s, c, IN_RUN, "{}");
    if (s->host.box == NULL)
        return;
    begin(s, 0, &holding);
    const pid_t pid = find(s, who);
    if (pid <= 0 || kill(pid, SIGKILL) < 0) {
        snprintf(found, FOUND, "there is no %s", who);
        suite_end_box(s);
        return;
    }
    if (strcmp(who, "zygote") == 0)
        box_cancel(s->host.box, 0, &s->host, KILL_CANCEL, 5000);
    host_turn_until(&s->host, &s->host.n_done, 1);
    suite_outcome(s, found);
    while (s->host.box != NULL && strcmp(who, "warden") == 0)
        loop_turn(s->host.loop, TURN_MS);
    if (s->host.box == NULL)
        s->box_of = NULL;
}

/* ---- side by side ---- */

void act_neighbour(struct suite *s, const struct attack_case *c, char *found)
{
    char params[64];
    const int n = snprintf(params, sizeof params, "{\"do\":\"%s\"}", c->attack);
    struct box_task task = holding;
    suite_box(s, c, IN_RUN, "{}");
    if (s->host.box == NULL)
        return;
    begin(s, 1, &holding);
    task.params = params;
    task.params_len = (size_t)n;
    const int done = s->host.n_done;
    if (s->host.n_running == 1 && box_run(s->host.box, 0, &task, s) == 0) {
        s->host.is_free[0] = false;
        s->host.n_running++;
    }
    host_turn_until(&s->host, &s->host.n_done, done + 1);
    suite_outcome(s, found);
    box_cancel(s->host.box, 1, &s->host, KILL_CANCEL, 5000);
    host_turn_until(&s->host, &s->host.n_done, done + 2);
    suite_end_box(s);
}

/* ---- what must not grow ---- */

void act_flood(struct suite *s, const struct attack_case *c, char *found)
{
    suite_box(s, c, IN_RUN, "{}");
    suite_task(s, c->box, "{\"do\":\"output_flood\"}", found);
    if (strcmp(found, "flooded") == 0)
        snprintf(found, FOUND, "%s",
                 s->host.log_bytes <= s->host.spec.limits.log_bytes + 4096 ? "kept within the limit"
                                                                           : "kept too much");
    suite_end_box(s);
}

static long peak_kb(void)
{
    char line[128];
    long kb = 0;
    FILE *f = fopen("/proc/self/status", "re");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        sscanf(line, "VmHWM: %ld", &kb);
    if (f != NULL)
        fclose(f);
    return kb;
}

void act_flat(struct suite *s, const struct attack_case *c, char *found)
{
    const long before = peak_kb();
    suite_box(s, c, IN_RUN, "{}");
    suite_task(s, c->box, "{\"do\":\"big_result\"}", found);
    if (peak_kb() - before > FLAT_KB)
        snprintf(found, FOUND, "grew by %ld KiB", peak_kb() - before);
    suite_end_box(s);
}

/* ---- core files ---- */

#define CORE_PATTERN "/proc/sys/kernel/core_pattern"
#define CORE_FILE    "/tmp/core-was-written"

/* In a machine of our own the kernel is told to hand cores to a program; that one would leave a
 * file. Elsewhere a core would lie in the task's directory, where what is left is counted. */
void act_core(struct suite *s, const struct attack_case *c, char *found)
{
    static const char handler[] = "|/usr/bin/touch " CORE_FILE;
    if ((s->setting->bit & UML) != 0) {
        int fd = open(CORE_PATTERN, O_WRONLY | O_CLOEXEC);
        if (fd < 0 || fd_write_all(fd, handler, sizeof handler - 1) < 0)
            suite_say(s, "%s: %s", CORE_PATTERN, strerror(errno));
        fd_close(&fd);
    }
    suite_box(s, c, IN_RUN, "{}");
    suite_task(s, c->box, "{\"do\":\"crash_with_secret\"}", found);
    suite_end_box(s);
    if (access(CORE_FILE, F_OK) == 0 || access("core", F_OK) == 0)
        snprintf(found, FOUND, "a core was written");
}

/* ---- a layer that is missing and required ---- */

void act_require(struct suite *s, const struct attack_case *c, char *found)
{
    struct host h;
    struct host_options o = s->options;
    int status = 0;
    o.args[0] = "--require";
    o.args[1] = c->path;
    suite_end_box(s);
    setenv("PENSTOCK_WITHOUT", c->attack, 1);
    const int rc = host_start_with(&h, &o);
    unsetenv("PENSTOCK_WITHOUT");
    while (rc == 0 && !h.is_lost && launcher_report(h.launcher) == NULL)
        loop_turn(h.loop, TURN_MS);
    const struct launch_report *report = rc == 0 ? launcher_report(h.launcher) : NULL;
    snprintf(found, FOUND, "%s",
             report == NULL       ? "no report"
             : report->is_refused ? "refused"
                                  : "started");
    launcher_free(h.launcher);
    loop_free(h.loop);
    waitpid(h.launcher_pid, &status, 0);
    if (strcmp(found, "refused") == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        snprintf(found, FOUND, "refused, and ended well");
}
