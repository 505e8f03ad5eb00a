penstock_fuzz(plugin_signature SOURCES ${CMAKE_CURRENT_LIST_DIR}/plugin_signature.c DEPS base plugin
              CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/plugin_signature)
