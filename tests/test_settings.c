#include "schemas/settings.h"
#include "tests/testing.h"

#include <string.h>

/* The table of definitions, section 4. */
static void presets_are_those_of_the_definitions(void **state) {
    (void)state;
    static const struct attribution_settings expected[ATTRIBUTION_PRESETS] = {
        {"default", 30, 365, true, false, ENDED_EXCLUDE, 5, 0.1, 10, 365},
        {"gee2012", 365, 365, false, false, ENDED_EXCLUDE, 5, 0.1, 10, 365},
        {"facebook2016", 365, 365, false, true, ENDED_EXCLUDE, 5, 0.1, 10, 365},
    };
    for (size_t i = 0; i < ATTRIBUTION_PRESETS; i++) {
        const struct attribution_settings *preset = &attribution_presets[i];
        assert_string_equal(preset->preset, expected[i].preset);
        assert_int_equal(preset->tie_days, expected[i].tie_days);
        assert_int_equal(preset->job_days, expected[i].job_days);
        assert_int_equal(preset->alter_active, expected[i].alter_active);
        assert_int_equal(preset->tie_first, expected[i].tie_first);
        assert_int_equal(preset->ended_ties, expected[i].ended_ties);
        assert_int_equal(preset->mass_movers, expected[i].mass_movers);
        assert_true(preset->mass_share == expected[i].mass_share);
        assert_int_equal(preset->threshold, expected[i].threshold);
        assert_int_equal(preset->intensity_days, expected[i].intensity_days);
    }
}

static void rules_and_horizons_have_names_of_their_own(void **state) {
    (void)state;
    assert_string_equal(credit_rule_name(CREDIT_EACH), "each");
    assert_string_equal(credit_rule_name(CREDIT_EQUAL), "equal");
    assert_string_equal(credit_rule_name(CREDIT_LAST), "last");
    assert_string_equal(credit_rule_name(CREDIT_STRENGTH), "strength");
    for (size_t i = 1; i < HORIZONS; i++) {
        assert_true(horizon_days[i - 1] < horizon_days[i]);
        assert_string_not_equal(horizon_name(i - 1), horizon_name(i));
    }
    assert_int_equal(CREDIT_ONE, 1073741824);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(presets_are_those_of_the_definitions),
        cmocka_unit_test(rules_and_horizons_have_names_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
