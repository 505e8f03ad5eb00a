penstock_test(base_json LABEL unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/base_json.c DEPS base LIBS PkgConfig::cjson)
