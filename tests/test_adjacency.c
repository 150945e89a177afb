/* What the adjacency stage decides about events; that its rows give the right counts is tested with
 * the oracle in test_embeddedness.c. */
#include "stages/adjacency/adjacency.h"

#include "tests/testing.h"

#include <string.h>

enum { NODES = 8 };

struct stage {
    struct adjacency adjacency;
    struct tie_batch batch;
};

static void stage_event(struct stage *stage, int64_t at_ms, enum event_kind kind, uint32_t from,
                        uint32_t to) {
    struct err err;
    struct tie_batch *batch = &stage->batch;
    MUST(tie_batch_reserve(batch, 1, &err));
    batch->created_at_ms[batch->staged] = at_ms;
    batch->from[batch->staged] = from;
    batch->to[batch->staged] = to;
    batch->code[batch->staged] = tie_batch_code(kind, ORIGIN_ORGANIC);
    batch->staged++;
}

static void stage_apply(struct stage *stage, enum simultaneous simultaneous) {
    struct err err;
    MUST(adjacency_apply(&stage->adjacency, &stage->batch, NODES, simultaneous, &err));
}

static void stage_release(struct stage *stage) {
    adjacency_release(&stage->adjacency);
    tie_batch_release(&stage->batch);
}

static void a_repeated_connect_is_a_duplicate_in_either_direction(void **state) {
    (void)state;
    struct stage stage = {0};
    stage_event(&stage, 1, EVENT_CONNECT, 0, 1);
    stage_event(&stage, 2, EVENT_CONNECT, 0, 1);
    stage_event(&stage, 3, EVENT_CONNECT, 1, 0);
    stage_apply(&stage, SIMULTANEOUS_STRICT);
    assert_int_equal(stage.batch.count, 1);
    assert_int_equal(stage.batch.rejected_count, 2);
    assert_int_equal(stage.batch.rejected[0].check, QUALITY_DUPLICATE);
    assert_int_equal(stage.batch.rejected[1].at_ms, 3);
    assert_int_equal(stage.adjacency.open_count, 1);
    stage_release(&stage);
}

static void a_disconnect_of_nothing_is_an_orphan(void **state) {
    (void)state;
    struct stage stage = {0};
    stage_event(&stage, 1, EVENT_DISCONNECT, 0, 1);
    stage_event(&stage, 2, EVENT_CONNECT, 0, 1);
    stage_event(&stage, 3, EVENT_DISCONNECT, 1, 0);
    stage_event(&stage, 4, EVENT_DISCONNECT, 0, 1);
    stage_apply(&stage, SIMULTANEOUS_STRICT);
    assert_int_equal(stage.batch.count, 1);
    assert_int_equal(stage.batch.ending_count, 1);
    assert_int_equal(stage.batch.endings[0].ended_at_ms, 3);
    assert_int_equal(stage.batch.endings[0].ties_before, 1);
    assert_int_equal(stage.batch.rejected_count, 2);
    assert_int_equal(stage.batch.rejected[0].check, QUALITY_ORPHAN);
    assert_int_equal(stage.adjacency.open_count, 0);
    stage_release(&stage);
}

static void ties_of_one_instant_do_not_see_each_other_under_strict(void **state) {
    (void)state;
    struct stage stage = {0};
    stage_event(&stage, 1, EVENT_CONNECT, 0, 1);
    stage_event(&stage, 5, EVENT_CONNECT, 0, 2);
    stage_event(&stage, 5, EVENT_CONNECT, 0, 3);
    stage_apply(&stage, SIMULTANEOUS_STRICT);
    assert_int_equal(stage.batch.seen_from[1], 1);
    assert_int_equal(stage.batch.seen_from[2], 1);
    stage_release(&stage);
}

static void ties_of_one_instant_see_the_ones_before_under_sequence(void **state) {
    (void)state;
    struct stage stage = {0};
    stage_event(&stage, 5, EVENT_CONNECT, 0, 2);
    stage_event(&stage, 5, EVENT_CONNECT, 0, 3);
    stage_apply(&stage, SIMULTANEOUS_SEQUENCE);
    assert_int_equal(stage.batch.seen_from[0], 0);
    assert_int_equal(stage.batch.seen_from[1], 1);
    stage_release(&stage);
}

static void a_pair_remade_in_the_instant_of_its_end_still_counts_the_old_tie(void **state) {
    (void)state;
    struct stage stage = {0};
    stage_event(&stage, 1, EVENT_CONNECT, 0, 1);
    stage_event(&stage, 9, EVENT_DISCONNECT, 0, 1);
    stage_event(&stage, 9, EVENT_CONNECT, 1, 0);
    stage_apply(&stage, SIMULTANEOUS_STRICT);
    assert_int_equal(stage.batch.count, 2);
    assert_int_equal(stage.batch.seen_from[1], 1);
    assert_int_equal(stage.batch.seen_to[1], 1);
    assert_int_equal(stage.batch.ended_seen_count, 0); /* its end is of the same instant */
    stage_release(&stage);
}

static void ended_ties_in_sight_are_noted_for_the_degrees(void **state) {
    (void)state;
    struct stage stage = {0};
    stage_event(&stage, 1, EVENT_CONNECT, 0, 1);
    stage_event(&stage, 2, EVENT_DISCONNECT, 0, 1);
    stage_event(&stage, 3, EVENT_CONNECT, 0, 2);
    stage_apply(&stage, SIMULTANEOUS_STRICT);
    assert_int_equal(stage.batch.seen_from[1], 2);
    assert_int_equal(stage.batch.ended_seen_count, 1);
    assert_int_equal(stage.batch.ended_seen[0].index, 1);
    assert_int_equal(stage.batch.ended_seen[0].from, 1);
    assert_int_equal(stage.batch.ended_seen[0].to, 0);
    stage_release(&stage);
}

static void settling_brings_rows_back_to_current_neighbours(void **state) {
    (void)state;
    struct stage stage = {0};
    struct err err;
    stage_event(&stage, 1, EVENT_CONNECT, 0, 1);
    stage_event(&stage, 2, EVENT_CONNECT, 0, 2);
    stage_event(&stage, 3, EVENT_DISCONNECT, 0, 1);
    stage_apply(&stage, SIMULTANEOUS_STRICT);
    MUST(adjacency_settle(&stage.adjacency, &err));
    const struct row *row = &rows_all(&stage.adjacency.rows)[0];
    assert_int_equal(row->count, 1);
    assert_int_equal(row_entries(&stage.adjacency.rows, row)[0], 2);
    assert_int_equal(rows_all(&stage.adjacency.rows)[1].count, 0);
    stage_release(&stage);
}

static void a_flickering_pair_ends_the_batch_early_but_not_the_run(void **state) {
    (void)state;
    struct stage stage = {0};
    enum { FLICKERS = 10000 };
    size_t ties = 0;
    size_t calls = 0;
    for (int i = 0; i < FLICKERS; i++) {
        stage_event(&stage, i, i % 2 == 0 ? EVENT_CONNECT : EVENT_DISCONNECT, 0, 1);
    }
    while (stage.batch.next < stage.batch.staged) {
        stage_apply(&stage, SIMULTANEOUS_STRICT);
        ties += stage.batch.count;
        calls++;
        assert_true(rows_all(&stage.adjacency.rows)[0].count < 4096);
    }
    assert_int_equal(ties, FLICKERS / 2);
    assert_in_range(calls, 2, 10);
    stage_release(&stage);
}

static void neighbours_from_the_state_are_known_to_events(void **state) {
    (void)state;
    struct stage stage = {0};
    struct err err;
    static const uint32_t of_0[] = {1, 2};
    static const uint32_t of_1[] = {0};
    static const uint32_t of_2[] = {0};
    MUST(adjacency_load_row(&stage.adjacency, (struct node_id){0}, of_0, 2, NODES, &err));
    MUST(adjacency_load_row(&stage.adjacency, (struct node_id){1}, of_1, 1, NODES, &err));
    MUST(adjacency_load_row(&stage.adjacency, (struct node_id){2}, of_2, 1, NODES, &err));
    stage.adjacency.tie_count = 70;
    stage.adjacency.open_count = 2;
    stage_event(&stage, 1, EVENT_CONNECT, 1, 0);
    stage_event(&stage, 2, EVENT_CONNECT, 1, 2);
    stage_event(&stage, 3, EVENT_DISCONNECT, 2, 0);
    stage_apply(&stage, SIMULTANEOUS_STRICT);
    assert_int_equal(stage.batch.rejected_count, 1);
    assert_int_equal(stage.batch.count, 1);
    assert_int_equal(stage.batch.seen_from[0], 1);
    assert_int_equal(stage.batch.endings[0].ties_before, 71);
    assert_int_equal(stage.adjacency.open_count, 2);
    stage_release(&stage);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_repeated_connect_is_a_duplicate_in_either_direction),
        cmocka_unit_test(a_disconnect_of_nothing_is_an_orphan),
        cmocka_unit_test(ties_of_one_instant_do_not_see_each_other_under_strict),
        cmocka_unit_test(ties_of_one_instant_see_the_ones_before_under_sequence),
        cmocka_unit_test(a_pair_remade_in_the_instant_of_its_end_still_counts_the_old_tie),
        cmocka_unit_test(ended_ties_in_sight_are_noted_for_the_degrees),
        cmocka_unit_test(settling_brings_rows_back_to_current_neighbours),
        cmocka_unit_test(a_flickering_pair_ends_the_batch_early_but_not_the_run),
        cmocka_unit_test(neighbours_from_the_state_are_known_to_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
