/* suite_files.c: plugin files that are broken, badly named, badly placed, or change under a box. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/fdutil.h"
#include "suite_acts.h"

enum { PLUGIN_MAX = 64 << 20, SWAPS = 40, OTHER_USER = 12345, HEADER = 4096, FEW_PAGES = 5 * 4096 };

/* The plugin, or another file of the build, as bytes. */
static int read_plugin(struct buf *b, const char *file)
{
    char path[PATH_MAX];
    *b = (struct buf)BUF_INIT((size_t)PLUGIN_MAX);
    host_build_path(path, sizeof path, file);
    return buf_read_file(b, path);
}

static void write_file(const char *path, const void *bytes, size_t n, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || fd_write_all(fd, bytes, n) < 0 || fchmod(fd, mode) < 0)
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
    fd_close(&fd);
}

/* A box of the plugin at that path, and an ordinary task if it comes to be. */
static void try_path(struct suite *s, const struct attack_case *c, const char *path, char *found)
{
    suite_end_box(s);
    host_spec(&s->host, "/none", "attack", BOX_FORK, 1);
    s->host.spec.plugin_path = path;
    host_box(&s->host);
    if (s->host.box == NULL && s->host.ended_code == CODE_COUNT)
        snprintf(found, FOUND, "not asked for");
    else if (s->host.box == NULL)
        suite_outcome(s, found);
    else
        suite_task(s, c->box, "{\"do\":\"fine\"}", found);
    suite_end_box(s);
}

void act_built(struct suite *s, const struct attack_case *c, char *found)
{
    char file[300], path[600];
    struct buf b;
    snprintf(file, sizeof file, "tests/plugins/%s.so", c->attack);
    snprintf(path, sizeof path, "%s/%s.so", s->dir, c->attack);
    if (read_plugin(&b, file) == 0)
        write_file(path, b.data, b.len, 0644);
    buf_clear(&b);
    try_path(s, c, path, found);
    unlink(path);
}

/* "empty", "pages", "header", "noise", "missing": what is left of the plugin. */
void act_broken(struct suite *s, const struct attack_case *c, char *found)
{
    char path[600];
    struct buf b;
    snprintf(path, sizeof path, "%s/broken.so", s->dir);
    unlink(path);
    if (read_plugin(&b, "tests/plugins/attack_plugin.so") == 0) {
        const bool is_noise = strcmp(c->attack, "noise") == 0;
        const size_t n = strcmp(c->attack, "pages") == 0    ? FEW_PAGES
                         : strcmp(c->attack, "header") == 0 ? HEADER
                         : is_noise                         ? b.len
                                                            : 0;
        for (size_t i = 0; is_noise && i < b.len; i++)
            ((unsigned char *)b.data)[i] = (unsigned char)(i * i * 31 + i / 7);
        if (strcmp(c->attack, "missing") != 0)
            write_file(path, b.data, n, 0644);
    }
    buf_clear(&b);
    try_path(s, c, path, found);
    unlink(path);
}

/* A good file under a bad name. */
void act_named(struct suite *s, const struct attack_case *c, char *found)
{
    char path[2 * PATH_MAX], from[400];
    const bool is_in_dir = c->path[0] == '%';
    snprintf(from, sizeof from, "%s.so", s->plugin);
    if (is_in_dir)
        snprintf(path, sizeof path, "%s/%s", s->dir, c->path + 1);
    else
        snprintf(path, sizeof path, "%s", c->path);
    if (is_in_dir && link(from, path) < 0 && errno != EEXIST)
        suite_say(s, "%s: %s", path, strerror(errno));
    try_path(s, c, path, found);
    if (is_in_dir)
        unlink(path);
}

/* A good name for a file, or a place, that it should not be. */
static int place(const char *how, const char *from, const char *dir, const char *path)
{
    struct buf b;
    if (read_plugin(&b, "tests/plugins/attack_plugin.so") == 0)
        write_file(path, b.data, b.len, 0644);
    buf_clear(&b);
    if (strcmp(how, "writable") == 0)
        return chmod(path, 0666);
    if (strcmp(how, "group_writable") == 0)
        return chmod(path, 0664);
    if (strcmp(how, "other_owner") == 0)
        return geteuid() == 0 ? chown(path, OTHER_USER, OTHER_USER) : 0;
    if (strcmp(how, "writable_dir") == 0)
        return chmod(dir, 0777);
    unlink(path);
    if (strcmp(how, "fifo") == 0)
        return mkfifo(path, 0644);
    if (strcmp(how, "device") == 0)
        return geteuid() == 0 ? mknod(path, S_IFCHR | 0644, makedev(1, 5)) : mkfifo(path, 0644);
    if (strcmp(how, "directory") == 0)
        return mkdir(path, 0755);
    return symlink(from, path);
}

void act_placed(struct suite *s, const struct attack_case *c, char *found)
{
    char dir[300], path[400], from[400];
    snprintf(dir, sizeof dir, "%s/place", s->dir);
    snprintf(path, sizeof path, "%s/placed.so", dir);
    snprintf(from, sizeof from, "%s.so", s->plugin);
    if (mkdir(dir, 0755) < 0 || place(c->attack, from, dir, path) < 0)
        suite_say(s, "%s: %s", path, strerror(errno));
    try_path(s, c, path, found);
    if (unlink(path) < 0)
        rmdir(path);
    rmdir(dir);
}

/* "truncate", "overwrite", "remove": while a box has it loaded. */
void act_changed(struct suite *s, const struct attack_case *c, char *found)
{
    char path[400], from[400];
    struct buf b;
    snprintf(path, sizeof path, "%s/changed.so", s->dir);
    snprintf(from, sizeof from, "%s.so", s->plugin);
    if (read_plugin(&b, "tests/plugins/attack_plugin.so") == 0)
        write_file(path, b.data, b.len, 0644);
    suite_end_box(s);
    host_spec(&s->host, "/none", "attack", BOX_FORK, 1);
    s->host.spec.plugin_path = path;
    host_box(&s->host);
    memset(b.data, 0xcc, b.len);
    if (strcmp(c->attack, "truncate") == 0 && truncate(path, 0) < 0)
        suite_say(s, "truncate: %s", strerror(errno));
    if (strcmp(c->attack, "overwrite") == 0)
        write_file(path, b.data, b.len, 0644);
    unlink(path);
    buf_clear(&b);
    suite_task(s, c->box, "{\"do\":\"catch_segv\"}", found);
    suite_end_box(s);
}

/* ---- another file in its place while boxes are started ---- */

static _Noreturn void swap_for_ever(const char *good, const char *other, const char *path)
{
    char next[600];
    snprintf(next, sizeof next, "%s.next", path);
    for (unsigned i = 0;; i++) {
        unlink(next);
        if (link(i % 2 == 0 ? good : other, next) < 0 || rename(next, path) < 0)
            _exit(EXIT_FAILURE);
    }
}

/* Either the file that the hash names, or none: with the other one there would be no pipeline. */
static bool is_safe(const char *found)
{
    return strcmp(found, "fine") == 0 ||
           (strncmp(found, "!PLUGIN_LOAD_FAILED", 19) == 0 && strstr(found, "no pipeline") == NULL);
}

static void start_while_swapped(struct suite *s, const struct attack_case *c, const char *path,
                                const char *hash, char *found)
{
    for (int i = 0; i < SWAPS; i++) {
        suite_end_box(s);
        host_spec(&s->host, "/none", "attack", BOX_FORK, 1);
        s->host.spec.plugin_path = path;
        s->host.spec.sha256 = hash;
        host_box(&s->host);
        if (s->host.box == NULL)
            suite_outcome(s, found);
        else
            suite_task(s, c->box, "{\"do\":\"fine\"}", found);
        if (!is_safe(found))
            return;
    }
    snprintf(found, FOUND, "safe");
}

void act_swapped(struct suite *s, const struct attack_case *c, char *found)
{
    char hash[DIGEST_HEX], good[400], other[400], path[400];
    struct buf b, echo;
    snprintf(good, sizeof good, "%s.so", s->plugin);
    snprintf(other, sizeof other, "%s/other", s->dir);
    snprintf(path, sizeof path, "%s/swapped.so", s->dir);
    if (read_plugin(&b, "tests/plugins/attack_plugin.so") < 0 ||
        read_plugin(&echo, "plugins/echo.so") < 0)
        return;
    digest_sha256(b.data, b.len, hash);
    write_file(other, echo.data, echo.len, 0644);
    buf_clear(&b);
    buf_clear(&echo);
    const pid_t pid = fork();
    if (pid == 0)
        swap_for_ever(good, other, path);
    start_while_swapped(s, c, path, hash, found);
    suite_end_box(s);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    unlink(path);
    unlink(other);
}
