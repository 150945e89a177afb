#include "pipeline/summary.h"

#include "stages/base/json.h"
#include "stages/base/random.h"
#include "tests/testing.h"

#include <stdlib.h>
#include <string.h>

static struct histogram histogram_over(const uint32_t *values, size_t count) {
    struct histogram histogram = {0};
    struct err err;
    for (size_t i = 0; i < count; i++) {
        MUST(histogram_add(&histogram, values[i], 1, &err));
    }
    return histogram;
}

static int compare_u32(const void *left, const void *right) {
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

static void ranks_and_classes_are_those_of_the_sorted_values(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 300; seed++) {
        uint32_t values[200];
        struct random random;
        random_seed(&random, seed);
        size_t n = 1 + (size_t)random_below(&random, 200);
        uint64_t sum = 0;
        for (size_t i = 0; i < n; i++) {
            values[i] = (uint32_t)random_below(&random, 1 + seed);
            sum += values[i];
        }
        struct histogram histogram = histogram_over(values, n);
        struct summary summary = summary_of(&histogram, &histogram);
        qsort(values, n, sizeof *values, compare_u32);
        assert_int_equal(summary.ties, n);
        assert_int_equal(summary.sum, sum);
        assert_true(summary.mean == (double)sum / (double)n);
        assert_int_equal(summary.median, values[(n + 1) / 2 - 1]);
        assert_int_equal(summary.max, values[n - 1]);
        assert_int_equal(summary.weak_to, values[(n + 2) / 3 - 1]);       /* rank ceil(n / 3) */
        assert_int_equal(summary.medium_to, values[(2 * n + 2) / 3 - 1]); /* rank ceil(2n / 3) */
        uint64_t weak = 0;
        uint64_t medium = 0;
        for (size_t i = 0; i < n; i++) {
            weak += values[i] <= summary.weak_to;
            medium += values[i] > summary.weak_to && values[i] <= summary.medium_to;
        }
        assert_int_equal(summary.weak, weak);
        assert_int_equal(summary.medium, medium);
        assert_int_equal(summary.strong, n - weak - medium);
        histogram_release(&histogram);
    }
}

static void cuts_come_from_the_cohort_and_counts_from_the_ties(void **state) {
    (void)state;
    static const uint32_t all[] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
    static const uint32_t some[] = {0, 0, 3, 9};
    struct histogram cohort = histogram_over(all, 9);
    struct histogram ties = histogram_over(some, 4);
    struct summary summary = summary_of(&ties, &cohort);
    assert_int_equal(summary.weak_to, 2);
    assert_int_equal(summary.medium_to, 5);
    assert_int_equal(summary.weak, 2);
    assert_int_equal(summary.medium, 1);
    assert_int_equal(summary.strong, 1);
    histogram_release(&cohort);
    histogram_release(&ties);
}

static void no_ties_give_zeros_and_valid_json(void **state) {
    (void)state;
    struct histogram none = {0};
    struct err err;
    struct json *root;
    uint64_t ties = 1;
    struct json_writer writer = {.is_compact = true};
    struct summary summary = summary_of(&none, &none);
    json_object_begin(&writer, NULL);
    summary_put(&writer, "summary", &summary);
    json_object_end(&writer);
    MUST(json_writer_finish(&writer, &err));
    MUST(json_parse(&root, (const char *)writer.text.data, writer.text.count, &err));
    assert_true(json_u64(json_get(json_get(root, "summary"), "ties"), &ties));
    assert_int_equal(ties, 0);
    json_free(root);
    json_writer_release(&writer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranks_and_classes_are_those_of_the_sorted_values),
        cmocka_unit_test(cuts_come_from_the_cohort_and_counts_from_the_ties),
        cmocka_unit_test(no_ties_give_zeros_and_valid_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
