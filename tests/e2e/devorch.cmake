# The same worker API cases run against ours and, where PENSTOCK_AVTOMATIKA_PYTHON (of the environment) names the
# Python of a virtual environment with requirements-avtomatika.txt, against the real orchestrator.
penstock_add_test(devorch e2e COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/devorch_test.py TIMEOUT 120)
penstock_add_test(worker_api_devorch e2e COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/worker_api_test.py devorch)
penstock_add_test(worker_api_avtomatika e2e COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/worker_api_test.py avtomatika)
