#include "tests/testing.h"

#include "stages/report/figures.h"

#include <math.h>
#include <string.h>

#define MINUS "\xe2\x88\x92"
#define DASH "\xe2\x80\x93"
#define SPACE "\xc2\xa0"

static void test_counts_have_their_thousands_apart(void **state) {
    (void)state;
    char at[FIGURE_BYTES];
    assert_string_equal(figure_count(at, 0), "0");
    assert_string_equal(figure_count(at, 999), "999");
    assert_string_equal(figure_count(at, 1000), "1,000");
    assert_string_equal(figure_count(at, 1234567), "1,234,567");
    assert_string_equal(figure_count(at, -65432), MINUS "65,432");
    assert_string_equal(figure_count(at, -0.2), "0");
    assert_string_equal(figure_count(at, NAN), DASH);
    assert_string_equal(figure_count(at, 9007199254740992.0), "9,007,199,254,740,992");
}

static void test_numbers_far_beyond_anything_still_fit(void **state) {
    (void)state;
    char at[FIGURE_BYTES];
    assert_in_range(strlen(figure_count(at, 1e300)), 1, FIGURE_BYTES - 1);
    assert_in_range(strlen(figure_number(at, -1e300)), 1, FIGURE_BYTES - 1);
    assert_in_range(strlen(figure_short(at, 1e300)), 1, FIGURE_BYTES - 1);
    assert_in_range(strlen(figure_percent(at, -1e300)), 1, FIGURE_BYTES - 1);
    assert_in_range(strlen(figure_rate_unit(at, rate_unit_for(0), 1e300)), 1, FIGURE_BYTES - 1);
    assert_in_range(strlen(figure_count(at, INFINITY)), 1, FIGURE_BYTES - 1);
}

static void test_short_counts_keep_two_digits(void **state) {
    (void)state;
    char at[FIGURE_BYTES];
    assert_string_equal(figure_short(at, 12), "12");
    assert_string_equal(figure_short(at, 999), "999");
    assert_string_equal(figure_short(at, 1000), "1k");
    assert_string_equal(figure_short(at, 1234), "1.2k");
    assert_string_equal(figure_short(at, 12345), "12k");
    assert_string_equal(figure_short(at, 999999), "1M");
    assert_string_equal(figure_short(at, 2.5e9), "2.5G");
}

static void test_numbers_have_three_digits_that_mean_something(void **state) {
    (void)state;
    char at[FIGURE_BYTES];
    assert_string_equal(figure_number(at, 1234.6), "1,235");
    assert_string_equal(figure_number(at, 12.345), "12.3");
    assert_string_equal(figure_number(at, 0.012345), "0.0123");
    assert_string_equal(figure_number(at, -0.5), MINUS "0.500");
    assert_string_equal(figure_number(at, 0), "0");
}

static void test_numbers_at_gridlines_have_no_zeros_at_their_end(void **state) {
    (void)state;
    char at[FIGURE_BYTES];
    assert_string_equal(figure_tick(at, 6), "6");
    assert_string_equal(figure_tick(at, 0.5), "0.5");
    assert_string_equal(figure_tick(at, 20), "20");
    assert_string_equal(figure_tick(at, 1500), "1,500");
    assert_string_equal(figure_tick(at, 0.002), "0.002");
    assert_string_equal(figure_tick(at, 0), "0");
}

static void test_rates_have_a_unit_that_keeps_digits_near_one(void **state) {
    (void)state;
    char at[FIGURE_BYTES];
    assert_string_equal(figure_rate_unit(at, rate_unit_for(0.4), 0.25), "25.0" SPACE "%");
    assert_string_equal(figure_rate_unit(at, rate_unit_for(0.007), 0.00613), "6.13 per 1,000");
    assert_string_equal(figure_rate_unit(at, rate_unit_for(0.0001), 2e-5), "2.00 per 100,000");
    assert_string_equal(figure_rate_unit(at, rate_unit_for(1e-6), 1e-6), "1.00 per million");
    assert_string_equal(figure_rate(at, rate_unit_for(0.007), 0.00001), "0.010");
    assert_string_equal(figure_rate(at, rate_unit_for(0.007), 0.2), "200");
    assert_string_equal(figure_rate_unit(at, rate_unit_for(0.007), NAN), DASH);
    assert_string_equal(figure_rate(at, rate_unit_for(NAN), 0.5), "50.0");
}

static void test_percents_say_when_they_are_almost_nothing(void **state) {
    (void)state;
    char at[FIGURE_BYTES];
    assert_string_equal(figure_percent(at, 0.2449), "24" SPACE "%");
    assert_string_equal(figure_percent(at, 0.0244), "2.4" SPACE "%");
    assert_string_equal(figure_percent(at, 0.00244), "0.24" SPACE "%");
    assert_string_equal(figure_percent(at, 0.00002), "under 0.01" SPACE "%");
    assert_string_equal(figure_percent(at, 0), "0" SPACE "%");
    assert_string_equal(figure_percent(at, 1), "100" SPACE "%");
    assert_string_equal(figure_percent(at, NAN), DASH);
}

static void test_ratios_and_probabilities(void **state) {
    (void)state;
    char at[FIGURE_BYTES];
    assert_string_equal(figure_times(at, 2.34), "2.3");
    assert_string_equal(figure_times(at, 12.3), "12");
    assert_string_equal(figure_times(at, NAN), DASH);
    assert_string_equal(figure_p(at, 0.034), "0.03");
    assert_string_equal(figure_p(at, 0.0049), "0.005");
    assert_string_equal(figure_p(at, 0.0001), "under 0.001");
    assert_string_equal(figure_p(at, NAN), DASH);
}

static void test_steps_are_round_and_few(void **state) {
    (void)state;
    for (int i = -50; i < 66; i++) {
        double top = pow(1.37, i);
        double step = figure_step(top, 5);
        double power = pow(10, floor(log10(step) + 1e-9));
        double lead = step / power;
        assert_true(step * 5 >= top * (1 - 1e-12));
        assert_true(step * 5 < top * 2.6); /* no coarser than needed */
        assert_true(fabs(lead - 1) < 1e-9 || fabs(lead - 2) < 1e-9 || fabs(lead - 5) < 1e-9);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts_have_their_thousands_apart),
        cmocka_unit_test(test_numbers_far_beyond_anything_still_fit),
        cmocka_unit_test(test_short_counts_keep_two_digits),
        cmocka_unit_test(test_numbers_have_three_digits_that_mean_something),
        cmocka_unit_test(test_numbers_at_gridlines_have_no_zeros_at_their_end),
        cmocka_unit_test(test_rates_have_a_unit_that_keeps_digits_near_one),
        cmocka_unit_test(test_percents_say_when_they_are_almost_nothing),
        cmocka_unit_test(test_ratios_and_probabilities),
        cmocka_unit_test(test_steps_are_round_and_few),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
