penstock_fuzz(shim_task SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_shim_task.c DEPS base shim
              CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/shim_task)
