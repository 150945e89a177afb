/* Ranges in which pairs flicker: they are cut, soon done, and nothing of it shows. */
#include "stages/embeddedness/batch_series.h"

#include "tests/batch_testing.h"
#include "tests/scratch.h"

/* Sanitizers look for races and for wrong accesses, which a log for each number of threads would
 * show. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
enum { LOGS = 3 };
#else
enum { LOGS = 12 };
#endif

enum { GENEROUS = 1 << 30 };

/* Runs a series over the range beside the oracle, which stands at its start; returns the number of
 * batches. */
static size_t series_must_agree(struct ground *ground, const struct batch_options *options,
                                uint64_t seed) {
    struct err err;
    struct batch_series *series;
    size_t batches = 0;
    uint64_t number = options->range.first;
    memcpy(ground->before, ground->oracle.now, sizeof ground->before);
    MUST(batch_series_new(&series, options, &err));
    for (;;) {
        const struct batch *batch;
        MUST(batch_series_next(series, &batch, &err));
        if (batch == NULL) {
            break;
        }
        assert_int_equal(batch->census.range.first, number);
        number = batch->census.range.end;
        ground_replay(ground, batch, options->tape, options->simultaneous, seed, NULL, NULL);
        batches++;
    }
    assert_int_equal(number, options->range.end);
    batch_series_free(series);
    return batches;
}

/* Moves the oracle over the events before the range. */
static void oracle_skip(struct tape_oracle *oracle, const struct batch_options *options) {
    static struct tape_block events;
    struct err err;
    for (uint64_t number = 0; number < options->range.first; number++) {
        size_t i = (size_t)(number % TAPE_BLOCK_EVENTS);
        if (i == 0) {
            MUST(tape_read(options->tape, (size_t)(number / TAPE_BLOCK_EVENTS), &events, &err));
        }
        (void)tape_oracle_put(oracle, options->simultaneous, &events, i);
    }
}

static void flickers_on_any_base_agree_with_the_oracle(void **state) {
    for (uint64_t seed = 0; seed < LOGS; seed++) {
        struct random random;
        random_seed(&random, seed);
        struct tape_log log = {
            .count = 60000,
            .nodes = 50,
            .instants = seed % 3 == 0 ? 500 : 1000000,
            .ended_percent = 30,
            .flicker_percent = seed % 3 == 0 ? 30 : 90,
        };
        struct ground ground = {.random = &random};
        const struct batch_base base = {&ground, ground_load};
        const struct batch_after after = {&ground, ground_take};
        struct batch_options options = {
            .range = {0, log.count},
            .node_count = TAPE_ORACLE_NODES,
            .simultaneous = seed % 3 == 0 ? SIMULTANEOUS_STRICT : (enum simultaneous)(seed % 2),
            .base = &base,
            .after = seed % 4 < 2 ? &after : NULL,
            .scratch_folder = *state,
            .memory_bytes = GENEROUS,
            .threads = 1 + (unsigned)(seed % 3),
        };
        options.tape = tape_log_write(&log, options.simultaneous, &random);
        if (seed % 5 != 0 && log.instants == 1000000) {
            options.range.first = 1 + random_below(&random, 2000); /* no two events share one */
        }
        oracle_skip(&ground.oracle, &options);
        options.base_entries = ground_entries(ground.oracle.now);
        size_t batches = series_must_agree(&ground, &options, seed);
        assert_in_range(batches, seed % 3 == 0 ? 1 : 3, 40);
        if (options.after != NULL) {
            assert_memory_equal(ground.after, ground.oracle.now, sizeof ground.after);
        }
        tape_free(options.tape);
    }
}

static void a_cut_is_made_at_an_instants_edge(void **state) {
    struct err err;
    struct random random;
    random_seed(&random, 3);
    /* Disconnects come first within an instant, so that many of them are needed to have churn. */
    struct tape_log log = {
        .count = 60000, .nodes = 3, .instants = 12, .ended_percent = 90, .flicker_percent = 0};
    struct ground ground = {.random = &random};
    struct batch_options options = {
        .tape = tape_log_write(&log, SIMULTANEOUS_STRICT, &random),
        .range = {0, log.count},
        .node_count = TAPE_ORACLE_NODES,
        .scratch_folder = *state,
        .memory_bytes = GENEROUS,
        .threads = 2,
    };
    struct batch_series *series;
    static struct tape_block events;
    size_t batches = 0;
    MUST(batch_series_new(&series, &options, &err));
    for (;;) {
        const struct batch *batch;
        MUST(batch_series_next(series, &batch, &err));
        if (batch == NULL) {
            break;
        }
        uint64_t first = batch->census.range.first;
        if (first != 0 && first % TAPE_BLOCK_EVENTS != 0) {
            size_t i = (size_t)(first % TAPE_BLOCK_EVENTS);
            MUST(tape_read(options.tape, (size_t)(first / TAPE_BLOCK_EVENTS), &events, &err));
            assert_true(events.at_ms[i - 1] < events.at_ms[i]);
        }
        ground_replay(&ground, batch, options.tape, SIMULTANEOUS_STRICT, 3, NULL, NULL);
        batches++;
    }
    assert_in_range(batches, 2, 12);
    batch_series_free(series);
    tape_free(options.tape);
}

static void a_pair_that_flickers_a_hundred_thousand_times_is_soon_done(void **state) {
    struct random random;
    random_seed(&random, 4);
    struct tape_log log = {
        .count = 200000, .nodes = 20, .instants = UINT32_MAX, .flicker_percent = 99};
    struct ground ground = {.random = &random};
    struct batch_options options = {
        .tape = tape_log_write(&log, SIMULTANEOUS_STRICT, &random),
        .range = {0, log.count},
        .node_count = TAPE_ORACLE_NODES,
        .scratch_folder = *state,
        .memory_bytes = GENEROUS,
        .threads = 2,
    };
    assert_in_range(series_must_agree(&ground, &options, 4), 20, 100);
    tape_free(options.tape);
}

static void quiet_ranges_and_empty_ones_are_one_batch(void **state) {
    struct random random;
    random_seed(&random, 5);
    struct tape_log log = {.count = 20000, .nodes = 60, .instants = 500, .ended_percent = 10};
    for (uint64_t end = 0; end <= log.count; end += log.count) {
        struct ground ground = {.random = &random};
        const struct batch_after after = {&ground, ground_take};
        struct batch_options options = {
            .tape = tape_log_write(&log, SIMULTANEOUS_STRICT, &random),
            .range = {0, end},
            .node_count = TAPE_ORACLE_NODES,
            .after = &after,
            .scratch_folder = *state,
            .memory_bytes = GENEROUS,
            .threads = 1,
        };
        assert_int_equal(series_must_agree(&ground, &options, 5), 1);
        assert_memory_equal(ground.after, ground.oracle.now, sizeof ground.after);
        assert_int_equal(ground.next, TAPE_ORACLE_NODES);
        tape_free(options.tape);
    }
}

static void nothing_at_all_is_one_batch_of_nothing(void **state) {
    struct random random;
    random_seed(&random, 6);
    struct tape_log log = {.count = 0, .nodes = 2, .instants = 1};
    struct ground ground = {.random = &random};
    struct batch_options options = {
        .tape = tape_log_write(&log, SIMULTANEOUS_SEQUENCE, &random),
        .simultaneous = SIMULTANEOUS_SEQUENCE,
        .scratch_folder = *state,
        .memory_bytes = GENEROUS,
        .threads = 1,
    };
    assert_int_equal(series_must_agree(&ground, &options, 6), 1);
    tape_free(options.tape);
}

static void what_came_to_stand_beside_the_first_replay_is_not_left_to_later_batches(void **state) {
    struct err err;
    struct random random;
    random_seed(&random, 7);
    struct tape_log log = {
        .count = 200000, .nodes = 20, .instants = UINT32_MAX, .flicker_percent = 99};
    struct batch_options options = {
        .tape = tape_log_write(&log, SIMULTANEOUS_SEQUENCE, &random),
        .range = {0, log.count},
        .node_count = TAPE_ORACLE_NODES,
        .simultaneous = SIMULTANEOUS_SEQUENCE,
        .scratch_folder = *state,
        .memory_bytes = GENEROUS,
        .beside_bytes = GENEROUS - (4 << 20),
        .threads = 2,
    };
    struct batch_series *series;
    const struct batch *batch;
    MUST(batch_series_new(&series, &options, &err));
    MUST(batch_series_next(series, &batch, &err));
    assert_non_null(batch);
    MUST_FAIL(batch_series_next(series, &batch, &err), FAILURE_USAGE, "and 4 MiB are left");
    batch_series_free(series);
    tape_free(options.tape);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(flickers_on_any_base_agree_with_the_oracle, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(a_cut_is_made_at_an_instants_edge, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(a_pair_that_flickers_a_hundred_thousand_times_is_soon_done,
                                        scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(quiet_ranges_and_empty_ones_are_one_batch, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(nothing_at_all_is_one_batch_of_nothing, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(
            what_came_to_stand_beside_the_first_replay_is_not_left_to_later_batches, scratch_make,
            scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
