foreach(name option file load flags derive changes)
  penstock_test(conf_${name} LABEL unit DEPS conf base
                SOURCES ${CMAKE_CURRENT_LIST_DIR}/conf_${name}.c ${CMAKE_CURRENT_LIST_DIR}/conf_kit.c)
endforeach()
