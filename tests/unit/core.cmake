penstock_test(core_submit LABEL unit SOURCES core_submit.c DEPS core)
penstock_test(core_growth LABEL unit SOURCES core_growth.c DEPS core)
penstock_test(core_peers LABEL unit SOURCES core_peers.c DEPS core)
penstock_test(core_rate LABEL unit SOURCES core_rate.c DEPS core)
