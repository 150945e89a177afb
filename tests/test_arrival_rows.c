#include "stages/adjacency/arrival_rows.h"
#include "tests/row_testing.h"

/* What the rows should be. */
struct replay {
    struct row_list *resolved; /* per node, base included, with all flags */
    struct row_list *settled;
    bool *is_signed;
    uint64_t open_entries;
};

/* Removes a node from a list of neighbours, keeping the order of the others. */
static void neighbour_drop(struct row_list *list, uint32_t node) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        list->entries[kept] = list->entries[i];
        kept += list->entries[i] != node;
    }
    assert_int_equal(kept + 1, list->count);
    list->count = kept;
}

static bool neighbour_is(const struct row_list *list, uint32_t node) {
    for (uint32_t i = 0; i < list->count; i++) {
        if (list->entries[i] == node) {
            return true;
        }
    }
    return false;
}

/* What the replay remembers of a node: where its batch entries begin, and its last instant. */
struct latest {
    uint32_t base;
    int64_t at_ms;
};

/* Puts one side's entry into its row, with its flags, and changes the neighbours. */
static void side_replay(struct replay *replay, struct latest *latest, uint32_t node, uint32_t other,
                        const struct row_event *event, bool is_strict) {
    struct row_list *row = &replay->resolved[node];
    struct row_list *neighbours = &replay->settled[node];
    uint32_t entry = other;
    bool is_first = row->count == latest[node].base;
    if (is_strict && !is_first && latest[node].at_ms == event->at_ms) {
        entry |= ROW_SAME;
    }
    for (uint32_t i = latest[node].base; i < row->count; i++) {
        entry |= (row->entries[i] & ROW_NODE) == other ? ROW_REPEAT : 0;
    }
    bool was_open = neighbour_is(neighbours, other);
    bool ends = event->kind == EVENT_DISCONNECT;
    entry |= ends ? ROW_ENDED : 0;
    if (was_open != ends) {
        entry |= ROW_REJECTED;
    } else if (ends) {
        neighbour_drop(neighbours, other);
    } else {
        row_list_push(neighbours, other);
    }
    row_list_push(row, entry);
    replay->is_signed[node] |= (entry & (ROW_ENDED | ROW_REJECTED)) != 0;
    latest[node].at_ms = event->at_ms;
}

static struct replay replay_make(const struct row_log *log, struct tape_range range,
                                 bool is_strict) {
    uint32_t nodes = log->world.nodes;
    struct replay replay = {
        .resolved = calloc(nodes, sizeof *replay.resolved),
        .settled = calloc(nodes, sizeof *replay.settled),
        .is_signed = calloc(nodes, sizeof *replay.is_signed),
    };
    struct latest *latest = calloc(nodes, sizeof *latest);
    assert_true(replay.resolved != NULL && replay.settled != NULL && replay.is_signed != NULL &&
                latest != NULL);
    for (uint32_t node = 0; node < nodes; node++) {
        replay.resolved[node] = row_log_base(log, node);
        replay.settled[node] = row_log_base(log, node);
        latest[node].base = replay.resolved[node].count;
    }
    for (uint64_t i = range.first; i < range.end; i++) {
        const struct row_event *event = &log->events[i];
        side_replay(&replay, latest, event->from, event->to, event, is_strict);
        side_replay(&replay, latest, event->to, event->from, event, is_strict);
    }
    free(latest);
    return replay;
}

static void replay_free(struct replay *replay, uint32_t nodes) {
    row_lists_free(replay->resolved, nodes);
    row_lists_free(replay->settled, nodes);
    free(replay->is_signed);
}

/* The rows are the lists; returns their entries. */
static uint64_t rows_compare(const struct arrival_rows *rows, const struct row_list *lists) {
    uint64_t entries = 0;
    for (uint32_t node = rows->first; node < rows->end; node++) {
        uint32_t count;
        const uint32_t *row = arrival_rows_of(rows, node, &count);
        assert_int_equal(count, lists[node].count);
        for (uint32_t i = 0; i < count; i++) {
            assert_int_equal(row[i], lists[node].entries[i]);
        }
        entries += count;
    }
    return entries;
}

/* How the rows are made; must not show. */
struct manner {
    unsigned threads;
    uint32_t slices;
};

static void slice_check(const struct row_log *log, struct census *census,
                        const struct replay *replay, struct arrival_rows *rows,
                        enum simultaneous simultaneous, unsigned threads) {
    struct err err;
    row_log_load_base(log, census, rows);
    MUST(arrival_rows_fill(rows, census, log->tape, simultaneous, threads, &err));
    MUST(arrival_rows_resolve(rows, census, threads, &err));
    (void)rows_compare(rows, replay->resolved);
    for (uint32_t node = rows->first; node < rows->end; node++) {
        assert_int_equal(arrival_rows_is_signed(rows, node), replay->is_signed[node]);
    }
    uint64_t open_entries = rows->open_entries;
    MUST(arrival_rows_settle(rows, threads, &err));
    assert_int_equal(rows_compare(rows, replay->settled), open_entries);
    MUST(arrival_rows_settle(rows, threads, &err));
    (void)rows_compare(rows, replay->settled);
    for (uint32_t node = rows->first; node < rows->end; node++) {
        assert_false(arrival_rows_is_signed(rows, node));
    }
}

static void range_check(const struct row_log *log, struct tape_range range,
                        enum simultaneous simultaneous, struct manner manner) {
    struct err err;
    struct census census = {0};
    struct arrival_rows rows = {0};
    uint32_t nodes = log->world.nodes;
    struct replay replay = replay_make(log, range, simultaneous == SIMULTANEOUS_STRICT);
    MUST(census_count(&census, log->tape, range, nodes, manner.threads, &err));
    for (uint32_t slice = 0; slice < manner.slices; slice++) {
        uint32_t first = (uint32_t)((uint64_t)nodes * slice / manner.slices);
        uint32_t end = (uint32_t)((uint64_t)nodes * (slice + 1) / manner.slices);
        MUST(arrival_rows_begin(&rows, first, end, &err));
        slice_check(log, &census, &replay, &rows, simultaneous, manner.threads);
    }
    replay_free(&replay, nodes);
    arrival_rows_release(&rows);
    census_release(&census);
}

static void log_check(const struct row_world *world, const struct manner *manners, size_t count) {
    struct row_log log = row_log_make(*world);
    uint64_t events = world->events;
    for (size_t m = 0; m < count; m++) {
        for (int s = SIMULTANEOUS_STRICT; s <= SIMULTANEOUS_SEQUENCE; s++) {
            enum simultaneous simultaneous = (enum simultaneous)s;
            range_check(&log, (struct tape_range){0, events}, simultaneous, manners[m]);
            range_check(&log, (struct tape_range){events / 3, events}, simultaneous, manners[m]);
        }
    }
    range_check(&log, (struct tape_range){events, events}, SIMULTANEOUS_STRICT, manners[0]);
    row_log_free(&log);
}

static const struct manner manners[] = {{1, 1}, {2, 1}, {3, 1}, {1, 3}, {2, 7}, {3, 2}};

enum { MANNERS = sizeof manners / sizeof *manners };

static void small_logs_of_every_kind_become_the_rows_of_their_replay(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct row_world world = {
            .seed = seed,
            .nodes = (uint32_t)(2 + seed * 7 % 90),
            .events = seed * 13 % 500,
            .disconnects_of_100 = (unsigned)(seed % 4 * 17),
            .same_of_100 = (unsigned)(seed % 3 * 45),
            .hubs = (uint32_t)(seed % 5 == 0),
            .base_pairs = (uint32_t)(seed % 2 * 100),
        };
        log_check(&world, manners, MANNERS);
    }
}

static void instants_reach_over_blocks(void **state) {
    (void)state;
    static const struct row_world worlds[] = {
        {.seed = 1, .nodes = 1500, .events = 3 * TAPE_BLOCK_EVENTS + 5, .same_of_100 = 100},
        {.seed = 2,
         .nodes = 2000,
         .events = 4 * TAPE_BLOCK_EVENTS,
         .same_of_100 = 99,
         .disconnects_of_100 = 10,
         .base_pairs = 10000},
    };
    for (size_t w = 0; w < sizeof worlds / sizeof *worlds; w++) {
        log_check(&worlds[w], manners, 3);
    }
}

static void a_log_of_many_waves_becomes_the_rows_of_its_replay(void **state) {
    (void)state;
    static const struct row_world world = {
        .seed = 9,
        .nodes = 40000,
        .events = 35 * TAPE_BLOCK_EVENTS,
        .disconnects_of_100 = 5,
        .same_of_100 = 50,
    };
    struct row_log log = row_log_make(world);
    struct tape_range range = {1, world.events - 1};
    range_check(&log, range, SIMULTANEOUS_STRICT, (struct manner){1, 1});
    row_log_free(&log);
}

static void rows_without_a_base_may_follow_rows_that_have_one(void **state) {
    (void)state;
    static const struct row_world world = {
        .seed = 5, .nodes = 300, .events = 900, .base_pairs = 40};
    log_check(&world, manners, MANNERS);
}

/* Only what the flags say decides what settling does: each kind alone. */
static void duplicates_alone_and_instants_alone_are_settled(void **state) {
    (void)state;
    static const struct row_world worlds[] = {
        {.seed = 6, .nodes = 5, .events = 60},
        {.seed = 7, .nodes = 5000, .events = 60},
        {.seed = 7, .nodes = 5000, .events = 600, .same_of_100 = 90},
        {.seed = 8, .nodes = 5000, .events = 60, .disconnects_of_100 = 100},
    };
    for (size_t w = 0; w < sizeof worlds / sizeof *worlds; w++) {
        log_check(&worlds[w], manners, MANNERS);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_logs_of_every_kind_become_the_rows_of_their_replay),
        cmocka_unit_test(instants_reach_over_blocks),
        cmocka_unit_test(a_log_of_many_waves_becomes_the_rows_of_its_replay),
        cmocka_unit_test(rows_without_a_base_may_follow_rows_that_have_one),
        cmocka_unit_test(duplicates_alone_and_instants_alone_are_settled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
