#include "stages/generate/reference.h"

#include "tests/testing.h"

#include <string.h>

static struct err err;

static struct study *study_of(uint64_t seed) {
    struct study_options options = study_defaults(5000, 2.0);
    options.seed = seed;
    options.employer_size = 5;
    struct study *study;
    MUST(study_new(&study, &options, &err));
    return study;
}

static void every_field_of_every_row_fits(void **state) {
    (void)state;
    struct study *study = study_of(1);
    struct fact fact;
    uint32_t members = 0;
    for (uint32_t i = 0; i < 5000; i++) {
        if (reference_member(study, i, 1990, 0.02, &fact)) {
            members++;
            assert_int_equal(fact.known, 0xff);
            for (size_t k = 0; k < fact_shapes[FACT_MEMBERS].field_count; k++) {
                assert_true(fact_value_fits(&fact_shapes[FACT_MEMBERS].fields[k], fact.value[k]));
            }
            assert_true(fact.value[MEMBER_ID] == study_member_id(study, i));
            uint64_t region = fact.value[MEMBER_REGION];
            assert_true((fact.value[MEMBER_PLACE] - 1) / 8 + 1 == region);
        }
    }
    assert_true(members > 4800 && members < 4950); /* 4,900 and 10 */
    assert_true(reference_member(study, 1, 0, 0.02, &fact) ||
                reference_member(study, 2, 0, 0.02, &fact));
    assert_int_equal(fact.known & 1 << MEMBER_CAREER_START_YEAR, 0);
    study_free(study);
}

static void a_region_lies_in_one_country(void **state) {
    (void)state;
    struct study *study = study_of(2);
    uint64_t country_of[1000] = {0};
    for (uint32_t i = 0; i < 5000; i++) {
        struct fact fact;
        if (reference_member(study, i, 0, 0.02, &fact)) {
            uint64_t *country = &country_of[fact.value[MEMBER_REGION]];
            assert_true(*country == 0 || *country == fact.value[MEMBER_COUNTRY]);
            *country = fact.value[MEMBER_COUNTRY];
        }
    }
    study_free(study);
}

static void rankings_are_orders_of_all_industries(void **state) {
    (void)state;
    struct study *study = study_of(3);
    for (int ranking = 0; ranking < INDUSTRY_RANKS; ranking++) {
        uint32_t seen = 0;
        for (uint32_t i = 0; i < STUDY_INDUSTRIES; i++) {
            struct fact fact = reference_industry(study, i);
            assert_true(fact.value[INDUSTRY_ID] == i + 1);
            seen |= UINT32_C(1) << (fact.value[INDUSTRY_IT + ranking] - 1);
        }
        assert_int_equal(seen, (UINT32_C(1) << STUDY_INDUSTRIES) - 1);
    }
    study_free(study);
}

static void companies_merge_into_greater_ones_that_stay(void **state) {
    (void)state;
    struct study *study = study_of(4);
    uint32_t merged = 0;
    for (uint32_t i = 0; i < study_group_count(study, EMPLOYER); i++) {
        uint32_t into = reference_canonical(study, i, 0.3);
        struct fact fact = reference_company(study, i, 0.3);
        assert_true(into <= i);
        assert_int_equal(reference_canonical(study, into, 0.3), into);
        assert_int_equal(reference_canonical(study, i, 0.0), i);
        assert_int_equal((fact.known >> COMPANY_CANONICAL & 1) != 0, into != i);
        assert_true(into == i || fact.value[COMPANY_CANONICAL] == reference_company_id(into));
        merged += into != i;
    }
    /* 1,001 companies, of which 0.3 * 0.7 merge */
    assert_true(merged > 160 && merged < 260);
    study_free(study);
}

static void the_same_number_gives_the_same_row(void **state) {
    (void)state;
    struct study *one = study_of(5);
    struct study *same = study_of(5);
    struct study *other = study_of(6);
    uint32_t differing = 0;
    for (uint32_t i = 0; i < 100; i++) {
        struct fact a;
        struct fact b;
        struct fact c;
        assert_int_equal(reference_member(one, i, 1999, 0.02, &a),
                         reference_member(same, i, 1999, 0.02, &b));
        assert_memory_equal(a.value, b.value, sizeof a.value);
        assert_int_equal(a.known, b.known);
        reference_member(other, i, 1999, 0.02, &c);
        differing += memcmp(a.value, c.value, sizeof a.value) != 0;
    }
    assert_true(differing > 90);
    study_free(one);
    study_free(same);
    study_free(other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_of_every_row_fits),
        cmocka_unit_test(a_region_lies_in_one_country),
        cmocka_unit_test(rankings_are_orders_of_all_industries),
        cmocka_unit_test(companies_merge_into_greater_ones_that_stay),
        cmocka_unit_test(the_same_number_gives_the_same_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
