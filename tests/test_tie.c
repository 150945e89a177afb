#include "tests/testing.h"

#include "schemas/limits.h"
#include "schemas/tie.h"
#include "stages/base/random.h"

static struct tie tie_with(uint32_t mutual, uint32_t degree_from, uint32_t degree_to) {
    return (struct tie){.mutual = mutual, .degree_from = degree_from, .degree_to = degree_to};
}

static void test_first_tie_of_two_strangers_has_strength_zero(void **state) {
    (void)state;
    struct tie tie = tie_with(0, 0, 0);
    assert_int_equal(tie_union(&tie), 0);
    assert_true(tie_strength(&tie) == 0.0);
}

static void test_same_neighbours_on_both_sides_have_strength_one(void **state) {
    (void)state;
    struct tie tie = tie_with(17, 17, 17);
    assert_int_equal(tie_union(&tie), 17);
    assert_true(tie_strength(&tie) == 1.0);
}

static void test_neighbours_apart_have_strength_zero(void **state) {
    (void)state;
    struct tie tie = tie_with(0, 5, 9);
    assert_int_equal(tie_union(&tie), 14);
    assert_true(tie_strength(&tie) == 0.0);
}

static void test_median_of_the_study_is_eight_in_3335(void **state) {
    (void)state;
    struct tie tie = tie_with(8, 3000, 343);
    assert_int_equal(tie_union(&tie), 3335);
    assert_true(tie_strength(&tie) == 8.0 / 3335.0);
}

static void test_largest_degrees_do_not_wrap(void **state) {
    (void)state;
    struct tie tie = tie_with(0, UINT32_MAX, UINT32_MAX);
    assert_int_equal(tie_union(&tie), 2 * (uint64_t)UINT32_MAX);
    tie.mutual = UINT32_MAX;
    assert_int_equal(tie_union(&tie), UINT32_MAX);
    assert_true(tie_strength(&tie) == 1.0);
}

/* The 2019 wave divides by D(i) + D(j) - M - 2 with degrees that count the new tie already. */
static void test_strength_equals_the_form_with_degrees_after_the_tie(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, 3);
    for (int i = 0; i < 100000; i++) {
        uint32_t mutual = (uint32_t)random_below(&random, 1000);
        uint32_t from = mutual + (uint32_t)random_below(&random, 30000);
        uint32_t to = mutual + 1 + (uint32_t)random_below(&random, 30000);
        struct tie tie = tie_with(mutual, from, to);
        double after = (double)mutual / ((double)(from + 1) + (double)(to + 1) - mutual - 2);
        assert_true(tie_strength(&tie) == after);
        assert_true(tie_strength(&tie) >= 0.0 && tie_strength(&tie) <= 1.0);
    }
}

static void test_a_lasting_tie_ends_after_every_valid_time(void **state) {
    (void)state;
    assert_true(TIE_OPEN_MS > LIMIT_TIME_MAX_MS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_tie_of_two_strangers_has_strength_zero),
        cmocka_unit_test(test_same_neighbours_on_both_sides_have_strength_one),
        cmocka_unit_test(test_neighbours_apart_have_strength_zero),
        cmocka_unit_test(test_median_of_the_study_is_eight_in_3335),
        cmocka_unit_test(test_largest_degrees_do_not_wrap),
        cmocka_unit_test(test_strength_equals_the_form_with_degrees_after_the_tie),
        cmocka_unit_test(test_a_lasting_tie_ends_after_every_valid_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
