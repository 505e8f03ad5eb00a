/* zygote_tid.c: where libc keeps the id of the thread that calls. Runs in the zygote, before any
 * filter or plugin code. */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/zygote_internal.h"

/* The id lies in the first kilobyte of libc's thread; its place fits an exit status in words. */
enum { WORDS = 254, NOT_FOUND = 255 };

/* In a child that libc itself has forked the id is another one, and it is the only word that was the
 * parent's id before and is the child's now. */
static int find_word(const int32_t *before, pid_t parent)
{
    const int32_t *now = (const int32_t *)(uintptr_t)pthread_self();
    int found = NOT_FOUND;
    for (int i = 0; i < WORDS; i++) {
        if (before[i] != parent || now[i] != getpid())
            continue;
        if (found != NOT_FOUND)
            return NOT_FOUND;
        found = i;
    }
    return found;
}

void *zygote_search_tid(void)
{
    int32_t before[WORDS];
    int status = -1;
    const pid_t parent = getpid();
    memcpy(before, (const void *)(uintptr_t)pthread_self(), sizeof before);
    const pid_t pid = fork();
    if (pid == 0)
        _exit(find_word(before, parent));
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return NULL;
    errno = ENOTSUP;
    if (!WIFEXITED(status) || WEXITSTATUS(status) == NOT_FOUND)
        return NULL;
    return (int32_t *)(uintptr_t)pthread_self() + WEXITSTATUS(status);
}

void *zygote_find_tid(void)
{
    void *address = NULL;
    if (prctl(PR_GET_TID_ADDRESS, &address, 0L, 0L, 0L) == 0)
        return address;
    /* A kernel built without CONFIG_CHECKPOINT_RESTORE. */
    return errno == EINVAL ? zygote_search_tid() : NULL;
}
