#include "stages/embeddedness/kernel_set.h"

#include "tests/testing.h"

static void what_is_best_is_here(void **state) {
    (void)state;
    assert_true(kernel_set_is_here(KERNEL_AUTO));
    assert_true(kernel_set_is_here(KERNEL_PLAIN));
    assert_true(kernel_set_is_here(kernel_set_best()));
    assert_int_not_equal(kernel_set_best(), KERNEL_AUTO);
}

static void nothing_gathers_where_gathers_are_slow(void **state) {
    (void)state;
#if defined(__x86_64__)
    if (!__builtin_cpu_supports("avx512f")) {
        assert_int_equal(kernel_set_best(), KERNEL_PLAIN);
    } else if (__builtin_cpu_is("amd")) {
        assert_int_equal(kernel_set_best(), KERNEL_AVX512);
    }
#else
    assert_int_equal(kernel_set_best(), KERNEL_PLAIN);
    assert_false(kernel_set_is_here(KERNEL_AVX2));
    assert_false(kernel_set_is_here(KERNEL_AVX512));
#endif
}

static void sets_have_names(void **state) {
    (void)state;
    assert_string_equal(kernel_set_name(KERNEL_AUTO), "auto");
    assert_string_equal(kernel_set_name(KERNEL_PLAIN), "plain");
    assert_string_equal(kernel_set_name(KERNEL_AVX2), "avx2");
    assert_string_equal(kernel_set_name(KERNEL_AVX512), "avx512");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_best_is_here),
        cmocka_unit_test(nothing_gathers_where_gathers_are_slow),
        cmocka_unit_test(sets_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
