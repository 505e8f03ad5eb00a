/* process.c: the start of a program of the host. */
#include "base/process.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdutil.h"

void process_end_with_parent(int signal)
{
    pid_t parent = getppid();
    const char *started_by = getenv("PENSTOCK_PARENT_PID");
    prctl(PR_SET_PDEATHSIG, (long)signal, 0L, 0L, 0L);
    /* It may have died before this line: then somebody else is our parent already. */
    if (getppid() != parent || (started_by != NULL && strtol(started_by, NULL, 10) != parent))
        raise(signal);
}

static int make_one(const char *path, unsigned mode)
{
    struct stat st;
    if (mkdir(path, mode) == 0)
        return fd_sync_folder_of(path);
    if (errno != EEXIST || stat(path, &st) < 0)
        return -1;
    if (S_ISDIR(st.st_mode))
        return 0;
    errno = ENOTDIR;
    return -1;
}

int process_make_dir(const char *path, unsigned mode)
{
    char copy[PATH_MAX];
    if ((size_t)snprintf(copy, sizeof copy, "%s", path) >= sizeof copy) {
        errno = ENAMETOOLONG;
        return -1;
    }
    for (char *slash = strchr(copy + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (make_one(copy, 0755) < 0)
            return -1;
        *slash = '/';
    }
    return make_one(copy, mode);
}

int process_own_dir(char *out, unsigned long size)
{
    ssize_t n = readlink("/proc/self/exe", out, size - 1);
    if (n < 0)
        return -1;
    out[n] = '\0';
    char *slash = strrchr(out, '/');
    if (slash != NULL)
        *slash = '\0';
    return 0;
}
