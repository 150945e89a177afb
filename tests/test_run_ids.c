#include "pipeline/run_ids.h"

#include "stages/base/bytes.h"
#include "stages/base/checksum.h"
#include "stages/base/random.h"
#include "tests/scratch.h"
#include "tests/testing.h"

#include <stdlib.h>

enum { MEMBERS = 500, EVENTS = 2 * TAPE_BLOCK_EVENTS + 777 };

static struct err err;

/* The ids by the table of the header: each period's bytes in one buffer. */
static uint64_t period_id(const struct event *events, size_t count, uint64_t before,
                          int64_t first_ms, enum simultaneous simultaneous) {
    struct bytes bytes = {0};
    struct checksum *checksum;
    MUST(bytes_reserve(&bytes, 17 + 26 * count, &err));
    put_u64(bytes.data, before);
    put_u64(bytes.data + 8, (uint64_t)first_ms);
    bytes.data[16] = (uint8_t)simultaneous;
    for (size_t i = 0; i < count; i++) {
        uint8_t *at = bytes.data + 17 + 26 * i;
        put_u64(at, (uint64_t)events[i].at_ms);
        put_u64(at + 8, events[i].from.v);
        put_u64(at + 16, events[i].to.v);
        at[24] = events[i].kind;
        at[25] = events[i].origin;
    }
    MUST(checksum_new(&checksum, &err));
    checksum_update(checksum, bytes.data, 17 + 26 * count);
    uint64_t id = checksum_value(checksum);
    checksum_free(checksum);
    bytes_release(&bytes);
    return id;
}

static struct event *events_draw(struct dictionary *dictionary, struct tape *tape,
                                 int64_t step_ms) {
    struct event *events = calloc(EVENTS, sizeof *events);
    struct tape_block *block = calloc(1, sizeof *block);
    struct random random;
    assert_non_null(events);
    assert_non_null(block);
    random_seed(&random, 3);
    int64_t at_ms = DAY_MS;
    for (size_t i = 0; i < EVENTS; i++) {
        at_ms += (int64_t)random_below(&random, (uint64_t)step_ms);
        struct member_id pair[2];
        struct node_id nodes[2];
        pair[0].v = random_mix(random_below(&random, MEMBERS));
        do {
            pair[1].v = random_mix(random_below(&random, MEMBERS));
        } while (pair[0].v == pair[1].v);
        events[i] = (struct event){at_ms, pair[0], pair[1], random_below(&random, 2) == 0,
                                   (uint8_t)random_below(&random, EVENT_ORIGINS)};
        MUST(dictionary_resolve(dictionary, pair, 2, nodes, &err));
        size_t at = block->count++;
        block->at_ms[at] = at_ms;
        block->from[at] = nodes[0].v;
        block->to[at] = nodes[1].v;
        block->code[at] = event_code(events[i].kind, events[i].origin);
        if (block->count == TAPE_BLOCK_EVENTS || i + 1 == EVENTS) {
            MUST(tape_put(tape, block, &err));
            block->count = 0;
        }
    }
    MUST(tape_end(tape, &err));
    free(block);
    return events;
}

static void check_ids(const char *folder, struct periods periods, int64_t step_ms) {
    struct dictionary dictionary = {0};
    struct tape *tape;
    struct run_ids *ids;
    struct period_facts *facts = calloc(periods.count, sizeof *facts);
    assert_non_null(facts);
    MUST(tape_new(&tape, folder, 1 << 20, &err));
    struct event *events = events_draw(&dictionary, tape, step_ms);
    const struct run_ids_job job = {tape, &dictionary, &periods, SIMULTANEOUS_SEQUENCE, 77, facts};
    MUST(run_ids_start(&ids, &job, &err));
    MUST(run_ids_finish(ids, &err));
    uint64_t before = 77;
    size_t first = 0;
    for (size_t i = 0; i < periods.count; i++) {
        size_t end = first;
        while (end < EVENTS && period_index(&periods, events[end].at_ms) == i) {
            end++;
        }
        int64_t first_ms = periods.is_whole ? 0 : period_first_ms(&periods, i);
        before = period_id(events + first, end - first, before, first_ms, SIMULTANEOUS_SEQUENCE);
        assert_true(facts[i].run_id == before);
        first = end;
    }
    assert_int_equal(first, EVENTS);
    free(events);
    free(facts);
    tape_free(tape);
    dictionary_release(&dictionary);
}

static void ids_of_days_are_a_chain_of_the_bytes_that_the_header_tells(void **folder) {
    check_ids(*folder, periods_days(0, 40 * DAY_MS), 2 * DAY_MS * 38 / EVENTS); /* empty ends */
    check_ids(*folder, periods_days(DAY_MS, 2000 * DAY_MS), DAY_MS / 10); /* many in one block */
}

static void the_id_of_all_time_is_of_one_period(void **folder) {
    check_ids(*folder, periods_whole(INT64_MAX), 5);
}

static void without_events_an_id_is_of_the_settings(void **folder) {
    struct dictionary dictionary = {0};
    struct tape *tape;
    struct run_ids *ids;
    struct period_facts facts = {0};
    struct periods periods = periods_whole(INT64_MAX);
    MUST(tape_new(&tape, *folder, 1 << 20, &err));
    MUST(tape_end(tape, &err));
    const struct run_ids_job job = {tape, &dictionary, &periods, SIMULTANEOUS_STRICT, 0, &facts};
    MUST(run_ids_start(&ids, &job, &err));
    MUST(run_ids_finish(ids, &err));
    assert_true(facts.run_id == period_id(NULL, 0, 0, 0, SIMULTANEOUS_STRICT));
    MUST(run_ids_finish(NULL, &err));
    tape_free(tape);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ids_of_days_are_a_chain_of_the_bytes_that_the_header_tells,
                                        scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(the_id_of_all_time_is_of_one_period, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(without_events_an_id_is_of_the_settings, scratch_make,
                                        scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
