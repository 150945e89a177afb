#include "schemas/event.h"
#include "schemas/tie.h"
#include "stages/base/random.h"
#include "stages/base/stream.h"
#include "stages/tie_store/ending_index.h"
#include "stages/tie_store/tie_segment.h"
#include "tests/scratch.h"
#include "tests/testing.h"

#include <stdlib.h>
#include <string.h>

/* A random history of few members, so that pairs are made, ended and made again. */
struct made {
    uint32_t from;
    uint32_t to;
    int64_t ended_at_ms; /* TIE_OPEN_MS, or what the history says */
};

struct history {
    struct made *ties; /* by number */
    size_t tie_count;
    struct tie_ending *endings; /* in log order */
    size_t ending_count;
};

static void history_release(struct history *history) {
    free(history->ties);
    free(history->endings);
}

static struct history history_make(uint32_t members, size_t events, uint64_t seed) {
    struct random random;
    random_seed(&random, seed);
    struct history history = {
        .ties = calloc(events + 1, sizeof *history.ties),
        .endings = calloc(events + 1, sizeof *history.endings),
    };
    size_t *open = calloc((size_t)members * members, sizeof *open); /* tie number + 1 */
    assert_true(history.ties != NULL && history.endings != NULL && open != NULL);
    int64_t at_ms = -1000;
    for (size_t event = 0; event < events; event++) {
        uint32_t from = (uint32_t)random_below(&random, members);
        uint32_t to = (uint32_t)random_below(&random, members);
        if (from == to) {
            continue;
        }
        size_t *slot = from < to ? &open[from * members + to] : &open[to * members + from];
        at_ms += (int64_t)random_below(&random, 2);
        if (*slot == 0) {
            history.ties[history.tie_count++] = (struct made){from, to, TIE_OPEN_MS};
            *slot = history.tie_count;
        } else {
            history.ties[*slot - 1].ended_at_ms = at_ms;
            history.endings[history.ending_count++] =
                (struct tie_ending){from, to, at_ms, history.tie_count};
            *slot = 0;
        }
    }
    free(open);
    return history;
}

/* The definition: the pair's first ending, in log order, with more ties before it. */
static int64_t find_slowly(const struct history *history, uint32_t a, uint32_t b, uint64_t number) {
    for (size_t i = 0; i < history->ending_count; i++) {
        const struct tie_ending *ending = &history->endings[i];
        bool is_pair =
            (ending->from == a && ending->to == b) || (ending->from == b && ending->to == a);
        if (is_pair && ending->ties_before > number) {
            return ending->ended_at_ms;
        }
    }
    return TIE_OPEN_MS;
}

/* The finds of all ties at once, from several of them on. */
static void check_find_all(const struct ending_index *index, const struct history *history) {
    size_t count = history->tie_count;
    uint32_t *from = calloc(count + 1, sizeof *from);
    uint32_t *to = calloc(count + 1, sizeof *to);
    uint64_t *number = calloc(count + 1, sizeof *number);
    int64_t *ended_at_ms = calloc(count + 1, sizeof *ended_at_ms);
    assert_true(from != NULL && to != NULL && number != NULL && ended_at_ms != NULL);
    for (size_t i = 0; i < count; i++) {
        number[i] = i;
        from[i] = history->ties[i].from;
        to[i] = history->ties[i].to;
    }
    for (size_t first = 0; first < count; first += 1 + count / 3) {
        ended_at_ms[count] = -7;
        ending_index_find_all(index, from + first, to + first, number + first, count - first,
                              ended_at_ms + first);
        for (size_t i = first; i < count; i++) {
            assert_true(ended_at_ms[i] == history->ties[i].ended_at_ms);
        }
        assert_true(ended_at_ms[count] == -7);
    }
    free(from);
    free(to);
    free(number);
    free(ended_at_ms);
}

static void every_tie_finds_the_ending_that_ended_it(void **state) {
    (void)state;
    static const uint32_t members[] = {2, 3, 5, 30, 200};
    for (uint64_t round = 0; round < 25; round++) {
        struct err err;
        struct history history = history_make(members[round % 5], 1 + 80 * round, round);
        struct ending_index index = {0};
        MUST(ending_index_add(&index, history.endings, history.ending_count, &err));
        MUST(ending_index_finish(&index, &err));
        for (size_t number = 0; number < history.tie_count; number++) {
            const struct made *tie = &history.ties[number];
            int64_t slowly = find_slowly(&history, tie->from, tie->to, number);
            assert_true(slowly == tie->ended_at_ms);
            assert_true(ending_index_find(&index, tie->from, tie->to, number) == slowly);
            assert_true(ending_index_find(&index, tie->to, tie->from, number) == slowly);
        }
        check_find_all(&index, &history);
        ending_index_release(&index);
        history_release(&history);
    }
}

static void the_order_and_the_calls_of_adding_do_not_matter(void **state) {
    (void)state;
    struct err err;
    struct random random;
    random_seed(&random, 6);
    struct history history = history_make(20, 6000, 7);
    struct tie_ending *shuffled = calloc(history.ending_count, sizeof *shuffled);
    assert_non_null(shuffled);
    memcpy(shuffled, history.endings, history.ending_count * sizeof *shuffled);
    for (size_t i = history.ending_count; i > 1; i--) {
        size_t other = random_below(&random, i);
        struct tie_ending kept = shuffled[i - 1];
        shuffled[i - 1] = shuffled[other];
        shuffled[other] = kept;
    }
    struct ending_index index = {0};
    for (size_t first = 0; first < history.ending_count;) {
        size_t count = random_below(&random, 40);
        count = count < history.ending_count - first ? count : history.ending_count - first;
        MUST(ending_index_add(&index, shuffled + first, count, &err));
        first += count;
    }
    free(shuffled); /* they were copied */
    MUST(ending_index_finish(&index, &err));
    for (size_t number = 0; number < history.tie_count; number++) {
        const struct made *tie = &history.ties[number];
        assert_true(ending_index_find(&index, tie->from, tie->to, number) == tie->ended_at_ms);
    }
    ending_index_release(&index);
    history_release(&history);
}

static void an_index_of_later_endings_knows_only_those(void **state) {
    (void)state;
    struct err err;
    struct history history = history_make(12, 3000, 8);
    size_t half = history.ending_count / 2;
    struct ending_index index = {0};
    MUST(ending_index_add(&index, history.endings + half, history.ending_count - half, &err));
    MUST(ending_index_finish(&index, &err));
    size_t found = 0;
    for (size_t number = 0; number < history.tie_count; number++) {
        const struct made *tie = &history.ties[number];
        if (number >= history.endings[half - 1].ties_before) { /* made after the earlier ones */
            assert_true(ending_index_find(&index, tie->from, tie->to, number) == tie->ended_at_ms);
            found += tie->ended_at_ms != TIE_OPEN_MS;
        }
    }
    assert_true(found > 0);
    ending_index_release(&index);
    history_release(&history);
}

static void an_empty_index_says_that_all_ties_last(void **state) {
    (void)state;
    struct err err;
    struct ending_index index = {0};
    MUST(ending_index_add(&index, NULL, 0, &err));
    MUST(ending_index_finish(&index, &err));
    assert_true(ending_index_find(&index, 1, 2, 0) == TIE_OPEN_MS);
    ending_index_release(&index);
}

static void strangers_and_later_ties_of_a_pair_last(void **state) {
    (void)state;
    struct err err;
    const struct tie_ending ending = {.from = 9, .to = 4, .ended_at_ms = 55, .ties_before = 10};
    struct ending_index index = {0};
    MUST(ending_index_add(&index, &ending, 1, &err));
    MUST(ending_index_finish(&index, &err));
    assert_true(ending_index_find(&index, 4, 9, 0) == 55);
    assert_true(ending_index_find(&index, 4, 9, 9) == 55);
    assert_true(ending_index_find(&index, 4, 9, 10) == TIE_OPEN_MS);
    for (uint32_t a = 0; a < 100; a++) {
        for (uint32_t b = a + 1; b < 100; b++) {
            assert_true((ending_index_find(&index, a, b, 3) == 55) == (a == 4 && b == 9));
        }
    }
    ending_index_release(&index);
}

static void a_segment_adds_its_endings_and_its_counts(void **state) {
    struct err err;
    char path[SCRATCH_PATH_BYTES];
    struct output *output;
    struct tie_segment_writer *writer;
    const struct stored_tie ties[] = {{.created_at_ms = 1, .from = 0, .to = 1},
                                      {.created_at_ms = 2, .from = 2, .to = 1}};
    const struct tie_ending ending = {.from = 1, .to = 0, .ended_at_ms = 7, .ties_before = 2};
    scratch_path(state, "ties", path);
    MUST(output_open(&output, path, false, &err));
    MUST(tie_segment_writer_new(&writer, output, 0, 1, &err));
    MUST(tie_segment_put_tie(writer, &ties[0], &err));
    MUST(tie_segment_put_tie(writer, &ties[1], &err));
    MUST(tie_segment_put_ending(writer, &ending, &err));
    MUST(tie_segment_end(writer, &err));
    tie_segment_writer_free(writer);
    MUST(output_commit(output, NULL, NULL, &err));
    struct ending_index index = {0};
    struct segment_counts counts = {.ties = 10, .endings = 20};
    MUST(ending_index_add_segment(&index, path, 3, &counts, &err));
    MUST(ending_index_finish(&index, &err));
    assert_int_equal(counts.ties, 12);
    assert_int_equal(counts.endings, 21);
    assert_true(ending_index_find(&index, 0, 1, 0) == 7);
    assert_true(ending_index_find(&index, 2, 1, 1) == TIE_OPEN_MS);
    MUST_FAIL(ending_index_add_segment(&index, path, 2, &counts, &err), FAILURE_DATA, "ties");
    ending_index_release(&index);
}

/* A tape of random events, what ends nothing included, and what the definition makes of it: a
 * pair's disconnect ends the tie that stands. */
static void on_a_tape_the_next_disconnect_of_the_pair_ended_the_tie(void **state) {
    enum { MEMBERS = 12, EVENTS = 3 * TAPE_BLOCK_EVENTS / 2 };
    struct err err;
    struct random random;
    struct tape *tape;
    random_seed(&random, 9);
    struct tape_block *block = calloc(1, sizeof *block);
    struct made *made = calloc(EVENTS, sizeof *made); /* by event; of others than ties empty */
    size_t open[MEMBERS * MEMBERS] = {0};             /* event that made the tie + 1 */
    size_t ended = 0;
    assert_true(block != NULL && made != NULL);
    MUST(tape_new(&tape, *state, 1 << 20, &err));
    for (size_t event = 0; event < EVENTS; event++) {
        uint32_t from = (uint32_t)random_below(&random, MEMBERS - 1);
        uint32_t to = from + 1 + (uint32_t)random_below(&random, MEMBERS - 1 - from);
        bool is_connect = random_below(&random, 2) == 0;
        size_t *slot = &open[from * MEMBERS + to];
        bool is_turned = random_below(&random, 2) == 0;
        block->at_ms[block->count] = (int64_t)event / 3;
        block->from[block->count] = is_turned ? to : from;
        block->to[block->count] = is_turned ? from : to;
        block->code[block->count++] =
            event_code(is_connect ? EVENT_CONNECT : EVENT_DISCONNECT, ORIGIN_UNKNOWN);
        if (is_connect && *slot == 0) {
            made[event] = (struct made){from, to, TIE_OPEN_MS};
            *slot = event + 1;
        } else if (!is_connect && *slot != 0) {
            made[*slot - 1].ended_at_ms = (int64_t)event / 3;
            *slot = 0;
            ended++;
        }
        if (block->count == TAPE_BLOCK_EVENTS || event + 1 == EVENTS) {
            MUST(tape_put(tape, block, &err));
            block->count = 0;
        }
    }
    MUST(tape_end(tape, &err));
    struct ending_index index = {0};
    MUST(ending_index_reserve(&index, 7, &err)); /* too little is no harm */
    MUST(ending_index_add_tape(&index, tape, &err));
    MUST(ending_index_finish(&index, &err));
    assert_true(ended > 0 && index.count > ended);
    for (size_t event = 0; event < EVENTS; event++) {
        if (made[event].from != made[event].to) {
            assert_true(ending_index_find(&index, made[event].from, made[event].to, event) ==
                        made[event].ended_at_ms);
        }
    }
    ending_index_release(&index);
    tape_free(tape);
    free(block);
    free(made);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_tie_finds_the_ending_that_ended_it),
        cmocka_unit_test(the_order_and_the_calls_of_adding_do_not_matter),
        cmocka_unit_test(an_index_of_later_endings_knows_only_those),
        cmocka_unit_test(an_empty_index_says_that_all_ties_last),
        cmocka_unit_test(strangers_and_later_ties_of_a_pair_last),
        cmocka_unit_test_setup_teardown(on_a_tape_the_next_disconnect_of_the_pair_ended_the_tie,
                                        scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(a_segment_adds_its_endings_and_its_counts, scratch_make,
                                        scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
