#include "stages/adjacency/tie_batch.h"

#include "tests/testing.h"

#include <string.h>

static void a_code_keeps_kind_and_origin(void **state) {
    (void)state;
    for (unsigned kind = 0; kind < EVENT_KINDS; kind++) {
        for (unsigned origin = 0; origin < EVENT_ORIGINS; origin++) {
            uint8_t code = tie_batch_code(kind, origin);
            assert_int_equal(tie_batch_kind(code), kind);
            assert_int_equal(tie_batch_origin(code), origin);
        }
    }
}

static void what_was_staged_survives_growing(void **state) {
    (void)state;
    struct tie_batch batch = {0};
    struct err err;
    for (uint32_t i = 0; i < 10000; i++) {
        MUST(tie_batch_reserve(&batch, 1, &err));
        batch.created_at_ms[i] = i;
        batch.from[i] = i + 1;
        batch.to[i] = i + 2;
        batch.code[i] = (uint8_t)i;
        batch.staged++;
    }
    for (uint32_t i = 0; i < 10000; i++) {
        assert_int_equal(batch.created_at_ms[i], i);
        assert_int_equal(batch.from[i], i + 1);
        assert_int_equal(batch.to[i], i + 2);
        assert_int_equal(batch.code[i], (uint8_t)i);
    }
    tie_batch_release(&batch);
}

static void short_lists_keep_their_order(void **state) {
    (void)state;
    struct tie_batch batch = {0};
    struct err err;
    for (uint32_t i = 0; i < 1000; i++) {
        MUST(tie_batch_add_ending(&batch, (struct tie_ending){i, i + 1, (int64_t)i, i}, &err));
        MUST(tie_batch_add_ended_seen(&batch, (struct tie_ended_seen){i, 1, 2}, &err));
        MUST(tie_batch_add_rejected(&batch, (struct tie_rejected){(int64_t)i, QUALITY_ORPHAN},
                                    &err));
    }
    for (uint32_t i = 0; i < 1000; i++) {
        assert_int_equal(batch.endings[i].from, i);
        assert_int_equal(batch.ended_seen[i].index, i);
        assert_int_equal(batch.rejected[i].at_ms, i);
    }
    tie_batch_clear_ties(&batch);
    assert_int_equal(batch.ending_count + batch.ended_seen_count + batch.rejected_count, 0);
    tie_batch_release(&batch);
}

static void clearing_the_ties_leaves_the_staged_events(void **state) {
    (void)state;
    struct tie_batch batch = {.count = 3, .next = 5, .staged = 9};
    tie_batch_clear_ties(&batch);
    assert_int_equal(batch.count, 0);
    assert_int_equal(batch.next, 5);
    assert_int_equal(batch.staged, 9);
    tie_batch_clear(&batch);
    assert_int_equal(batch.next + batch.staged, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_code_keeps_kind_and_origin),
        cmocka_unit_test(what_was_staged_survives_growing),
        cmocka_unit_test(short_lists_keep_their_order),
        cmocka_unit_test(clearing_the_ties_leaves_the_staged_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
