/* seccomp_extra.c: what the names of extra_syscalls (conf/extra_calls.c) let through. Read by the
 * launcher when it builds filters. Most calls need no look at their arguments; those that do stand
 * here, and what their cases leave out is trapped. */
#include <string.h>
#include <sys/socket.h>

#include "conf/extra_calls.h"
#include "sandbox/seccomp_rules.h"

enum { TYPE_BITS = 0xf /* of a socket's type; above them are SOCK_CLOEXEC and SOCK_NONBLOCK */ };

#define PAIR(type)                                                                                 \
    {                                                                                              \
        "socketpair", ANSWER_ALLOW, ANSWER_ALLOW, 0, 0,                                            \
        {                                                                                          \
            {COMPARE_IS, 0, UINT32_MAX, AF_UNIX},                                                  \
            {                                                                                      \
                COMPARE_IS, 1, TYPE_BITS, (type)                                                   \
            }                                                                                      \
        }                                                                                          \
    }

/* Pairs of datagrams could send to every socket with a path, which Landlock does not see. */
static const struct filter_case cases[] = {PAIR(SOCK_STREAM), PAIR(SOCK_SEQPACKET)};

enum { CASES = sizeof cases / sizeof *cases };

bool filter_extra_has(uint64_t extra_calls, const char *name)
{
    return (extra_calls & extra_call_bit(name)) != 0;
}

/* Those of one call stand together. */
const struct filter_case *filter_extra_cases(size_t number, size_t *count)
{
    const char *name = extra_call_name(number);
    size_t first = 0, n = 0;
    while (first < CASES && strcmp(cases[first].name, name) != 0)
        first++;
    while (first + n < CASES && strcmp(cases[first + n].name, name) == 0)
        n++;
    *count = n;
    return n > 0 ? &cases[first] : NULL;
}
