#include "schemas/facts.h"
#include "schemas/limits.h"
#include "tests/testing.h"

#include <string.h>

static void shapes_are_sound(void **state) {
    (void)state;
    for (int log = 0; log < FACT_LOGS; log++) {
        const struct fact_shape *shape = &fact_shapes[log];
        assert_non_null(shape->name);
        assert_in_range(shape->field_count, 2, FACT_FIELDS_MAX);
        assert_true(shape->key_fields < shape->field_count);
        for (size_t i = 0; i < shape->field_count; i++) {
            const struct fact_field *field = &shape->fields[i];
            assert_false(field->is_required && field->has_default);
            assert_int_equal(field->choices != NULL, field->type == FACT_CHOICE);
            assert_true(!field->has_default || fact_value_fits(field, field->otherwise));
            assert_true(field->has_default || field->otherwise == 0);
            assert_true(i >= shape->key_fields || field->is_required);
        }
    }
}

/* The enums name the fields in their order. */
static void fields_stand_where_the_enums_say(void **state) {
    (void)state;
    static const struct {
        enum fact_log log;
        int field;
        const char *name;
    } known[] = {
        {FACT_POSITIONS, POSITION_AT, "at"},
        {FACT_POSITIONS, POSITION_MEMBER, "member"},
        {FACT_POSITIONS, POSITION_COMPANY, "company"},
        {FACT_POSITIONS, POSITION_KIND, "kind"},
        {FACT_POSITIONS, POSITION_PRECISION, "precision"},
        {FACT_INTERACTIONS, INTERACTION_AT, "at"},
        {FACT_INTERACTIONS, INTERACTION_FROM, "from"},
        {FACT_INTERACTIONS, INTERACTION_TO, "to"},
        {FACT_INTERACTIONS, INTERACTION_KIND, "kind"},
        {FACT_INTERACTIONS, INTERACTION_COUNT, "count"},
        {FACT_APPLICATIONS, APPLICATION_AT, "at"},
        {FACT_APPLICATIONS, APPLICATION_MEMBER, "member"},
        {FACT_APPLICATIONS, APPLICATION_COUNT, "count"},
        {FACT_ASSIGNMENTS, ASSIGNMENT_AT, "at"},
        {FACT_ASSIGNMENTS, ASSIGNMENT_EXPERIMENT, "experiment"},
        {FACT_ASSIGNMENTS, ASSIGNMENT_MEMBER, "member"},
        {FACT_ASSIGNMENTS, ASSIGNMENT_VARIANT, "variant"},
        {FACT_MEMBERS, MEMBER_ID, "member"},
        {FACT_MEMBERS, MEMBER_INDUSTRY, "industry"},
        {FACT_MEMBERS, MEMBER_COUNTRY, "country"},
        {FACT_MEMBERS, MEMBER_REGION, "region"},
        {FACT_MEMBERS, MEMBER_PLACE, "place"},
        {FACT_MEMBERS, MEMBER_SCHOOL, "school"},
        {FACT_MEMBERS, MEMBER_CAREER_START_YEAR, "career_start_year"},
        {FACT_MEMBERS, MEMBER_GENDER, "gender"},
        {FACT_COMPANIES, COMPANY_ID, "company"},
        {FACT_COMPANIES, COMPANY_CANONICAL, "canonical"},
        {FACT_COMPANIES, COMPANY_INDUSTRY, "industry"},
        {FACT_INDUSTRIES, INDUSTRY_ID, "industry"},
        {FACT_INDUSTRIES, INDUSTRY_NAICS, "naics"},
        {FACT_INDUSTRIES, INDUSTRY_IT, "it_rank"},
        {FACT_INDUSTRIES, INDUSTRY_SOFTWARE, "software_rank"},
        {FACT_INDUSTRIES, INDUSTRY_ML, "ml_rank"},
        {FACT_INDUSTRIES, INDUSTRY_AI, "ai_rank"},
        {FACT_INDUSTRIES, INDUSTRY_ROBOTS, "robot_rank"},
        {FACT_INDUSTRIES, INDUSTRY_REMOTE, "remote_rank"},
    };
    size_t fields = 0;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const struct fact_shape *shape = &fact_shapes[known[i].log];
        const char *name = known[i].name;
        assert_int_equal(fact_field_find(shape, name, strlen(name)), known[i].field);
    }
    for (int log = 0; log < FACT_LOGS; log++) {
        fields += fact_shapes[log].field_count;
    }
    assert_int_equal(fields, sizeof known / sizeof *known);
}

static void other_names_are_no_fields(void **state) {
    (void)state;
    const struct fact_shape *shape = &fact_shapes[FACT_POSITIONS];
    assert_int_equal(fact_field_find(shape, "industry", 8), -1);
    assert_int_equal(fact_field_find(shape, "", 0), -1);
    assert_int_equal(fact_field_find(shape, "kin", 3), -1);
    assert_int_equal(fact_field_find(shape, "kinds", 5), -1);
    assert_int_equal(fact_field_find(shape, "kinds", 4), POSITION_KIND); /* not NUL-terminated */
}

static bool fits(enum fact_log log, int field, uint64_t value) {
    return fact_value_fits(&fact_shapes[log].fields[field], value);
}

static void values_fit_up_to_the_ends_of_their_ranges(void **state) {
    (void)state;
    assert_true(fits(FACT_POSITIONS, POSITION_AT, (uint64_t)LIMIT_TIME_MIN_MS));
    assert_true(fits(FACT_POSITIONS, POSITION_AT, (uint64_t)LIMIT_TIME_MAX_MS));
    assert_false(fits(FACT_POSITIONS, POSITION_AT, (uint64_t)LIMIT_TIME_MIN_MS - 1));
    assert_false(fits(FACT_POSITIONS, POSITION_AT, (uint64_t)LIMIT_TIME_MAX_MS + 1));
    assert_true(fits(FACT_POSITIONS, POSITION_MEMBER, 0));
    assert_true(fits(FACT_POSITIONS, POSITION_MEMBER, UINT64_MAX));
    assert_false(fits(FACT_APPLICATIONS, APPLICATION_COUNT, 0));
    assert_true(fits(FACT_APPLICATIONS, APPLICATION_COUNT, 1));
    assert_true(fits(FACT_APPLICATIONS, APPLICATION_COUNT, UINT32_MAX));
    assert_false(fits(FACT_APPLICATIONS, APPLICATION_COUNT, UINT64_C(1) << 32));
    assert_true(fits(FACT_ASSIGNMENTS, ASSIGNMENT_VARIANT, 0));
    assert_true(fits(FACT_ASSIGNMENTS, ASSIGNMENT_VARIANT, UINT32_MAX));
    assert_false(fits(FACT_ASSIGNMENTS, ASSIGNMENT_VARIANT, UINT64_C(1) << 32));
    assert_false(fits(FACT_MEMBERS, MEMBER_CAREER_START_YEAR, 0));
    assert_true(fits(FACT_MEMBERS, MEMBER_CAREER_START_YEAR, 9999));
    assert_false(fits(FACT_MEMBERS, MEMBER_CAREER_START_YEAR, 10000));
    assert_true(fits(FACT_POSITIONS, POSITION_KIND, POSITION_END));
    assert_false(fits(FACT_POSITIONS, POSITION_KIND, 2));
    assert_true(fits(FACT_POSITIONS, POSITION_PRECISION, PRECISION_YEAR));
    assert_false(fits(FACT_POSITIONS, POSITION_PRECISION, 3));
    assert_false(fits(FACT_POSITIONS, POSITION_PRECISION, UINT64_MAX));
}

static void choices_are_named_in_the_order_of_their_enums(void **state) {
    (void)state;
    const struct fact_field *fields = fact_shapes[FACT_POSITIONS].fields;
    assert_string_equal(fields[POSITION_KIND].choices[POSITION_START], "start");
    assert_string_equal(fields[POSITION_KIND].choices[POSITION_END], "end");
    assert_string_equal(fields[POSITION_PRECISION].choices[PRECISION_DAY], "day");
    assert_string_equal(fields[POSITION_PRECISION].choices[PRECISION_MONTH], "month");
    assert_string_equal(fields[POSITION_PRECISION].choices[PRECISION_YEAR], "year");
    assert_int_equal(fields[POSITION_PRECISION].otherwise, PRECISION_DAY);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_are_sound),
        cmocka_unit_test(fields_stand_where_the_enums_say),
        cmocka_unit_test(other_names_are_no_fields),
        cmocka_unit_test(values_fit_up_to_the_ends_of_their_ranges),
        cmocka_unit_test(choices_are_named_in_the_order_of_their_enums),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
