/* The replay alone: its results come from the oracle and not from the kernel. That the kernel's
 * results end at the right events is tested with the whole chain in test_batch.c. */
#include "stages/embeddedness/replay.h"

#include "tests/tape_oracle.h"
#include "tests/testing.h"

#include <stdlib.h>
#include <string.h>

/* A range of a tape with everything that a replay of it needs. */
struct scene {
    enum simultaneous simultaneous;
    struct tape *tape;
    struct census census;
    struct results *results;
    struct tape_oracle start; /* the graph before the range */
};

/* Runs the oracle over the tape's events [first, end); fills verdicts where not NULL. */
static void oracle_run_over(struct tape_oracle *oracle, const struct scene *scene,
                            struct tape_range range, struct verdict *verdicts) {
    struct err err;
    struct tape_block *events = malloc(sizeof *events);
    assert_non_null(events);
    for (uint64_t number = range.first; number < range.end;) {
        MUST(tape_read(scene->tape, (size_t)(number / TAPE_BLOCK_EVENTS), events, &err));
        for (size_t i = (size_t)(number - events->first); i < events->count && number < range.end;
             i++, number++) {
            struct verdict verdict = tape_oracle_put(oracle, scene->simultaneous, events, i);
            if (verdicts != NULL) {
                verdicts[number - range.first] = verdict;
            }
        }
    }
    free(events);
}

static uint32_t result_of(const struct verdict *verdict) {
    switch (verdict->outcome) {
    case OUTCOME_TIE:
        return verdict->mutual;
    case OUTCOME_ENDING:
        return RESULT_ENDED;
    case OUTCOME_DUPLICATE:
    case OUTCOME_ORPHAN:
        break;
    }
    return RESULT_REJECTED;
}

/* Puts the oracle's verdicts where the kernel would. */
static void results_fill(struct scene *scene, const struct verdict *verdicts) {
    struct err err;
    uint64_t taken[TAPE_ORACLE_NODES] = {0};
    struct tape_range range = scene->census.range;
    struct tape_block *events = malloc(sizeof *events);
    assert_non_null(events);
    for (uint64_t number = range.first; number < range.end;) {
        MUST(tape_read(scene->tape, (size_t)(number / TAPE_BLOCK_EVENTS), events, &err));
        for (size_t i = (size_t)(number - events->first); i < events->count && number < range.end;
             i++, number++) {
            uint32_t from = events->from[i];
            uint32_t to = events->to[i];
            uint32_t pivot = census_is_pivot(&scene->census, from, to) ? from : to;
            uint32_t value = result_of(&verdicts[number - range.first]);
            MUST(results_put(scene->results, results_first(scene->results, pivot) + taken[pivot],
                             &value, 1, &err));
            taken[pivot]++;
        }
    }
    free(events);
}

/* Takes over the tape. */
static void scene_make(struct scene *scene, struct tape *tape, enum simultaneous simultaneous,
                       struct tape_range range) {
    struct err err;
    *scene = (struct scene){.simultaneous = simultaneous, .tape = tape};
    struct verdict *verdicts = calloc(range.end - range.first + 1, sizeof *verdicts);
    assert_non_null(verdicts);
    oracle_run_over(&scene->start, scene, (struct tape_range){0, range.first}, NULL);
    MUST(census_count(&scene->census, tape, range, TAPE_ORACLE_NODES, 1, &err));
    for (uint32_t node = 0; node < TAPE_ORACLE_NODES; node++) {
        uint32_t degree = (uint32_t)__builtin_popcountll(scene->start.now[node]);
        if (degree != 0 && census_is_touched(&scene->census, node)) {
            MUST(census_base_set(&scene->census, node, degree, &err));
        }
    }
    MUST(census_own(&scene->census, tape, 1, &err));
    MUST(results_new(&scene->results, &scene->census, NULL, &err));
    struct tape_oracle oracle = scene->start;
    oracle_run_over(&oracle, scene, range, verdicts);
    results_fill(scene, verdicts);
    MUST(results_seal(scene->results, 1, &err));
    free(verdicts);
}

static void scene_release(struct scene *scene) {
    results_free(scene->results);
    census_release(&scene->census);
    tape_free(scene->tape);
}

static void replay_must_agree(const struct scene *scene, uint64_t seed) {
    struct err err;
    struct replay *replay;
    struct tape_oracle oracle = scene->start;
    uint64_t number = scene->census.range.first;
    MUST(replay_new(&replay, &scene->census, scene->results, scene->tape, scene->simultaneous,
                    &err));
    for (;;) {
        const struct replay_block *block;
        MUST(replay_next(replay, &block, &err));
        if (block == NULL) {
            break;
        }
        assert_int_equal(block->events->first + block->first, number);
        assert_true(block->count > 0);
        for (size_t i = 0; i < block->count; i++) {
            tape_oracle_check(&oracle, scene->simultaneous, block, i, seed);
        }
        number += block->count;
    }
    assert_int_equal(number, scene->census.range.end);
    replay_free(replay);
}

/* The nearest event at or behind `number` at which a batch may begin. */
static uint64_t edge_after(const struct scene *scene, uint64_t number) {
    struct err err;
    uint64_t count = tape_count(scene->tape);
    struct tape_block *events = calloc(1, sizeof *events);
    assert_non_null(events);
    int64_t before_ms = INT64_MIN;
    for (uint64_t at = number == 0 ? 0 : number - 1; at < count; at++) {
        if (events->count == 0 || at == events->first + events->count) {
            MUST(tape_read(scene->tape, (size_t)(at / TAPE_BLOCK_EVENTS), events, &err));
        }
        int64_t at_ms = events->at_ms[at - events->first];
        bool is_edge =
            at == 0 || scene->simultaneous == SIMULTANEOUS_SEQUENCE || at_ms != before_ms;
        if (at >= number && is_edge) {
            free(events);
            return at;
        }
        before_ms = at_ms;
    }
    free(events);
    return count;
}

static void logs_must_agree(const struct tape_log *log, uint64_t seeds) {
    for (uint64_t seed = 0; seed < seeds; seed++) {
        struct random random;
        random_seed(&random, seed);
        struct scene scene = {.simultaneous = (enum simultaneous)(seed % 2)};
        scene.tape = tape_log_write(log, scene.simultaneous, &random);
        uint64_t count = tape_count(scene.tape);
        uint64_t first = seed % 3 == 0 ? 0 : edge_after(&scene, random_below(&random, count + 1));
        uint64_t end = seed % 4 == 0
                           ? count
                           : edge_after(&scene, first + random_below(&random, count - first + 1));
        scene_make(&scene, scene.tape, scene.simultaneous, (struct tape_range){first, end});
        replay_must_agree(&scene, seed);
        scene_release(&scene);
    }
}

static void ranges_of_small_logs_replay_as_the_oracle_says(void **state) {
    (void)state;
    logs_must_agree(
        &(struct tape_log){.count = 90, .nodes = 6, .instants = 30, .ended_percent = 30}, 1000);
}

static void ranges_over_several_blocks_replay_as_the_oracle_says(void **state) {
    (void)state;
    logs_must_agree(
        &(struct tape_log){
            .count = 3 * TAPE_BLOCK_EVENTS, .nodes = 40, .instants = 20000, .ended_percent = 40},
        12);
}

static void an_instant_may_span_blocks(void **state) {
    (void)state;
    logs_must_agree(
        &(struct tape_log){
            .count = 3 * TAPE_BLOCK_EVENTS + 77, .nodes = 64, .instants = 2, .ended_percent = 20},
        12);
}

/* Far more blocks than the replay is ahead by. */
static const struct tape_log long_log = {
    .count = 9 * TAPE_BLOCK_EVENTS + 5, .nodes = 30, .instants = 60000, .ended_percent = 30};

static void a_long_log_replays_as_the_oracle_says(void **state) {
    (void)state;
    logs_must_agree(&long_log, 4);
}

static void a_replay_can_be_freed_at_any_block(void **state) {
    (void)state;
    for (size_t taken = 0; taken <= 10; taken++) {
        struct err err;
        struct random random;
        struct replay *replay;
        random_seed(&random, taken);
        struct scene scene;
        struct tape *tape = tape_log_write(&long_log, SIMULTANEOUS_SEQUENCE, &random);
        scene_make(&scene, tape, SIMULTANEOUS_SEQUENCE, (struct tape_range){0, tape_count(tape)});
        MUST(replay_new(&replay, &scene.census, scene.results, scene.tape, scene.simultaneous,
                        &err));
        for (size_t i = 0; i < taken; i++) {
            const struct replay_block *block;
            MUST(replay_next(replay, &block, &err));
            assert_int_equal(block->events->first, i * TAPE_BLOCK_EVENTS);
        }
        replay_free(replay);
        scene_release(&scene);
    }
}

static void put_event(struct tape_block *block, int64_t at_ms, enum event_kind kind, uint32_t from,
                      uint32_t to) {
    block->at_ms[block->count] = at_ms;
    block->from[block->count] = from;
    block->to[block->count] = to;
    block->code[block->count] = event_code(kind, ORIGIN_ORGANIC);
    block->count++;
}

static struct tape *tape_of(const struct tape_block *block) {
    struct err err;
    struct tape *tape;
    MUST(tape_new(&tape, NULL, UINT64_MAX, &err));
    MUST(tape_put(tape, block, &err));
    MUST(tape_end(tape, &err));
    return tape;
}

/* The whole tape's only block; lent by the replay. */
static const struct replay_block *replay_only(struct scene *scene, struct replay **replay) {
    struct err err;
    const struct replay_block *block;
    MUST(
        replay_new(replay, &scene->census, scene->results, scene->tape, scene->simultaneous, &err));
    MUST(replay_next(*replay, &block, &err));
    assert_non_null(block);
    return block;
}

static void an_instant_sees_nothing_of_itself_under_strict_only(void **state) {
    (void)state;
    static struct tape_block events;
    put_event(&events, 1, EVENT_CONNECT, 0, 1);
    put_event(&events, 5, EVENT_CONNECT, 0, 2);
    put_event(&events, 5, EVENT_CONNECT, 0, 3);
    for (int mode = SIMULTANEOUS_STRICT; mode <= SIMULTANEOUS_SEQUENCE; mode++) {
        struct scene scene;
        struct replay *replay;
        scene_make(&scene, tape_of(&events), (enum simultaneous)mode, (struct tape_range){0, 3});
        const struct replay_block *block = replay_only(&scene, &replay);
        assert_int_equal(block->degree_from[0], 0);
        assert_int_equal(block->degree_from[1], 1);
        assert_int_equal(block->degree_from[2], mode == SIMULTANEOUS_STRICT ? 1 : 2);
        replay_free(replay);
        scene_release(&scene);
    }
}

static void a_pair_remade_in_the_instant_of_its_end_still_counts_the_old_tie(void **state) {
    (void)state;
    static struct tape_block events;
    struct scene scene;
    struct replay *replay;
    put_event(&events, 1, EVENT_CONNECT, 0, 1);
    put_event(&events, 9, EVENT_DISCONNECT, 0, 1);
    put_event(&events, 9, EVENT_CONNECT, 1, 0);
    scene_make(&scene, tape_of(&events), SIMULTANEOUS_STRICT, (struct tape_range){0, 3});
    const struct replay_block *block = replay_only(&scene, &replay);
    assert_int_equal(block->outcome[1], OUTCOME_ENDING);
    assert_int_equal(block->outcome[2], OUTCOME_TIE);
    assert_int_equal(block->degree_from[2], 1);
    assert_int_equal(block->degree_to[2], 1);
    replay_free(replay);
    scene_release(&scene);
}

static void what_changes_nothing_is_told_apart(void **state) {
    (void)state;
    static struct tape_block events;
    struct scene scene;
    struct replay *replay;
    put_event(&events, 1, EVENT_DISCONNECT, 0, 1);
    put_event(&events, 2, EVENT_CONNECT, 0, 1);
    put_event(&events, 3, EVENT_CONNECT, 1, 0);
    put_event(&events, 4, EVENT_DISCONNECT, 1, 0);
    put_event(&events, 5, EVENT_DISCONNECT, 0, 1);
    static const enum outcome expected[] = {OUTCOME_ORPHAN, OUTCOME_TIE, OUTCOME_DUPLICATE,
                                            OUTCOME_ENDING, OUTCOME_ORPHAN};
    scene_make(&scene, tape_of(&events), SIMULTANEOUS_STRICT, (struct tape_range){0, 5});
    const struct replay_block *block = replay_only(&scene, &replay);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(block->outcome[i], expected[i]);
    }
    replay_free(replay);
    scene_release(&scene);
}

static void an_empty_range_has_no_block(void **state) {
    (void)state;
    static struct tape_block events;
    struct err err;
    struct scene scene;
    struct replay *replay;
    const struct replay_block *block;
    put_event(&events, 1, EVENT_CONNECT, 0, 1);
    scene_make(&scene, tape_of(&events), SIMULTANEOUS_STRICT, (struct tape_range){1, 1});
    MUST(replay_new(&replay, &scene.census, scene.results, scene.tape, SIMULTANEOUS_STRICT, &err));
    MUST(replay_next(replay, &block, &err));
    assert_null(block);
    replay_free(replay);
    scene_release(&scene);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_of_small_logs_replay_as_the_oracle_says),
        cmocka_unit_test(ranges_over_several_blocks_replay_as_the_oracle_says),
        cmocka_unit_test(an_instant_may_span_blocks),
        cmocka_unit_test(a_long_log_replays_as_the_oracle_says),
        cmocka_unit_test(a_replay_can_be_freed_at_any_block),
        cmocka_unit_test(an_instant_sees_nothing_of_itself_under_strict_only),
        cmocka_unit_test(a_pair_remade_in_the_instant_of_its_end_still_counts_the_old_tie),
        cmocka_unit_test(what_changes_nothing_is_told_apart),
        cmocka_unit_test(an_empty_range_has_no_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
