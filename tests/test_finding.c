#include "tests/report_testing.h"
#include "tests/testing.h"

#include "stages/report/finding.h"

/* The finding of a log2 curve in a study with ties, moves and transmissions. */
static struct finding finding_of(struct dose_bin *bins, size_t count, char *headline) {
    struct total_row totals[] = {{"ties", 1000}, {"moves", 100}, {"transmissions", 50}};
    struct study_data data = {.totals = totals, .total_count = 3};
    struct finding finding;
    data.curves[CURVE_LOG2] = (struct dose_curve){bins, count};
    finding_make(&finding, &data);
    finding_headline(&finding, headline);
    return finding;
}

static void test_hump_is_told_by_its_peak_against_ties_with_none(void **state) {
    (void)state;
    struct dose_bin bins[] = {bin_of("0", 100000, 200, 60), bin_of("1", 100000, 300, 80),
                              bin_of("2-3", 100000, 460, 90), bin_of("4-7", 100000, 250, 70)};
    char headline[FINDING_TEXT_BYTES];
    struct finding finding = finding_of(bins, 4, headline);
    assert_int_equal(finding.kind, FINDING_PEAK);
    assert_ptr_equal(finding.peak, &bins[2]);
    assert_ptr_equal(finding.against, &bins[0]);
    assert_ptr_equal(finding.behind, &bins[3]);
    assert_true(finding.beats_chance);
    assert_true(finding.ratio > 2.29 && finding.ratio < 2.31);
    assert_true(finding.ratio_low < 2.1 && finding.ratio_high > 2.5);
    assert_string_equal(headline, "Ties with 2-3 mutual connections carried jobs at 2.3 times the "
                                  "rate of ties with none");
}

static void test_rise_without_a_fall_behind_it(void **state) {
    (void)state;
    struct dose_bin bins[] = {bin_of("0", 100000, 200, 0), bin_of("1", 100000, 300, 0),
                              bin_of("2-3", 100000, 460, 0), bin_of("4-7", 2000, 8, 0)};
    char headline[FINDING_TEXT_BYTES];
    struct finding finding = finding_of(bins, 4, headline);
    assert_int_equal(finding.kind, FINDING_RISES);
    assert_ptr_equal(finding.against, &bins[0]);
}

static void test_fall_is_told_against_the_lowest_bin(void **state) {
    (void)state;
    struct dose_bin bins[] = {bin_of("0", 100000, 600, 0), bin_of("1", 100000, 300, 0),
                              bin_of("2-3", 100000, 100, 0)};
    char headline[FINDING_TEXT_BYTES];
    struct finding finding = finding_of(bins, 3, headline);
    assert_int_equal(finding.kind, FINDING_FALLS);
    assert_null(finding.first);
    assert_string_equal(headline, "Ties with no mutual connections carried jobs at 6.0 times the "
                                  "rate of ties with 2-3 mutual connections");
}

static void test_intervals_that_overlap_are_no_difference(void **state) {
    (void)state;
    struct dose_bin bins[] = {bin_of("0", 10000, 20, 0), bin_of("1", 10000, 29, 0),
                              bin_of("2-3", 10000, 22, 0)};
    char headline[FINDING_TEXT_BYTES];
    struct finding finding = finding_of(bins, 3, headline);
    assert_int_equal(finding.kind, FINDING_NO_DIFFERENCE);
    assert_null(finding.against);
    assert_string_equal(headline,
                        "No difference between weak and strong ties can be told apart from chance");
}

static void test_difference_that_chance_explains_says_so(void **state) {
    (void)state;
    struct dose_bin bins[] = {bin_of("0", 100000, 200, 190), bin_of("1", 100000, 460, 450)};
    char headline[FINDING_TEXT_BYTES];
    struct finding finding = finding_of(bins, 2, headline);
    assert_int_equal(finding.kind, FINDING_RISES);
    assert_false(finding.beats_chance);
    assert_string_equal(headline,
                        "Ties with 1 mutual connection carried jobs at 2.3 times the rate "
                        "of ties with none, no more than chance would explain");
}

static void test_few_transmissions_are_no_ground(void **state) {
    (void)state;
    struct dose_bin bins[] = {bin_of("0", 100000, 0, 0), bin_of("1", 10, FINDING_LEAST - 1, 0)};
    char headline[FINDING_TEXT_BYTES];
    struct finding finding = finding_of(bins, 2, headline);
    assert_int_equal(finding.kind, FINDING_TOO_FEW);
    assert_null(finding.peak);
}

/* A bin with so few sides that nothing could be seen there is neither weak nor strong. */
static void test_tiny_bins_are_held_against_nothing(void **state) {
    (void)state;
    struct dose_bin bins[] = {bin_of("0", 20, 0, 0), bin_of("1", 100000, 500, 0),
                              bin_of("2-3", 20, 0, 0), bin_of("4-7", 0, 0, 0)};
    char headline[FINDING_TEXT_BYTES];
    struct finding finding = finding_of(bins, 4, headline);
    assert_int_equal(finding.kind, FINDING_NO_DIFFERENCE);
    assert_null(finding.first);
    assert_null(finding.behind);
}

static void test_ties_that_carried_nothing_have_wilsons_interval(void **state) {
    (void)state;
    struct dose_bin bins[] = {bin_of("0", 100000, 0, 0), bin_of("1", 100000, 500, 0)};
    char headline[FINDING_TEXT_BYTES];
    double low;
    double high;
    dose_interval(&bins[0], &low, &high);
    assert_true(low <= 1e-12 && high > 0);
    struct finding finding = finding_of(bins, 2, headline);
    assert_int_equal(finding.kind, FINDING_RISES);
    assert_true(isnan(finding.ratio));
    assert_string_equal(headline,
                        "Ties with 1 mutual connection carried jobs, ties with none did not");
}

static void test_studies_without_ties_moves_or_transmissions_say_that(void **state) {
    (void)state;
    struct total_row totals[] = {{"ties", 0}, {"moves", 0}, {"transmissions", 0}};
    struct study_data data = {.totals = totals, .total_count = 3};
    const enum finding_kind expected[] = {FINDING_NO_TIES, FINDING_NO_MOVES, FINDING_NONE_CARRIED,
                                          FINDING_TOO_FEW};
    for (size_t i = 0; i < 4; i++) {
        struct finding finding;
        char headline[FINDING_TEXT_BYTES];
        finding_make(&finding, &data);
        finding_headline(&finding, headline);
        assert_int_equal(finding.kind, expected[i]);
        assert_true(strlen(headline) > 20);
        if (i < 3) {
            totals[i].value = 1;
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hump_is_told_by_its_peak_against_ties_with_none),
        cmocka_unit_test(test_rise_without_a_fall_behind_it),
        cmocka_unit_test(test_fall_is_told_against_the_lowest_bin),
        cmocka_unit_test(test_intervals_that_overlap_are_no_difference),
        cmocka_unit_test(test_difference_that_chance_explains_says_so),
        cmocka_unit_test(test_few_transmissions_are_no_ground),
        cmocka_unit_test(test_tiny_bins_are_held_against_nothing),
        cmocka_unit_test(test_ties_that_carried_nothing_have_wilsons_interval),
        cmocka_unit_test(test_studies_without_ties_moves_or_transmissions_say_that),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
