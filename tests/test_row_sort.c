#include "stages/adjacency/row_sort.h"
#include "stages/base/random.h"
#include "tests/testing.h"

#include <stdlib.h>
#include <string.h>

static int compare_values(const void *left, const void *right) {
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

static void sorted_check(const uint32_t *row, size_t count) {
    uint32_t *kept = malloc((count + 1) * sizeof *kept);
    uint32_t *a = malloc((count + 1) * sizeof *a); /* +1: never NULL */
    uint32_t *b = malloc((count + 1) * sizeof *b);
    assert_true(kept != NULL && a != NULL && b != NULL);
    memcpy(kept, row, count * sizeof *row);
    const uint32_t *sorted = row_sort(row, count, a, b);
    assert_true(sorted == a || sorted == b);
    assert_true(memcmp(kept, row, count * sizeof *row) == 0);
    qsort(kept, count, sizeof *kept, compare_values);
    assert_true(memcmp(kept, sorted, count * sizeof *row) == 0);
    free(kept);
    free(a);
    free(b);
}

static void rows_of_any_length_and_range_are_sorted(void **state) {
    (void)state;
    static const uint64_t bounds[] = {
        1, 2, 200, 70000, 20000000, UINT64_C(1) << 28, UINT64_C(1) << 32};
    enum { LONGEST = 5000 };
    struct random random;
    random_seed(&random, 1);
    uint32_t *row = calloc(LONGEST, sizeof *row);
    assert_non_null(row);
    for (size_t b = 0; b < sizeof bounds / sizeof *bounds; b++) {
        for (size_t count = 0; count < LONGEST; count += 1 + count / 7) {
            for (size_t i = 0; i < count; i++) {
                row[i] = (uint32_t)random_below(&random, bounds[b]);
            }
            sorted_check(row, count);
        }
    }
    free(row);
}

static void ascending_and_descending_rows_are_sorted(void **state) {
    (void)state;
    static const size_t counts[] = {16, 17, 512, 513, 3000};
    uint32_t row[3000];
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        for (uint32_t i = 0; i < counts[c]; i++) {
            row[i] = i * 5000;
        }
        sorted_check(row, counts[c]);
        for (uint32_t i = 0; i < counts[c]; i++) {
            row[i] = UINT32_MAX - i * 5000;
        }
        sorted_check(row, counts[c]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_any_length_and_range_are_sorted),
        cmocka_unit_test(ascending_and_descending_rows_are_sorted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
