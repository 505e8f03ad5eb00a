set(journal_kit ${CMAKE_CURRENT_LIST_DIR}/journal_kit.c)
foreach(name ops jobs files faults kill)
  penstock_test(journal_${name} LABEL unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/journal_${name}.c ${journal_kit}
                DEPS journal loop base LIBS PkgConfig::sqlite3)
endforeach()

# No test: prints what a task costs the writer.
add_executable(journal_bench ${CMAKE_CURRENT_LIST_DIR}/journal_bench.c)
target_link_libraries(journal_bench PRIVATE penstock_flags penstock_sanitize pen_journal pen_loop pen_base)
set_target_properties(journal_bench PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
