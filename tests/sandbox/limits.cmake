# Limits of boxes, in each of the settings in which other things hold them.
penstock_add_plugin(limits_plugin NOINSTALL ${CMAKE_CURRENT_LIST_DIR}/limits_plugin.c)
target_link_libraries(limits_plugin PRIVATE penstock_flags penstock_sanitize_bare)
set_target_properties(limits_plugin PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests/plugins)
penstock_test(limits LABEL sandbox TIMEOUT 180
              SOURCES ${CMAKE_CURRENT_LIST_DIR}/limits_test.c ${CMAKE_CURRENT_LIST_DIR}/inner_host.c
              DEPS base loop sandbox)
add_dependencies(test_sandbox_limits penstock-launcher penstock-box no_namespaces limits_plugin)
penstock_add_test(limits_as_user sandbox TIMEOUT 180 COMMAND $<TARGET_FILE:test_sandbox_limits> as-user)
penstock_add_test(limits_no_namespaces sandbox TIMEOUT 180
                  COMMAND $<TARGET_FILE:no_namespaces> $<TARGET_FILE:test_sandbox_limits>)
penstock_add_test(limits_as_user_no_namespaces sandbox TIMEOUT 180
                  COMMAND $<TARGET_FILE:no_namespaces> $<TARGET_FILE:test_sandbox_limits> as-user)
