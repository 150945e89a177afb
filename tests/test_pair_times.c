/* Against a matrix of all pairs. */
#include "stages/generate/pair_times.h"

#include "stages/base/random.h"
#include "tests/testing.h"

#include <stdlib.h>

static struct err err;

static void an_empty_table_knows_no_pair(void **state) {
    (void)state;
    struct pair_times times = {0};
    int64_t at_ms;
    assert_false(pair_times_get(&times, 0, 1, &at_ms));
    pair_times_release(&times);
}

static void every_pair_has_the_time_set_last(void **state) {
    (void)state;
    enum { MEMBERS = 60 };
    struct pair_times times = {0};
    int64_t(*matrix)[MEMBERS] = calloc(MEMBERS, sizeof *matrix);
    assert_non_null(matrix);
    struct random random;
    random_seed(&random, 1);
    for (int64_t at_ms = 1; at_ms <= 3000; at_ms++) {
        uint32_t a = (uint32_t)random_below(&random, MEMBERS);
        uint32_t b = (a + 1 + (uint32_t)random_below(&random, MEMBERS - 1)) % MEMBERS;
        MUST(pair_times_set(&times, a, b, at_ms, &err));
        matrix[a][b] = at_ms;
        matrix[b][a] = at_ms;
    }
    size_t count = 0;
    for (uint32_t a = 0; a < MEMBERS; a++) {
        for (uint32_t b = 0; b < MEMBERS; b++) {
            int64_t at_ms = 0;
            if (a != b) {
                assert_int_equal(pair_times_get(&times, a, b, &at_ms), matrix[a][b] != 0);
                assert_true(matrix[a][b] == 0 || at_ms == matrix[a][b]);
                count += matrix[a][b] != 0;
            }
        }
    }
    assert_int_equal(times.count, count / 2);
    pair_times_release(&times);
    free(matrix);
}

static void the_extremes_are_pairs_like_any_other(void **state) {
    (void)state;
    struct pair_times times = {0};
    int64_t at_ms;
    MUST(pair_times_set(&times, 0, UINT32_MAX, INT64_MIN, &err));
    MUST(pair_times_set(&times, UINT32_MAX - 1, UINT32_MAX, INT64_MAX, &err));
    assert_true(pair_times_get(&times, UINT32_MAX, 0, &at_ms));
    assert_true(at_ms == INT64_MIN);
    assert_true(pair_times_get(&times, UINT32_MAX, UINT32_MAX - 1, &at_ms));
    assert_true(at_ms == INT64_MAX);
    assert_false(pair_times_get(&times, 0, UINT32_MAX - 1, &at_ms));
    pair_times_release(&times);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_table_knows_no_pair),
        cmocka_unit_test(every_pair_has_the_time_set_last),
        cmocka_unit_test(the_extremes_are_pairs_like_any_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
