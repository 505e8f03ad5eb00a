/* strays.c: the kernel's lists of children. Runs in the warden and in warm workers. */
#include "sandbox/strays.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fdutil.h"

enum { LIST_TEXT = 16 * 1024, STATUS_TEXT = 4096 };

/* The number that a process, named by /proc, has for itself: the last one of its line NSpid, which
 * has one for each namespace from that of /proc inwards. 0: it has ended meanwhile. */
static pid_t own_number(long listed)
{
    char path[64], text[STATUS_TEXT];
    snprintf(path, sizeof path, "/proc/%ld/status", listed);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    fd_close(&fd);
    text[n > 0 ? n : 0] = '\0';
    char *line = strstr(text, "\nNSpid:");
    if (line == NULL)
        return 0;
    line[1 + strcspn(line + 1, "\n")] = '\0';
    const char *last = strrchr(line, '\t');
    return last != NULL ? (pid_t)strtol(last, NULL, 10) : 0;
}

void strays_list(int fd, struct pid_list *list)
{
    char text[LIST_TEXT];
    const ssize_t n = pread(fd, text, sizeof text - 1, 0);
    char *at = text, *end;
    text[n > 0 ? n : 0] = '\0';
    for (long listed; list->n < STRAYS_MAX && (listed = strtol(at, &end, 10)) > 0; at = end) {
        const pid_t pid = own_number(listed);
        /* The last number of a text that was cut is another one's. */
        if (pid > 0 && *end == ' ')
            list->pids[list->n++] = pid;
    }
}

bool strays_has(const struct pid_list *list, pid_t pid)
{
    for (size_t i = 0; i < list->n; i++) {
        if (list->pids[i] == pid)
            return true;
    }
    return false;
}

void strays_kill(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}
