#include "stages/adjacency/census.h"
#include "tests/row_testing.h"

/* What the census should say of one node. */
struct expected {
    uint32_t entries;
    uint32_t disconnects;
    uint32_t owned;
};

static uint64_t length_of(const struct row_list *bases, const struct expected *all, uint32_t node) {
    return (uint64_t)bases[node].count + all[node].entries;
}

static uint32_t pivot_of(const struct row_list *bases, const struct expected *all, uint32_t a,
                         uint32_t b) {
    uint64_t length_a = length_of(bases, all, a);
    uint64_t length_b = length_of(bases, all, b);
    if (length_a == length_b) {
        return a < b ? a : b;
    }
    return length_a > length_b ? a : b;
}

/* Counts the range event by event; new memory. */
static struct expected *oracle(const struct row_log *log, struct tape_range range,
                               const struct row_list *bases) {
    struct expected *all = calloc(log->world.nodes, sizeof *all);
    assert_non_null(all);
    for (uint64_t i = range.first; i < range.end; i++) {
        const struct row_event *event = &log->events[i];
        bool ends = event->kind == EVENT_DISCONNECT;
        all[event->from].entries++;
        all[event->to].entries++;
        all[event->from].disconnects += ends;
        all[event->to].disconnects += ends;
    }
    for (uint64_t i = range.first; i < range.end; i++) {
        all[pivot_of(bases, all, log->events[i].from, log->events[i].to)].owned++;
    }
    return all;
}

static void census_compare(const struct row_log *log, const struct census *census,
                           const struct row_list *bases) {
    struct expected *all = oracle(log, census->range, bases);
    uint64_t churn = 0;
    uint64_t disconnects = 0;
    uint64_t longest = 0;
    for (uint32_t node = 0; node < log->world.nodes; node++) {
        assert_int_equal(census_entries(census, node), all[node].entries);
        assert_int_equal(census_is_touched(census, node), all[node].entries != 0);
        assert_int_equal(census_base(census, node), bases[node].count);
        assert_int_equal(census_owned(census, node), all[node].owned);
        churn += (uint64_t)all[node].disconnects * all[node].disconnects;
        disconnects += all[node].disconnects;
        uint64_t length = length_of(bases, all, node);
        longest = length > longest ? length : longest;
    }
    assert_int_equal(census->churn, churn);
    assert_int_equal(census->disconnects, disconnects / 2);
    assert_int_equal(census->longest, longest);
    for (uint64_t i = census->range.first; i < census->range.end; i++) {
        uint32_t from = log->events[i].from;
        uint32_t to = log->events[i].to;
        bool is_from = pivot_of(bases, all, from, to) == from;
        assert_int_equal(census_is_pivot(census, from, to), is_from);
        assert_int_equal(census_is_pivot(census, to, from), !is_from);
    }
    free(all);
}

static void range_check(const struct row_log *log, struct tape_range range, unsigned threads) {
    struct err err;
    struct census census = {0};
    MUST(census_count(&census, log->tape, range, log->world.nodes, threads, &err));
    struct row_list *bases = calloc(log->world.nodes, sizeof *bases);
    assert_non_null(bases);
    for (uint32_t node = 0; node < log->world.nodes; node++) {
        bases[node] = row_log_base(log, node);
        if (bases[node].count != 0) {
            MUST(census_base_set(&census, node, bases[node].count, &err));
        }
    }
    MUST(census_own(&census, log->tape, threads, &err));
    census_compare(log, &census, bases);
    row_lists_free(bases, log->world.nodes);
    census_release(&census);
}

static void every_range_is_counted_as_one_by_one(void **state) {
    (void)state;
    static const struct row_world worlds[] = {
        {.seed = 1, .nodes = 2, .events = 5, .disconnects_of_100 = 50},
        {.seed = 2, .nodes = 40, .events = 300, .disconnects_of_100 = 20, .base_pairs = 200},
        {.seed = 3, .nodes = 500, .events = 3 * TAPE_BLOCK_EVENTS + 17, .hubs = 3},
        {.seed = 4,
         .nodes = 600,
         .events = 4 * TAPE_BLOCK_EVENTS,
         .disconnects_of_100 = 30,
         .base_pairs = 9000},
    };
    for (size_t w = 0; w < sizeof worlds / sizeof *worlds; w++) {
        struct row_log log = row_log_make(worlds[w]);
        uint64_t events = worlds[w].events;
        const struct tape_range ranges[] = {
            {0, events}, {0, 0}, {events, events}, {events / 2, events}, {1, events / 2 + 1}};
        for (size_t r = 0; r < sizeof ranges / sizeof *ranges; r++) {
            for (unsigned threads = 1; threads <= 6; threads++) {
                range_check(&log, ranges[r], threads);
            }
        }
        row_log_free(&log);
    }
}

static void a_census_of_nobody_counts_nothing(void **state) {
    (void)state;
    struct err err;
    struct census census = {0};
    struct row_log log = {0};
    row_log_tape(&log);
    MUST(census_count(&census, log.tape, (struct tape_range){0, 0}, 0, 2, &err));
    MUST(census_own(&census, log.tape, 2, &err));
    assert_int_equal(census.longest, 0);
    assert_int_equal(census.churn, 0);
    census_release(&census);
    row_log_free(&log);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_range_is_counted_as_one_by_one),
        cmocka_unit_test(a_census_of_nobody_counts_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
