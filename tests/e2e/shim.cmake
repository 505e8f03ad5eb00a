penstock_add_test(shim e2e COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/shim_test.py TIMEOUT 300)
penstock_add_test(shim_lasting e2e COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/shim_lasting_test.py TIMEOUT 300)
set(path_environment "PYTHONPATH=${PROJECT_SOURCE_DIR}/tests/lib")
penstock_add_test(path_devorch e2e COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/path_devorch_test.py
                  TIMEOUT 240 ENVIRONMENT ${path_environment})
penstock_add_test(path_lasting e2e COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/path_lasting_test.py
                  TIMEOUT 240 ENVIRONMENT ${path_environment})
# With the real server; the environment names it (see orchestrators.py), else the test is skipped.
penstock_add_test(path_avtomatika e2e COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/path_avtomatika_test.py
                  TIMEOUT 240 ENVIRONMENT ${path_environment})
