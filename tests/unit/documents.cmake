penstock_test(codes_document LABEL unit SOURCES codes_document.c DEPS base)
