foreach(name file value)
  penstock_fuzz(conf_${name} SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_conf_${name}.c DEPS conf base
                CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/conf_${name})
endforeach()
