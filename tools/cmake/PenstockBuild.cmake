# Flags, and the functions that say what a part of Penstock is:
#   penstock_library(NAME SOURCES a.c ... DEPS lower ... LIBS PkgConfig::x ...)
#   penstock_program(NAME [BARE] SOURCES main.c ... DEPS part ... LIBS ...)
#   penstock_test(NAME LABEL unit SOURCES a.c DEPS part ... [LIBS ...] [TIMEOUT s])
#
# A library's headers can be seen only by who names it in DEPS: each folder gets an include root of its
# own (build/inc/<folder>/<folder> -> host/<folder>), so an include against the layers does not compile.
#
# BARE: code that runs in or starts a box. With PENSTOCK_SANITIZE=address it is built without ASan (which
# cannot live under an address-space limit) but with UBSan in trap mode; every library therefore exists
# twice there, as pen_<name> and pen_<name>_bare.

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)

option(PENSTOCK_WERROR "Warnings are errors" OFF)
option(PENSTOCK_FUZZ "Build libFuzzer targets (clang)" OFF)
set(PENSTOCK_SANITIZE "" CACHE STRING "address, thread, or empty")

find_package(PkgConfig REQUIRED)
pkg_check_modules(zmq REQUIRED IMPORTED_TARGET libzmq)
pkg_check_modules(cjson REQUIRED IMPORTED_TARGET libcjson)
pkg_check_modules(sodium REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(curl REQUIRED IMPORTED_TARGET libcurl)
pkg_check_modules(seccomp REQUIRED IMPORTED_TARGET libseccomp)
pkg_check_modules(pcre2 REQUIRED IMPORTED_TARGET libpcre2-8)
pkg_check_modules(confuse REQUIRED IMPORTED_TARGET libconfuse)
pkg_check_modules(microhttpd REQUIRED IMPORTED_TARGET libmicrohttpd)
pkg_check_modules(smartcols REQUIRED IMPORTED_TARGET smartcols)
pkg_check_modules(libdw REQUIRED IMPORTED_TARGET libdw)
pkg_check_modules(sqlite3 REQUIRED IMPORTED_TARGET sqlite3)

add_library(penstock_flags INTERFACE)
target_compile_definitions(penstock_flags INTERFACE _GNU_SOURCE PENSTOCK_VERSION="${PROJECT_VERSION}")
target_compile_options(penstock_flags INTERFACE
  -Wall -Wextra -Wshadow -Wvla -Wpointer-arith -Wwrite-strings
  $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes -Wmissing-prototypes>
  $<$<BOOL:${PENSTOCK_WERROR}>:-Werror>
  -fstack-protector-strong -fno-strict-aliasing
  $<$<CONFIG:RelWithDebInfo,Release>:-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2>)
target_link_options(penstock_flags INTERFACE -Wl,-z,relro,-z,now,--as-needed
  $<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:-pie>)

add_library(penstock_sanitize INTERFACE)
add_library(penstock_sanitize_bare INTERFACE)
if(PENSTOCK_SANITIZE STREQUAL "address")
  target_compile_options(penstock_sanitize INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(penstock_sanitize INTERFACE -fsanitize=address,undefined)
  target_compile_options(penstock_sanitize_bare INTERFACE -fsanitize=undefined -fsanitize-undefined-trap-on-error)
elseif(PENSTOCK_SANITIZE STREQUAL "thread")
  target_compile_options(penstock_sanitize INTERFACE -fsanitize=thread -fno-omit-frame-pointer)
  target_link_options(penstock_sanitize INTERFACE -fsanitize=thread)
endif()
if(PENSTOCK_FUZZ)
  target_compile_options(penstock_sanitize INTERFACE -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all)
  target_link_options(penstock_sanitize INTERFACE -fsanitize=address,undefined)
endif()

function(penstock_include_root name dir)
  set(root ${PROJECT_BINARY_DIR}/inc/${name})
  file(MAKE_DIRECTORY ${root})
  file(CREATE_LINK ${dir} ${root}/${name} SYMBOLIC)
endfunction()

function(_penstock_library_variant name suffix)
  set(target pen_${name}${suffix})
  add_library(${target} STATIC ${ARG_SOURCES})
  target_include_directories(${target} PUBLIC ${PROJECT_BINARY_DIR}/inc/${name})
  target_link_libraries(${target} PRIVATE penstock_flags penstock_sanitize${suffix})
  foreach(dep IN LISTS ARG_DEPS)
    target_link_libraries(${target} PUBLIC pen_${dep}${suffix})
  endforeach()
  target_link_libraries(${target} PUBLIC ${ARG_LIBS})
endfunction()

function(penstock_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;LIBS" ${ARGN})
  penstock_include_root(${name} ${CMAKE_CURRENT_SOURCE_DIR})
  _penstock_library_variant(${name} "")
  if(PENSTOCK_SANITIZE OR PENSTOCK_FUZZ)
    _penstock_library_variant(${name} _bare)
  else()
    add_library(pen_${name}_bare ALIAS pen_${name})
  endif()
endfunction()

function(penstock_program name)
  cmake_parse_arguments(ARG "BARE;NOINSTALL" "DESTINATION" "SOURCES;DEPS;LIBS" ${ARGN})
  set(suffix "")
  if(ARG_BARE)
    set(suffix _bare)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE penstock_flags penstock_sanitize${suffix})
  foreach(dep IN LISTS ARG_DEPS)
    target_link_libraries(${name} PRIVATE pen_${dep}${suffix})
  endforeach()
  target_link_libraries(${name} PRIVATE ${ARG_LIBS})
  if(NOT ARG_NOINSTALL)
    if(NOT ARG_DESTINATION)
      set(ARG_DESTINATION ${CMAKE_INSTALL_BINDIR})
    endif()
    install(TARGETS ${name} RUNTIME DESTINATION ${ARG_DESTINATION} COMPONENT host)
  endif()
endfunction()

# A test is a process of its own: tests/lib/isolated gives it a temporary directory and a process group,
# and kills what is left of the group.
function(penstock_add_test name label)
  cmake_parse_arguments(ARG "" "TIMEOUT" "COMMAND;ENVIRONMENT;PROPERTIES" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 60)
  endif()
  add_test(NAME ${label}.${name}
           COMMAND /usr/bin/python3 ${PROJECT_SOURCE_DIR}/tests/lib/isolated ${ARG_COMMAND})
  set_tests_properties(${label}.${name} PROPERTIES LABELS ${label} TIMEOUT ${ARG_TIMEOUT} SKIP_RETURN_CODE 77
    ENVIRONMENT "PENSTOCK_BUILD=${PROJECT_BINARY_DIR};PENSTOCK_SOURCE=${PROJECT_SOURCE_DIR};${ARG_ENVIRONMENT}"
    ${ARG_PROPERTIES})
endfunction()

function(penstock_test name)
  cmake_parse_arguments(ARG "" "LABEL;TIMEOUT" "SOURCES;DEPS;LIBS;ARGS;ENVIRONMENT" ${ARGN})
  set(target test_${ARG_LABEL}_${name})
  add_executable(${target} ${ARG_SOURCES})
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/tests/lib)
  target_link_libraries(${target} PRIVATE penstock_flags penstock_sanitize PkgConfig::cmocka)
  foreach(dep IN LISTS ARG_DEPS)
    target_link_libraries(${target} PRIVATE pen_${dep})
  endforeach()
  target_link_libraries(${target} PRIVATE ${ARG_LIBS})
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  penstock_add_test(${name} ${ARG_LABEL} COMMAND $<TARGET_FILE:${target}> ${ARG_ARGS}
                    TIMEOUT ${ARG_TIMEOUT} ENVIRONMENT ${ARG_ENVIRONMENT})
endfunction()

# penstock_fuzz(NAME SOURCES fuzz_x.c DEPS part ... CORPUS dir): with PENSTOCK_FUZZ a libFuzzer program
# bin/fuzz_NAME; always a test fuzz.NAME that runs the corpus once through the same entry point.
function(penstock_fuzz name)
  cmake_parse_arguments(ARG "" "CORPUS" "SOURCES;DEPS;LIBS" ${ARGN})
  set(target fuzz_${name})
  if(PENSTOCK_FUZZ)
    add_executable(${target} ${ARG_SOURCES})
    target_link_options(${target} PRIVATE -fsanitize=fuzzer)
    set(run -runs=0)
  else()
    add_executable(${target} ${ARG_SOURCES} ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus_main.c)
    set(run)
  endif()
  target_link_libraries(${target} PRIVATE penstock_flags penstock_sanitize)
  foreach(dep IN LISTS ARG_DEPS)
    target_link_libraries(${target} PRIVATE pen_${dep})
  endforeach()
  target_link_libraries(${target} PRIVATE ${ARG_LIBS})
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  penstock_add_test(${name} fuzz COMMAND $<TARGET_FILE:${target}> ${run} ${ARG_CORPUS})
endfunction()
