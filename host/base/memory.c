/* memory.c: how much memory this process holds. Runs in the core. */
#include "base/memory.h"

#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

enum { STATM_MAX = 256, DOTS = 3 /* ".", "..", and the folder's own */ };

/* A sanitizer brings its own allocator, of which glibc knows nothing. */
extern size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

int memory_open(void)
{
    return open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
}

size_t memory_resident(int statm)
{
    char text[STATM_MAX];
    unsigned long long resident, of_files;
    ssize_t n = statm >= 0 ? pread(statm, text, sizeof text - 1, 0) : -1;
    if (n <= 0)
        return SIZE_MAX;
    text[n] = '\0';
    if (sscanf(text, "%*u %llu %llu", &resident, &of_files) != 2 || of_files > resident)
        return SIZE_MAX;
    return (size_t)(resident - of_files) * (size_t)sysconf(_SC_PAGESIZE);
}

size_t memory_allocated(void)
{
    if (__sanitizer_get_current_allocated_bytes != NULL)
        return __sanitizer_get_current_allocated_bytes();
    const struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

size_t memory_descriptors(void)
{
    size_t n = 0;
    DIR *d = opendir("/proc/self/fd");
    if (d == NULL)
        return 0;
    while (readdir(d) != NULL)
        n++;
    closedir(d);
    return n > DOTS ? n - DOTS : 0;
}
