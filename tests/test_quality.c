#include "tests/testing.h"

#include "schemas/quality.h"

#include <string.h>

static struct quality example(void) {
    struct quality quality = {0};
    quality.count[QUALITY_APPLIED] = 100;
    quality.count[QUALITY_DUPLICATE] = 20;
    quality.count[QUALITY_ORPHAN] = 3;
    quality.count[QUALITY_SELF_LOOP] = 4;
    quality.count[QUALITY_LATE] = 5;
    quality.count[QUALITY_EARLIER] = 6;
    quality.count[QUALITY_MALFORMED] = 7;
    quality.count[QUALITY_READ] = 145;
    quality.count[QUALITY_OUT_OF_ORDER] = 50;
    quality.count[QUALITY_TIES] = 90;
    quality.count[QUALITY_ENDINGS] = 10;
    return quality;
}

static void test_every_check_has_a_name_of_its_own(void **state) {
    (void)state;
    for (int i = 0; i < QUALITY_CHECKS; i++) {
        const char *name = quality_check_name((enum quality_check)i);
        assert_non_null(name);
        assert_true(strlen(name) > 0);
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(name, quality_check_name((enum quality_check)j));
        }
    }
}

static void test_names_stand_in_the_order_of_the_table(void **state) {
    (void)state;
    assert_string_equal(quality_check_name(QUALITY_READ), "read");
    assert_string_equal(quality_check_name(QUALITY_APPLIED), "applied");
    assert_string_equal(quality_check_name(QUALITY_DUPLICATE), "duplicate");
    assert_string_equal(quality_check_name(QUALITY_ORPHAN), "orphan");
    assert_string_equal(quality_check_name(QUALITY_SELF_LOOP), "self_loop");
    assert_string_equal(quality_check_name(QUALITY_LATE), "late");
    assert_string_equal(quality_check_name(QUALITY_EARLIER), "earlier");
    assert_string_equal(quality_check_name(QUALITY_MALFORMED), "malformed");
    assert_string_equal(quality_check_name(QUALITY_OUT_OF_ORDER), "out_of_order");
    assert_string_equal(quality_check_name(QUALITY_TIES), "ties");
    assert_string_equal(quality_check_name(QUALITY_ENDINGS), "endings");
}

static void test_nothing_read_adds_up(void **state) {
    (void)state;
    struct quality quality = {0};
    assert_true(quality_adds_up(&quality));
}

static void test_one_record_more_or_less_anywhere_is_found_out(void **state) {
    (void)state;
    struct quality quality = example();
    assert_true(quality_adds_up(&quality));
    for (int i = 0; i < QUALITY_CHECKS; i++) {
        struct quality more = quality;
        struct quality less = quality;
        more.count[i]++;
        less.count[i]--;
        bool is_free = i == QUALITY_OUT_OF_ORDER; /* counts in a dimension of its own */
        if (quality_adds_up(&more) != is_free || quality_adds_up(&less) != is_free) {
            fail_msg("a wrong count of '%s' is not noticed",
                     quality_check_name((enum quality_check)i));
        }
    }
}

static void test_add_sums_every_count(void **state) {
    (void)state;
    struct quality sum = example();
    struct quality more = {0};
    for (int i = 0; i < QUALITY_CHECKS; i++) {
        more.count[i] = (UINT64_C(1) << 40) + (uint64_t)i;
    }
    quality_add(&sum, &more);
    struct quality start = example();
    for (int i = 0; i < QUALITY_CHECKS; i++) {
        assert_int_equal(sum.count[i], start.count[i] + (UINT64_C(1) << 40) + (uint64_t)i);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_check_has_a_name_of_its_own),
        cmocka_unit_test(test_names_stand_in_the_order_of_the_table),
        cmocka_unit_test(test_nothing_read_adds_up),
        cmocka_unit_test(test_one_record_more_or_less_anywhere_is_found_out),
        cmocka_unit_test(test_add_sums_every_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
