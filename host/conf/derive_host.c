/* derive_host.c: what the host is by default where it runs. Runs in every program that loads the
 * configuration. */
#include "conf/derive.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "conf/sources.h"

enum { SMALL_FILE = 64 * 1024, CPUS_MAX = 8192 };

/* systemd gives a list with ':'; the first is ours. */
static char *systemd_dir(const char *const *variables, const char *name)
{
    const char *value = variable_get(variables, name);
    return value != NULL && value[0] == '/' ? strndup(value, strcspn(value, ":")) : NULL;
}

static char *below(const char *const *variables, const char *name, const char *rest)
{
    char *path = NULL;
    const char *value = variable_get(variables, name);
    if (value == NULL || value[0] != '/' || asprintf(&path, "%s%s", value, rest) < 0)
        return NULL;
    return path;
}

char *derive_runtime_dir(const char *const *variables, unsigned uid, const char **origin)
{
    char *path = systemd_dir(variables, "RUNTIME_DIRECTORY");
    *origin = "environment RUNTIME_DIRECTORY";
    if (path != NULL)
        return path;
    *origin = "default";
    if (uid == 0)
        return strdup("/run/penstock");
    path = below(variables, "XDG_RUNTIME_DIR", "/penstock");
    *origin = "environment XDG_RUNTIME_DIR";
    if (path != NULL)
        return path;
    *origin = "default";
    return asprintf(&path, "/tmp/penstock-%u", uid) < 0 ? NULL : path;
}

char *derive_state_dir(const char *const *variables, unsigned uid, const char **origin)
{
    char *path = systemd_dir(variables, "STATE_DIRECTORY");
    *origin = "environment STATE_DIRECTORY";
    if (path != NULL)
        return path;
    *origin = "default";
    if (uid == 0)
        return strdup("/var/lib/penstock");
    path = below(variables, "XDG_STATE_HOME", "/penstock");
    *origin = "environment XDG_STATE_HOME";
    if (path != NULL)
        return path;
    *origin = "environment HOME";
    return below(variables, "HOME", "/.local/state/penstock");
}

static int affinity_count(void)
{
    cpu_set_t *set = CPU_ALLOC(CPUS_MAX);
    size_t size = CPU_ALLOC_SIZE(CPUS_MAX);
    int n = set != NULL && sched_getaffinity(0, size, set) == 0 ? CPU_COUNT_S(size, set) : 1;
    if (set != NULL)
        CPU_FREE(set);
    return n > 0 ? n : 1;
}

/* Processors of one cpu.max ("150000 100000" is two), or n if it sets no limit. */
static int cpu_max(const char *folder, int n)
{
    char path[4200];
    long long quota, period;
    struct buf b = BUF_INIT(SMALL_FILE);
    snprintf(path, sizeof path, "%s/cpu.max", folder);
    const char *text = buf_read_file(&b, path) == 0 ? buf_cstr(&b) : NULL;
    if (text != NULL && sscanf(text, "%lld %lld", &quota, &period) == 2 && quota > 0 &&
        period > 0) {
        long long limit = (quota + period - 1) / period;
        n = limit < n ? (int)limit : n;
    }
    buf_clear(&b);
    return n;
}

/* The path of this process in cgroup v2, or "" (in out). */
static void own_cgroup(const char *root, char *out, size_t size)
{
    char path[4200];
    struct buf b = BUF_INIT(SMALL_FILE);
    snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    const char *text = buf_read_file(&b, path) == 0 ? buf_cstr(&b) : NULL;
    const char *line = text != NULL ? strstr(text, "0::/") : NULL;
    out[0] = '\0';
    if (line != NULL)
        snprintf(out, size, "%.*s", (int)strcspn(line + 3, "\n"), line + 3);
    buf_clear(&b);
}

int derive_processors(const char *root)
{
    char group[2048], folder[4096];
    int n = affinity_count();
    own_cgroup(root, group, sizeof group);
    for (char *end = group + strlen(group); end != NULL; end = strrchr(group, '/')) {
        *end = '\0';
        snprintf(folder, sizeof folder, "%s/sys/fs/cgroup%s", root, group);
        n = cpu_max(folder, n);
    }
    return n;
}
