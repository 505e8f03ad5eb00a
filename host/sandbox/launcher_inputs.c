/*
 * launcher_inputs.c: the files and folders of the host that a box may read. Runs in the launcher.
 *
 * The configuration names them, so they are trusted, but mistakes are likely: a path that would show
 * the box other processes, devices, sockets, or other boxes' tasks is refused. Models often stand
 * behind a link to their version; the real path is looked up here, judged like the declared one, and
 * is what the warden shows under the declared one. The warden follows no link any more.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sandbox/launcher.h"

/* The box's own, or what a box is to see nothing of. */
static const char *const hidden[] = {"/proc", "/sys", "/dev", "/run", "/plugin", "/task"};

__attribute__((format(printf, 3, 4))) static int refuse(char *why, int error, const char *format,
                                                        ...)
{
    va_list ap;
    va_start(ap, format);
    vsnprintf(why, BOX_TEXT_MAX, format, ap);
    va_end(ap);
    errno = error;
    return -1;
}

static bool is_below(const char *path, const char *dir)
{
    const size_t n = strlen(dir);
    return strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* Absolute, and nothing in it that would have to be resolved: /models/a. */
static bool is_plain(const char *path)
{
    if (path[0] != '/' || path[1] == '\0')
        return false;
    for (const char *at = path; *at == '/'; at += 1 + strcspn(at + 1, "/")) {
        const size_t n = strcspn(at + 1, "/");
        if (n == 0 || (n == 1 && at[1] == '.') || (n == 2 && at[1] == '.' && at[2] == '.'))
            return false;
    }
    return true;
}

/* What names the path in why: the declared one. */
static int judge(const struct launch *l, const char *path, const char *declared, char *why)
{
    char state[PATH_MAX];
    snprintf(state, sizeof state, "%s", l->boxes.path);
    *strrchr(state, '/') = '\0';
    if (!is_plain(path))
        return refuse(why, 0, "input %s: not a plain absolute path below /", declared);
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++) {
        if (is_below(path, hidden[i]))
            return refuse(why, 0, "input %s: nothing below %s is shown to a box", declared,
                          hidden[i]);
    }
    if (is_below(path, state) || is_below(state, path))
        return refuse(why, 0, "input %s: the state directory %s is not shown to a box", declared,
                      state);
    return 0;
}

static int resolve(const struct launch *l, const char *declared, char *real, char *why)
{
    struct stat st;
    if (judge(l, declared, declared, why) < 0)
        return -1;
    if (realpath(declared, real) == NULL || stat(real, &st) < 0)
        return refuse(why, errno, "input %s", declared);
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        return refuse(why, 0, "input %s: not a file and not a folder", declared);
    if (judge(l, real, declared, why) < 0)
        return -1;
    if (strcmp(declared, real) != 0)
        log_info("an input is a link", LS("input", declared), LS("to", real));
    return 0;
}

ssize_t launch_resolve_inputs(const struct launch *l, const char *paths, size_t n, char *out,
                              size_t size, char *why)
{
    size_t len = 0;
    for (const char *at = paths; at < paths + n; at += strlen(at) + 1) {
        char declared[PATH_MAX], real[PATH_MAX];
        size_t end = strlen(at);
        while (end > 1 && at[end - 1] == '/')
            end--;
        if (end >= sizeof declared)
            return refuse(why, ENAMETOOLONG, "input %.64s...", at);
        snprintf(declared, sizeof declared, "%.*s", (int)end, at);
        if (resolve(l, declared, real, why) < 0)
            return -1;
        const size_t room = strlen(declared) + strlen(real) + 2;
        if (room > size - len)
            return refuse(why, ENAMETOOLONG, "input %s: all of them together are too long",
                          declared);
        memcpy(out + len, declared, strlen(declared) + 1);
        memcpy(out + len + strlen(declared) + 1, real, strlen(real) + 1);
        len += room;
    }
    return (ssize_t)len;
}
