/* sandbox_tid.c: where libc keeps a thread's id is found with and without the kernel's help. */
#include <sys/prctl.h>
#include <unistd.h>

#include "cmocka_all.h"

#include "sandbox/zygote_internal.h"

static void found_by_the_kernel(void **state)
{
    const pid_t *at = zygote_find_tid();
    (void)state;
    assert_non_null(at);
    assert_int_equal(*at, getpid());
}

static void found_by_searching(void **state)
{
    void *address = NULL;
    (void)state;
    assert_non_null(zygote_search_tid());
    if (prctl(PR_GET_TID_ADDRESS, &address, 0L, 0L, 0L) == 0)
        assert_ptr_equal(zygote_search_tid(), address);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(found_by_the_kernel),
                                       cmocka_unit_test(found_by_searching)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
