#ifndef PENSTOCK_TESTS_CMOCKA_ALL_H
#define PENSTOCK_TESTS_CMOCKA_ALL_H

/* cmocka_all.h: cmocka wants these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
