penstock_fuzz(sdk_catalog SOURCES ${CMAKE_CURRENT_LIST_DIR}/sdk_catalog.c DEPS base plugin
              CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/sdk_catalog)
