/* The only door to cmocka, and the few checks that all tests share. */
#ifndef TIEFLOW_TESTS_TESTING_H
#define TIEFLOW_TESTS_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "schemas/status.h"

/* The call must succeed; its error line is printed where it does not. The expression has an
 * `&err` named `err` in scope. */
#define MUST(call)                                                                                 \
    do {                                                                                           \
        struct status must_status = (call);                                                        \
        if (must_status.failure != FAILURE_NONE) {                                                 \
            fail_msg("%s: %s", #call, err.text);                                                   \
        }                                                                                          \
    } while (0)

/* The call must fail with this class and an error line that contains `part`. */
#define MUST_FAIL(call, expected_failure, part)                                                    \
    do {                                                                                           \
        struct status fail_status = (call);                                                        \
        assert_int_equal(fail_status.failure, expected_failure);                                   \
        assert_int_equal(err.failure, expected_failure);                                           \
        if (strstr(err.text, part) == NULL) {                                                      \
            fail_msg("%s: the error says \"%s\", without \"%s\"", #call, err.text, part);          \
        }                                                                                          \
    } while (0)

#endif
