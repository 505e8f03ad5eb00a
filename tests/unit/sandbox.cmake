penstock_test(sandbox_verdict LABEL unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/sandbox_verdict.c
              DEPS base sandbox)
penstock_test(sandbox_box LABEL unit
              SOURCES ${CMAKE_CURRENT_LIST_DIR}/sandbox_box.c ${CMAKE_CURRENT_LIST_DIR}/sandbox_kit.c
              DEPS base loop sandbox)
penstock_test(sandbox_recycle LABEL unit
              SOURCES ${CMAKE_CURRENT_LIST_DIR}/sandbox_recycle.c ${CMAKE_CURRENT_LIST_DIR}/sandbox_kit.c
              DEPS base loop sandbox)
penstock_test(sandbox_tree LABEL unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/sandbox_tree.c DEPS base sandbox)
penstock_test(sandbox_worker LABEL unit
              SOURCES ${CMAKE_CURRENT_LIST_DIR}/sandbox_worker.c ${CMAKE_CURRENT_LIST_DIR}/sandbox_worker_plugin.c
              DEPS base loop sandbox)
penstock_test(sandbox_tail LABEL unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/sandbox_tail.c DEPS base sandbox)
penstock_test(sandbox_spec LABEL unit
              SOURCES ${CMAKE_CURRENT_LIST_DIR}/sandbox_spec.c ${CMAKE_CURRENT_LIST_DIR}/conf_kit.c
              DEPS base conf plugin sandbox)
penstock_test(sandbox_guarantee LABEL unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/sandbox_guarantee.c DEPS base sandbox)
penstock_test(sandbox_tid LABEL unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/sandbox_tid.c DEPS sandbox)
