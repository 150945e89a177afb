#include "stages/embeddedness/scan_avx512.h"

#include "stages/embeddedness/kernel_set.h"
#include "tests/hits_oracle.h"
#include "tests/testing.h"

static void hits_are_those_of_the_loop(void **state) {
    (void)state;
    if (!kernel_set_is_here(KERNEL_AVX512)) {
        skip();
    }
#if defined(__x86_64__)
    hits_must_equal_the_oracle(scan_avx512_hits);
#endif
}

static void marks_are_those_of_the_loop(void **state) {
    (void)state;
    if (!kernel_set_is_here(KERNEL_AVX512)) {
        skip();
    }
#if defined(__x86_64__)
    marks_must_equal_the_oracle(scan_avx512_marks);
#endif
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hits_are_those_of_the_loop),
        cmocka_unit_test(marks_are_those_of_the_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
