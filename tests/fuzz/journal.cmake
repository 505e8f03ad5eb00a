penstock_fuzz(journal_replay SOURCES ${CMAKE_CURRENT_LIST_DIR}/journal_replay.c DEPS journal loop base
              LIBS PkgConfig::sqlite3 CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/journal_replay)
