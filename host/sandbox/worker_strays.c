/* worker_strays.c: processes that a task in a warm worker has started. Runs in warm workers of the
 * profile off. Those that the plugin's open has started live as long as the worker; those of a task
 * end with it. What is left when the worker ends is the warden's to kill. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "sandbox/worker_internal.h"

enum { ROUNDS_MAX = 1000 };

/* Each thread has a list of its own. */
static void list_children(struct pid_list *list)
{
    DIR *threads = opendir("/proc/self/task");
    const struct dirent *e;
    list->n = 0;
    while (threads != NULL && (e = readdir(threads)) != NULL) {
        char name[sizeof e->d_name + 16];
        snprintf(name, sizeof name, "%s/children", e->d_name);
        int fd = e->d_name[0] != '.' ? openat(dirfd(threads), name, O_RDONLY | O_CLOEXEC) : -1;
        if (fd >= 0)
            strays_list(fd, list);
        fd_close(&fd);
    }
    if (threads != NULL)
        closedir(threads);
}

void worker_strays_keep(struct worker *w)
{
    if (w->setup.may_fork && w->setup.mode == BOX_WARM)
        list_children(&w->kept_children);
}

void worker_strays_kill(const struct worker *w)
{
    unsigned n = 1;
    if (!w->setup.may_fork || w->setup.mode != BOX_WARM)
        return;
    for (int i = 0; n > 0 && i < ROUNDS_MAX; i++) {
        struct pid_list list;
        list_children(&list);
        n = 0;
        for (size_t k = 0; k < list.n; k++) {
            if (strays_has(&w->kept_children, list.pids[k]))
                continue;
            strays_kill(list.pids[k]);
            n++;
        }
    }
}
