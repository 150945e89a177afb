/* decimal_format must give the very text of number_format_double, everywhere. */
#include "tests/testing.h"

#include "stages/base/random.h"
#include "stages/sink/decimal.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void assert_same_text(double value) {
    char expected[NUMBER_DOUBLE_BYTES + 1] = {0};
    char got[NUMBER_DOUBLE_BYTES + 1] = {0};
    expected[number_format_double(expected, value)] = '\0';
    got[decimal_format(got, value)] = '\0';
    assert_string_equal(got, expected);
}

static void test_known_values_have_their_shortest_text(void **state) {
    (void)state;
    static const struct {
        double value;
        const char *text;
    } known[] = {
        {0.0, "0"},
        {-0.0, "-0"},
        {0.5, "0.5"},
        {0.1, "0.1"},
        {1.0 / 3, "0.3333333333333333"},
        {2.0 / 3, "0.6666666666666666"},
        {8.0 / 3335, "0.0023988005997001498"},
        {0.0001, "0.0001"},
        {1.0, "1"},
        {-0.25, "-0.25"},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        char got[NUMBER_DOUBLE_BYTES + 1];
        got[decimal_format(got, known[i].value)] = '\0';
        assert_string_equal(got, known[i].text);
        assert_true(strtod(got, NULL) == known[i].value);
    }
}

static void test_edges_of_the_fast_range_agree_with_the_slow_form(void **state) {
    (void)state;
    static const double edges[] = {0.0001, 0.001, 0.01, 0.1, 1.0, 0.5, 0.25, 0x1p-13, 0x1p-14};
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++) {
        double below = edges[i];
        double above = edges[i];
        for (int step = 0; step < 2000; step++) {
            assert_same_text(below);
            assert_same_text(above);
            below = nextafter(below, 0);
            above = nextafter(above, 2);
        }
    }
    assert_same_text(DBL_MIN);
    assert_same_text(DBL_TRUE_MIN);
    assert_same_text(DBL_MAX);
    assert_same_text(-DBL_MAX);
}

static void test_ratios_of_small_integers_agree_with_the_slow_form(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, 11);
    for (int i = 0; i < 200000; i++) {
        uint64_t of = 1 + random_below(&random, 20000);
        assert_same_text((double)random_below(&random, of + 1) / (double)of);
    }
}

static void test_random_doubles_agree_with_the_slow_form(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, 12);
    for (int i = 0; i < 200000; i++) {
        double unit = random_unit(&random);
        assert_same_text(unit * unit * unit);
        assert_same_text((unit - 0.5) * 1e6);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_values_have_their_shortest_text),
        cmocka_unit_test(test_edges_of_the_fast_range_agree_with_the_slow_form),
        cmocka_unit_test(test_ratios_of_small_integers_agree_with_the_slow_form),
        cmocka_unit_test(test_random_doubles_agree_with_the_slow_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
