if(NOT TARGET penstock-launcher)
  return()
endif()
add_executable(no_namespaces ${CMAKE_CURRENT_LIST_DIR}/no_namespaces.c)
target_link_libraries(no_namespaces PRIVATE penstock_flags PkgConfig::seccomp)
add_executable(play_box ${CMAKE_CURRENT_LIST_DIR}/play_box.c)
target_link_libraries(play_box PRIVATE penstock_flags penstock_sanitize_bare pen_sandbox_bare pen_base_bare)
set_target_properties(no_namespaces play_box PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)

penstock_test(launcher LABEL sandbox TIMEOUT 180
              SOURCES ${CMAKE_CURRENT_LIST_DIR}/walls_launcher.c ${CMAKE_CURRENT_LIST_DIR}/walls_kit.c
              DEPS base sandbox)
add_dependencies(test_sandbox_launcher penstock-launcher penstock-box no_namespaces echo)

penstock_test(files LABEL sandbox TIMEOUT 120
              SOURCES ${CMAKE_CURRENT_LIST_DIR}/walls_files.c ${CMAKE_CURRENT_LIST_DIR}/walls_kit.c
              DEPS base sandbox)
add_dependencies(test_sandbox_files penstock-launcher penstock-box no_namespaces echo dup_a)

penstock_test(signed LABEL sandbox TIMEOUT 120
              SOURCES ${CMAKE_CURRENT_LIST_DIR}/walls_signed.c ${CMAKE_CURRENT_LIST_DIR}/walls_kit.c
              DEPS base sandbox)
add_dependencies(test_sandbox_signed penstock-launcher penstock-box no_namespaces echo)

penstock_test(warden LABEL sandbox TIMEOUT 180
              SOURCES ${CMAKE_CURRENT_LIST_DIR}/walls_warden.c ${CMAKE_CURRENT_LIST_DIR}/walls_kit.c
              DEPS base sandbox)
add_dependencies(test_sandbox_warden penstock-launcher play_box no_namespaces echo)

penstock_test(filter LABEL sandbox SOURCES ${CMAKE_CURRENT_LIST_DIR}/walls_filter.c DEPS base conf sandbox)
penstock_test(confine LABEL sandbox
              SOURCES ${CMAKE_CURRENT_LIST_DIR}/walls_confine.c ${CMAKE_CURRENT_LIST_DIR}/walls_kit.c
              DEPS base sandbox)

penstock_test(guarantee LABEL sandbox TIMEOUT 180
              SOURCES ${CMAKE_CURRENT_LIST_DIR}/guarantee_test.c ${CMAKE_CURRENT_LIST_DIR}/walls_kit.c
              DEPS base sandbox)
add_dependencies(test_sandbox_guarantee penstock-launcher penstock-box no_namespaces echo)
