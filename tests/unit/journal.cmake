set(journal_kit ${CMAKE_CURRENT_LIST_DIR}/journal_kit.c)
penstock_test(journal_ops LABEL unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/journal_ops.c ${journal_kit} DEPS journal loop base)
