/* Known answers; test_careers compares with a slow reading of the definitions. */
#include "stages/careers/spells.h"
#include "tests/testing.h"

/* A day, a stretch of days. */
#define DAY(n) ((struct span){(n), (n) + 1})
#define DAYS(from, to) ((struct span){(from), (to)})
#define START(when)                                                                                \
    { when, 7, POSITION_START }
#define END(when)                                                                                  \
    { when, 7, POSITION_END }

static void assert_spells(struct position *positions, size_t count,
                          const struct span (*expected)[2], size_t expected_count,
                          uint64_t expected_orphans) {
    struct spell spells[8];
    uint64_t orphans = 100;
    size_t made = spells_make(positions, count, 3, spells, &orphans);
    assert_int_equal(orphans, 100 + expected_orphans);
    assert_int_equal(made, expected_count);
    for (size_t i = 0; i < made; i++) {
        assert_true(span_equal(spells[i].start, expected[i][0]));
        assert_true(span_equal(spells[i].end, expected[i][1]));
        assert_int_equal(spells[i].person, 3);
    }
}
#define ASSERT_SPELLS(positions, orphans, ...)                                                     \
    do {                                                                                           \
        const struct span expected[][2] = {__VA_ARGS__};                                           \
        assert_spells(positions, sizeof(positions) / sizeof *(positions), expected,                \
                      sizeof expected / sizeof *expected, orphans);                                \
    } while (0)

static void a_start_and_an_end_are_a_spell(void **state) {
    (void)state;
    struct position positions[] = {END(DAY(9)), START(DAY(2))};
    ASSERT_SPELLS(positions, 0, {DAY(2), DAY(9)});
}

static void a_start_without_an_end_is_open(void **state) {
    (void)state;
    struct position positions[] = {START(DAY(2))};
    ASSERT_SPELLS(positions, 0, {DAY(2), SPAN_NEVER});
}

static void overlapping_and_touching_positions_are_one(void **state) {
    (void)state;
    struct position overlapping[] = {START(DAY(2)), START(DAY(5)), END(DAY(7)), END(DAY(9))};
    ASSERT_SPELLS(overlapping, 0, {DAY(2), DAY(9)});
    struct position touching[] = {START(DAY(2)), END(DAY(4)), START(DAY(5)), END(DAY(6))};
    ASSERT_SPELLS(touching, 0, {DAY(2), DAY(6)});
    struct position apart[] = {START(DAY(2)), END(DAY(3)), START(DAY(5)), END(DAY(6))};
    ASSERT_SPELLS(apart, 0, {DAY(2), DAY(3)}, {DAY(5), DAY(6)});
}

static void an_end_before_its_start_is_an_orphan_and_an_open_spell(void **state) {
    (void)state;
    struct position positions[] = {START(DAY(5)), END(DAY(2))};
    ASSERT_SPELLS(positions, 1, {DAY(5), SPAN_NEVER});
}

static void the_end_of_the_day_before_meets_the_start(void **state) {
    (void)state;
    struct position positions[] = {START(DAY(5)), END(DAY(4))};
    ASSERT_SPELLS(positions, 0, {DAY(5), DAY(4)});
}

static void of_several_at_one_instant_the_coarsest_names_the_spell(void **state) {
    (void)state;
    struct position positions[] = {
        START(DAY(30)),      START(DAYS(30, 60)), START(DAYS(30, 400)), END(DAY(899)),
        END(DAYS(870, 900)), END(DAYS(870, 900)), END(DAYS(600, 900)),
    };
    ASSERT_SPELLS(positions, 1, {DAYS(30, 400), DAYS(600, 900)});
}

static void a_start_within_a_spell_does_not_name_it(void **state) {
    (void)state;
    struct position positions[] = {START(DAY(30)), START(DAYS(31, 400)), END(DAY(500)),
                                   END(DAYS(400, 501))};
    ASSERT_SPELLS(positions, 0, {DAY(30), DAYS(400, 501)});
}

static void starts_before_records_open_before_every_date(void **state) {
    (void)state;
    struct position positions[] = {START(DAY(5)), START(SPAN_EVER), END(DAY(3)), END(DAY(1))};
    ASSERT_SPELLS(positions, 1, {SPAN_EVER, DAY(1)}, {DAY(5), SPAN_NEVER});
}

static void companies_do_not_mix(void **state) {
    (void)state;
    struct position positions[] = {START(DAY(5)), {DAY(6), 8, POSITION_END}, {DAY(2), 4, 0}};
    ASSERT_SPELLS(positions, 1, {DAY(2), SPAN_NEVER}, {DAY(5), SPAN_NEVER});
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_start_and_an_end_are_a_spell),
        cmocka_unit_test(a_start_without_an_end_is_open),
        cmocka_unit_test(overlapping_and_touching_positions_are_one),
        cmocka_unit_test(an_end_before_its_start_is_an_orphan_and_an_open_spell),
        cmocka_unit_test(the_end_of_the_day_before_meets_the_start),
        cmocka_unit_test(of_several_at_one_instant_the_coarsest_names_the_spell),
        cmocka_unit_test(a_start_within_a_spell_does_not_name_it),
        cmocka_unit_test(starts_before_records_open_before_every_date),
        cmocka_unit_test(companies_do_not_mix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
