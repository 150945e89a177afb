#include "tests/testing.h"

#include "stages/base/bytes.h"
#include "stages/base/random.h"

#include <stdlib.h>
#include <string.h>

/* AddressSanitizer must refuse impossible sizes as malloc does, not stop the program. */
/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): the sanitizer's name */
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    return "allocator_may_return_null=1";
}
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

static void test_zero_initialised_buffer_is_empty_and_can_be_released(void **state) {
    (void)state;
    struct bytes bytes = {0};
    bytes_release(&bytes);
    assert_null(bytes.data);
    assert_int_equal(bytes.count, 0);
    assert_int_equal(bytes.capacity, 0);
}

static void test_appending_nothing_takes_no_memory(void **state) {
    (void)state;
    struct err err;
    struct bytes bytes = {0};
    MUST(bytes_append(&bytes, NULL, 0, &err));
    MUST(bytes_reserve(&bytes, 0, &err));
    assert_null(bytes.data);
    assert_int_equal(bytes.capacity, 0);
}

static void test_pieces_of_any_size_stand_behind_each_other(void **state) {
    (void)state;
    enum { TOTAL = 100000 };
    struct err err;
    struct random random;
    random_seed(&random, 1);
    uint8_t *expected = malloc(TOTAL);
    assert_non_null(expected);
    for (size_t i = 0; i < TOTAL; i++) {
        expected[i] = (uint8_t)random_u64(&random);
    }
    struct bytes bytes = {0};
    while (bytes.count < TOTAL) {
        size_t left = TOTAL - bytes.count;
        size_t piece = random_below(&random, 300);
        piece = piece < left ? piece : left;
        MUST(bytes_append(&bytes, expected + bytes.count, piece, &err));
        assert_true(bytes.count <= bytes.capacity);
    }
    assert_memory_equal(bytes.data, expected, TOTAL);
    bytes_release(&bytes);
    assert_null(bytes.data);
    free(expected);
}

static void test_reserve_makes_room_and_changes_nothing_else(void **state) {
    (void)state;
    struct err err;
    struct bytes bytes = {0};
    MUST(bytes_append(&bytes, "abc", 3, &err));
    MUST(bytes_reserve(&bytes, 5000, &err));
    assert_true(bytes.capacity - bytes.count >= 5000);
    assert_int_equal(bytes.count, 3);
    assert_memory_equal(bytes.data, "abc", 3);
    const uint8_t *data = bytes.data;
    MUST(bytes_reserve(&bytes, 5000, &err));
    assert_ptr_equal(bytes.data, data);
    bytes_release(&bytes);
}

static void test_growth_is_geometric(void **state) {
    (void)state;
    struct err err;
    struct bytes bytes = {0};
    int growths = 0;
    size_t capacity = 0;
    for (int i = 0; i < 1000000; i++) {
        MUST(bytes_append(&bytes, "x", 1, &err));
        growths += bytes.capacity != capacity;
        capacity = bytes.capacity;
    }
    assert_in_range(growths, 1, 60);
    assert_true(bytes.capacity <= 2 * bytes.count);
    bytes_release(&bytes);
}

static void test_impossible_size_is_refused_and_the_contents_stay(void **state) {
    (void)state;
    struct err err;
    struct bytes bytes = {0};
    MUST(bytes_append(&bytes, "abc", 3, &err));
    MUST_FAIL(bytes_reserve(&bytes, SIZE_MAX - 1, &err), FAILURE_RETRY, "memory");
    MUST_FAIL(bytes_reserve(&bytes, SIZE_MAX / 2 + 1, &err), FAILURE_RETRY, "memory");
    assert_int_equal(bytes.count, 3);
    assert_memory_equal(bytes.data, "abc", 3);
    bytes_release(&bytes);
}

static void test_integers_are_little_endian_at_any_alignment(void **state) {
    (void)state;
    for (size_t shift = 0; shift < 8; shift++) {
        uint8_t got[24];
        uint8_t expected[24];
        memset(got, 0xee, sizeof got);
        memset(expected, 0xee, sizeof expected);
        put_u16(got + shift, 0x0102);
        put_u32(got + shift + 2, UINT32_C(0x83040506));
        put_u64(got + shift + 6, UINT64_C(0x8708090a0b0c0d0e));
        memcpy(expected + shift, "\x02\x01\x06\x05\x04\x83\x0e\x0d\x0c\x0b\x0a\x09\x08\x87", 14);
        assert_memory_equal(got, expected, sizeof got);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zero_initialised_buffer_is_empty_and_can_be_released),
        cmocka_unit_test(test_appending_nothing_takes_no_memory),
        cmocka_unit_test(test_pieces_of_any_size_stand_behind_each_other),
        cmocka_unit_test(test_reserve_makes_room_and_changes_nothing_else),
        cmocka_unit_test(test_growth_is_geometric),
        cmocka_unit_test(test_impossible_size_is_refused_and_the_contents_stay),
        cmocka_unit_test(test_integers_are_little_endian_at_any_alignment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
