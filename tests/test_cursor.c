#include "tests/testing.h"

#include "stages/base/bytes.h"
#include "stages/base/cursor.h"
#include "stages/base/random.h"

static void test_integers_are_read_little_endian_in_order(void **state) {
    (void)state;
    static const uint8_t data[] = {0x02, 0x81, 0x06, 0x05, 0x04, 0x83, 0x0e,
                                   0x0d, 0x0c, 0x0b, 0x0a, 0x09, 0x08, 0x87};
    struct cursor cursor = cursor_over(data, sizeof data);
    assert_int_equal(cursor_u16(&cursor), 0x8102);
    assert_int_equal(cursor_u32(&cursor), UINT32_C(0x83040506));
    assert_int_equal(cursor_u64(&cursor), UINT64_C(0x8708090a0b0c0d0e));
    assert_false(cursor.broken);
    assert_int_equal(cursor_left(&cursor), 0);
}

static void test_every_written_integer_is_read_back(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, 2);
    for (int i = 0; i < 10000; i++) {
        uint64_t value = random_u64(&random) >> random_below(&random, 64);
        uint8_t data[14];
        put_u16(data, (uint16_t)value);
        put_u32(data + 2, (uint32_t)value);
        put_u64(data + 6, value);
        struct cursor cursor = cursor_over(data, sizeof data);
        assert_int_equal(cursor_u16(&cursor), (uint16_t)value);
        assert_int_equal(cursor_u32(&cursor), (uint32_t)value);
        assert_int_equal(cursor_u64(&cursor), value);
    }
}

/* Storage of exactly the right size, so that AddressSanitizer sees a read past the end. */
static void test_reads_at_every_distance_from_the_end_stay_inside(void **state) {
    (void)state;
    for (size_t count = 1; count <= 8; count++) {
        uint8_t *data = test_malloc(count);
        for (size_t i = 0; i < count; i++) {
            data[i] = 0xff;
        }
        struct cursor two = cursor_over(data, count);
        struct cursor four = cursor_over(data, count);
        struct cursor eight = cursor_over(data, count);
        assert_int_equal(cursor_u16(&two), count >= 2 ? UINT16_MAX : 0);
        assert_int_equal(two.broken, count < 2);
        assert_int_equal(cursor_u32(&four), count >= 4 ? UINT32_MAX : 0);
        assert_int_equal(four.broken, count < 4);
        uint64_t low = count >= 4 ? UINT32_MAX : 0;
        assert_int_equal(cursor_u64(&eight), count >= 8 ? UINT64_MAX : low);
        assert_int_equal(eight.broken, count < 8);
        test_free(data);
    }
}

static void test_a_broken_cursor_stays_broken_and_gives_zeros(void **state) {
    (void)state;
    static const uint8_t data[] = {1, 2, 3};
    struct cursor cursor = cursor_over(data, sizeof data);
    assert_int_equal(cursor_u32(&cursor), 0);
    assert_true(cursor.broken);
    assert_int_equal(cursor_u16(&cursor), 0); /* two bytes are there, but after a failed read */
    assert_null(cursor_take(&cursor, 1));
    assert_null(cursor_take(&cursor, 0));
    assert_true(cursor.broken);
}

static void test_take_lends_the_bytes_and_moves_past_them(void **state) {
    (void)state;
    static const uint8_t data[] = {1, 2, 3, 4};
    struct cursor cursor = cursor_over(data, sizeof data);
    assert_ptr_equal(cursor_take(&cursor, 3), data);
    assert_int_equal(cursor_left(&cursor), 1);
    assert_ptr_equal(cursor_take(&cursor, 1), data + 3);
    assert_ptr_equal(cursor_take(&cursor, 0), data + 4);
    assert_false(cursor.broken);
    assert_null(cursor_take(&cursor, 1));
    assert_true(cursor.broken);
}

static void test_lengths_near_the_largest_size_do_not_wrap(void **state) {
    (void)state;
    static const uint8_t data[] = {1, 2, 3, 4};
    for (size_t less = 0; less < 8; less++) {
        struct cursor cursor = cursor_over(data, sizeof data);
        assert_non_null(cursor_take(&cursor, 2));
        assert_null(cursor_take(&cursor, SIZE_MAX - less));
        assert_true(cursor.broken);
    }
}

static void test_nothing_at_all_is_broken_by_the_first_read(void **state) {
    (void)state;
    struct cursor cursor = cursor_over(NULL, 0);
    assert_int_equal(cursor_left(&cursor), 0);
    assert_false(cursor.broken);
    assert_int_equal(cursor_u64(&cursor), 0);
    assert_true(cursor.broken);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers_are_read_little_endian_in_order),
        cmocka_unit_test(test_every_written_integer_is_read_back),
        cmocka_unit_test(test_reads_at_every_distance_from_the_end_stay_inside),
        cmocka_unit_test(test_a_broken_cursor_stays_broken_and_gives_zeros),
        cmocka_unit_test(test_take_lends_the_bytes_and_moves_past_them),
        cmocka_unit_test(test_lengths_near_the_largest_size_do_not_wrap),
        cmocka_unit_test(test_nothing_at_all_is_broken_by_the_first_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
