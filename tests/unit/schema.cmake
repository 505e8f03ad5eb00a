penstock_test(plugin_schema LABEL unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/plugin_schema.c DEPS plugin base)
penstock_test(schema_suite LABEL unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/schema_suite.c DEPS plugin base
  ARGS /usr/share/json-schema-test-suite/tests/draft7)
