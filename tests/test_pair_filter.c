#include "stages/tie_store/pair_filter.h"

#include "tests/testing.h"

#include <string.h>

static struct pair_bits bits_of(const struct pair_filter *filter, uint32_t a, uint32_t b) {
    return pair_filter_locate(filter, (struct node_id){a}, (struct node_id){b});
}

static void a_pair_that_was_added_is_never_denied_in_either_order(void **state) {
    (void)state;
    struct pair_filter filter = {0};
    struct err err;
    MUST(pair_filter_reset(&filter, 1000, &err));
    for (uint32_t i = 0; i < 5000; i++) { /* five times as many as it was made for */
        pair_filter_add(&filter, bits_of(&filter, i, i * 7 + 1));
    }
    for (uint32_t i = 0; i < 5000; i++) {
        assert_true(pair_filter_may_hold(&filter, bits_of(&filter, i, i * 7 + 1)));
        assert_true(pair_filter_may_hold(&filter, bits_of(&filter, i * 7 + 1, i)));
    }
    pair_filter_release(&filter);
}

static void few_pairs_that_were_not_added_are_looked_up_when_it_is_full(void **state) {
    (void)state;
    struct pair_filter filter = {0};
    struct err err;
    enum { PAIRS = 100000 };
    MUST(pair_filter_reset(&filter, PAIRS, &err));
    for (uint32_t i = 0; i < PAIRS; i++) {
        assert_false(pair_filter_is_full(&filter, 1));
        pair_filter_add(&filter, bits_of(&filter, i, i + 1));
    }
    uint32_t false_looks = 0;
    for (uint32_t i = 0; i < PAIRS; i++) {
        false_looks += pair_filter_may_hold(&filter, bits_of(&filter, i, i + 1000000));
    }
    assert_in_range(false_looks, 1, PAIRS / 5); /* about one in ten is documented */
    assert_true(pair_filter_is_full(&filter, PAIRS));
    pair_filter_release(&filter);
}

static void a_reset_forgets(void **state) {
    (void)state;
    struct pair_filter filter = {0};
    struct err err;
    MUST(pair_filter_reset(&filter, 10, &err));
    pair_filter_add(&filter, bits_of(&filter, 1, 2));
    MUST(pair_filter_reset(&filter, 10, &err));
    assert_false(pair_filter_may_hold(&filter, bits_of(&filter, 1, 2)));
    assert_int_equal(filter.pair_count, 0);
    pair_filter_release(&filter);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pair_that_was_added_is_never_denied_in_either_order),
        cmocka_unit_test(few_pairs_that_were_not_added_are_looked_up_when_it_is_full),
        cmocka_unit_test(a_reset_forgets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
