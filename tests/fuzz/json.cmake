penstock_fuzz(json SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_json.c DEPS base LIBS PkgConfig::cjson
              CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/json)
penstock_fuzz(schema SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_schema.c DEPS base plugin
              CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/schema)
