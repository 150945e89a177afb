/* Results in memory and in a scratch file, of both widths, against a plain array. */
#include "stages/embeddedness/results.h"

#include "stages/base/random.h"
#include "tests/scratch.h"

#include <string.h>

enum { NODES = 500, SLOTS_MAX = 400000 };

/* A census in which some members own nothing and some very much. */
static void census_make(struct census *census, uint32_t longest, struct random *random) {
    struct err err;
    memset(census, 0, sizeof *census);
    census->node_count = NODES;
    census->longest = longest;
    MUST(pages_grow(&census->owned, NODES * sizeof(uint32_t), "owned", &err));
    uint32_t *owned = census->owned.data;
    for (uint32_t node = 0; node < NODES; node++) {
        owned[node] = random_below(random, 3) == 0 ? 0 : (uint32_t)random_below(random, 1000);
        census->range.end += owned[node];
    }
    owned[7] += 90000;
    census->range.end += 90000;
    assert_true(census->range.end <= SLOTS_MAX);
}

static uint32_t value_draw(struct random *random, uint32_t longest) {
    static const uint32_t kinds[] = {RESULT_ENDED, RESULT_REJECTED};
    uint64_t draw = random_below(random, 10);
    return draw < 2   ? kinds[draw]
           : draw < 3 ? longest
                      : (uint32_t)random_below(random, (uint64_t)longest + 1);
}

/* Puts and gets pieces of random lengths until every slot is written. */
static void slots_fill(struct results *results, uint32_t *values, size_t count, uint32_t longest,
                       struct random *random) {
    static uint32_t got[SLOTS_MAX];
    struct err err;
    for (size_t first = 0; first < count;) {
        size_t piece = 1 + random_below(random, 70000);
        piece = piece > count - first ? count - first : piece;
        MUST(results_get(results, first, got, piece, &err));
        for (size_t i = 0; i < piece; i++) {
            assert_int_equal(got[i], RESULT_UNKNOWN);
            values[first + i] = value_draw(random, longest);
        }
        MUST(results_put(results, first, values + first, piece, &err));
        first += piece;
    }
    MUST(results_get(results, 0, got, count, &err));
    assert_memory_equal(got, values, count * sizeof *got);
}

static void everything_is_read_back(const uint32_t longest, const char *folder) {
    static uint32_t values[SLOTS_MAX];
    for (uint64_t seed = 0; seed < 5; seed++) {
        struct err err;
        struct census census;
        struct random random;
        struct results *results;
        random_seed(&random, seed);
        census_make(&census, longest, &random);
        size_t count = (size_t)census.range.end;
        MUST(results_new(&results, &census, folder, &err));
        slots_fill(results, values, count, longest, &random);
        MUST(results_seal(results, 1 + (unsigned)seed % 3, &err));
        struct results_view view = results_view(results);
        uint64_t slot = 0;
        for (uint32_t node = 0; node < NODES; node++) {
            assert_int_equal(results_first(results, node), slot);
            for (uint32_t i = 0; i < census_owned(&census, node); i++) {
                results_foresee(&view, slot);
                assert_int_equal(results_at(&view, slot), values[slot]);
                slot++;
            }
        }
        assert_int_equal(results_first(results, NODES), slot);
        results_free(results);
        pages_release(&census.owned);
    }
}

static void results_of_short_rows_are_read_back(void **state) {
    everything_is_read_back(RESULT_SHORT_MAX, NULL);
    everything_is_read_back(RESULT_SHORT_MAX, *state);
    everything_is_read_back(0, *state);
}

static void results_of_long_rows_are_read_back(void **state) {
    everything_is_read_back(RESULT_SHORT_MAX + 1, NULL);
    everything_is_read_back(RESULT_SHORT_MAX + 1, *state);
    everything_is_read_back(INT32_MAX, *state);
}

static void bytes_are_those_of_the_width(void **state) {
    (void)state;
    struct census census = {.node_count = 10, .range = {5, 105}, .longest = RESULT_SHORT_MAX};
    assert_int_equal(results_bytes(&census), 11 * 8 + 200);
    census.longest++;
    assert_int_equal(results_bytes(&census), 11 * 8 + 400);
}

static void a_slot_that_nobody_filled_is_told_when_sealing(void **state) {
    struct err err;
    struct random random;
    struct census census;
    static uint32_t values[SLOTS_MAX];
    random_seed(&random, 1);
    census_make(&census, 100, &random);
    size_t count = (size_t)census.range.end;
    for (int in_memory = 0; in_memory < 2; in_memory++) {
        struct results *results;
        MUST(results_new(&results, &census, in_memory ? NULL : *state, &err));
        MUST(results_put(results, 0, values, count / 2, &err));
        MUST(results_put(results, count / 2 + 1, values, count - count / 2 - 1, &err));
        MUST_FAIL(results_seal(results, 2, &err), FAILURE_INTERNAL, "1 events");
        results_free(results);
    }
    pages_release(&census.owned);
}

static void a_batch_without_events_has_no_results(void **state) {
    struct err err;
    struct census census = {0};
    for (int in_memory = 0; in_memory < 2; in_memory++) {
        struct results *results;
        MUST(results_new(&results, &census, in_memory ? NULL : *state, &err));
        MUST(results_put(results, 0, NULL, 0, &err));
        MUST(results_seal(results, 2, &err));
        assert_int_equal(results_first(results, 0), 0);
        results_free(results);
    }
    results_free(NULL);
}

static void a_folder_that_is_not_there_is_told(void **state) {
    struct err err;
    struct census census = {0};
    struct results *results;
    char path[SCRATCH_PATH_BYTES];
    scratch_path(state, "none", path);
    MUST_FAIL(results_new(&results, &census, path, &err), FAILURE_IO, "none");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(results_of_short_rows_are_read_back, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(results_of_long_rows_are_read_back, scratch_make,
                                        scratch_remove),
        cmocka_unit_test(bytes_are_those_of_the_width),
        cmocka_unit_test_setup_teardown(a_slot_that_nobody_filled_is_told_when_sealing,
                                        scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(a_batch_without_events_has_no_results, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(a_folder_that_is_not_there_is_told, scratch_make,
                                        scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
