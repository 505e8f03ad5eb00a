# Crash reports. The plugin has a folder of its own, because a library lies beside it.
penstock_add_plugin(crashes NOINSTALL ${CMAKE_CURRENT_LIST_DIR}/crash_plugin.c)
target_link_libraries(crashes PRIVATE penstock_flags penstock_sanitize_bare)
add_library(crash_later MODULE ${CMAKE_CURRENT_LIST_DIR}/crash_library.c)
set_target_properties(crash_later PROPERTIES PREFIX "" SUFFIX ".so" OUTPUT_NAME later)
target_link_libraries(crash_later PRIVATE penstock_flags)
set_target_properties(crashes crash_later PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests/crashes)
# A compiler that thinks would leave out what has no purpose but to die.
set_source_files_properties(${CMAKE_CURRENT_LIST_DIR}/crash_plugin.c ${CMAKE_CURRENT_LIST_DIR}/crash_library.c
                            PROPERTIES COMPILE_OPTIONS "-O0;-U_FORTIFY_SOURCE")
target_link_options(crashes PRIVATE -Wl,--build-id)
target_link_options(crash_later PRIVATE -Wl,--build-id)
penstock_test(crash LABEL sandbox TIMEOUT 120
              SOURCES ${CMAKE_CURRENT_LIST_DIR}/crash_test.c ${CMAKE_CURRENT_LIST_DIR}/inner_host.c
              DEPS base loop sandbox)
add_dependencies(test_sandbox_crash penstock-launcher penstock-box crashes crash_later)
