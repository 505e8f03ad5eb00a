foreach(part cli cli_host cli_journal cli_keys cli_symbols)
  penstock_add_test(${part} e2e COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/${part}_test.py TIMEOUT 300
                    ENVIRONMENT "PYTHONPATH=${PROJECT_SOURCE_DIR}/tests/lib")
endforeach()
