/* forget_program.c: TEST PROGRAM for forget.c: does to files what its arguments say, then is killed.
 *
 *   write FILE TEXT OFFSET   sync FILE   folder DIR   cut FILE SIZE   new FILE TEXT   gone FILE
 *   move FROM TO             spool FILE TEXT (a nameless file that gets a name)      make DIR
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int failed(const char *what)
{
    perror(what);
    exit(1);
}

static void do_write(char **a)
{
    int fd = open(a[0], O_WRONLY);
    if (fd < 0 || pwrite(fd, a[1], strlen(a[1]), atoi(a[2])) < 0)
        failed(a[0]);
    close(fd);
}

static void do_sync(char **a)
{
    int fd = open(a[0], O_RDONLY);
    if (fd < 0 || fdatasync(fd) < 0)
        failed(a[0]);
    close(fd);
}

static void do_cut(char **a)
{
    int fd = open(a[0], O_WRONLY);
    if (fd < 0 || ftruncate(fd, atoi(a[1])) < 0)
        failed(a[0]);
    close(fd);
}

static void do_new(char **a)
{
    int fd = open(a[0], O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, a[1], strlen(a[1])) < 0)
        failed(a[0]);
    close(fd);
}

static void do_gone(char **a)
{
    if (unlink(a[0]) < 0)
        failed(a[0]);
}

static void do_move(char **a)
{
    if (rename(a[0], a[1]) < 0)
        failed(a[0]);
}

static void do_spool(char **a)
{
    char folder[512], self[32];
    snprintf(folder, sizeof folder, "%s", a[0]);
    *strrchr(folder, '/') = '\0';
    int fd = open(folder, O_TMPFILE | O_WRONLY, 0600);
    if (fd < 0 || write(fd, a[1], strlen(a[1])) < 0 || fsync(fd) < 0)
        failed(folder);
    snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    if (linkat(AT_FDCWD, self, AT_FDCWD, a[0], AT_SYMLINK_FOLLOW) < 0)
        failed(a[0]);
    close(fd);
}

static void do_make(char **a)
{
    if (mkdir(a[0], 0700) < 0)
        failed(a[0]);
}

static const struct {
    const char *word;
    int arguments;
    void (*fn)(char **a);
} acts[] = {{"write", 3, do_write}, {"sync", 1, do_sync},   {"folder", 1, do_sync},
            {"cut", 2, do_cut},     {"new", 2, do_new},     {"gone", 1, do_gone},
            {"move", 2, do_move},   {"spool", 2, do_spool}, {"make", 1, do_make}};

int main(int argc, char **argv)
{
    for (int at = 1; at < argc;) {
        size_t i = 0;
        while (i < sizeof acts / sizeof *acts && strcmp(acts[i].word, argv[at]) != 0)
            i++;
        if (i == sizeof acts / sizeof *acts || at + acts[i].arguments >= argc) {
            fprintf(stderr, "forget_program: what is %s?\n", argv[at]);
            return 2;
        }
        acts[i].fn(argv + at + 1);
        at += 1 + acts[i].arguments;
    }
    return raise(SIGKILL);
}
