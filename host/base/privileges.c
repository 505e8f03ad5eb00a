/* privileges.c: gives up root. Runs in the core, the launcher and the shims, once, before they read a
 * byte from outside. */
#include "base/privileges.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fault.h"

/* LeakSanitizer looks through the process at its end as a tracer, which a hidden one does not let in. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_LOOKED_THROUGH 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define IS_LOOKED_THROUGH 1
#endif
#if !defined(IS_LOOKED_THROUGH)
#define IS_LOOKED_THROUGH 0
#endif

struct wanted {
    uid_t uid;
    gid_t gid;
    uint64_t kept;
    pid_t parent;
    int death_signal;
};

static int get_caps(uint64_t *permitted, uint64_t *effective)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    if (syscall(SYS_capget, &head, data) < 0)
        return -1;
    *permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
    *effective = data[0].effective | (uint64_t)data[1].effective << 32;
    return 0;
}

static int set_caps(uint64_t caps)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    const uint32_t low = (uint32_t)caps, high = (uint32_t)(caps >> 32);
    const struct __user_cap_data_struct data[2] = {{low, low, 0}, {high, high, 0}};
    return (int)syscall(SYS_capset, &head, data);
}

static int note(struct wanted *w)
{
    uint64_t permitted, effective;
    w->parent = getppid();
    if (prctl(PR_GET_PDEATHSIG, &w->death_signal) < 0 || get_caps(&permitted, &effective) < 0)
        return -1;
    w->kept &= permitted;
    return 0;
}

/* What is not in the bounding set cannot come back with an exec, whoever owns the program. */
static int narrow_bounding_set(struct wanted *w)
{
    for (unsigned long cap = 0;; cap++) {
        const int held = prctl(PR_CAPBSET_READ, cap, 0L, 0L, 0L);
        if (held < 0)
            return errno == EINVAL && cap > 0 ? 0 : -1; /* the kernel knows no more */
        if (held == 1 && (w->kept & PRIVILEGE(cap)) == 0 &&
            prctl(PR_CAPBSET_DROP, cap, 0L, 0L, 0L) < 0)
            return -1;
    }
}

static int clear_ambient(struct wanted *w)
{
    (void)w;
    return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0L, 0L, 0L);
}

/* Without this the kernel takes all of them away with the user. */
static int keep_over_change(struct wanted *w)
{
    return prctl(PR_SET_KEEPCAPS, w->kept != 0 ? 1L : 0L, 0L, 0L, 0L);
}

static int change_groups(struct wanted *w)
{
    return setgroups(0, NULL) < 0 ? -1 : setresgid(w->gid, w->gid, w->gid);
}

static int change_user(struct wanted *w)
{
    return setresuid(w->uid, w->uid, w->uid);
}

static int keep_caps(struct wanted *w)
{
    return set_caps(w->kept) < 0 ? -1 : prctl(PR_SET_KEEPCAPS, 0L, 0L, 0L, 0L);
}

static int refuse_new(struct wanted *w)
{
    (void)w;
    return prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L);
}

static int hide_memory(struct wanted *w)
{
    (void)w;
    return prctl(PR_SET_DUMPABLE, (long)IS_LOOKED_THROUGH, 0L, 0L, 0L);
}

/* The parent may have died while there was no signal. */
static int tie_to_parent_again(struct wanted *w)
{
    if (prctl(PR_SET_PDEATHSIG, (long)w->death_signal, 0L, 0L, 0L) < 0)
        return -1;
    return w->death_signal != 0 && getppid() != w->parent ? raise(w->death_signal) : 0;
}

static int verify(struct wanted *w)
{
    uid_t r, e, s;
    gid_t rg, eg, sg;
    uint64_t permitted, effective;
    if (getresuid(&r, &e, &s) < 0 || getresgid(&rg, &eg, &sg) < 0 ||
        get_caps(&permitted, &effective) < 0)
        return -1;
    errno = EPERM;
    const bool is_user = r == w->uid && e == w->uid && s == w->uid;
    const bool is_group = rg == w->gid && eg == w->gid && sg == w->gid && getgroups(0, NULL) == 0;
    return is_user && is_group && permitted == w->kept && effective == w->kept ? 0 : -1;
}

/* The bounding set first: afterwards we may not narrow it. */
static const struct {
    const char *name;
    int (*take)(struct wanted *w);
} steps[] = {
    {"reading", note},           {"bounding-set", narrow_bounding_set},
    {"ambient", clear_ambient},  {"keeping", keep_over_change},
    {"groups", change_groups},   {"user", change_user},
    {"capabilities", keep_caps}, {"no-new-privileges", refuse_new},
    {"memory", hide_memory},     {"parent", tie_to_parent_again},
    {"verifying", verify},
};

static int take(size_t i, struct wanted *w)
{
    char point[64];
    snprintf(point, sizeof point, "privileges.%s", steps[i].name);
    errno = fault_here(point);
    return errno != 0 ? -1 : steps[i].take(w);
}

int privileges_drop(uid_t uid, gid_t gid, uint64_t kept, const char **step)
{
    struct wanted w = {.uid = uid, .gid = gid, .kept = kept};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        *step = steps[i].name;
        if (take(i, &w) < 0)
            return -1;
    }
    return 0;
}
