# Attacks on boxes: one plugin with all of them, and a suite that runs them in each setting.
add_executable(container_standin ${CMAKE_CURRENT_LIST_DIR}/attack/container_standin.c)
target_link_libraries(container_standin PRIVATE penstock_flags PkgConfig::seccomp)
add_executable(uml_init ${CMAKE_CURRENT_LIST_DIR}/attack/uml_init.c)
target_link_libraries(uml_init PRIVATE penstock_flags)
set(attack_dir ${CMAKE_CURRENT_LIST_DIR}/attack)
file(GLOB attack_plugin_sources CONFIGURE_DEPENDS ${attack_dir}/plugin*.c)
file(GLOB attack_suite_sources CONFIGURE_DEPENDS ${attack_dir}/suite*.c ${attack_dir}/catalogue*.c)

penstock_add_plugin(attack_plugin NOINSTALL ${attack_plugin_sources})
# A forger reads the worker's own structs; it links nothing of the host.
target_include_directories(attack_plugin PRIVATE ${PROJECT_BINARY_DIR}/inc/sandbox)
target_link_libraries(attack_plugin PRIVATE penstock_flags penstock_sanitize_bare)
set_target_properties(attack_plugin PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests/plugins)

add_executable(attack_suite ${attack_suite_sources} ${CMAKE_CURRENT_LIST_DIR}/inner_host.c)
target_include_directories(attack_suite PRIVATE ${CMAKE_CURRENT_LIST_DIR})
target_link_libraries(attack_suite PRIVATE penstock_flags penstock_sanitize pen_base pen_loop pen_sandbox)
set_target_properties(attack_suite container_standin uml_init PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
add_dependencies(attack_suite penstock-launcher penstock-box attack_plugin container_standin no_namespaces play_box uml_init
  echo lying_size missing_run no_symbol short_size undefined_symbol wrong_magic wrong_major)

# Each writes its line where tools/test looks for it. What is attacked has no sanitizer in it, and our own side is the
# same in each setting: a sanitized build takes two.
set(attack_lines root user)
set(attack_kernels)
if(NOT PENSTOCK_SANITIZE)
  list(APPEND attack_lines user_bare container container_user)
  set(attack_kernels uml uml_user)
endif()
foreach(setting IN LISTS attack_lines)
  penstock_add_test(attack_${setting} sandbox TIMEOUT 300
                    COMMAND $<TARGET_FILE:attack_suite> --setting ${setting}
                            --line ${PROJECT_BINARY_DIR}/attack/${setting}.txt)
endforeach()
foreach(setting root user)
  penstock_add_test(attack_layers_${setting} sandbox TIMEOUT 300
                    COMMAND $<TARGET_FILE:attack_suite> --setting ${setting} --layers
                            --line ${PROJECT_BINARY_DIR}/attack/layers_${setting}.txt)
  penstock_add_test(attack_storm_${setting} sandbox TIMEOUT 120
                    COMMAND $<TARGET_FILE:attack_suite> --setting ${setting} --storm
                            --line ${PROJECT_BINARY_DIR}/attack/storm_${setting}.txt)
  list(APPEND attack_lines layers_${setting} storm_${setting})
endforeach()

foreach(setting IN LISTS attack_kernels)
  set(line ${PROJECT_BINARY_DIR}/attack/${setting}.txt)
  penstock_add_test(attack_${setting} sandbox TIMEOUT 600
                    COMMAND ${attack_dir}/in_uml $<TARGET_FILE:uml_init> ${line} ${setting}
                            $<TARGET_FILE:attack_suite> --setting ${setting} --line ${line})
  list(APPEND attack_lines ${setting})
endforeach()

# To the core, not to a box; but who plays it has got in the same way. A sanitizer holds on to what is freed, so what the
# core would judge by there is not its own.
if(NOT PENSTOCK_SANITIZE)
  penstock_add_test(endless_message e2e COMMAND /usr/bin/python3 -W ignore::ResourceWarning
                    ${attack_dir}/endless_message_test.py
                    TIMEOUT 120 ENVIRONMENT PYTHONPATH=${PROJECT_SOURCE_DIR}/tests/lib)
endif()

list(JOIN attack_lines "\n" attack_expected)
file(WRITE ${PROJECT_BINARY_DIR}/attack/expected "${attack_expected}\n")
