/* DELTA_BINARY_PACKED against a decoder that follows the specification bit by bit. */
#include "tests/testing.h"

#include "stages/base/columns.h"
#include "stages/base/cursor.h"
#include "stages/base/random.h"
#include "stages/sink/delta.h"

#include <stdlib.h>
#include <string.h>

enum { VALUES_MAX = 1000 };

static uint64_t read_varint(struct cursor *cursor) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        const uint8_t *byte = cursor_take(cursor, 1);
        assert_non_null(byte);
        value |= (uint64_t)(*byte & 0x7f) << shift;
        if (*byte < 0x80) {
            return value;
        }
    }
    fail_msg("a varint of more than 64 bits");
    return 0;
}

static uint64_t read_bits(const uint8_t *data, size_t first, unsigned width) {
    uint64_t value = 0;
    for (unsigned i = 0; i < width; i++) {
        size_t bit = first + i;
        value |= (uint64_t)(data[bit / 8] >> bit % 8 & 1) << i;
    }
    return value;
}

/* Decodes and compares; every byte must be used. */
static void assert_decodes(const struct bytes *encoded, const uint64_t *values, size_t count,
                           unsigned bits) {
    uint64_t mask = bits == 64 ? UINT64_MAX : UINT32_MAX;
    struct cursor cursor = cursor_over(encoded->data, encoded->count);
    uint64_t block = read_varint(&cursor);
    uint64_t miniblocks = read_varint(&cursor);
    assert_int_equal(block % 128, 0);
    assert_int_equal(block / miniblocks % 32, 0);
    assert_int_equal(read_varint(&cursor), count);
    uint64_t value = (uint64_t)zigzag_apply(0, read_varint(&cursor)) & mask;
    if (count > 0) {
        assert_int_equal(value, values[0]);
    }
    size_t done = 1;
    while (done < count) {
        uint64_t least = (uint64_t)zigzag_apply(0, read_varint(&cursor));
        const uint8_t *widths = cursor_take(&cursor, miniblocks);
        assert_non_null(widths);
        for (uint64_t m = 0; m < miniblocks; m++) {
            assert_true(widths[m] <= bits);
            if (done >= count) {
                assert_int_equal(widths[m], 0);
                continue;
            }
            const uint8_t *items = cursor_take(&cursor, block / miniblocks * widths[m] / 8);
            assert_non_null(items);
            for (uint64_t i = 0; i < block / miniblocks && done < count; i++, done++) {
                value = (value + least + read_bits(items, i * widths[m], widths[m])) & mask;
                assert_int_equal(value, values[done]);
            }
        }
    }
    assert_int_equal(cursor_left(&cursor), 0);
}

static void assert_round_trip(const uint64_t *values, size_t count, unsigned bits) {
    struct err err = {0};
    struct bytes out = {0};
    uint32_t narrow[VALUES_MAX];
    for (size_t i = 0; i < count; i++) {
        narrow[i] = (uint32_t)values[i];
    }
    MUST(bits == 64 ? delta_encode_u64(values, count, &out, &err)
                    : delta_encode_u32(narrow, count, &out, &err));
    assert_decodes(&out, values, count, bits);
    bytes_release(&out);
}

static void test_known_sequence_has_the_bytes_of_the_specification(void **state) {
    (void)state;
    struct err err = {0};
    struct bytes out = {0};
    /* Encodings.md: 1, 2, 3, 4, 5 is 1, a least difference of 1 and items of no bits. */
    static const uint64_t values[] = {1, 2, 3, 4, 5};
    MUST(delta_encode_u64(values, 5, &out, &err));
    static const uint8_t expected[] = {0x80, 0x01, 0x04, 0x05, 0x02, 0x02, 0, 0, 0, 0};
    assert_int_equal(out.count, sizeof expected);
    assert_memory_equal(out.data, expected, sizeof expected);
    bytes_release(&out);
}

static void test_counts_around_block_edges_decode(void **state) {
    (void)state;
    static const size_t counts[] = {0, 1, 2, 32, 33, 34, 128, 129, 130, 160, 161, 257, 1000};
    uint64_t values[VALUES_MAX];
    struct random random;
    random_seed(&random, 21);
    for (size_t i = 0; i < VALUES_MAX; i++) {
        values[i] = random_below(&random, 100000);
    }
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        assert_round_trip(values, counts[i], 32);
        assert_round_trip(values, counts[i], 64);
    }
}

static void test_every_width_decodes(void **state) {
    (void)state;
    uint64_t values[VALUES_MAX];
    struct random random;
    random_seed(&random, 22);
    for (unsigned bits = 32; bits <= 64; bits += 32) {
        for (unsigned width = 1; width <= bits; width++) {
            for (size_t i = 0; i < VALUES_MAX; i++) {
                values[i] = random_u64(&random) >> (64 - width);
            }
            assert_round_trip(values, VALUES_MAX, bits);
        }
    }
}

static void test_differences_that_wrap_decode(void **state) {
    (void)state;
    uint64_t values[VALUES_MAX];
    for (unsigned bits = 32; bits <= 64; bits += 32) {
        uint64_t most = bits == 64 ? UINT64_MAX : UINT32_MAX;
        uint64_t middle = most / 2 + 1;
        const uint64_t edges[] = {0, most, middle, middle - 1, 1, most - 1, middle, 0, most};
        for (size_t i = 0; i < VALUES_MAX; i++) {
            values[i] = edges[i * i % 9];
        }
        assert_round_trip(values, VALUES_MAX, bits);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_sequence_has_the_bytes_of_the_specification),
        cmocka_unit_test(test_counts_around_block_edges_decode),
        cmocka_unit_test(test_every_width_decodes),
        cmocka_unit_test(test_differences_that_wrap_decode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
