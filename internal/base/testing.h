/* testing.h — what cmocka needs included, in the order it relies on; for unit tests only. */
#ifndef AURORA_TESTING_H
#define AURORA_TESTING_H

/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#endif
