/* warden_rights.c: the steps in which the warden gives up what it may do. Runs in the warden. */
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "sandbox/confine.h"
#include "sandbox/filter.h"
#include "sandbox/warden_internal.h"

/* Root without these rules: no right comes back with an exec, a change of user or as an ambient
 * one. */
#define SECUREBITS                                                                                 \
    (SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |                               \
     SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE |       \
     SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED)

static int get_caps(struct __user_cap_data_struct *data)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    return (int)syscall(SYS_capget, &head, data);
}

/* A user without any right can neither take a right out of the bounding set nor set secure bits,
 * and needs neither: no_new_privs keeps him as he is. */
static bool has_no_caps(void)
{
    struct __user_cap_data_struct data[2];
    return get_caps(data) == 0 &&
           (data[0].permitted | data[1].permitted | data[0].effective | data[1].effective |
            data[0].inheritable | data[1].inheritable) == 0;
}

int warden_drop_bounding(struct warden *w)
{
    (void)w;
    if (has_no_caps())
        return 0;
    for (unsigned long cap = 0;; cap++) {
        const int held = prctl(PR_CAPBSET_READ, cap, 0L, 0L, 0L);
        if (held < 0)
            return errno == EINVAL && cap > 0 ? 0 : -1; /* the kernel knows no more */
        if (held == 1 && prctl(PR_CAPBSET_DROP, cap, 0L, 0L, 0L) < 0)
            return -1;
    }
}

int warden_lock_securebits(struct warden *w)
{
    (void)w;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0L, 0L, 0L) < 0)
        return -1;
    if (has_no_caps())
        return 0;
    return prctl(PR_SET_SECUREBITS, (unsigned long)SECUREBITS, 0L, 0L, 0L);
}

static int verify_user(uid_t uid)
{
    uid_t r, e, s;
    gid_t rg, eg, sg;
    if (getresuid(&r, &e, &s) < 0 || getresgid(&rg, &eg, &sg) < 0 || getgroups(0, NULL) != 0)
        return -1;
    errno = EPERM;
    return r == uid && e == uid && s == uid && rg == uid && eg == uid && sg == uid ? 0 : -1;
}

/* The change takes the death signal and the hidden memory away; the steps after it set both again.
 */
int warden_switch_user(struct warden *w)
{
    const uid_t uid = w->setup.uid;
    if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
        return -1;
    return verify_user(uid);
}

int warden_drop_caps(struct warden *w)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct none[2] = {{0, 0, 0}, {0, 0, 0}};
    (void)w;
    if (syscall(SYS_capset, &head, none) < 0)
        return -1;
    errno = EPERM;
    return has_no_caps() ? 0 : -1;
}

int warden_refuse_privileges(struct warden *w)
{
    (void)w;
    return prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L);
}

/* ---- the walls that a zygote builds for itself, tried in a probe only ---- */

int warden_try_mdwe(struct warden *w)
{
    (void)w;
    return confine_mdwe();
}

/* With paths that are there whether or not the box has got a root of its own. */
int warden_try_landlock(struct warden *w)
{
    const struct zygote_setup s = {.walls = w->setup.walls,
                                   .landlock_abi = w->setup.landlock_abi,
                                   .plugin_path = "/usr/probe.so"};
    if (s.landlock_abi == 0) {
        errno = ENOSYS;
        return -1;
    }
    int ruleset = confine_landlock_ruleset(&s, "", CONFINE_ALL_SLOTS);
    const int rc = ruleset >= 0 ? confine_landlock_enforce(ruleset) : -1;
    fd_close(&ruleset);
    return rc;
}

int warden_try_seccomp(struct warden *w)
{
    return confine_load_filter(w->setup.filter_fds[FILTER_ZYGOTE]);
}
