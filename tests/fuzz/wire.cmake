penstock_fuzz(wire SOURCES fuzz_wire.c DEPS wire CORPUS ${CMAKE_CURRENT_SOURCE_DIR}/corpus/wire)
penstock_fuzz(submit SOURCES fuzz_submit.c DEPS core CORPUS ${CMAKE_CURRENT_SOURCE_DIR}/corpus/submit)
penstock_fuzz(allowed SOURCES fuzz_allowed.c DEPS wire CORPUS ${CMAKE_CURRENT_SOURCE_DIR}/corpus/allowed)
penstock_fuzz(zap SOURCES fuzz_zap.c DEPS wire CORPUS ${CMAKE_CURRENT_SOURCE_DIR}/corpus/zap)
