#include "tests/testing.h"

#include "stages/base/columns.h"
#include "stages/base/random.h"

#include <string.h>

static void test_plane_k_holds_byte_k_of_every_item(void **state) {
    (void)state;
    static const uint64_t wide[] = {UINT64_C(0x0807060504030201), UINT64_C(0x1817161514131211)};
    static const uint8_t wide_planes[] = {0x01, 0x11, 0x02, 0x12, 0x03, 0x13, 0x04, 0x14,
                                          0x05, 0x15, 0x06, 0x16, 0x07, 0x17, 0x08, 0x18};
    static const uint32_t narrow[] = {UINT32_C(0x04030201), UINT32_C(0x14131211),
                                      UINT32_C(0xf4f3f2f1)};
    static const uint8_t narrow_planes[] = {0x01, 0x11, 0xf1, 0x02, 0x12, 0xf2,
                                            0x03, 0x13, 0xf3, 0x04, 0x14, 0xf4};
    uint8_t planes[16];
    columns_split_u64(wide, 2, planes);
    assert_memory_equal(planes, wide_planes, sizeof wide_planes);
    columns_split_u32(narrow, 3, planes);
    assert_memory_equal(planes, narrow_planes, sizeof narrow_planes);
}

static void test_items_of_any_number_come_back_and_nothing_else_is_written(void **state) {
    (void)state;
    enum { MOST = 300 };
    struct random random;
    random_seed(&random, 9);
    for (size_t count = 0; count <= MOST; count++) {
        uint64_t wide[MOST + 1];
        uint32_t narrow[MOST + 1];
        for (size_t i = 0; i < count; i++) {
            wide[i] = random_u64(&random);
            narrow[i] = (uint32_t)random_u64(&random);
        }
        uint8_t planes[8 * MOST + 2];
        uint64_t wide_back[MOST + 1];
        uint32_t narrow_back[MOST + 1];
        wide_back[count] = 7;
        narrow_back[count] = 7;
        planes[8 * count] = 0xab;
        columns_split_u64(wide, count, planes);
        columns_join_u64(planes, count, wide_back);
        assert_int_equal(planes[8 * count], 0xab);
        planes[4 * count] = 0xab;
        columns_split_u32(narrow, count, planes);
        columns_join_u32(planes, count, narrow_back);
        assert_int_equal(planes[4 * count], 0xab);
        assert_memory_equal(wide_back, wide, count * sizeof wide[0]);
        assert_memory_equal(narrow_back, narrow, count * sizeof narrow[0]);
        assert_int_equal(wide_back[count], 7);
        assert_int_equal(narrow_back[count], 7);
    }
}

static void test_small_differences_have_small_codes(void **state) {
    (void)state;
    assert_int_equal(zigzag_difference(100, 100), 0);
    assert_int_equal(zigzag_difference(100, 99), 1);
    assert_int_equal(zigzag_difference(100, 101), 2);
    assert_int_equal(zigzag_difference(100, 98), 3);
    assert_int_equal(zigzag_difference(-1, 1), 4);
    assert_int_equal(zigzag_difference(0, INT64_MAX), UINT64_MAX - 1);
    assert_int_equal(zigzag_difference(0, INT64_MIN), UINT64_MAX);
}

static void test_every_pair_of_times_decodes_to_itself(void **state) {
    (void)state;
    static const int64_t edges[] = {INT64_MIN, INT64_MIN + 1, -2,       -1, 0, 1,
                                    2,         INT64_MAX - 1, INT64_MAX};
    enum { EDGES = sizeof edges / sizeof edges[0] };
    for (size_t i = 0; i < EDGES; i++) {
        for (size_t j = 0; j < EDGES; j++) {
            uint64_t code = zigzag_difference(edges[i], edges[j]);
            assert_int_equal(zigzag_apply(edges[i], code), edges[j]);
        }
    }
    struct random random;
    random_seed(&random, 10);
    for (int i = 0; i < 100000; i++) {
        int64_t from = (int64_t)random_u64(&random);
        int64_t to = (int64_t)(random_u64(&random) >> random_below(&random, 64));
        assert_int_equal(zigzag_apply(from, zigzag_difference(from, to)), to);
        uint64_t code = random_u64(&random);
        assert_int_equal(zigzag_difference(from, zigzag_apply(from, code)), code);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plane_k_holds_byte_k_of_every_item),
        cmocka_unit_test(test_items_of_any_number_come_back_and_nothing_else_is_written),
        cmocka_unit_test(test_small_differences_have_small_codes),
        cmocka_unit_test(test_every_pair_of_times_decodes_to_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
