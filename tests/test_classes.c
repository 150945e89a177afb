#include "stages/attribution/classes.h"
#include "stages/base/random.h"
#include "tests/testing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TIES_MAX = 60, ROUNDS = 3000 };

static int compare_u32(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* A cohort as a sorted list of values, one per tie. */
struct cohort {
    uint32_t values[TIES_MAX];
    size_t count;
};

static struct cohort cohort_make(struct random *random) {
    struct cohort cohort = {.count = 1 + random_below(random, TIES_MAX)};
    uint64_t bound = 1 + random_below(random, 80);
    for (size_t i = 0; i < cohort.count; i++) {
        cohort.values[i] = (uint32_t)random_below(random, bound);
    }
    qsort(cohort.values, cohort.count, sizeof cohort.values[0], compare_u32);
    return cohort;
}

static struct classes classes_of(const struct cohort *cohort, uint32_t threshold) {
    struct err err;
    struct histogram histogram = {0};
    for (size_t i = 0; i < cohort->count; i++) {
        MUST(histogram_add(&histogram, cohort->values[i], 1, &err));
    }
    struct classes classes = {0};
    MUST(classes_set_mutual(&classes, &histogram, threshold, &err));
    histogram_release(&histogram);
    return classes;
}

static void terciles_and_exact_bins_agree_with_a_sorted_list(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, 5);
    for (int round = 0; round < ROUNDS; round++) {
        struct cohort cohort = cohort_make(&random);
        uint32_t threshold = (uint32_t)random_below(&random, 20);
        struct classes classes = classes_of(&cohort, threshold);
        size_t n = cohort.count;
        uint32_t weak = cohort.values[(n + 2) / 3 - 1];
        uint32_t medium = cohort.values[(2 * n + 2) / 3 - 1];
        assert_int_equal(classes.ties, n);
        size_t exact = 0;
        for (size_t i = 0; i < n; i++) {
            uint32_t m = cohort.values[i];
            exact += i != 0 && cohort.values[i - 1] != m;
            struct side side = {.mutual = m};
            assert_int_equal(side_bin(&classes, MEASURE_EXACT, &side), exact);
            assert_int_equal(side_bin(&classes, MEASURE_TERCILES, &side), m <= weak ? TERCILE_WEAK
                                                                          : m <= medium
                                                                              ? TERCILE_MEDIUM
                                                                              : TERCILE_STRONG);
            assert_int_equal(side_bin(&classes, MEASURE_THRESHOLD, &side), m > threshold);
        }
        assert_int_equal(measure_bins(&classes, MEASURE_EXACT), exact + 1);
        classes_release(&classes);
    }
}

/* Every tie's values lie between the ends of its bin's label, and in no other bin of the measure.
 */
static void labels_say_what_their_bins_hold(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, 6);
    for (int round = 0; round < ROUNDS; round++) {
        struct cohort cohort = cohort_make(&random);
        struct classes classes = classes_of(&cohort, 10);
        for (int measure = MEASURE_EXACT; measure < MEASURE_STRENGTH; measure++) {
            size_t bins = measure_bins(&classes, (enum measure)measure);
            for (size_t i = 0; i < cohort.count; i++) {
                uint32_t m = cohort.values[i];
                size_t own = mutual_bin(&classes, (enum measure)measure, m);
                assert_true(own < bins);
                for (size_t bin = 0; bin < bins; bin++) {
                    struct bin_label label;
                    measure_label(&classes, (enum measure)measure, bin, &label);
                    assert_int_equal(label.low <= m && m <= label.high, bin == own);
                }
            }
        }
        classes_release(&classes);
    }
}

static void labels_read_as_people_write_them(void **state) {
    (void)state;
    struct cohort cohort = {{0, 1, 2, 5, 7, 40}, 6};
    struct classes classes = classes_of(&cohort, 10);
    const struct {
        enum measure measure;
        size_t bin;
        const char *text;
    } expected[] = {
        {MEASURE_EXACT, 5, "40"},       {MEASURE_LOG2, 0, "0"},
        {MEASURE_LOG2, 1, "1"},         {MEASURE_LOG2, 3, "4-7"},
        {MEASURE_LOG2, 6, "32-63"},     {MEASURE_TERCILES, 1, "medium"},
        {MEASURE_THRESHOLD, 0, "0-10"}, {MEASURE_THRESHOLD, 1, ">10"},
        {MEASURE_WIDTH20, 0, "0-1"},    {MEASURE_WIDTH20, 2, "4-5"},
        {MEASURE_WIDTH20, 3, "6"},      {MEASURE_WIDTH20, 19, "34-35"},
        {MEASURE_WIDTH20, 20, ">35"},   {MEASURE_STRENGTH, 9, "D10"},
    };
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        struct bin_label label;
        measure_label(&classes, expected[i].measure, expected[i].bin, &label);
        assert_string_equal(label.text, expected[i].text);
    }
    assert_int_equal(measure_bins(&classes, MEASURE_LOG2), 7);
    classes_release(&classes);
}

static void width_bins_are_the_formula_with_the_last_value_held(void **state) {
    (void)state;
    struct classes classes = {0};
    for (uint32_t m = 0; m < 200; m++) {
        size_t expected = m > 35 ? 20 : m == 35 ? 19 : 20 * m / 35;
        assert_int_equal(mutual_bin(&classes, MEASURE_WIDTH20, m), expected);
    }
    assert_int_equal(mutual_bin(&classes, MEASURE_WIDTH20, UINT32_MAX), 20);
    assert_int_equal(mutual_bin(&classes, MEASURE_LOG2, UINT32_MAX), 32);
}

static void strength_on_a_cut_is_in_the_weaker_decile(void **state) {
    (void)state;
    struct classes classes = {.strength_cut = {0, 0, 0.125, 0.25, 0.25, 0.5, 0.625, 0.75, 0.875}};
    const struct {
        uint32_t mutual;
        size_t decile;
    } expected[] = {{0, 0}, {1, 2}, {2, 3}, {3, 5}, {4, 5}, {5, 6}, {6, 7}, {7, 8}};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        uint32_t m = expected[i].mutual;
        struct side side = {.mutual = m, .degree_mover = m, .degree_contact = 8};
        assert_int_equal(side_bin(&classes, MEASURE_STRENGTH, &side), expected[i].decile);
    }
    struct side whole = {.mutual = 3, .degree_mover = 3, .degree_contact = 3};
    assert_int_equal(side_bin(&classes, MEASURE_STRENGTH, &whole), 9);
    struct bin_label label;
    measure_label(&classes, MEASURE_STRENGTH, 1, &label);
    assert_true(isnan(label.low) && isnan(label.high));
}

static void intensity_deciles_agree_with_ranks_counted_one_by_one(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, 7);
    for (int round = 0; round < ROUNDS; round++) {
        struct cohort cohort = cohort_make(&random);
        uint32_t counts[TIES_MAX];
        uint64_t ties[TIES_MAX];
        size_t runs = 0;
        for (size_t i = 0; i < cohort.count; i++) {
            if (runs == 0 || counts[runs - 1] != cohort.values[i]) {
                counts[runs] = cohort.values[i];
                ties[runs++] = 0;
            }
            ties[runs - 1]++;
        }
        struct err err;
        struct classes classes = {0};
        assert_int_equal(measure_bins(&classes, MEASURE_INTENSITY), 0);
        MUST(classes_set_interactions(&classes, counts, ties, runs, &err));
        for (size_t i = 0; i < cohort.count; i++) {
            size_t first = i;
            size_t last = i;
            while (first > 0 && cohort.values[first - 1] == cohort.values[i]) {
                first--;
            }
            while (last + 1 < cohort.count && cohort.values[last + 1] == cohort.values[i]) {
                last++;
            }
            /* Ranks count from 1; both sides times 2 keep to whole numbers. */
            size_t decile = 10 * (first + 1 + last + 1) / (2 * cohort.count);
            struct side side = {.interactions = cohort.values[i]};
            assert_int_equal(side_bin(&classes, MEASURE_INTENSITY, &side), decile > 9 ? 9 : decile);
            double rank = (double)(first + 1 + last + 1) / 2.0 / (double)cohort.count;
            assert_true(fabs(interaction_rank(&classes, cohort.values[i]) - rank) < 1e-12);
        }
        assert_int_equal(classes.interaction_count, runs);
        assert_memory_equal(classes.interaction_ties, ties, runs * sizeof *ties);
        struct bin_label label;
        for (size_t bin = 0; bin < 10; bin++) {
            measure_label(&classes, MEASURE_INTENSITY, bin, &label);
            for (size_t k = 0; k < runs; k++) {
                assert_true(classes.interaction_decile[k] != bin ||
                            (label.low <= counts[k] && counts[k] <= label.high));
            }
        }
        classes_release(&classes);
    }
}

static void an_empty_cohort_has_empty_classes(void **state) {
    (void)state;
    struct cohort cohort = {.count = 0};
    struct classes classes = classes_of(&cohort, 10);
    assert_int_equal(measure_bins(&classes, MEASURE_EXACT), 0);
    assert_int_equal(measure_bins(&classes, MEASURE_LOG2), 0);
    assert_int_equal(classes.ties, 0);
    classes_release(&classes);
}

static void every_measure_has_a_name_of_its_own(void **state) {
    (void)state;
    for (int a = 0; a < MEASURES; a++) {
        for (int b = 0; b < a; b++) {
            assert_string_not_equal(measure_name((enum measure)a), measure_name((enum measure)b));
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(terciles_and_exact_bins_agree_with_a_sorted_list),
        cmocka_unit_test(labels_say_what_their_bins_hold),
        cmocka_unit_test(labels_read_as_people_write_them),
        cmocka_unit_test(width_bins_are_the_formula_with_the_last_value_held),
        cmocka_unit_test(strength_on_a_cut_is_in_the_weaker_decile),
        cmocka_unit_test(intensity_deciles_agree_with_ranks_counted_one_by_one),
        cmocka_unit_test(an_empty_cohort_has_empty_classes),
        cmocka_unit_test(every_measure_has_a_name_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
