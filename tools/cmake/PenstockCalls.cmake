# penstock_list_calls(FILE): writes CALL(name) for each system call that the compiler's <asm/unistd.h> has a number for.
function(penstock_list_calls file)
  execute_process(COMMAND ${CMAKE_C_COMPILER} -dM -E -x c -include asm/unistd.h /dev/null
                  OUTPUT_VARIABLE macros RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${CMAKE_C_COMPILER} cannot read <asm/unistd.h>")
  endif()
  string(REGEX MATCHALL "#define __NR_[a-z0-9_]+ " macros "${macros}")
  list(SORT macros)
  set(calls "")
  foreach(macro IN LISTS macros)
    string(REGEX REPLACE "#define __NR_([a-z0-9_]+) " "\\1" name "${macro}")
    # These two are bounds, not calls.
    if(NOT name MATCHES "^(syscalls|arch_specific_syscall)$")
      string(APPEND calls "CALL(${name})\n")
    endif()
  endforeach()
  # Left alone if nothing has changed, so that nothing is built again.
  file(CONFIGURE OUTPUT ${file} CONTENT "${calls}" @ONLY)
endfunction()
