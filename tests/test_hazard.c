#include "stages/generate/hazard.h"

#include "tests/testing.h"

static void assert_near(double value, double expected) {
    assert_true(value > expected - 1e-12 && value < expected + 1e-12);
}

static void curves_are_what_they_are_called(void **state) {
    (void)state;
    for (uint32_t mutual = 0; mutual < 1000; mutual++) {
        assert_near(hazard_at(HAZARD_NONE, mutual), 0.0);
        assert_near(hazard_at(HAZARD_FLAT, mutual), 1.0);
        assert_true(hazard_at(HAZARD_FALLING, mutual) > hazard_at(HAZARD_FALLING, mutual + 1));
        bool rises =
            hazard_at(HAZARD_INVERTED_U, mutual) < hazard_at(HAZARD_INVERTED_U, mutual + 1);
        assert_int_equal(rises, mutual < HAZARD_PEAK);
    }
}

static void curves_pass_through_known_points(void **state) {
    (void)state;
    assert_near(hazard_at(HAZARD_FALLING, 0), 1.0);
    assert_near(hazard_at(HAZARD_FALLING, 10), 0.5);
    assert_near(hazard_at(HAZARD_FALLING, 30), 0.25);
    assert_near(hazard_at(HAZARD_INVERTED_U, 0), 0.0);
    assert_near(hazard_at(HAZARD_INVERTED_U, 10), 1.0);
    assert_near(hazard_at(HAZARD_INVERTED_U, 5), 0.64);
    assert_near(hazard_at(HAZARD_INVERTED_U, 20), 0.64);
    assert_true(hazard_at(HAZARD_INVERTED_U, UINT32_MAX) < 1e-15);
}

static void names_are_those_of_the_command(void **state) {
    (void)state;
    assert_string_equal(hazard_name(HAZARD_NONE), "none");
    assert_string_equal(hazard_name(HAZARD_FLAT), "flat");
    assert_string_equal(hazard_name(HAZARD_FALLING), "falling");
    assert_string_equal(hazard_name(HAZARD_INVERTED_U), "inverted-u");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(curves_are_what_they_are_called),
        cmocka_unit_test(curves_pass_through_known_points),
        cmocka_unit_test(names_are_those_of_the_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
