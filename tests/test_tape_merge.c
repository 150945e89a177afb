#include "stages/order/tape_merge.h"

#include "stages/base/random.h"
#include "stages/order/event_list.h"
#include "tests/scratch.h"
#include "tests/testing.h"

enum { TAPES_MAX = 9, MEMBERS = 200 };

/* Members 0 .. MEMBERS - 1 by descending nodes: the order of nodes is not that of members. */
static void dictionary_make(struct dictionary *dictionary) {
    struct err err;
    for (uint64_t i = MEMBERS; i-- > 0;) {
        struct member_id member = {i};
        struct node_id node;
        MUST(dictionary_resolve(dictionary, &member, 1, &node, &err));
    }
}

static uint32_t node_of(uint64_t member) {
    return (uint32_t)(MEMBERS - 1 - member);
}

/* A tape with these events, which are in order. */
static struct tape *tape_with(void **folder, const struct event_list *list, uint64_t memory_bytes) {
    struct err err;
    struct tape *tape;
    struct tape_block *block = malloc(sizeof *block);
    assert_non_null(block);
    MUST(tape_new(&tape, *folder, memory_bytes, &err));
    for (size_t first = 0; first < list->count; first += block->count) {
        size_t left = list->count - first;
        block->count = left < TAPE_BLOCK_EVENTS ? left : TAPE_BLOCK_EVENTS;
        for (size_t i = 0; i < block->count; i++) {
            const struct event *event = &list->items[first + i];
            block->at_ms[i] = event->at_ms;
            block->from[i] = node_of(event->from.v);
            block->to[i] = node_of(event->to.v);
            block->code[i] = event_code(event->kind, event->origin);
        }
        MUST(tape_put(tape, block, &err));
    }
    MUST(tape_end(tape, &err));
    free(block);
    return tape;
}

/* Some events in order, the instants cut to `instants`. */
static struct event_list list_make(struct random *random, size_t count, uint64_t instants,
                                   enum simultaneous simultaneous) {
    struct err err;
    struct event_list list = {0};
    for (size_t i = 0; i < count; i++) {
        struct event event = {
            .at_ms = (int64_t)random_below(random, instants),
            .from = {random_below(random, MEMBERS)},
            .to = {random_below(random, MEMBERS)},
            .kind = (uint8_t)random_below(random, EVENT_KINDS),
            .origin = (uint8_t)random_below(random, EVENT_ORIGINS),
        };
        MUST(event_list_add(&list, &event, 1, &err));
    }
    MUST(event_list_sort(&list, simultaneous, &err));
    return list;
}

/* `list` is what must be on the tape, by old nodes; with `numbers` by new ones, in their order. */
static void assert_tape_is(const struct tape *tape, const struct event_list *list,
                           const struct tape_numbers *numbers) {
    struct err err;
    struct tape_block *block = malloc(sizeof *block);
    assert_non_null(block);
    assert_int_equal(tape_count(tape), list->count);
    uint32_t next = numbers == NULL ? 0 : (uint32_t)numbers->first_node;
    for (size_t b = 0; b < tape_blocks(tape); b++) {
        MUST(tape_read(tape, b, block, &err));
        for (size_t i = 0; i < block->count; i++) {
            const struct event *event = &list->items[block->first + i];
            uint32_t nodes[2] = {node_of(event->from.v), node_of(event->to.v)};
            uint32_t got[2] = {block->from[i], block->to[i]};
            assert_true(block->at_ms[i] == event->at_ms);
            assert_int_equal(block->code[i], event_code(event->kind, event->origin));
            for (size_t side = 0; side < 2; side++) {
                if (numbers != NULL && nodes[side] >= numbers->first_node) {
                    nodes[side] = numbers->numbers[nodes[side] - numbers->first_node];
                    assert_true(nodes[side] <= next);
                    next += nodes[side] == next;
                }
                assert_int_equal(got[side], nodes[side]);
            }
        }
    }
    assert_true(numbers == NULL || next == numbers->next);
    free(block);
}

static void check(void **folder, uint64_t seed, size_t count_max, struct tape_numbers *numbers) {
    struct err err;
    struct random random;
    struct dictionary dictionary = {0};
    struct event_list all = {0};
    struct tape *tapes[TAPES_MAX];
    struct tape *merged;
    enum simultaneous simultaneous = (enum simultaneous)(seed % 2);
    random_seed(&random, seed);
    dictionary_make(&dictionary);
    size_t count = (size_t)random_below(&random, TAPES_MAX + 1);
    uint64_t instants = 1 + random_below(&random, count_max);
    for (size_t i = 0; i < count; i++) {
        struct event_list list =
            list_make(&random, (size_t)random_below(&random, count_max), instants, simultaneous);
        MUST(event_list_add(&all, list.items, list.count, &err));
        tapes[i] = tape_with(folder, &list, i % 2 == 0 ? 0 : 1 << 30);
        event_list_release(&list);
    }
    MUST(tape_new(&merged, *folder, 0, &err));
    MUST(tape_merge(tapes, count, simultaneous, &dictionary, numbers, merged, &err));
    MUST(tape_end(merged, &err));
    MUST(event_list_sort(&all, simultaneous, &err)); /* stable: in the order of the tapes */
    assert_tape_is(merged, &all, numbers);
    for (size_t i = 0; i < count; i++) {
        tape_free(tapes[i]);
    }
    tape_free(merged);
    event_list_release(&all);
    dictionary_release(&dictionary);
}

static void tapes_are_merged_as_the_list_of_their_events_is_sorted(void **folder) {
    for (uint64_t seed = 0; seed < 200; seed++) {
        check(folder, seed, 300, NULL);
    }
    for (uint64_t seed = 0; seed < 6; seed++) {
        check(folder, seed, 3 * TAPE_BLOCK_EVENTS, NULL);
    }
}

static void nodes_are_numbered_as_the_merged_tape_names_them(void **folder) {
    static const size_t firsts[] = {0, 1, 100, MEMBERS};
    for (uint64_t seed = 0; seed < 80; seed++) {
        uint32_t numbers[MEMBERS];
        memset(numbers, 0xff, sizeof numbers);
        size_t first = firsts[seed / 2 % 4];
        struct tape_numbers renumbered = {first, numbers, (uint32_t)first};
        check(folder, seed, 300, &renumbered);
    }
}

#define SCRATCH_TEST(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(tapes_are_merged_as_the_list_of_their_events_is_sorted),
        SCRATCH_TEST(nodes_are_numbered_as_the_merged_tape_names_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
