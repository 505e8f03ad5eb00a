penstock_test(core_submit LABEL unit SOURCES core_submit.c DEPS core)
