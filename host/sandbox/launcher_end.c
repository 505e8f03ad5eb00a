/*
 * launcher_end.c: the end of boxes. Runs in the launcher.
 *
 * The first process of a pid namespace takes all others with it, so SIGKILL is enough there.
 * Without one a warden gets SIGTERM and kills its processes itself; what it leaves all the same
 * falls to the launcher, which is their subreaper, and is killed when the warden has been reaped.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "loop/loop.h"
#include "sandbox/launcher.h"

enum { TERM_GRACE_MS = 2000, CHILDREN_TEXT_MAX = 1024 * 1024 };

struct launch_child *launch_find(const struct launch *l, uint64_t box)
{
    struct launch_child *c = l->first;
    while (c != NULL && c->box != box)
        c = c->next;
    return c;
}

bool launch_has_uid(const struct launch *l, uid_t uid)
{
    for (const struct launch_child *c = l->first; c != NULL; c = c->next) {
        if (c->uid == uid)
            return true;
    }
    return false;
}

static bool is_warden(const struct launch *l, pid_t pid)
{
    for (const struct launch_child *c = l->first; c != NULL; c = c->next) {
        if (c->pid == pid)
            return true;
    }
    return false;
}

/* Children that are no wardens are what a box has left behind. */
static void kill_strays(const struct launch *l)
{
    struct buf text = BUF_INIT(CHILDREN_TEXT_MAX);
    const char *at = "";
    if (buf_read_file(&text, "/proc/thread-self/children") == 0)
        at = buf_cstr(&text);
    while (at != NULL && *at != '\0') {
        char *end;
        const pid_t pid = (pid_t)strtol(at, &end, 10);
        if (end == at)
            break;
        at = end + (*end == ' ');
        if (pid <= 0 || is_warden(l, pid))
            continue;
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    buf_clear(&text);
}

static void forget(struct launch_child *c)
{
    struct launch *l = c->launch;
    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        l->first = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    loop_timer_free(c->deadline);
    free(c);
}

static void on_ended(void *arg, pid_t pid, int wait_status)
{
    struct launch_child *c = arg;
    struct launch *l = c->launch;
    const struct launch_ended m = {
        .head = {.magic = CHAN_MAGIC, .version = CHAN_VERSION, .type = LAUNCH_ENDED},
        .box = c->box,
        .wait_status = wait_status,
    };
    if (!c->has_pidns)
        kill_strays(l);
    cgroups_give_back(l->groups, c->box);
    launch_dirs_remove(l, c->box);
    log_debug("box ended", LI("box", c->box), LI("pid", pid), LI("status", wait_status));
    forget(c);
    launch_send(l, &m, sizeof m, NULL, 0);
    if (l->is_ending && l->first == NULL)
        loop_stop(l->loop);
}

static void on_deadline(void *arg)
{
    const struct launch_child *c = arg;
    kill(c->pid, SIGKILL);
}

void launch_kill(struct launch_child *c)
{
    kill(c->pid, c->has_pidns ? SIGKILL : SIGTERM);
    if (!loop_timer_is_set(c->deadline))
        loop_timer_after(c->deadline, TERM_GRACE_MS);
}

struct launch_child *launch_watch(struct launch *l, const struct warden_setup *setup, pid_t pid)
{
    struct launch_child *c = malloc(sizeof *c);
    if (c == NULL)
        return NULL;
    *c = (struct launch_child){.launch = l,
                               .next = l->first,
                               .box = setup->box,
                               .pid = pid,
                               .uid = setup->uid,
                               .has_pidns = (setup->walls & WALL_PIDNS) != 0};
    c->deadline = loop_timer_new(l->loop, on_deadline, c);
    if (c->deadline == NULL || loop_child(l->loop, pid, on_ended, c) < 0) {
        loop_timer_free(c->deadline);
        free(c);
        return NULL;
    }
    if (l->first != NULL)
        l->first->prev = c;
    l->first = c;
    return c;
}
