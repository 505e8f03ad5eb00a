/*
 * guarantee_judge.c: from the walls that stand and the attacks that were tried to the level of each
 * guarantee. Runs in the launcher. Pure.
 *
 * Two witnesses, and the worse one counts. A table of rules says what the walls that stand can hold
 * at all: so an attack that failed by chance (a host without network) makes nothing strong. What
 * the attacks came to is a cap on that: one that got through makes it none, whatever walls stand,
 * and one that reached a part only makes it weak.
 */
#include "sandbox/guarantee_judge.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sandbox/guarantee.h"
#include "sandbox/walls.h"

enum remedy {
    REMEDY_NONE,
    REMEDY_TEST,
    REMEDY_NAMESPACES,
    REMEDY_LANDLOCK,
    REMEDY_SECCOMP,
    REMEDY_MDWE,
    REMEDY_NOEXEC,
    REMEDY_CGROUP,
    REMEDY_PIDS,
    REMEDY_SCRATCH,
    REMEDY_PROBE,
    REMEDIES
};

/* What a wall's kernel or container lets one do about it differs by who runs the host. */
struct remedy_text {
    const char *user, *root, *container; /* NULL: as for a user */
};

static const struct remedy_text remedies[REMEDIES] = {
    [REMEDY_NONE] = {"", NULL, NULL},
    [REMEDY_TEST] = {"start it without PENSTOCK_WITHOUT", NULL, NULL},
    [REMEDY_NAMESPACES] =
        {"let users make namespaces: user.max_user_namespaces above 0, AppArmor's restriction of "
         "them off; or run the host as root",
         "give the host CAP_SYS_ADMIN, or set user.max_user_namespaces above 0",
         "a seccomp profile of the container that allows clone with namespaces, mount and "
         "pivot_root; in Kubernetes hostUsers: false"},
    [REMEDY_LANDLOCK] = {"a kernel from 5.19 on with landlock in lsm= on its command line", NULL,
                         "a kernel from 5.19 on with Landlock, and a seccomp profile of the "
                         "container that allows it"},
    [REMEDY_SECCOMP] = {"a kernel with CONFIG_SECCOMP_FILTER", NULL,
                        "a seccomp profile of the container that allows seccomp()"},
    [REMEDY_MDWE] = {"a kernel from 6.3 on", NULL, NULL},
    [REMEDY_NOEXEC] = {"let the host make mount namespaces, or mount state_dir noexec", NULL, NULL},
    [REMEDY_CGROUP] = {"Delegate=memory pids in the unit, or run the host as root",
                       "cgroup = auto, and a control group file system that can be written",
                       "a control group of the container's own that it may write"},
    [REMEDY_PIDS] = {"let users make namespaces (user.max_user_namespaces above 0); or "
                     "Delegate=memory pids in the unit; or run the host as root",
                     "box_uid_base: a range of user ids that exist here",
                     "a seccomp profile of the container that allows user namespaces, or run the "
                     "host as root in it"},
    [REMEDY_SCRATCH] = {"let users make mount namespaces; or a small file system of its own for "
                        "state_dir",
                        NULL, "a volume of limited size as state_dir (emptyDir with sizeLimit)"},
    [REMEDY_PROBE] = {"penstock -v doctor shows the launcher's log", NULL, NULL},
};

#define RIGHTS (WALL_SECCOMP | WALL_NO_CAPS)
#define ROOM   (WALL_MOUNTNS | WALL_NEWROOT)

enum {
    ABI_TRUNCATE = 3, /* before it a file that may not be written may be cut */
    ABI_SCOPE = 6     /* signals and abstract sockets */
};

enum { MISSING_TEXT = 32 };

/* The first rule of a guarantee whose walls stand says its level. '@' is Landlock's ABI. */
struct rule {
    enum guarantee guarantee;
    enum guarantee_level level;
    uint32_t needs;      /* enum wall */
    uint32_t root_needs; /* of a host that runs as root besides */
    uint32_t abi;        /* of Landlock */
    const char *by;
    const char *why; /* it is not strong; what of wants does not stand is named behind it */
    uint32_t wants;  /* enum wall that would make it stronger */
    enum remedy remedy;
};

static const struct rule rules[] = {
    /* A root of its own holds nothing of the host; Landlock alone holds files, from the ABI on that
       knows of truncate. Both need that no call gets round them and that nothing has rights. */
    {GUARANTEE_FS, LEVEL_STRONG, ROOM | WALL_LANDLOCK | RIGHTS, WALL_OWN_UID, 1,
     "mntns+pivot_root, landlock @", "", 0, REMEDY_NONE},
    {GUARANTEE_FS, LEVEL_STRONG, ROOM | RIGHTS, WALL_OWN_UID, 0, "mntns+pivot_root, seccomp", "", 0,
     REMEDY_NONE},
    {GUARANTEE_FS, LEVEL_STRONG, WALL_LANDLOCK | RIGHTS, WALL_OWN_UID, ABI_TRUNCATE,
     "landlock @, seccomp", "", 0, REMEDY_NONE},
    {GUARANTEE_FS, LEVEL_WEAK, ROOM, 0, 0, "mntns+pivot_root", "calls or rights lead round it",
     RIGHTS | WALL_OWN_UID, REMEDY_SECCOMP},
    {GUARANTEE_FS, LEVEL_WEAK, WALL_LANDLOCK | RIGHTS, WALL_OWN_UID, 1, "landlock @, seccomp",
     "this Landlock lets files be cut short", ROOM, REMEDY_NAMESPACES},
    {GUARANTEE_FS, LEVEL_WEAK, WALL_LANDLOCK, 0, 1, "landlock @", "calls or rights lead round it",
     RIGHTS | WALL_OWN_UID, REMEDY_SECCOMP},
    {GUARANTEE_FS, LEVEL_NONE, 0, 0, 0, "", "files are held by their modes only",
     ROOM | WALL_LANDLOCK, REMEDY_LANDLOCK},

    /* The filter refuses every socket. An empty network alone leaves families that no namespace
       knows (VSOCK). */
    {GUARANTEE_NET, LEVEL_STRONG, WALL_NETNS | WALL_SECCOMP, 0, 0, "netns, seccomp", "", 0,
     REMEDY_NONE},
    {GUARANTEE_NET, LEVEL_STRONG, WALL_SECCOMP, 0, 0, "seccomp", "", 0, REMEDY_NONE},
    {GUARANTEE_NET, LEVEL_WEAK, WALL_NETNS, 0, 0, "netns", "it does not hold every kind of socket",
     WALL_SECCOMP, REMEDY_SECCOMP},
    {GUARANTEE_NET, LEVEL_NONE, 0, 0, 0, "", "the host's network is open",
     WALL_NETNS | WALL_SECCOMP, REMEDY_SECCOMP},

    /* Nothing is started without a call that the filter refuses; others are out of sight in a pid
       namespace, or where Landlock hides /proc, and out of reach by the filter. */
    {GUARANTEE_PROCESS, LEVEL_STRONG, WALL_PIDNS | WALL_LANDLOCK | RIGHTS, WALL_OWN_UID, ABI_SCOPE,
     "pidns, seccomp (no fork), landlock scope", "", 0, REMEDY_NONE},
    {GUARANTEE_PROCESS, LEVEL_STRONG, WALL_PIDNS | RIGHTS, WALL_OWN_UID, 0,
     "pidns, seccomp (no fork)", "", 0, REMEDY_NONE},
    {GUARANTEE_PROCESS, LEVEL_STRONG, WALL_LANDLOCK | RIGHTS, WALL_OWN_UID, ABI_SCOPE,
     "seccomp (no fork), landlock scope", "", 0, REMEDY_NONE},
    {GUARANTEE_PROCESS, LEVEL_STRONG, WALL_LANDLOCK | WALL_OWN_UID | RIGHTS, 0, 1,
     "seccomp (no fork, own signals)", "", 0, REMEDY_NONE},
    {GUARANTEE_PROCESS, LEVEL_WEAK, WALL_LANDLOCK | RIGHTS, WALL_OWN_UID, 1,
     "seccomp (no fork, own signals of tasks)",
     "while it is loaded a plugin can signal what the host's user runs", WALL_PIDNS,
     REMEDY_NAMESPACES},
    {GUARANTEE_PROCESS, LEVEL_WEAK, WALL_SECCOMP, 0, 0, "seccomp (no fork)",
     "others are in sight, or it has rights",
     WALL_PIDNS | WALL_LANDLOCK | WALL_NO_CAPS | WALL_OWN_UID, REMEDY_NAMESPACES},
    {GUARANTEE_PROCESS, LEVEL_NONE, 0, 0, 0, "", "it starts and signals processes", WALL_SECCOMP,
     REMEDY_SECCOMP},

    {GUARANTEE_SYSCALLS, LEVEL_STRONG, WALL_SECCOMP, 0, 0, "seccomp allow-list", "", 0,
     REMEDY_NONE},
    {GUARANTEE_SYSCALLS, LEVEL_NONE, 0, 0, 0, "", "every call of the kernel is open", WALL_SECCOMP,
     REMEDY_SECCOMP},

    {GUARANTEE_MEMORY, LEVEL_STRONG, WALL_CGROUP | WALL_LIMITS, 0, 0, "cgroup, RLIMIT_DATA", "", 0,
     REMEDY_NONE},
    {GUARANTEE_MEMORY, LEVEL_STRONG, WALL_CGROUP, 0, 0, "cgroup", "", 0, REMEDY_NONE},
    {GUARANTEE_MEMORY, LEVEL_WEAK, WALL_LIMITS, 0, 0, "RLIMIT_DATA",
     "shared mappings are not counted", WALL_CGROUP, REMEDY_CGROUP},
    {GUARANTEE_MEMORY, LEVEL_NONE, 0, 0, 0, "", "nothing counts it", WALL_CGROUP | WALL_LIMITS,
     REMEDY_CGROUP},

    /* RLIMIT_NPROC counts all processes of a user, in a user namespace those inside only. */
    {GUARANTEE_PIDS, LEVEL_STRONG, WALL_LIMITS | WALL_OWN_UID, 0, 0, "RLIMIT_NPROC (own user)", "",
     0, REMEDY_NONE},
    {GUARANTEE_PIDS, LEVEL_STRONG, WALL_LIMITS | WALL_USERNS, 0, 0, "RLIMIT_NPROC (userns)", "", 0,
     REMEDY_NONE},
    {GUARANTEE_PIDS, LEVEL_STRONG, WALL_CGROUP, 0, 0, "cgroup", "", 0, REMEDY_NONE},
    {GUARANTEE_PIDS, LEVEL_NONE, WALL_LIMITS, 0, 0, "",
     "RLIMIT_NPROC would count all processes of the host's user", WALL_USERNS | WALL_CGROUP,
     REMEDY_PIDS},
    {GUARANTEE_PIDS, LEVEL_NONE, 0, 0, 0, "", "nothing counts threads", WALL_LIMITS | WALL_CGROUP,
     REMEDY_PIDS},

    {GUARANTEE_CPU, LEVEL_STRONG, WALL_LIMITS, 0, 0, "the warden's clock, RLIMIT_CPU", "", 0,
     REMEDY_NONE},
    {GUARANTEE_CPU, LEVEL_WEAK, 0, 0, 0, "the warden's clock", "the kernel has no limit of its own",
     WALL_LIMITS, REMEDY_NONE},

    /* Without a pid namespace the warden, and behind it the launcher, find what is left among their
       children, one by one. */
    {GUARANTEE_KILL, LEVEL_STRONG, WALL_PIDNS, 0, 0, "pidns", "", 0, REMEDY_NONE},
    {GUARANTEE_KILL, LEVEL_WEAK, 0, 0, 0, "warden and launcher", "processes are found one by one",
     WALL_PIDNS, REMEDY_NAMESPACES},

    {GUARANTEE_WX, LEVEL_STRONG, WALL_MDWE, 0, 0, "MDWE", "", 0, REMEDY_NONE},
    {GUARANTEE_WX, LEVEL_NONE, 0, 0, 0, "", "pages may be written and executed", WALL_MDWE,
     REMEDY_MDWE},

    {GUARANTEE_DISK, LEVEL_STRONG, WALL_SCRATCH, 0, 0, "file system of limited size", "", 0,
     REMEDY_NONE},
    {GUARANTEE_DISK, LEVEL_WEAK, WALL_LIMITS, 0, 0, "RLIMIT_FSIZE, a look now and then",
     "between two looks many files may grow", WALL_SCRATCH, REMEDY_SCRATCH},
    {GUARANTEE_DISK, LEVEL_NONE, 0, 0, 0, "", "nothing limits files", WALL_SCRATCH | WALL_LIMITS,
     REMEDY_SCRATCH},
};

/* What to do about attacks that got through in part, or through walls that stand. */
static const enum remedy leak_remedies[GUARANTEES] = {
    [GUARANTEE_FS] = REMEDY_NAMESPACES,    [GUARANTEE_NET] = REMEDY_NAMESPACES,
    [GUARANTEE_PROCESS] = REMEDY_LANDLOCK, [GUARANTEE_SYSCALLS] = REMEDY_PROBE,
    [GUARANTEE_MEMORY] = REMEDY_CGROUP,    [GUARANTEE_PIDS] = REMEDY_CGROUP,
    [GUARANTEE_CPU] = REMEDY_PROBE,        [GUARANTEE_KILL] = REMEDY_NAMESPACES,
    [GUARANTEE_WX] = REMEDY_NOEXEC,        [GUARANTEE_DISK] = REMEDY_SCRATCH,
};

static const struct rule *rule_of(const struct guarantee_facts *f, enum guarantee guarantee)
{
    const struct rule *r = rules;
    for (;; r++) {
        const uint32_t needs = r->needs | (f->is_root ? r->root_needs : 0);
        if (r->guarantee == guarantee && (needs & ~f->walls) == 0 &&
            ((r->needs & WALL_LANDLOCK) == 0 || f->landlock_abi >= r->abi))
            return r; /* the last one of each needs nothing */
    }
}

/* ---- texts ---- */

__attribute__((format(printf, 3, 4))) static void append(char *text, size_t size,
                                                         const char *format, ...)
{
    const size_t n = strlen(text);
    va_list ap;
    va_start(ap, format);
    vsnprintf(text + n, size - n, format, ap);
    va_end(ap);
}

static const char *error_name(int error)
{
    const char *name = error != 0 ? strerrorname_np(error) : NULL;
    return name != NULL ? name : "";
}

static void put_by(struct guarantee_state *s, const struct rule *r, uint32_t abi)
{
    const char *at = strchr(r->by, '@');
    if (at == NULL)
        snprintf(s->by, sizeof s->by, "%s", r->by);
    else
        snprintf(s->by, sizeof s->by, "%.*s%u%s", (int)(at - r->by), r->by, abi, at + 1);
}

/* "no landlock"; names that do not take a "no" have words of their own. */
static const char *missing_name(uint32_t wall, char text[MISSING_TEXT])
{
    if (wall == WALL_NO_CAPS)
        return "capabilities kept";
    snprintf(text, MISSING_TEXT, "no %s", wall == WALL_OWN_UID ? "own uid" : wall_name(wall));
    return text;
}

static void put_missing_wall(struct guarantee_state *s, const struct guarantee_facts *f,
                             unsigned bit)
{
    const uint32_t wall = UINT32_C(1) << bit;
    const char *error = error_name(f->errors[bit]);
    char text[MISSING_TEXT];
    append(s->reason, sizeof s->reason, "%s", missing_name(wall, text));
    if ((f->without & wall) != 0)
        append(s->reason, sizeof s->reason, " (PENSTOCK_WITHOUT)");
    else if (wall == WALL_CGROUP && f->cgroup_text[0] != '\0')
        append(s->reason, sizeof s->reason, " (%s%s%s)", error, error[0] != '\0' ? " " : "",
               f->cgroup_text);
    else if (wall == WALL_MDWE && f->kernel_major > 0)
        append(s->reason, sizeof s->reason, " (%s%sLinux %u.%u)", error,
               error[0] != '\0' ? ", " : "", f->kernel_major, f->kernel_minor);
    else if (error[0] != '\0')
        append(s->reason, sizeof s->reason, " (%s)", error);
}

/* "what it lets happen: no landlock (ENOSYS), no mountns (EPERM)" */
static void put_reason(struct guarantee_state *s, const struct rule *r,
                       const struct guarantee_facts *f)
{
    const uint32_t other = f->is_root ? 0 : WALL_OWN_UID; /* only root gives one */
    const uint32_t missing = r->wants & ~f->walls & ~other;
    const char *between = ": ";
    snprintf(s->reason, sizeof s->reason, "%s", r->why);
    for (unsigned bit = 0; bit < WALLS; bit++) {
        if ((missing >> bit & 1) == 0)
            continue;
        append(s->reason, sizeof s->reason, "%s", between);
        put_missing_wall(s, f, bit);
        between = ", ";
    }
}

static void put_remedy(struct guarantee_state *s, const struct guarantee_facts *f,
                       enum remedy remedy)
{
    const struct remedy_text *t = &remedies[remedy];
    const char *text = f->is_container && t->container != NULL ? t->container
                       : f->is_root && t->root != NULL         ? t->root
                                                               : t->user;
    snprintf(s->remedy, sizeof s->remedy, "%s", text);
}

/* ---- the attacks ---- */

static void cap(struct guarantee_state *s, enum guarantee_level level, const char *how,
                const struct probe_try *t)
{
    s->level = level;
    snprintf(s->reason, sizeof s->reason, "%s: %s", how, t->what);
    if (t->error != 0)
        append(s->reason, sizeof s->reason, " (%s)", error_name(t->error));
}

static void heed_try(struct guarantee_state *s, const struct guarantee_facts *f,
                     enum guarantee guarantee)
{
    const struct probe_try *t = &f->tries[guarantee];
    const enum guarantee_level most = t->result == PROBE_HELD     ? LEVEL_STRONG
                                      : t->result == PROBE_PARTLY ? LEVEL_WEAK
                                                                  : LEVEL_NONE;
    if (s->level <= most)
        return;
    if (t->result == PROBE_UNKNOWN)
        cap(s, most, "the attack could not be made", t);
    else
        cap(s, most, "got through", t);
    put_remedy(s, f, t->result == PROBE_UNKNOWN ? REMEDY_PROBE : leak_remedies[guarantee]);
}

static void judge_one(const struct guarantee_facts *f, enum guarantee guarantee,
                      struct guarantee_state *s)
{
    const struct rule *r = rule_of(f, guarantee);
    *s = (struct guarantee_state){.level = (uint32_t)r->level};
    put_by(s, r, f->landlock_abi);
    if (r->level < LEVEL_STRONG) {
        put_reason(s, r, f);
        put_remedy(s, f, (r->wants & f->without) != 0 ? REMEDY_TEST : r->remedy);
    }
    heed_try(s, f, guarantee);
    if (s->level == LEVEL_NONE)
        s->by[0] = '\0';
}

void guarantees_judge(const struct guarantee_facts *f, struct guarantee_state *states)
{
    for (int i = 0; i < GUARANTEES; i++)
        judge_one(f, (enum guarantee)i, &states[i]);
}

bool guarantees_refused(const struct guarantee_state *states, uint32_t require,
                        uint32_t require_strong, char *why, size_t size)
{
    bool is_refused = false;
    if (size > 0)
        why[0] = '\0';
    for (uint32_t i = 0; i < GUARANTEES; i++) {
        const struct guarantee_state *s = &states[i];
        const bool is_strong = (require_strong >> i & 1) != 0;
        const uint32_t least = is_strong                 ? LEVEL_STRONG
                               : (require >> i & 1) != 0 ? LEVEL_WEAK
                                                         : LEVEL_NONE;
        if (s->level >= least)
            continue;
        if (size > 0)
            append(why, size, "%s%s is %s and must be %s: %s%s%s", is_refused ? "; " : "",
                   guarantee_name(i), guarantee_level_name(s->level),
                   is_strong ? "strong" : "at least weak", s->reason,
                   s->remedy[0] != '\0' ? "; remedy: " : "", s->remedy);
        is_refused = true;
    }
    return is_refused;
}
