penstock_test(sandbox_verdict LABEL unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/sandbox_verdict.c
              DEPS base sandbox)
