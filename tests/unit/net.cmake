penstock_test(net_http LABEL unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/net_http.c ${CMAKE_CURRENT_LIST_DIR}/net_server.c DEPS base loop net)
penstock_test(net_tls LABEL unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/net_tls.c DEPS base loop net
              ARGS ${CMAKE_CURRENT_LIST_DIR}/net_tls_server.py)
