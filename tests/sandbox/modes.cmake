# How long a process serves: real boxes in all modes.
penstock_test(modes LABEL sandbox TIMEOUT 120
              SOURCES ${CMAKE_CURRENT_LIST_DIR}/modes_test.c ${CMAKE_CURRENT_LIST_DIR}/inner_host.c
              DEPS base loop sandbox)
add_dependencies(test_sandbox_modes penstock-launcher penstock-box no_namespaces modes badopen)
penstock_add_test(modes_no_namespaces sandbox TIMEOUT 120
                  COMMAND $<TARGET_FILE:no_namespaces> $<TARGET_FILE:test_sandbox_modes>)

find_package(OpenMP COMPONENTS C)
if(OpenMP_C_FOUND)
  penstock_add_plugin(openmp_plugin NOINSTALL ${CMAKE_CURRENT_LIST_DIR}/openmp_plugin.c)
  target_link_libraries(openmp_plugin PRIVATE penstock_flags penstock_sanitize_bare OpenMP::OpenMP_C)
  set_target_properties(openmp_plugin PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests/plugins)
  target_compile_definitions(test_sandbox_modes PRIVATE HAS_OPENMP)
  add_dependencies(test_sandbox_modes openmp_plugin)
endif()
