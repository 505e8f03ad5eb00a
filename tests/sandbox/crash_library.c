/* crash_library.c: a library that crash_plugin.c opens when it runs, and that dies there. */
void later_dies(void *at);

__attribute__((noinline)) static void later_inner(volatile int *at)
{
    *at = 1;
}

__attribute__((visibility("default"))) void later_dies(void *at)
{
    later_inner(at);
    __asm__ volatile(""); /* or the call above would be a jump, which leaves no trace */
}
