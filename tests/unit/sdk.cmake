penstock_test(sdk_abi LABEL unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/sdk_abi.c DEPS base plugin)
penstock_test(sdk_load LABEL unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/sdk_load.c DEPS base plugin
              LIBS ${CMAKE_DL_LIBS} ARGS ${PROJECT_BINARY_DIR}/tests/plugins ${PROJECT_BINARY_DIR}/plugins)
add_dependencies(test_unit_sdk_load penstock_test_plugins echo thumbnail)
penstock_test(sdk_catalog LABEL unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/sdk_catalog.c DEPS base plugin)
penstock_test(plugin_identity LABEL unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/plugin_identity.c DEPS base plugin)
penstock_test(plugin_signature LABEL unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/plugin_signature.c DEPS base plugin)

pkg_check_modules(vips REQUIRED IMPORTED_TARGET vips)
foreach(part sdk_thumbnail sdk_thumbnail_bad)
  penstock_test(${part} LABEL unit
                SOURCES ${CMAKE_CURRENT_LIST_DIR}/${part}.c ${CMAKE_CURRENT_LIST_DIR}/sdk_thumbnail_bench.c
                LIBS penstock_sdk PkgConfig::vips PkgConfig::cjson ${CMAKE_DL_LIBS}
                ARGS $<TARGET_FILE:thumbnail> ${PROJECT_SOURCE_DIR}/plugins/thumbnail/testdata TIMEOUT 120)
  add_dependencies(test_unit_${part} thumbnail)
endforeach()
