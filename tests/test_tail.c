#include "stages/state/tail.h"

#include "stages/base/random.h"
#include "tests/testing.h"

#include <stdlib.h>
#include <string.h>

enum { NODES = 40 };

/* A tail of one node, number 3, by hand. `changes` are other members, twice each, plus 1 for an
 * ending. */
static void tail_by_hand(struct tail *tail, const uint32_t *changes, size_t count) {
    struct err err;
    *tail = (struct tail){.scope = {.first = 3, .end = 4}};
    MUST(pages_grow(&tail->offsets, 2 * sizeof(uint64_t), "offsets", &err));
    MUST(pages_grow(&tail->changes, (count + 1) * sizeof *changes, "changes", &err));
    ((uint64_t *)tail->offsets.data)[1] = count;
    memcpy(tail->changes.data, changes, count * sizeof *changes);
}

static int compare_u32(const void *left, const void *right) {
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

static void the_neighbours_after_the_tail_are_those_of_a_naive_set(void **state) {
    struct random random;
    (void)state;
    random_seed(&random, 1);
    for (int trial = 0; trial < 3000; trial++) {
        bool linked[NODES];
        uint32_t before[NODES];
        uint32_t changes[400] = {0};
        size_t count = 0;
        size_t change_count = 0;
        for (uint32_t node = 0; node < NODES; node++) {
            linked[node] = random_below(&random, 2) == 1;
            before[count] = node;
            count += linked[node];
        }
        size_t wanted = random_below(&random, (uint64_t)trial % 400 + 1);
        while (change_count < wanted) {
            uint32_t other = (uint32_t)random_below(&random, NODES);
            changes[change_count++] = other << 1 | linked[other];
            linked[other] = !linked[other];
        }
        qsort(changes, change_count, sizeof *changes, compare_u32);
        struct tail tail;
        struct bytes now = {0};
        struct err err;
        tail_by_hand(&tail, changes, change_count);
        assert_int_equal(tail_has(&tail, 3), change_count != 0);
        MUST(tail_apply(&tail, 3, before, count, &now, &err));
        const uint32_t *got = (const uint32_t *)(const void *)now.data;
        size_t at = 0;
        for (uint32_t node = 0; node < NODES; node++) {
            if (linked[node]) {
                assert_true((at + 1) * sizeof *got <= now.count && got[at] == node);
                at++;
            }
        }
        assert_int_equal(now.count, at * sizeof *got);
        bytes_release(&now);
        tail_release(&tail);
    }
}

static void a_tail_that_does_not_go_with_the_file_is_found(void **state) {
    static const struct {
        uint32_t changes[3];
        size_t count;
    } wrong[] = {
        {{7 << 1}, 1},                         /* made, and was there */
        {{8 << 1 | 1}, 1},                     /* ended, and was not there */
        {{8 << 1, 8 << 1}, 2},                 /* made twice */
        {{7 << 1 | 1, 7 << 1 | 1}, 2},         /* ended twice */
        {{1 << 1, 7 << 1 | 1, 9 << 1 | 1}, 3}, /* all right but for the last */
    };
    static const uint32_t before[] = {2, 7};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct tail tail;
        struct bytes now = {0};
        struct err err;
        tail_by_hand(&tail, wrong[i].changes, wrong[i].count);
        MUST_FAIL(tail_apply(&tail, 3, before, 2, &now, &err), FAILURE_DATA,
                  "different generations");
        bytes_release(&now);
        tail_release(&tail);
    }
}

static void a_scope_has_the_nodes_of_its_range_that_are_wanted(void **state) {
    static const uint64_t wanted[] = {UINT64_C(1) << 63 | 4, 1};
    const struct node_scope some = {2, 64, wanted};
    const struct node_scope all = {2, 64, NULL};
    (void)state;
    for (uint32_t node = 0; node < 128; node++) {
        assert_int_equal(node_scope_has(&some, node), node == 2 || node == 63);
        assert_int_equal(node_scope_has(&all, node), node >= 2 && node < 64);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_neighbours_after_the_tail_are_those_of_a_naive_set),
        cmocka_unit_test(a_tail_that_does_not_go_with_the_file_is_found),
        cmocka_unit_test(a_scope_has_the_nodes_of_its_range_that_are_wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
