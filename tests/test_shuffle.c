#include "tests/testing.h"

#include "stages/generate/shuffle.h"

#include <stdbool.h>
#include <stdlib.h>

static void every_number_comes_once_whatever_the_count(void **state) {
    (void)state;
    const uint32_t counts[] = {1, 2, 3, 4, 5, 7, 8, 9, 63, 64, 65, 1000, 65536, 100003};
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        for (uint64_t seed = 0; seed < 3; seed++) {
            struct shuffle shuffle = shuffle_make(counts[c], seed);
            bool *seen = calloc(counts[c], sizeof *seen);
            assert_non_null(seen);
            for (uint32_t i = 0; i < counts[c]; i++) {
                uint32_t number = shuffle_of(&shuffle, i);
                assert_true(number < counts[c]);
                assert_false(seen[number]);
                seen[number] = true;
            }
            free(seen);
        }
    }
}

static void the_greatest_counts_work(void **state) {
    (void)state;
    struct shuffle shuffle = shuffle_make(UINT32_MAX, 5);
    uint32_t first = shuffle_of(&shuffle, 0);
    uint32_t last = shuffle_of(&shuffle, UINT32_MAX - 1);
    assert_true(first < UINT32_MAX && last < UINT32_MAX && first != last);
}

static void the_order_looks_random_and_depends_on_the_seed(void **state) {
    (void)state;
    enum { COUNT = 50000 };
    struct shuffle one = shuffle_make(COUNT, 1);
    struct shuffle other = shuffle_make(COUNT, 2);
    uint32_t same = 0;
    uint32_t rises = 0;
    uint32_t stays_in_half = 0;
    for (uint32_t i = 0; i + 1 < COUNT; i++) {
        uint32_t number = shuffle_of(&one, i);
        same += number == shuffle_of(&other, i);
        rises += number < shuffle_of(&one, i + 1);
        stays_in_half += (number < COUNT / 2) == (i < COUNT / 2);
    }
    assert_true(same < 20);
    assert_true(rises > COUNT / 10 * 4 && rises < COUNT / 10 * 6);
    assert_true(stays_in_half > COUNT / 10 * 4 && stays_in_half < COUNT / 10 * 6);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number_comes_once_whatever_the_count),
        cmocka_unit_test(the_greatest_counts_work),
        cmocka_unit_test(the_order_looks_random_and_depends_on_the_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
