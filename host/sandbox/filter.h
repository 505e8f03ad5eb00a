#ifndef PENSTOCK_SANDBOX_FILTER_H
#define PENSTOCK_SANDBOX_FILTER_H

/*
 * filter.h: the system calls a box may make. The launcher builds each filter once and hands it to
 * boxes as a sealed memfd of struct sock_filter; boxes only load it (confine.h), which takes a
 * tenth of the time.
 *
 * Two filters lie over each other in a task: the zygote's (Z), loaded before any plugin code, and
 * the task's (T), loaded last. Z holds the whole list; T holds what it takes away from Z, so it is
 * nothing without Z. The harsher answer of both wins.
 */

#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * The one word of clone flags with which Z lets a process begin: a sibling of the zygote, which the
 * warden waits for. CHILD_SETTID and CLEARTID mend the thread id that glibc keeps, which a raw
 * clone leaves stale.
 */
#define TASK_CLONE_FLAGS (CLONE_PARENT | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD)

enum filter_kind { FILTER_ZYGOTE, FILTER_TASK, FILTER_KINDS };

/* What a filter depends on. */
struct filter_key {
    enum filter_kind kind;
    uint32_t rights;      /* enum box_rights */
    uint64_t extra_calls; /* bits of conf/extra_calls.h, allowed beyond the list */
    bool is_learning;     /* instead: the filter of learn mode (filter_learn.c); of FILTER_ZYGOTE */
};

/* What a filter answers. TRAP is the answer to every call without a row: SIGSYS, whose handler
 * notes the number. NOTHING: 0, and nothing is done. */
enum filter_answer { ANSWER_TRAP = 0, ANSWER_ALLOW, ANSWER_EPERM, ANSWER_ENOSYS, ANSWER_NOTHING };

/* A sealed memfd, the caller's; -1 with errno. [launcher] */
int filter_build(const struct filter_key *key);

/* What the filter of that kind answers to a call with these six arguments; of FILTER_TASK: both
 * filters together. Pure. */
enum filter_answer filter_judge(const struct filter_key *key, int number, const uint64_t *args);

/* The zygote's channel to the warden. */
enum { FILTER_LEARN_CHANNEL = 3 };

#endif
