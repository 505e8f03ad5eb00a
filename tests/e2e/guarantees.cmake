penstock_add_test(guarantees e2e COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/guarantees_test.py TIMEOUT 120
                  ENVIRONMENT "PYTHONPATH=${PROJECT_SOURCE_DIR}/tests/lib")
