penstock_test(codes_document LABEL unit SOURCES codes_document.c DEPS base)
penstock_add_test(layers unit COMMAND /usr/bin/python3 ${CMAKE_CURRENT_SOURCE_DIR}/layers.py
                  ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
penstock_test(plugin_shared LABEL unit SOURCES plugin_shared.c DEPS plugin)
