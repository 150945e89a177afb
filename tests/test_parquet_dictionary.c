#include "tests/testing.h"

#include "stages/base/cursor.h"
#include "stages/base/random.h"
#include "stages/sink/parquet_dictionary.h"

#include <stdlib.h>
#include <string.h>

enum { MOST = 300000 };

/* Reads the numbers bit by bit; each must name its value. */
static void assert_numbers(const struct parquet_dictionary *dictionary, const uint64_t *values,
                           size_t count) {
    struct err err;
    struct bytes out = {0};
    MUST(bytes_append(&out, "before", 6, &err));
    MUST(parquet_dictionary_put_numbers(dictionary, count, &out, &err));
    struct cursor cursor = cursor_over(out.data, out.count);
    assert_memory_equal(cursor_take(&cursor, 6), "before", 6);
    unsigned width = *cursor_take(&cursor, 1);
    assert_true(width == 0 ? dictionary->count == 1 : dictionary->count - 1 < 1U << width);
    uint64_t run = 0;
    for (unsigned shift = 0;; shift += 7) {
        const uint8_t *byte = cursor_take(&cursor, 1);
        assert_non_null(byte);
        run |= (uint64_t)(*byte & 0x7f) << shift;
        if (*byte < 0x80) {
            break;
        }
    }
    assert_int_equal(run, (count + 7) / 8 << 1 | 1);
    assert_int_equal(cursor_left(&cursor), (count + 7) / 8 * width);
    const uint8_t *bits = out.data + cursor.at;
    for (size_t i = 0; i < count; i++) {
        uint64_t number = 0;
        for (unsigned k = 0; k < width; k++) {
            size_t bit = i * width + k;
            number |= (uint64_t)(bits[bit / 8] >> bit % 8 & 1) << k;
        }
        assert_true(number < dictionary->count);
        assert_true(dictionary->values[number] == values[i]);
    }
    bytes_release(&out);
}

/* The distinct values in the order in which they first come, found slowly. */
static void assert_distinct(const struct parquet_dictionary *dictionary, const uint64_t *values,
                            size_t count) {
    size_t found = 0;
    for (size_t i = 0; i < count && i < 2000; i++) {
        bool is_new = true;
        for (size_t k = 0; k < i && is_new; k++) {
            is_new = values[k] != values[i];
        }
        if (is_new) {
            assert_true(dictionary->values[found] == values[i]);
            found++;
        }
    }
    assert_true(count > 2000 || found == dictionary->count);
}

static void test_numbers_name_their_values_where_a_quarter_is_distinct(void **state) {
    (void)state;
    static const size_t cases[][2] = {{4, 1},     {8, 2},      {9, 2},      {400, 100},
                                      {1001, 3},  {2000, 500}, {300000, 1}, {MOST, 65536},
                                      {1003, 17}, {2000, 499}};
    uint64_t *values = calloc(MOST, sizeof *values);
    assert_non_null(values);
    struct parquet_dictionary dictionary = {0};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        struct err err;
        struct random random;
        size_t count = cases[c][0];
        size_t distinct = cases[c][1];
        bool pays;
        random_seed(&random, c);
        for (size_t i = 0; i < count; i++) {
            uint64_t kind = i < distinct ? i : random_below(&random, distinct);
            values[i] = kind == 0 ? 0 : random_mix(kind + c);
        }
        MUST(parquet_dictionary_fill(&dictionary, values, count, &pays, &err));
        assert_true(pays);
        assert_int_equal(dictionary.count, distinct);
        assert_distinct(&dictionary, values, count);
        assert_numbers(&dictionary, values, count);
    }
    parquet_dictionary_release(&dictionary);
    free(values);
}

static void test_more_than_a_quarter_or_none_at_all_does_not_pay(void **state) {
    (void)state;
    static const size_t cases[][2] = {{0, 0}, {1, 1}, {3, 1}, {400, 101}, {MOST, 65537}};
    uint64_t *values = calloc(MOST, sizeof *values);
    assert_non_null(values);
    struct parquet_dictionary dictionary = {0};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        struct err err;
        bool pays = true;
        for (size_t i = 0; i < cases[c][0]; i++) {
            values[i] = i % cases[c][1];
        }
        MUST(parquet_dictionary_fill(&dictionary, values, cases[c][0], &pays, &err));
        assert_false(pays);
    }
    parquet_dictionary_release(&dictionary);
    free(values);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_name_their_values_where_a_quarter_is_distinct),
        cmocka_unit_test(test_more_than_a_quarter_or_none_at_all_does_not_pay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
