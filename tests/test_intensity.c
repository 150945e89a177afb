#include "stages/attribution/intensity.h"
#include "stages/base/random.h"
#include "tests/facts_testing.h"

enum { PEOPLE = 6, ROUNDS = 500, RECORDS_MAX = 200, TIMELINE_MS = 30 };

static uint64_t ids[PEOPLE] = {0, 3, 4, 5, 1000, UINT64_MAX};

/* Strangers are before, between and behind the people. */
static const uint64_t writers[] = {0, 3, 4, 5, 1000, UINT64_MAX, 1, 2, 6, 999, 1001};

static uint64_t count_slowly(const struct fact_table *table, uint64_t a, uint64_t b, int64_t from,
                             int64_t until, int64_t as_of) {
    uint64_t count = 0;
    for (size_t i = 0; i < table->count; i++) {
        const uint64_t *value = table->facts[i].value;
        int64_t at = (int64_t)value[INTERACTION_AT];
        bool is_pair = (value[INTERACTION_FROM] == a && value[INTERACTION_TO] == b) ||
                       (value[INTERACTION_FROM] == b && value[INTERACTION_TO] == a);
        count += is_pair && at >= from && at < until && at <= as_of ? value[INTERACTION_COUNT] : 0;
    }
    return count;
}

static void counts_agree_with_looking_at_every_record(void **state) {
    (void)state;
    struct err err;
    struct random random;
    random_seed(&random, 12);
    const struct people people = {.ids = ids, .count = PEOPLE};
    for (int round = 0; round < ROUNDS; round++) {
        struct fact_table table;
        fact_table_init(&table, FACT_INTERACTIONS);
        for (size_t i = random_below(&random, RECORDS_MAX); i > 0; i--) {
            int64_t at = (int64_t)random_below(&random, TIMELINE_MS) - 5;
            size_t from = random_below(&random, sizeof writers / sizeof writers[0]);
            size_t to = random_below(&random, sizeof writers / sizeof writers[0]);
            table_add(&table, FACT((uint64_t)at, writers[from], writers[to], 0,
                                   1 + random_below(&random, 4)));
        }
        table_finish(&table);
        int64_t as_of = (int64_t)random_below(&random, TIMELINE_MS);
        int64_t window = (int64_t)random_below(&random, 20);
        struct intensity intensity = {0};
        MUST(intensity_init(&intensity, &table, &people, window, as_of, &err));
        for (uint32_t a = 0; a < PEOPLE; a++) {
            for (uint32_t b = 0; b < PEOPLE; b++) {
                int64_t from = (int64_t)random_below(&random, TIMELINE_MS) - 5;
                if (a != b) {
                    assert_int_equal(
                        intensity_count(&intensity, a, b, from),
                        count_slowly(&table, ids[a], ids[b], from, from + window, as_of));
                }
            }
        }
        intensity_release(&intensity);
        fact_table_release(&table);
    }
}

static void nothing_is_known_of_records_after_the_end(void **state) {
    (void)state;
    struct err err;
    const struct people people = {.ids = ids, .count = PEOPLE};
    struct fact_table table;
    fact_table_init(&table, FACT_INTERACTIONS);
    table_add(&table, FACT(100, 3, 4, 0, 1));
    table_finish(&table);
    struct intensity intensity = {0};
    MUST(intensity_init(&intensity, &table, &people, 50, 99, &err));
    assert_false(intensity_is_known(&intensity));
    assert_int_equal(intensity_count(&intensity, 1, 2, 60), 0);
    intensity_release(&intensity);
    MUST(intensity_init(&intensity, &table, &people, 50, 100, &err));
    assert_true(intensity_is_known(&intensity));
    assert_int_equal(intensity_count(&intensity, 1, 2, 60), 1);
    assert_int_equal(intensity_count(&intensity, 2, 1, 50), 0);
    intensity_release(&intensity);
    fact_table_release(&table);
}

static void counts_are_held_at_the_largest(void **state) {
    (void)state;
    struct err err;
    const struct people people = {.ids = ids, .count = PEOPLE};
    struct fact_table table;
    fact_table_init(&table, FACT_INTERACTIONS);
    table_add(&table, FACT(10, 3, 4, 0, UINT32_MAX));
    table_add(&table, FACT(11, 4, 3, 0, 7));
    table_finish(&table);
    struct intensity intensity = {0};
    MUST(intensity_init(&intensity, &table, &people, INT64_MAX, INT64_MAX, &err));
    assert_int_equal(intensity_count(&intensity, 1, 2, 5), UINT32_MAX);
    assert_int_equal(intensity_count(&intensity, 1, 2, 11), 7);
    intensity_release(&intensity);
    fact_table_release(&table);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_agree_with_looking_at_every_record),
        cmocka_unit_test(nothing_is_known_of_records_after_the_end),
        cmocka_unit_test(counts_are_held_at_the_largest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
