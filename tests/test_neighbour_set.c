/* The bytes are checked by a slow reader of the Roaring format specification (RoaringFormatSpec)
 * that shares no code with the module: it checks every rule of the format on the way. */
#include "stages/adjacency/neighbour_set.h"
#include "stages/base/cursor.h"
#include "stages/base/random.h"
#include "tests/testing.h"

#include <stdlib.h>
#include <string.h>

enum {
    COOKIE_NO_RUNS = 12346,
    COOKIE_RUNS = 12347,
    OFFSETS_FROM = 4, /* containers; bitmaps with runs and fewer have no offset header */
    ARRAY_MAX = 4096,
    BITSET_BYTES = 8192,
    CONTAINER_VALUES = 65536,
};

/* What the slow reader found. */
struct found {
    uint32_t *values;
    size_t count;
    size_t capacity;
    size_t arrays;
    size_t bitsets;
    size_t runs;
    bool has_offsets;
};

static void found_add(struct found *found, uint32_t key, uint32_t low) {
    assert_true(low < CONTAINER_VALUES);
    if (found->count == found->capacity) {
        found->capacity = found->capacity * 2 + 1024;
        found->values = reallocarray(found->values, found->capacity, sizeof *found->values);
        assert_non_null(found->values);
    }
    uint32_t value = key << 16 | low;
    assert_true(found->count == 0 || found->values[found->count - 1] < value);
    found->values[found->count++] = value;
}

static void read_array(struct cursor *cursor, uint32_t key, uint32_t cardinality,
                       struct found *found) {
    for (uint32_t i = 0; i < cardinality; i++) {
        found_add(found, key, cursor_u16(cursor));
    }
    found->arrays++;
}

static void read_bitset(struct cursor *cursor, uint32_t key, struct found *found) {
    const uint8_t *bits = cursor_take(cursor, BITSET_BYTES);
    assert_non_null(bits);
    for (uint32_t low = 0; low < CONTAINER_VALUES; low++) {
        if ((bits[low / 8] >> low % 8 & 1) != 0) {
            found_add(found, key, low);
        }
    }
    found->bitsets++;
}

static void read_runs(struct cursor *cursor, uint32_t key, struct found *found) {
    uint32_t runs = cursor_u16(cursor);
    for (uint32_t run = 0; run < runs; run++) {
        uint32_t start = cursor_u16(cursor);
        uint32_t more = cursor_u16(cursor);
        for (uint32_t i = 0; i <= more; i++) {
            found_add(found, key, start + i);
        }
    }
    found->runs++;
}

/* Reads one 32-bit form from the cursor. */
static void read_bitmap(struct cursor *cursor, struct found *found) {
    size_t start = cursor->at;
    uint32_t cookie = cursor_u32(cursor);
    const uint8_t *run_flags = NULL;
    uint32_t containers;
    if (cookie == COOKIE_NO_RUNS) {
        containers = cursor_u32(cursor);
    } else {
        assert_int_equal(cookie & 0xffff, COOKIE_RUNS);
        containers = (cookie >> 16) + 1;
        run_flags = cursor_take(cursor, (containers + 7) / 8);
        assert_non_null(run_flags);
    }
    struct cursor header = *cursor;
    assert_non_null(cursor_take(cursor, (size_t)containers * 4));
    found->has_offsets = run_flags == NULL || containers >= OFFSETS_FROM;
    struct cursor offsets = *cursor;
    if (found->has_offsets) {
        assert_non_null(cursor_take(cursor, (size_t)containers * 4));
    }
    for (uint32_t i = 0; i < containers; i++) {
        uint32_t key = cursor_u16(&header);
        uint32_t cardinality = cursor_u16(&header) + 1U;
        size_t before = found->count;
        if (found->has_offsets) {
            assert_int_equal(cursor_u32(&offsets), cursor->at - start);
        }
        if (run_flags != NULL && (run_flags[i / 8] >> i % 8 & 1) != 0) {
            read_runs(cursor, key, found);
        } else if (cardinality <= ARRAY_MAX) {
            read_array(cursor, key, cardinality, found);
        } else {
            read_bitset(cursor, key, found);
        }
        assert_int_equal(found->count - before, cardinality);
    }
    assert_false(cursor->broken);
}

/* A set in the making; strictly ascending. */
struct set {
    uint32_t *values;
    size_t count;
    size_t capacity;
};

static void set_release(struct set *set) {
    free(set->values);
    *set = (struct set){0};
}

static void set_add(struct set *set, uint32_t value) {
    if (set->count == set->capacity) {
        set->capacity = set->capacity * 2 + 64;
        set->values = reallocarray(set->values, set->capacity, sizeof *set->values);
        assert_non_null(set->values);
    }
    assert_true(set->count == 0 || set->values[set->count - 1] < value);
    set->values[set->count++] = value;
}

/* Adds `count` values of the container `key`: every `step`-th from `start`. */
static void set_add_steps(struct set *set, uint32_t key, uint32_t start, uint32_t step,
                          uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        set_add(set, key << 16 | (start + i * step));
    }
}

/* Encodes the set, checks the bytes with the slow reader and decodes them again. */
static struct found set_check(const struct set *set) {
    struct err err;
    struct bytes bytes = {0};
    MUST(bytes_append(&bytes, "kept", 4, &err));
    MUST(neighbour_set_encode_u32(set->values, set->count, &bytes, &err));
    assert_memory_equal(bytes.data, "kept", 4);
    struct cursor cursor = cursor_over(bytes.data + 4, bytes.count - 4);
    struct found found = {0};
    read_bitmap(&cursor, &found);
    assert_int_equal(cursor_left(&cursor), 0);
    assert_int_equal(found.count, set->count);
    for (size_t i = 0; i < set->count; i++) {
        assert_int_equal(found.values[i], set->values[i]);
    }
    uint32_t last = set->count == 0 ? 0 : set->values[set->count - 1];
    struct bytes decoded = {0};
    if (last < UINT32_MAX) {
        MUST(neighbour_set_decode_u32(cursor.data, cursor.count, last + 1, &decoded, &err));
        assert_int_equal(decoded.count, set->count * sizeof *set->values);
        assert_true(set->count == 0 ||
                    memcmp(decoded.data, set->values, set->count * sizeof *set->values) == 0);
    }
    if (set->count != 0) {
        MUST_FAIL(neighbour_set_decode_u32(cursor.data, cursor.count, last, &decoded, &err),
                  FAILURE_DATA, "");
    }
    bytes_release(&decoded);
    bytes_release(&bytes);
    return found;
}

static void the_empty_set_is_eight_bytes(void **state) {
    (void)state;
    struct err err;
    static const uint8_t expected[8] = {COOKIE_NO_RUNS & 0xff, COOKIE_NO_RUNS >> 8};
    struct bytes bytes = {0};
    MUST(neighbour_set_encode_u32(NULL, 0, &bytes, &err));
    assert_int_equal(bytes.count, sizeof expected);
    assert_memory_equal(bytes.data, expected, sizeof expected);
    bytes_release(&bytes);
    struct set none = {0};
    struct found found = set_check(&none);
    assert_int_equal(found.count, 0);
}

static void sets_of_every_density_are_the_portable_format(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, 2);
    size_t arrays = 0;
    size_t bitsets = 0;
    size_t runs = 0;
    for (int round = 0; round < 60; round++) {
        struct set set = {0};
        uint64_t step = UINT64_C(1) << random_below(&random, 18);
        uint64_t value = random_below(&random, UINT64_C(1) << 31);
        size_t count = random_below(&random, 20000);
        for (size_t i = 0; i < count && value < UINT64_C(1) << 31; i++) {
            set_add(&set, (uint32_t)value);
            value += 1 + random_below(&random, step);
        }
        struct found found = set_check(&set);
        arrays += found.arrays;
        bitsets += found.bitsets;
        runs += found.runs;
        free(found.values);
        set_release(&set);
    }
    assert_true(arrays > 0 && bitsets > 0 && runs > 0);
}

static void a_container_is_an_array_up_to_4096_values_and_then_a_bitset(void **state) {
    (void)state;
    for (uint32_t count = ARRAY_MAX - 1; count <= ARRAY_MAX + 1; count++) {
        struct set set = {0};
        set_add_steps(&set, 3, 1, 2, count);
        struct found found = set_check(&set);
        assert_int_equal(found.arrays, count <= ARRAY_MAX);
        assert_int_equal(found.bitsets, count > ARRAY_MAX);
        free(found.values);
        set_release(&set);
    }
}

static void stretches_are_runs_and_few_containers_with_runs_have_no_offsets(void **state) {
    (void)state;
    for (uint32_t containers = 1; containers <= 17; containers++) {
        struct set set = {0};
        for (uint32_t key = 0; key < containers; key++) {
            set_add_steps(&set, key * 5, 0, 1, key == 0 ? CONTAINER_VALUES : 1000 + key);
        }
        struct found found = set_check(&set);
        assert_int_equal(found.runs, containers);
        assert_int_equal(found.has_offsets, containers >= OFFSETS_FROM);
        free(found.values);
        set_release(&set);
    }
}

static void the_three_kinds_of_containers_stand_side_by_side(void **state) {
    (void)state;
    struct set set = {0};
    set_add_steps(&set, 0, 0, 7, 100);
    set_add_steps(&set, 1, 1, 3, 20000);
    set_add_steps(&set, 9, 10, 1, 30000);
    set_add_steps(&set, 32767, 65000, 5, 108);
    struct found found = set_check(&set);
    assert_int_equal(found.arrays, 2);
    assert_int_equal(found.bitsets, 1);
    assert_int_equal(found.runs, 1);
    free(found.values);
    set_release(&set);
}

static void the_largest_values_are_kept(void **state) {
    (void)state;
    struct set set = {0};
    set_add(&set, 0);
    set_add(&set, UINT32_MAX - 1);
    set_add(&set, UINT32_MAX);
    struct found found = set_check(&set);
    free(found.values);
    set_release(&set);
}

static void the_64_bit_form_is_one_bitmap_per_upper_half(void **state) {
    (void)state;
    struct err err;
    struct random random;
    random_seed(&random, 3);
    for (int round = 0; round < 30; round++) {
        size_t count = random_below(&random, 5000);
        uint64_t *values = calloc(count + 1, sizeof *values);
        assert_non_null(values);
        uint64_t value = random_below(&random, 3);
        size_t made = 0;
        while (made < count) {
            values[made++] = value;
            uint64_t step = UINT64_C(1) << random_below(&random, round % 2 == 0 ? 3 : 52);
            if (value > UINT64_MAX - step) {
                break;
            }
            value += 1 + random_below(&random, step);
        }
        if (round == 7 && made > 1) {
            values[made - 1] = UINT64_MAX;
        }
        struct bytes bytes = {0};
        MUST(neighbour_set_encode_u64(values, made, &bytes, &err));
        struct cursor cursor = cursor_over(bytes.data, bytes.count);
        uint64_t buckets = cursor_u64(&cursor);
        size_t at = 0;
        uint64_t previous = 0;
        for (uint64_t bucket = 0; bucket < buckets; bucket++) {
            uint64_t upper = cursor_u32(&cursor);
            assert_true(bucket == 0 || upper > previous);
            previous = upper;
            struct found found = {0};
            read_bitmap(&cursor, &found);
            assert_true(found.count > 0 && found.count <= made - at);
            for (size_t i = 0; i < found.count; i++) {
                assert_true(values[at++] == (upper << 32 | found.values[i]));
            }
            free(found.values);
        }
        assert_int_equal(at, made);
        assert_int_equal(cursor_left(&cursor), 0);
        bytes_release(&bytes);
        free(values);
    }
}

/* --- damaged bitmaps, made by hand --- */

static void put16(struct bytes *bytes, unsigned v) {
    uint8_t at[2];
    struct err err;
    put_u16(at, (uint16_t)v);
    MUST(bytes_append(bytes, at, sizeof at, &err));
}

static void put32(struct bytes *bytes, uint32_t v) {
    put16(bytes, v & 0xffff);
    put16(bytes, v >> 16);
}

/* The head of a bitmap of two arrays or bitsets. */
static void put_head(struct bytes *bytes, unsigned key_a, unsigned count_a, unsigned key_b,
                     unsigned count_b) {
    unsigned bytes_a = count_a > ARRAY_MAX ? BITSET_BYTES : 2 * count_a;
    put32(bytes, COOKIE_NO_RUNS);
    put32(bytes, 2);
    put16(bytes, key_a);
    put16(bytes, count_a - 1);
    put16(bytes, key_b);
    put16(bytes, count_b - 1);
    put32(bytes, 24);
    put32(bytes, 24 + bytes_a);
}

static void put_array(struct bytes *bytes, const uint16_t *values, size_t count) {
    for (size_t i = 0; i < count; i++) {
        put16(bytes, values[i]);
    }
}

static void put_bitset(struct bytes *bytes, unsigned set_bits) {
    uint8_t bits[BITSET_BYTES] = {0};
    struct err err;
    for (unsigned bit = 0; bit < set_bits; bit++) {
        bits[bit / 8] |= (uint8_t)(1 << bit % 8);
    }
    MUST(bytes_append(bytes, bits, sizeof bits, &err));
}

/* A bitmap of one run container. `claimed` is its cardinality in the head. */
static void put_runs(struct bytes *bytes, unsigned key, unsigned claimed, const uint16_t *pairs,
                     size_t runs) {
    struct err err;
    put32(bytes, COOKIE_RUNS);
    MUST(bytes_append(bytes, "\1", 1, &err));
    put16(bytes, key);
    put16(bytes, claimed - 1);
    put16(bytes, (unsigned)runs);
    put_array(bytes, pairs, runs * 2);
}

/* Releases the bytes. */
static void must_not_decode(struct bytes *bytes) {
    struct err err;
    struct bytes values = {0};
    /* An exact copy in the heap: a read behind it is found out by the sanitizer. */
    uint8_t *exact = malloc(bytes->count + 1);
    assert_non_null(exact);
    if (bytes->count != 0) {
        memcpy(exact, bytes->data, bytes->count);
    }
    MUST_FAIL(neighbour_set_decode_u32(exact, bytes->count, UINT32_C(1) << 31, &values, &err),
              FAILURE_DATA, "damaged");
    free(exact);
    bytes_release(&values);
    bytes_release(bytes);
}

static void the_handmade_bitmaps_decode_where_nothing_is_wrong(void **state) {
    (void)state;
    struct err err;
    struct bytes values = {0};
    struct bytes bytes = {0};
    put_head(&bytes, 1, 3, 2, 5000);
    put_array(&bytes, (const uint16_t[]){1, 2, 9}, 3);
    put_bitset(&bytes, 5000);
    MUST(neighbour_set_decode_u32(bytes.data, bytes.count, 0x21388, &values, &err));
    assert_int_equal(values.count, 5003 * sizeof(uint32_t));
    bytes.count = 0;
    values.count = 0;
    put_runs(&bytes, 7, 10 + 2, (const uint16_t[]){5, 9, 65534, 1}, 2);
    MUST(neighbour_set_decode_u32(bytes.data, bytes.count, 0x80000, &values, &err));
    assert_int_equal(values.count, 12 * sizeof(uint32_t));
    bytes_release(&bytes);
    bytes_release(&values);
}

static void a_bitmap_cut_anywhere_or_with_bytes_behind_it_is_refused(void **state) {
    (void)state;
    struct err err;
    struct set set = {0};
    set_add_steps(&set, 0, 0, 7, 20);
    set_add_steps(&set, 9, 10, 1, 300);
    struct bytes whole = {0};
    MUST(neighbour_set_encode_u32(set.values, set.count, &whole, &err));
    for (size_t count = 0; count < whole.count; count++) {
        struct bytes cut = {0};
        MUST(bytes_append(&cut, whole.data, count, &err));
        must_not_decode(&cut);
    }
    MUST(bytes_append(&whole, "", 1, &err));
    must_not_decode(&whole);
    set_release(&set);
}

static void an_unknown_cookie_is_refused(void **state) {
    (void)state;
    static const uint32_t cookies[] = {0, 1, 12345, 12348, COOKIE_NO_RUNS | 1 << 16, UINT32_MAX};
    for (size_t i = 0; i < sizeof cookies / sizeof *cookies; i++) {
        struct bytes bytes = {0};
        put32(&bytes, cookies[i]);
        put32(&bytes, 0);
        must_not_decode(&bytes);
    }
}

static void more_containers_than_there_are_keys_are_refused(void **state) {
    (void)state;
    static const uint32_t counts[] = {65537, UINT32_C(1) << 31, UINT32_MAX};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct bytes bytes = {0};
        put32(&bytes, COOKIE_NO_RUNS);
        put32(&bytes, counts[i]);
        put_bitset(&bytes, 0);
        must_not_decode(&bytes);
    }
}

static void values_and_keys_that_do_not_ascend_are_refused(void **state) {
    (void)state;
    static const uint16_t bad[][3] = {{1, 9, 8}, {1, 1, 2}, {3, 2, 1}};
    for (size_t i = 0; i < 3; i++) {
        struct bytes bytes = {0};
        put_head(&bytes, 1, 3, 2, 1);
        put_array(&bytes, bad[i], 3);
        put_array(&bytes, (const uint16_t[]){1}, 1);
        must_not_decode(&bytes);
    }
    for (unsigned key_b = 4; key_b <= 5; key_b++) { /* smaller, or twice the same */
        struct bytes bytes = {0};
        put_head(&bytes, 5, 2, key_b, 2);
        put_array(&bytes, (const uint16_t[]){1, 2, 3, 4}, 4);
        must_not_decode(&bytes);
    }
}

static void an_offset_that_points_elsewhere_is_refused(void **state) {
    (void)state;
    for (unsigned wrong = 0; wrong < 2; wrong++) {
        struct bytes bytes = {0};
        put_head(&bytes, 1, 2, 2, 2);
        put_array(&bytes, (const uint16_t[]){1, 2, 3, 4}, 4);
        bytes.data[16 + 4 * wrong]++;
        must_not_decode(&bytes);
    }
}

static void a_bitset_that_claims_another_count_is_refused(void **state) {
    (void)state;
    static const unsigned set_bits[] = {0, 1, 4096, 4999, 5001, 65536};
    for (size_t i = 0; i < sizeof set_bits / sizeof *set_bits; i++) {
        for (int is_last = 0; is_last <= 1; is_last++) {
            struct bytes bytes = {0};
            put_head(&bytes, 1, is_last ? 1 : 5000, 2, is_last ? 5000 : 1);
            if (is_last) {
                put_array(&bytes, (const uint16_t[]){1}, 1);
                put_bitset(&bytes, set_bits[i]);
            } else {
                put_bitset(&bytes, set_bits[i]);
                put_array(&bytes, (const uint16_t[]){1}, 1);
            }
            must_not_decode(&bytes);
        }
    }
}

static void runs_that_are_none_overlap_or_leave_their_container_are_refused(void **state) {
    (void)state;
    struct bytes bytes = {0};
    put_runs(&bytes, 1, 1, NULL, 0);
    must_not_decode(&bytes);
    put_runs(&bytes, 1, 21, (const uint16_t[]){5, 10, 15, 9}, 2);
    must_not_decode(&bytes);
    put_runs(&bytes, 1, 4, (const uint16_t[]){50, 1, 5, 1}, 2);
    must_not_decode(&bytes);
    put_runs(&bytes, 1, 3, (const uint16_t[]){65535, 2}, 1);
    must_not_decode(&bytes);
    put_runs(&bytes, 1, 9, (const uint16_t[]){5, 9}, 1);
    must_not_decode(&bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_empty_set_is_eight_bytes),
        cmocka_unit_test(sets_of_every_density_are_the_portable_format),
        cmocka_unit_test(a_container_is_an_array_up_to_4096_values_and_then_a_bitset),
        cmocka_unit_test(stretches_are_runs_and_few_containers_with_runs_have_no_offsets),
        cmocka_unit_test(the_three_kinds_of_containers_stand_side_by_side),
        cmocka_unit_test(the_largest_values_are_kept),
        cmocka_unit_test(the_64_bit_form_is_one_bitmap_per_upper_half),
        cmocka_unit_test(the_handmade_bitmaps_decode_where_nothing_is_wrong),
        cmocka_unit_test(a_bitmap_cut_anywhere_or_with_bytes_behind_it_is_refused),
        cmocka_unit_test(an_unknown_cookie_is_refused),
        cmocka_unit_test(more_containers_than_there_are_keys_are_refused),
        cmocka_unit_test(values_and_keys_that_do_not_ascend_are_refused),
        cmocka_unit_test(an_offset_that_points_elsewhere_is_refused),
        cmocka_unit_test(a_bitset_that_claims_another_count_is_refused),
        cmocka_unit_test(runs_that_are_none_overlap_or_leave_their_container_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
