penstock_add_test(shim e2e COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/shim_test.py TIMEOUT 300)
