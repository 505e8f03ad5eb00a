/* base_cgroup_path.c: where a process is among the control groups, out of what the kernel lists. */
#include <errno.h>
#include <string.h>

#include "cmocka_all.h"

#include "base/cgroup_path.h"

#define HYBRID                                                                                     \
    "9:name=systemd:/\n8:pids:/user\n4:memory:/process_api/5b62\n2:cpu,cpuacct:/a\n0::/x\n"
#define HYBRID_MOUNTS                                                                              \
    "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"                          \
    "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:5 master:1 - cgroup cgroup rw,memory\n" \
    "39 31 0:36 / /sys/fs/cgroup/pids\\040and\\134more rw - cgroup cgroup rw,pids\n"               \
    "40 31 0:37 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"                          \
    "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"

struct row {
    const char *name, *groups, *mounts, *controller;
    const char *expected; /* NULL: not to be had */
};

static const struct row rows[] = {
    {"version 1", HYBRID, HYBRID_MOUNTS, "memory", "/sys/fs/cgroup/memory/process_api/5b62"},
    {"a mount point with a blank", HYBRID, HYBRID_MOUNTS, "pids",
     "/sys/fs/cgroup/pids and\\more/user"},
    {"two controllers in one hierarchy", HYBRID, HYBRID_MOUNTS, "cpuacct", "/sys/fs/cgroup/cpu/a"},
    {"a part of a controller's name", HYBRID, HYBRID_MOUNTS, "mem", NULL},
    {"version 2 beside it", HYBRID, HYBRID_MOUNTS, NULL, "/sys/fs/cgroup/unified/x"},
    {"the root", "0::/\n", "1 0 0:1 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n", NULL,
     "/sys/fs/cgroup"},
    {"a mount of a part", "4:memory:/docker/abc/own\n",
     "1 0 0:1 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n", "memory",
     "/sys/fs/cgroup/memory/own"},
    {"a mount of exactly that group", "0::/docker/abc\n",
     "1 0 0:1 /docker/abc /cg rw - cgroup2 none rw\n", NULL, "/cg"},
    {"a mount of another part", "0::/docker/abcd\n",
     "1 0 0:1 /docker/abc /cg rw - cgroup2 none rw\n", NULL, NULL},
    {"outside of its namespace", "0::/../other\n", "1 0 0:1 / /cg rw - cgroup2 none rw\n", NULL,
     NULL},
    {"mounted twice, the first elsewhere", "0::/a\n",
     "1 0 0:1 /b /one rw - cgroup2 none rw\n1 0 0:1 / /two rw - cgroup2 none rw\n", NULL, "/two/a"},
    {"version 2 is not mounted", HYBRID, "1 0 0:1 / /m rw - cgroup cgroup rw,memory\n", NULL, NULL},
    {"no version 2 at all", "4:memory:/x\n", HYBRID_MOUNTS, NULL, NULL},
    {"a controller that is not there", HYBRID, HYBRID_MOUNTS, "hugetlb", NULL},
    {"nothing", "", "", "memory", NULL},
    {"garbage", "::\n:\n\n4\n", "\n1 2 - \n - cgroup2\nx\n", NULL, NULL},
    {"a mount line that is cut", HYBRID, "1 0 0:1 / /m rw - cgroup2\n", NULL, NULL},
};

static void every_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *r = &rows[i];
        char path[PATH_MAX] = "untouched";
        errno = 0;
        const int rc = cgroup_find(r->groups, r->mounts, r->controller, path);
        if (rc != (r->expected != NULL ? 0 : -1))
            fail_msg("%s: %d, %s", r->name, rc, path);
        if (rc < 0 && errno != ENOENT)
            fail_msg("%s: %s", r->name, strerror(errno));
        if (r->expected != NULL && strcmp(path, r->expected) != 0)
            fail_msg("%s: %s", r->name, path);
    }
}

/* The kernel shows a group as far below the mount as it likes; a path has an end. */
static void a_path_that_is_too_long(void **state)
{
    char groups[PATH_MAX + 64] = "0::/", path[PATH_MAX];
    (void)state;
    memset(groups + 4, 'x', PATH_MAX);
    assert_int_equal(
        cgroup_find(groups, "1 0 0:1 / /sys/fs/cgroup rw - cgroup2 c rw\n", NULL, path), -1);
    assert_int_equal(errno, ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row),
        cmocka_unit_test(a_path_that_is_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
