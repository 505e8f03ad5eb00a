penstock_fuzz(sandbox_data SOURCES ${CMAKE_CURRENT_LIST_DIR}/sandbox_data.c DEPS base sandbox
              CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/sandbox_data)
penstock_fuzz(sandbox_claim SOURCES ${CMAKE_CURRENT_LIST_DIR}/sandbox_claim.c DEPS base loop sandbox
              CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/sandbox_claim)
penstock_fuzz(sandbox_launch SOURCES ${CMAKE_CURRENT_LIST_DIR}/sandbox_launch.c DEPS base loop sandbox
              CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/sandbox_launch)
