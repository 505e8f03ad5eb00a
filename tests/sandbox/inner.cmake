# Boxes with the real launcher and the real box program.
penstock_add_plugin(inner_plugin NOINSTALL ${CMAKE_CURRENT_LIST_DIR}/inner_plugin.c)
target_link_libraries(inner_plugin PRIVATE penstock_flags penstock_sanitize_bare)
set_target_properties(inner_plugin PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests/plugins)
penstock_test(box LABEL sandbox TIMEOUT 180
              SOURCES ${CMAKE_CURRENT_LIST_DIR}/box_test.c ${CMAKE_CURRENT_LIST_DIR}/inner_host.c
              DEPS base loop sandbox)
add_dependencies(test_sandbox_box penstock-launcher penstock-box no_namespaces echo inner_plugin misbehave badopen
  crash_in_constructor exit_in_constructor hang_in_constructor lying_size missing_run no_symbol short_size
  undefined_symbol unknown_need wrong_magic wrong_major)

penstock_test(ahead LABEL sandbox TIMEOUT 120
              SOURCES ${CMAKE_CURRENT_LIST_DIR}/ahead_test.c ${CMAKE_CURRENT_LIST_DIR}/inner_host.c
              DEPS base loop sandbox)
add_dependencies(test_sandbox_ahead penstock-launcher penstock-box inner_plugin)

foreach(plugin profile_plugin model_plugin)
  penstock_add_plugin(${plugin} NOINSTALL ${CMAKE_CURRENT_LIST_DIR}/${plugin}.c)
  target_link_libraries(${plugin} PRIVATE penstock_flags penstock_sanitize_bare)
  set_target_properties(${plugin} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests/plugins)
endforeach()
penstock_test(profiles LABEL sandbox TIMEOUT 180
              SOURCES ${CMAKE_CURRENT_LIST_DIR}/profiles_test.c ${CMAKE_CURRENT_LIST_DIR}/inner_host.c
              DEPS base loop conf sandbox)
add_dependencies(test_sandbox_profiles penstock-launcher penstock-box no_namespaces profile_plugin model_plugin)

foreach(bench box_bench model_bench)
  add_executable(${bench} ${CMAKE_CURRENT_LIST_DIR}/${bench}.c ${CMAKE_CURRENT_LIST_DIR}/inner_host.c)
  target_link_libraries(${bench} PRIVATE penstock_flags penstock_sanitize pen_base pen_loop pen_sandbox)
  set_target_properties(${bench} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  add_dependencies(${bench} penstock-launcher penstock-box echo model_plugin)
endforeach()

# The same boxes where no namespace can be had, as in a container.
penstock_add_test(box_no_namespaces sandbox TIMEOUT 180
                  COMMAND $<TARGET_FILE:no_namespaces> $<TARGET_FILE:test_sandbox_box>)
