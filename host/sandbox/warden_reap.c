/*
 * warden_reap.c: children that have ended, and children that nobody ordered. Runs in the warden.
 *
 * Tasks are cloned by the zygote as our children, and a plugin lives in the zygote: what it says
 * about them is a claim. A child is believed to be a worker only if the kernel says that it is our
 * child and if no more children exist than were ordered. One that ends before the zygote has named
 * it is kept until it does. In a box of the profile off anybody may start processes: there the count
 * says nothing (warden_strays.c).
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/warden_internal.h"

enum { LAST_WAIT_MS = 5, LAST_WAITS = 400, CHILDREN_TEXT = 16 * 1024 };

static struct zygote *zygote_of(struct warden *w, pid_t pid)
{
    for (uint32_t i = 0; i < w->setup.slots; i++) {
        if (w->zygotes[i].pid == pid)
            return &w->zygotes[i];
    }
    return NULL;
}

static struct slot *measured_by(struct warden *w, pid_t pid)
{
    for (uint32_t i = 0; i < w->setup.slots; i++) {
        if (w->slots[i].measurer == pid)
            return &w->slots[i];
    }
    return NULL;
}

static struct slot *slot_of(struct warden *w, pid_t pid)
{
    for (uint32_t i = 0; i < w->setup.slots; i++) {
        if (w->slots[i].pid == pid)
            return &w->slots[i];
    }
    return NULL;
}

unsigned warden_ordered(const struct warden *w)
{
    unsigned n = 0;
    for (uint32_t i = 0; i < w->setup.slots; i++)
        n += w->zygotes[i].ordered;
    return n;
}

static void lied(struct warden *w, const char *text)
{
    warden_end_load_failed(w, LOAD_LIED, 0, text);
}

static void keep_early(struct warden *w, const struct early_exit *e)
{
    if (w->n_early < BOX_SLOTS_MAX)
        w->early[w->n_early++] = *e;
    /* Its name may lie in the channel already. */
    if (w->mode == BOX_FORK && w->zygotes[0].pid > 0)
        warden_hear_zygote(&w->zygotes[0]);
    if (warden_allows_strays(w)) {
        if (warden_ordered(w) == 0)
            w->n_early = 0;
    } else if (!w->is_ending && w->n_early > warden_ordered(w))
        lied(w, "a process ended in the box that was not ordered");
}

bool warden_take_early(struct warden *w, pid_t pid, struct early_exit *e)
{
    for (unsigned i = 0; i < w->n_early; i++) {
        if (w->early[i].pid != pid)
            continue;
        *e = w->early[i];
        w->early[i] = w->early[--w->n_early];
        return true;
    }
    return false;
}

/* In warm mode the zygote is the slot's worker, so zygotes are looked for first. */
static void child_ended(struct warden *w, const struct early_exit *e)
{
    struct zygote *z = zygote_of(w, e->pid);
    struct slot *s = slot_of(w, e->pid), *measured = measured_by(w, e->pid);
    if (measured != NULL)
        warden_measurer_ended(measured, e->wait_status);
    else if (z != NULL)
        warden_zygote_ended(z, e->wait_status, &e->usage);
    else if (s != NULL && s->state == SLOT_CLEANING)
        warden_cleaner_ended(s, e->wait_status);
    else if (s != NULL)
        warden_worker_ended(s, e->wait_status, &e->usage);
    else
        keep_early(w, e);
}

void warden_reap(struct warden *w)
{
    struct early_exit e;
    while (!w->is_ending && (e.pid = wait4(-1, &e.wait_status, WNOHANG, &e.usage)) > 0)
        child_ended(w, &e);
}

bool warden_may_claim(const struct warden *w, pid_t pid)
{
    siginfo_t info;
    for (uint32_t i = 0; i < w->setup.slots; i++) {
        if (w->zygotes[i].pid == pid || w->slots[i].pid == pid || w->slots[i].measurer == pid)
            return false;
    }
    /* ECHILD unless it is a child of ours. */
    return pid > 0 && waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* The kernel's list: numbers, each with a space behind it. */
static ssize_t read_children(const struct warden *w, char *text, size_t size)
{
    return w->children >= 0 ? pread(w->children, text, size, 0) : -1;
}

int warden_check_children(const struct warden *w)
{
    char text[CHILDREN_TEXT];
    const ssize_t n = read_children(w, text, sizeof text);
    unsigned found = 0, known = warden_ordered(w);
    for (ssize_t i = 0; i < n; i++)
        found += text[i] == ' ';
    for (uint32_t i = 0; i < w->setup.slots; i++) {
        /* A warm worker is both. */
        known += w->zygotes[i].pid > 0;
        known += w->slots[i].measurer > 0;
        known += w->slots[i].pid > 0 && w->slots[i].pid != w->zygotes[i].pid;
    }
    return found <= known || warden_allows_strays(w) ? 0 : -1;
}

/* Never kill(-1) but as the first process of a pid namespace: it would end the user's whole
 * session. */
static void kill_children(const struct warden *w)
{
    char text[CHILDREN_TEXT + 1];
    if ((w->setup.walls & WALL_PIDNS) != 0 && getpid() == 1) {
        kill(-1, SIGKILL);
        return;
    }
    for (uint32_t i = 0; i < w->setup.slots; i++) {
        if (w->zygotes[i].pid > 0)
            kill(w->zygotes[i].pid, SIGKILL);
        if (w->slots[i].pid > 0)
            kill(w->slots[i].pid, SIGKILL);
        if (w->slots[i].measurer > 0)
            kill(w->slots[i].measurer, SIGKILL);
    }
    const ssize_t n = (w->setup.walls & WALL_PIDNS) == 0 ? read_children(w, text, sizeof text - 1)
                                                         : -1; /* the list has the host's numbers */
    text[n > 0 ? n : 0] = '\0';
    char *at = text, *end;
    for (long pid; (pid = strtol(at, &end, 10)) > 0 && end != at; at = end)
        kill((pid_t)pid, SIGKILL);
}

void warden_kill_all(struct warden *w)
{
    for (int i = 0; i < LAST_WAITS; i++) {
        pid_t pid;
        /* Each time: without a pid namespace the children of one that dies only now come to us. */
        kill_children(w);
        while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
            continue;
        if (pid < 0 && errno == ECHILD)
            return;
        poll(NULL, 0, LAST_WAIT_MS);
    }
}
