penstock_test(plugin_schema LABEL unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/plugin_schema.c DEPS plugin base)
