penstock_test(task_retry LABEL unit SOURCES task_retry.c DEPS task)
penstock_test(task_sched LABEL unit SOURCES task_sched.c DEPS task)
penstock_test(task_fair LABEL unit SOURCES task_fair.c DEPS task)
penstock_test(task_state LABEL unit SOURCES task_state.c DEPS task)
