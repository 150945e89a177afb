#include "tests/testing.h"

#include "stages/generate/member_draws.h"

#include <math.h>
#include <stdlib.h>

static void activity_is_lognormal(void **state) {
    (void)state;
    enum { DRAWS = 100000 };
    struct random random;
    random_seed(&random, 1);
    double sum = 0;
    double squares = 0;
    for (int i = 0; i < DRAWS; i++) {
        uint32_t activity = activity_draw(&random);
        assert_true(activity > 0);
        double logarithm = log((double)activity / (1 << ACTIVITY_BITS));
        sum += logarithm;
        squares += logarithm * logarithm;
    }
    assert_true(fabs(sum / DRAWS) < 0.05);
    assert_true(fabs(sqrt(squares / DRAWS) - 1.2) < 0.05);
}

static void groups_are_the_greater_the_smaller_their_number(void **state) {
    (void)state;
    enum { GROUPS = 1000, DRAWS = 1000000 };
    for (int kind = 0; kind < DRAWN_KINDS; kind++) {
        struct random random;
        random_seed(&random, 1);
        uint32_t power = group_rules[kind].power;
        uint32_t in_first_tenth = 0;
        for (int i = 0; i < DRAWS; i++) {
            uint32_t group = group_number((uint32_t)random_u64(&random), GROUPS, power);
            assert_true(group < GROUPS);
            in_first_tenth += group < GROUPS / 10;
        }
        /* u^k < 1/10 where u < (1/10)^(1/k) */
        assert_true(fabs((double)in_first_tenth / DRAWS - pow(0.1, 1.0 / power)) < 0.01);
    }
    assert_int_equal(group_number(0, GROUPS, 3), 0);
    assert_int_equal(group_number(UINT32_MAX, GROUPS, 1), GROUPS - 1);
}

static void kinds_of_groups_leave_draws_for_everybody(void **state) {
    (void)state;
    uint32_t draws = 0;
    for (int kind = 0; kind < DRAWN_KINDS; kind++) {
        draws += group_rules[kind].draws;
        assert_true(group_rules[kind].size > 0);
    }
    assert_int_equal(draws, 85);
}

static void recommendations_come_from_closing(void **state) {
    (void)state;
    int recommended[2] = {0};
    for (uint64_t percent = 0; percent < GROUP_DRAWS; percent++) {
        for (int closing = 0; closing < 2; closing++) {
            enum event_origin origin = origin_of_percent(percent, closing == 1);
            assert_true(origin != ORIGIN_UNKNOWN && origin < EVENT_ORIGINS);
            recommended[closing] += origin == ORIGIN_RECOMMENDED;
        }
    }
    assert_int_equal(recommended[0], 20);
    assert_int_equal(recommended[1], 60);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(activity_is_lognormal),
        cmocka_unit_test(groups_are_the_greater_the_smaller_their_number),
        cmocka_unit_test(kinds_of_groups_leave_draws_for_everybody),
        cmocka_unit_test(recommendations_come_from_closing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
