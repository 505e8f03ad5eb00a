/*
 * uml_init.c: the first process of a user-mode Linux whose root is the host's: mounts what a system
 * has, runs one command, leaves its exit status in a file of the host, and halts.
 *
 *     uml_init STATUS_FILE COMMAND [ARG ...] --end
 */
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_NOT_RUN = 126, FILES = 4096 };

/* Where the memory for files goes: over no folder that the command lies in. */
static const char *free_place(const char *command)
{
    static const char *const places[] = {"/tmp", "/mnt", "/srv", "/media"};
    size_t i = 0;
    while (i + 1 < sizeof places / sizeof *places &&
           strncmp(command, places[i], strlen(places[i])) == 0)
        i++;
    return places[i];
}

static void mount_all(const char *place)
{
    const struct {
        const char *type, *at, *options;
    } mounts[] = {{"proc", "/proc", NULL},
                  {"sysfs", "/sys", NULL},
                  {"tmpfs", place, "mode=1777"},
                  {"cgroup2", "/sys/fs/cgroup", NULL}};
    for (size_t i = 0; i < sizeof mounts / sizeof *mounts; i++) {
        if (mount(mounts[i].type, mounts[i].at, mounts[i].type, 0, mounts[i].options) < 0)
            perror(mounts[i].at);
    }
    mkdir("/dev/shm", 01777);
    mount("tmpfs", "/dev/shm", "tmpfs", 0, "mode=1777");
}

static void bring_up_loopback(void)
{
    struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo) < 0)
        perror("lo");
    close(fd);
}

static int run(char **argv)
{
    int status = EXIT_NOT_RUN << 8;
    const pid_t pid = fork();
    if (pid == 0) {
        setsid();
        execv(argv[0], argv);
        perror(argv[0]);
        _exit(EXIT_NOT_RUN);
    }
    /* Orphans come to us too. */
    for (pid_t got = 0; pid > 0 && got != pid;)
        got = wait(&status);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* The kernel puts words of its own behind ours. */
static void cut_at_end(char **argv)
{
    while (*argv != NULL && strcmp(*argv, "--end") != 0)
        argv++;
    *argv = NULL;
}

int main(int argc, char **argv)
{
    const struct rlimit files = {FILES, FILES};
    if (getpid() != 1 || argc < 3)
        return EXIT_NOT_RUN;
    const char *place = free_place(argv[2]);
    /* Before a file system of memory lies over it. */
    const int fd = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    cut_at_end(argv);
    mount_all(place);
    bring_up_loopback();
    setrlimit(RLIMIT_NOFILE, &files);
    setenv("TMPDIR", place, 1);
    setenv("PATH", "/usr/bin:/bin:/usr/sbin:/sbin", 1);
    if (fd >= 0)
        dprintf(fd, "%d\n", run(argv + 2));
    sync();
    reboot(RB_POWER_OFF);
    return EXIT_NOT_RUN;
}
