# penstock_add_plugin(NAME [NOINSTALL] source.c ...): a plugin as target NAME and file NAME.so, which exports nothing but
# pen_plugin_entry and refuses undefined symbols when it is linked, not when it is loaded. It is installed into
# PENSTOCK_PLUGINDIR (default lib/penstock/plugins under the prefix). Libraries it needs are added with
# target_link_libraries(NAME PRIVATE ...).
#
# Included by the package (find_package(Penstock)) and by Penstock's own tree.

include(GNUInstallDirs)
set(PENSTOCK_PLUGINDIR "${CMAKE_INSTALL_LIBDIR}/penstock/plugins" CACHE STRING
    "Where plugins are installed: absolute, or relative to the prefix")

function(penstock_add_plugin name)
  cmake_parse_arguments(ARG "NOINSTALL" "" "" ${ARGN})
  add_library(${name} MODULE ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE Penstock::plugin)
  set_target_properties(${name} PROPERTIES
    PREFIX "" SUFFIX ".so"
    C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  # No version script is needed for one symbol, but what static libraries bring along must not show.
  target_link_options(${name} PRIVATE -Wl,--no-undefined -Wl,--exclude-libs,ALL -Wl,-z,relro,-z,now)
  if(NOT ARG_NOINSTALL)
    install(TARGETS ${name} LIBRARY DESTINATION ${PENSTOCK_PLUGINDIR} COMPONENT plugins)
  endif()
endfunction()
