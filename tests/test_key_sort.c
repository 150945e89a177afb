#include "stages/base/random.h"
#include "stages/facts/key_sort.h"
#include "tests/testing.h"

#include <stdlib.h>

/* `at` numbers the items, so a stable order has it ascending among equal keys. */
static void assert_sorts(const uint64_t *keys, size_t count) {
    struct key_item *items = calloc(2 * count + 1, sizeof *items);
    uint8_t *is_seen = calloc(count + 1, 1);
    assert_true(items != NULL && is_seen != NULL);
    for (size_t i = 0; i < count; i++) {
        items[i] = (struct key_item){keys[i], i};
    }
    key_sort(items, items + count, count);
    for (size_t i = 0; i < count; i++) {
        assert_true(items[i].at < count && !is_seen[items[i].at]);
        is_seen[items[i].at] = 1;
        assert_true(items[i].key == keys[items[i].at]);
        if (i > 0) {
            assert_true(items[i - 1].key <= items[i].key);
            assert_true(items[i - 1].key != items[i].key || items[i - 1].at < items[i].at);
        }
    }
    free(items);
    free(is_seen);
}

static void keys_ascend_and_equal_ones_keep_their_order(void **state) {
    (void)state;
    enum { COUNT_MAX = 5000 };
    static const uint64_t masks[] = {
        0, 1, 0xff, 0xff00, UINT64_MAX, UINT64_C(0xff) << 56, UINT64_C(0x00f0000000f000f0), 0xffff,
    };
    uint64_t *keys = calloc(COUNT_MAX, sizeof *keys);
    assert_non_null(keys);
    struct random random;
    random_seed(&random, 1);
    for (int round = 0; round < 400; round++) {
        size_t count = random_below(&random, round % 10 == 0 ? COUNT_MAX : 120);
        uint64_t mask = masks[random_below(&random, sizeof masks / sizeof *masks)];
        uint64_t common = random_u64(&random) & ~mask;
        for (size_t i = 0; i < count; i++) {
            keys[i] = (random_u64(&random) & mask) | common;
        }
        assert_sorts(keys, count);
    }
    free(keys);
}

static void the_ends_of_the_range_are_the_first_and_the_last(void **state) {
    (void)state;
    uint64_t keys[100];
    for (size_t i = 0; i < 100; i++) {
        keys[i] = i % 3 == 0 ? UINT64_MAX : i % 3 == 1 ? 0 : UINT64_C(1) << 63;
    }
    assert_sorts(keys, 100);
    assert_sorts(keys, 3);
    assert_sorts(keys, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_ascend_and_equal_ones_keep_their_order),
        cmocka_unit_test(the_ends_of_the_range_are_the_first_and_the_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
