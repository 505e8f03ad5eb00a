/* verdict_names.c: names of system calls. Runs in the core, which does not link libseccomp, and in
 * handlers of signals, which may take no memory: the table
 * is made of the kernel's own header when the build is configured (tools/cmake/PenstockCalls.cmake).
 */
#include <asm/unistd.h>
#include <stddef.h>

#include "sandbox/verdict.h"

#define CALL(name) [__NR_##name] = #name,

static const char *const names[] = {
#include "system_calls.inc"
};

const char *syscall_name(int number)
{
    const size_t n = sizeof names / sizeof *names;
    return number >= 0 && (size_t)number < n ? names[number] : NULL;
}
