set(cli ${PROJECT_SOURCE_DIR}/tools/penstock)
penstock_test(cli LABEL unit
              SOURCES ${CMAKE_CURRENT_LIST_DIR}/cli.c ${cli}/hints.c ${cli}/human.c ${cli}/media.c ${cli}/terminal.c
              DEPS base)
target_include_directories(test_unit_cli PRIVATE ${cli})
