/* task_state.c: every step of a task that may happen, and that no other does. */
#include "cmocka_all.h"

#include "task/state.h"

static const struct {
    enum task_state from;
    enum task_event event;
    enum task_state to;
} allowed[] = {
    {TASK_NEW, TASK_EV_ACCEPT, TASK_QUEUED},        {TASK_NEW, TASK_EV_ATTACH, TASK_ATTACHED},
    {TASK_NEW, TASK_EV_SETTLE, TASK_SETTLING},      {TASK_QUEUED, TASK_EV_DISPATCH, TASK_RUNNING},
    {TASK_QUEUED, TASK_EV_SETTLE, TASK_SETTLING},   {TASK_ATTACHED, TASK_EV_REQUEUE, TASK_QUEUED},
    {TASK_ATTACHED, TASK_EV_SETTLE, TASK_SETTLING}, {TASK_RUNNING, TASK_EV_REQUEUE, TASK_QUEUED},
    {TASK_RUNNING, TASK_EV_STOP, TASK_STOPPING},    {TASK_RUNNING, TASK_EV_SETTLE, TASK_SETTLING},
    {TASK_NEW, TASK_EV_RETRY, TASK_RETRY},          {TASK_QUEUED, TASK_EV_RETRY, TASK_RETRY},
    {TASK_RUNNING, TASK_EV_RETRY, TASK_RETRY},      {TASK_STOPPING, TASK_EV_STOP, TASK_STOPPING},
    {TASK_STOPPING, TASK_EV_SETTLE, TASK_SETTLING}, {TASK_RETRY, TASK_EV_REQUEUE, TASK_QUEUED},
    {TASK_RETRY, TASK_EV_SETTLE, TASK_SETTLING},    {TASK_SETTLING, TASK_EV_FINISH, TASK_FINISHED},
};

static int expected(enum task_state from, enum task_event event)
{
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) {
        if (allowed[i].from == from && allowed[i].event == event)
            return (int)allowed[i].to;
    }
    return -1;
}

static void each_step(void **state)
{
    (void)state;
    for (int s = 0; s < TASK_STATE_COUNT; s++) {
        for (int e = 0; e < TASK_EVENT_COUNT; e++)
            assert_int_equal(task_next((enum task_state)s, (enum task_event)e),
                             expected((enum task_state)s, (enum task_event)e));
    }
}

static void names_on_the_wire(void **state)
{
    (void)state;
    assert_string_equal(task_state_name(TASK_ATTACHED), "queued");
    assert_string_equal(task_state_name(TASK_STOPPING), "running");
    assert_string_equal(task_state_name(TASK_RETRY), "retry wait");
    assert_string_equal(task_state_name(TASK_SETTLING), "running");
    assert_string_equal(task_state_name(TASK_FINISHED), "finished");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_step),
                                       cmocka_unit_test(names_on_the_wire)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
