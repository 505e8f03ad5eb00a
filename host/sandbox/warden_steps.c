/* warden_steps.c: the steps that build a box, in their order. Runs in the warden.
 *
 * Whatever needs a right comes before the rights go; each step is checked, and a box with a step
 * that failed does not run. A step belongs to a wall or to none; steps of walls that this machine
 * cannot build (the launcher's probe has found out) or this box does without are left out.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>

#include "base/fault.h"
#include "sandbox/warden.h"
#include "sandbox/warden_internal.h"

struct warden_step {
    const char *name;
    int (*take)(struct warden *w);
    uint32_t wall;      /* enum wall; 0: every box takes it */
    bool is_probe_only; /* a zygote takes it for itself; tried in a child */
};

static const struct warden_step steps[] = {
    {"session", warden_begin_session, 0, false},
    {"signals", warden_reset_signals, 0, false},
    {"umask", warden_set_umask, 0, false},
    {"parent", warden_tie_to_parent, 0, false},
    {"oom-score", warden_expose_to_oom, 0, false}, /* a hidden process may not write it */
    {"memory", warden_hide_memory, 0, false},
    {"orphans", warden_adopt_orphans, 0, false},
    {"children", warden_watch_children, 0, false},
    {"cores", warden_forbid_cores, 0, false},
    {"host-name", warden_set_host_name, WALL_UTSNS, false},
    {"namespaces", warden_forbid_namespaces, WALL_USERNS, false},
    {"memory-files", warden_tame_memfds, WALL_PIDNS, false},
    {"private-mounts", warden_privatise_mounts, WALL_NEWROOT, false},
    {"root", warden_make_root, WALL_NEWROOT, false},
    {"scratch", warden_mount_scratch, WALL_SCRATCH, false},
    {"system", warden_bind_system, WALL_NEWROOT, false},
    {"devices", warden_bind_devices, WALL_NEWROOT, false},
    {"proc", warden_mount_proc, WALL_NEWROOT, false},
    {"plugin", warden_copy_plugin, 0, false},
    {"inputs", warden_show_inputs, WALL_NEWROOT, false},
    {"pivot", warden_pivot, WALL_NEWROOT, false},
    {"read-only", warden_freeze_root, WALL_NEWROOT, false},
    {"bounding-set", warden_drop_bounding, WALL_NO_CAPS, false},
    {"secure-bits", warden_lock_securebits, WALL_NO_CAPS, false},
    {"user", warden_switch_user, WALL_OWN_UID, false},
    {"parent-again", warden_tie_to_parent, 0, false},
    {"memory-again", warden_hide_memory, 0, false},
    {"capabilities", warden_drop_caps, WALL_NO_CAPS, false},
    {"no-new-privileges", warden_refuse_privileges, 0, false},
    {"readable-inputs", warden_read_inputs, 0, false},
    {"slots", warden_open_slots, 0, false},
    {"groups", warden_try_group, WALL_CGROUP, true}, /* workers are moved into them */
    {"mdwe", warden_try_mdwe, WALL_MDWE, true},
    {"landlock", warden_try_landlock, WALL_LANDLOCK, true},
    {"seccomp", warden_try_seccomp, WALL_SECCOMP, true},
};

enum { STEPS = sizeof steps / sizeof *steps };

const char *warden_step_name(size_t i)
{
    return i < STEPS ? steps[i].name : NULL;
}

static bool is_wanted(const struct warden *w, const struct warden_step *s)
{
    if (s->is_probe_only && w->setup.mode != WARDEN_PROBE)
        return false;
    return s->wall == 0 || (w->setup.walls & s->wall) != 0;
}

static int take_in_child(struct warden *w, void *arg)
{
    const struct warden_step *s = arg;
    return s->take(w);
}

static int take(struct warden *w, const struct warden_step *s)
{
    char point[64];
    snprintf(point, sizeof point, "%s.%s", w->setup.mode == WARDEN_PROBE ? "probe" : "warden",
             s->name);
    errno = fault_here(point);
    if (errno != 0)
        return -1;
    if (!s->is_probe_only)
        return s->take(w);
    errno = warden_in_child(take_in_child, w, (void *)(uintptr_t)s);
    return errno != 0 ? -1 : 0;
}

static void tell(const struct warden *w, const struct warden_step *s, int error)
{
    struct control_error m = {
        .head = {.magic = CHAN_MAGIC, .version = CHAN_VERSION, .type = CONTROL_ERROR},
        .error = error,
        .wall = w->setup.mode == WARDEN_PROBE ? s->wall : 0,
    };
    snprintf(m.text, sizeof m.text, "the walls of the box: step %s%s%.960s", s->name,
             w->why[0] != '\0' ? ": " : "", w->why);
    warden_send(w, &m, sizeof m);
}

int warden_build(struct warden *w)
{
    for (size_t i = 0; i < STEPS; i++) {
        if (!is_wanted(w, &steps[i]) || take(w, &steps[i]) == 0)
            continue;
        tell(w, &steps[i], errno);
        /* A box half built tells nothing of the rest: the launcher probes again without that wall. */
        if (!steps[i].is_probe_only)
            return -1;
        w->setup.walls &= ~steps[i].wall;
    }
    return 0;
}
