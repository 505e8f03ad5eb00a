foreach(part sign map order skills files core lasting)
  penstock_test(shim_${part} LABEL unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/shim_${part}.c DEPS shim
                LIBS PkgConfig::cjson)
endforeach()
