/* confine_landlock.c: Landlock rulesets of a box. Runs in the zygote and in workers. The kernel's
 * header may be older than the kernel, so the attribute and the newer rights stand here. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "sandbox/chan.h"
#include "sandbox/confine.h"

#define FS_REFER       (1ULL << 13) /* ABI 2 */
#define FS_TRUNCATE    (1ULL << 14) /* ABI 3 */
#define FS_IOCTL_DEV   (1ULL << 15) /* ABI 5 */
#define FS_ABI_1       ((1ULL << 13) - 1)
#define RULE_NET_PORT  2 /* ABI 4 */
#define NET_BIND       (1ULL << 0)
#define NET_CONNECT    (1ULL << 1)
#define SCOPE_ABSTRACT (1ULL << 0) /* ABI 6 */
#define SCOPE_SIGNAL   (1ULL << 1)
#define FS_READ        (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_WRITE       (LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE)
/* Rights that the kernel takes for a rule on something that is no directory. */
#define FS_OF_FILE                                                                                 \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | FS_WRITE | FS_IOCTL_DEV)
/* A task keeps files, directories and links in its directory; no sockets, no devices, nothing to
 * execute. */
#define FS_OWN                                                                                     \
    (FS_READ | FS_WRITE | FS_REFER | LANDLOCK_ACCESS_FS_REMOVE_DIR |                               \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |  \
     LANDLOCK_ACCESS_FS_MAKE_SYM)

struct ruleset_attr {
    uint64_t fs, net, scoped;
};

struct net_rule {
    uint64_t access, port;
};

struct path_rule {
    const char *path;
    uint64_t rights;
    uint32_t box;   /* enum box_rights that the box must have; 0: any */
    uint32_t walls; /* enum wall that must stand for the path to be the box's own; 0: any */
};

/* What is missing on a machine is left out. The same list holds inside a root of the box's own and,
 * where there is none, on the host. */
static const struct path_rule path_rules[] = {
    {"/usr", FS_READ, 0, 0},
    {"/lib", FS_READ, 0, 0}, /* a link to /usr/lib nearly everywhere */
    {"/lib64", FS_READ, 0, 0},
    {"/etc/ld.so.cache", FS_READ, 0, 0},
    {"/etc/alternatives", FS_READ, 0, 0}, /* BLAS and LAPACK are links through it */
    {"/etc/localtime", FS_READ, 0, 0},
    {"/dev/null", FS_READ | FS_WRITE, 0, 0},
    {"/dev/zero", FS_READ | FS_WRITE, 0, 0},
    {"/dev/random", FS_READ, 0, 0},
    {"/dev/urandom", FS_READ, 0, 0},
    {"/proc", FS_READ, BOX_MAY_PROC, WALL_NEWROOT}, /* the host's would show every process */
    {"/etc/resolv.conf", FS_READ, BOX_MAY_NETWORK, 0},
    {"/etc/hosts", FS_READ, BOX_MAY_NETWORK, 0},
    {"/etc/nsswitch.conf", FS_READ, BOX_MAY_NETWORK, 0},
    {"/etc/gai.conf", FS_READ, BOX_MAY_NETWORK, 0},
    {"/etc/services", FS_READ, BOX_MAY_NETWORK, 0},
    {"/etc/ssl", FS_READ, BOX_MAY_NETWORK, 0},
    {"/etc/ca-certificates", FS_READ, BOX_MAY_NETWORK, 0},
};

const char *const confine_gpu_devices[] = {"/dev/nvidia*", "/dev/dri", NULL};

uint32_t confine_landlock_abi(void)
{
    const long abi =
        syscall(SYS_landlock_create_ruleset, NULL, 0UL, LANDLOCK_CREATE_RULESET_VERSION);
    return abi > 0 ? (uint32_t)abi : 0;
}

static uint64_t handled_fs(uint32_t abi)
{
    return FS_ABI_1 | (abi >= 2 ? FS_REFER : 0) | (abi >= 3 ? FS_TRUNCATE : 0) |
           (abi >= 5 ? FS_IOCTL_DEV : 0);
}

/* Which calls of the network the ruleset is about. */
static uint64_t handled_net(const struct zygote_setup *setup)
{
    if ((setup->rights & BOX_MAY_NETWORK) == 0)
        return NET_BIND | NET_CONNECT;
    for (uint32_t i = 0; i < setup->n_ports; i++) {
        if (setup->ports[i] == 0)
            return NET_BIND;
    }
    return NET_BIND | NET_CONNECT;
}

static int create_ruleset(const struct zygote_setup *setup)
{
    const uint32_t abi = setup->landlock_abi;
    const struct ruleset_attr attr = {
        .fs = handled_fs(abi),
        .net = handled_net(setup),
        .scoped = SCOPE_ABSTRACT | SCOPE_SIGNAL,
    };
    const size_t size = abi >= 6                  ? sizeof attr
                        : abi >= LANDLOCK_ABI_NET ? sizeof attr.fs + sizeof attr.net
                                                  : sizeof attr.fs;
    return (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0UL);
}

static int add_rule(int ruleset, int path_fd, uint64_t rights)
{
    struct stat st;
    if (fstat(path_fd, &st) < 0)
        return -1;
    const struct landlock_path_beneath_attr rule = {
        .allowed_access = S_ISDIR(st.st_mode) ? rights : rights & FS_OF_FILE,
        .parent_fd = path_fd,
    };
    return (int)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0UL);
}

static int allow(int ruleset, const char *path, uint64_t rights)
{
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return -1;
    const int rc = add_rule(ruleset, fd, rights);
    fd_close(&fd);
    return rc;
}

static int allow_system(int ruleset, const struct zygote_setup *setup)
{
    const uint64_t handled = handled_fs(setup->landlock_abi);
    for (size_t i = 0; i < sizeof path_rules / sizeof *path_rules; i++) {
        const struct path_rule *r = &path_rules[i];
        if ((r->box & ~setup->rights) != 0 || (r->walls & ~setup->walls) != 0)
            continue;
        if (allow(ruleset, r->path, r->rights & handled) < 0 && errno != ENOENT && errno != EACCES)
            return -1;
    }
    return 0;
}

/* Their requests too, which no other device is open to. */
static int allow_gpus(int ruleset, const struct zygote_setup *setup)
{
    const uint64_t rights = (FS_READ | FS_WRITE | FS_IOCTL_DEV) & handled_fs(setup->landlock_abi);
    int rc = 0;
    for (size_t i = 0; rc == 0 && confine_gpu_devices[i] != NULL; i++) {
        glob_t found;
        if (glob(confine_gpu_devices[i], GLOB_NOSORT, NULL, &found) != 0)
            continue;
        for (size_t k = 0; rc == 0 && k < found.gl_pathc; k++)
            rc = allow(ruleset, found.gl_pathv[k], rights);
        globfree(&found);
    }
    return rc;
}

static int allow_inputs(int ruleset, const struct zygote_setup *setup, const char *inputs)
{
    const char *end = inputs + setup->inputs_len;
    for (const char *path = inputs; path < end;) {
        const char *real = path + strlen(path) + 1;
        if (allow(ruleset, path, FS_READ) < 0)
            return -1;
        path = real + strlen(real) + 1;
    }
    return 0;
}

/* Only TCP has ports here; the filter sees to it that nobody binds one, whatever the protocol. */
static int allow_ports(int ruleset, const struct zygote_setup *setup)
{
    if (setup->landlock_abi < LANDLOCK_ABI_NET || (setup->rights & BOX_MAY_NETWORK) == 0 ||
        (handled_net(setup) & NET_CONNECT) == 0)
        return 0;
    for (uint32_t i = 0; i < setup->n_ports; i++) {
        const struct net_rule rule = {NET_CONNECT, setup->ports[i]};
        if (syscall(SYS_landlock_add_rule, ruleset, RULE_NET_PORT, &rule, 0UL) < 0)
            return -1;
    }
    return 0;
}

static int allow_plugin(int ruleset, const struct zygote_setup *setup)
{
    char dir[PATH_MAX];
    const char *slash = strrchr(setup->plugin_path, '/');
    if (slash == NULL) {
        errno = EINVAL;
        return -1;
    }
    snprintf(dir, sizeof dir, "%.*s", (int)(slash - setup->plugin_path), setup->plugin_path);
    return allow(ruleset, dir, FS_READ);
}

static int allow_tasks(int ruleset, const struct zygote_setup *setup, uint32_t slot)
{
    char dir[PATH_MAX + 16];
    if (setup->task_dir[0] == '\0')
        return 0;
    if (slot == CONFINE_ALL_SLOTS)
        snprintf(dir, sizeof dir, "%s", setup->task_dir);
    else
        snprintf(dir, sizeof dir, "%s/%u", setup->task_dir, slot);
    return allow(ruleset, dir, FS_OWN & handled_fs(setup->landlock_abi));
}

int confine_landlock_ruleset(const struct zygote_setup *setup, const char *inputs, uint32_t slot)
{
    int ruleset = create_ruleset(setup);
    if (ruleset < 0)
        return -1;
    if (allow_system(ruleset, setup) < 0 || allow_plugin(ruleset, setup) < 0 ||
        allow_tasks(ruleset, setup, slot) < 0 || allow_inputs(ruleset, setup, inputs) < 0 ||
        allow_ports(ruleset, setup) < 0 ||
        ((setup->rights & BOX_MAY_GPU) != 0 && allow_gpus(ruleset, setup) < 0))
        fd_close(&ruleset);
    return ruleset;
}

int confine_landlock_enforce(int ruleset_fd)
{
    return (int)syscall(SYS_landlock_restrict_self, ruleset_fd, 0UL);
}
