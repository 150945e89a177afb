#include "stages/adjacency/rows.h"

#include "stages/base/random.h"
#include "tests/testing.h"

#include <stdlib.h>
#include <string.h>

enum { NODES = 50, ENTRIES_MAX = 4000 };

/* The slow model: one plain array per node. */
struct model {
    uint32_t entries[NODES][ENTRIES_MAX];
    uint32_t count[NODES];
};

static void rows_must_equal(const struct rows *rows, const struct model *model) {
    for (uint32_t node = 0; node < NODES; node++) {
        const struct row *row = &rows_all(rows)[node];
        uint32_t ended = 0;
        assert_int_equal(row->count, model->count[node]);
        assert_true(row->capacity >= row->count);
        for (uint32_t i = 0; i < row->count; i++) {
            assert_int_equal(row_entries(rows, row)[i], model->entries[node][i]);
            ended += (model->entries[node][i] & ROW_ENDED) != 0;
        }
        assert_int_equal(row->ended, ended);
    }
}

static void push(struct rows *rows, struct model *model, uint32_t node, uint32_t entry) {
    struct err err;
    MUST(rows_push(rows, (struct node_id){node}, entry, &err));
    model->entries[node][model->count[node]++] = entry;
}

static void pushes_and_reserves_in_any_mixture_keep_every_entry(void **state) {
    (void)state;
    struct model *model = calloc(1, sizeof *model);
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct rows rows = {0};
        struct random random;
        struct err err;
        random_seed(&random, seed);
        memset(model, 0, sizeof *model);
        MUST(rows_grow(&rows, NODES, &err));
        for (int round = 0; round < 30; round++) {
            uint32_t extra[NODES];
            bool reserves = random_below(&random, 2) == 0;
            for (uint32_t node = 0; node < NODES; node++) {
                extra[node] = (uint32_t)random_below(&random, 4) == 0
                                  ? (uint32_t)random_below(&random, 100)
                                  : 0;
            }
            if (reserves) {
                MUST(rows_reserve(&rows, extra, &err));
                rows_must_equal(&rows, model);
            }
            size_t used_words = rows.used_words;
            for (uint32_t node = 0; node < NODES; node++) {
                for (uint32_t i = 0; i < extra[node]; i++) {
                    uint32_t mark = random_below(&random, 9) == 0 ? ROW_ENDED : 0;
                    push(&rows, model, node, (uint32_t)random_below(&random, NODES) | mark);
                }
            }
            if (reserves) {
                assert_int_equal(rows.used_words, used_words); /* no row had to move */
            }
            rows_must_equal(&rows, model);
        }
        rows_release(&rows);
    }
    free(model);
}

static void single_entries_keep_the_holes_within_bounds(void **state) {
    (void)state;
    struct rows rows = {0};
    struct err err;
    enum { MANY = 2000, ROUNDS = 300 };
    MUST(rows_grow(&rows, MANY, &err));
    for (uint32_t round = 0; round < ROUNDS; round++) {
        for (uint32_t node = 0; node < MANY; node++) {
            MUST(rows_push(&rows, (struct node_id){node}, round, &err));
        }
    }
    size_t least_words = (size_t)MANY * (ROUNDS + 2);
    assert_true(rows.used_words < 2 * least_words);
    for (uint32_t node = 0; node < MANY; node++) {
        for (uint32_t round = 0; round < ROUNDS; round++) {
            assert_int_equal(row_entries(&rows, &rows_all(&rows)[node])[round], round);
        }
    }
    rows_release(&rows);
}

static void a_reserve_leaves_no_slack(void **state) {
    (void)state;
    struct rows rows = {0};
    struct err err;
    uint32_t extra[NODES];
    size_t entries = 0;
    for (uint32_t node = 0; node < NODES; node++) {
        extra[node] = node * 3;
        entries += extra[node];
    }
    MUST(rows_grow(&rows, NODES, &err));
    MUST(rows_reserve(&rows, extra, &err));
    assert_int_equal(rows.used_words, 2 + entries + 2 * (NODES - 1)); /* node 0 wants nothing */
    assert_int_equal(rows.garbage_words, 0);
    rows_release(&rows);
}

static void settling_leaves_the_current_neighbours_in_order_of_making(void **state) {
    (void)state;
    struct rows rows = {0};
    struct err err;
    uint64_t scratch[1] = {0};
    static const uint32_t events[] = {
        7, 3, 9, 3 | ROW_ENDED, 5, 3, 7 | ROW_ENDED, 7, 9 | ROW_ENDED};
    static const uint32_t settled[] = {5, 3, 7};
    MUST(rows_grow(&rows, NODES, &err));
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        MUST(rows_push(&rows, (struct node_id){1}, events[i], &err));
    }
    assert_int_equal(row_degree(&rows_all(&rows)[1]), 3);
    rows_settle(&rows, (struct node_id){1}, scratch);
    const struct row *row = &rows_all(&rows)[1];
    assert_int_equal(row->count, 3);
    assert_int_equal(row->ended, 0);
    assert_memory_equal(row_entries(&rows, row), settled, sizeof settled);
    assert_int_equal(scratch[0], 0);
    rows_release(&rows);
}

static void the_newest_entry_about_a_pair_decides(void **state) {
    (void)state;
    for (uint32_t length = 0; length < 200; length++) {
        uint32_t entries[202];
        for (uint32_t i = 0; i < length + 2; i++) {
            entries[i] = 1000 + i;
        }
        uint32_t at = length / 2;
        assert_false(row_is_connected_to(entries, length, (struct node_id){5}));
        entries[at] = 5;
        assert_true(row_is_connected_to(entries, length + 1, (struct node_id){5}));
        entries[at + 1] = 5 | ROW_ENDED;
        assert_false(row_is_connected_to(entries, length + 2, (struct node_id){5}));
    }
}

static void a_loaded_row_is_what_was_loaded(void **state) {
    (void)state;
    struct rows rows = {0};
    struct err err;
    static const uint32_t entries[] = {3, 4, 8};
    MUST(rows_grow(&rows, NODES, &err));
    MUST(rows_load(&rows, (struct node_id){2}, entries, 3, &err));
    MUST(rows_load(&rows, (struct node_id){3}, NULL, 0, &err));
    MUST(rows_push(&rows, (struct node_id){2}, 9, &err));
    const struct row *row = &rows_all(&rows)[2];
    assert_int_equal(row->count, 4);
    assert_memory_equal(row_entries(&rows, row), entries, sizeof entries);
    assert_int_equal(row_entries(&rows, row)[3], 9);
    rows_release(&rows);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pushes_and_reserves_in_any_mixture_keep_every_entry),
        cmocka_unit_test(single_entries_keep_the_holes_within_bounds),
        cmocka_unit_test(a_reserve_leaves_no_slack),
        cmocka_unit_test(settling_leaves_the_current_neighbours_in_order_of_making),
        cmocka_unit_test(the_newest_entry_about_a_pair_decides),
        cmocka_unit_test(a_loaded_row_is_what_was_loaded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
