#include "stages/adjacency/arrival_rows.h"
#include "stages/adjacency/row_fill.h"
#include "tests/row_testing.h"

#include <sys/stat.h>
#include <unistd.h>

/* Rows as lists, one after the other; what is written is compared with a replay of the range. */
static void fill_check(const struct row_log *log, struct tape_range range, uint32_t first,
                       uint32_t end, bool marks_instants, unsigned threads) {
    struct err err;
    uint32_t nodes = end - first;
    struct row_list *rows = calloc(nodes + 1U, sizeof *rows);
    int64_t *latest_ms = calloc(nodes + 1U, sizeof *latest_ms);
    uint64_t *cursors = calloc(nodes + 1U, sizeof *cursors);
    assert_true(rows != NULL && latest_ms != NULL && cursors != NULL);
    uint64_t sum = 0;
    for (uint64_t i = range.first; i < range.end; i++) {
        const struct row_event *event = &log->events[i];
        const uint32_t sides[2] = {event->from, event->to};
        for (int side = 0; side < 2; side++) {
            uint32_t row = sides[side] - first;
            if (row < nodes) {
                uint32_t entry = sides[1 - side];
                bool is_same = rows[row].count != 0 && latest_ms[row] == event->at_ms;
                entry |= event->kind == EVENT_DISCONNECT ? ROW_ENDED : 0;
                row_list_push(&rows[row], entry | (marks_instants && is_same ? ROW_SAME : 0));
                latest_ms[row] = event->at_ms;
                sum++;
            }
        }
    }
    uint32_t *entries = calloc(sum + 1, sizeof *entries);
    assert_non_null(entries);
    for (uint32_t row = 0; row < nodes; row++) {
        cursors[row + 1] = cursors[row] + rows[row].count;
    }
    struct row_fill fill = {log->tape,      range,   first,   end,
                            marks_instants, cursors, entries, threads};
    MUST(row_fill_run(&fill, &err));
    uint64_t at = 0;
    for (uint32_t row = 0; row < nodes; row++) {
        assert_true(rows[row].count == 0 || memcmp(entries + at, rows[row].entries,
                                                   rows[row].count * sizeof *entries) == 0);
        at += rows[row].count;
        assert_int_equal(cursors[row], at);
    }
    row_lists_free(rows, nodes);
    free(latest_ms);
    free(cursors);
    free(entries);
}

static void every_range_of_events_and_nodes_is_written_in_order(void **state) {
    (void)state;
    static const struct row_world worlds[] = {
        {.seed = 1, .nodes = 3, .events = 100, .disconnects_of_100 = 30, .same_of_100 = 50},
        {.seed = 2, .nodes = 70000, .events = 40000, .same_of_100 = 95, .hubs = 2},
        {.seed = 3, .nodes = 300000, .events = 5 * TAPE_BLOCK_EVENTS + 1, .same_of_100 = 20},
    };
    for (size_t w = 0; w < sizeof worlds / sizeof *worlds; w++) {
        struct row_log log = row_log_make(worlds[w]);
        uint64_t events = worlds[w].events;
        uint32_t nodes = worlds[w].nodes;
        for (unsigned threads = 1; threads <= 3; threads++) {
            fill_check(&log, (struct tape_range){0, events}, 0, nodes, true, threads);
            fill_check(&log, (struct tape_range){0, events}, 0, nodes, false, threads);
            fill_check(&log, (struct tape_range){7, events - 7}, nodes / 3, nodes - 1, true,
                       threads);
            fill_check(&log, (struct tape_range){9, 9}, 0, nodes, true, threads);
            fill_check(&log, (struct tape_range){0, events}, 1, 1, true, threads);
        }
        row_log_free(&log);
    }
}

/* 2^24 instants and more: their numbers start anew on the way, within an instant. */
static void more_instants_than_can_be_numbered_are_told_apart(void **state) {
    (void)state;
    static const struct row_world world = {
        .seed = 4, .nodes = 1000, .events = 18 << 20, .same_of_100 = 5};
    struct row_log log = row_log_make(world);
    fill_check(&log, (struct tape_range){0, world.events}, 0, 200, true, 2);
    row_log_free(&log);
}

/* Cuts the one open file without a name to nothing: the scratch file of a tape. */
static void scratch_cut(void) {
    enum { FILES_MAX = 64 };
    unsigned cut = 0;
    for (int file = STDERR_FILENO + 1; file < FILES_MAX; file++) {
        struct stat found;
        if (fstat(file, &found) == 0 && S_ISREG(found.st_mode) && found.st_nlink == 0) {
            assert_int_equal(ftruncate(file, 0), 0);
            cut++;
        }
    }
    assert_int_equal(cut, 1);
}

static void events_that_cannot_be_read_are_an_error_from_whichever_thread(void **state) {
    (void)state;
    static const struct row_world world = {
        .seed = 5, .nodes = 1000, .events = 20 * TAPE_BLOCK_EVENTS, .tape_bytes = 1 << 20};
    struct row_log log = row_log_make(world);
    scratch_cut();
    uint64_t *cursors = calloc(world.nodes + 1U, sizeof *cursors);
    uint32_t *entries = calloc(2 * world.events, sizeof *entries);
    assert_true(cursors != NULL && entries != NULL);
    for (unsigned threads = 1; threads <= 3; threads++) {
        struct err err;
        memset(cursors, 0, (world.nodes + 1U) * sizeof *cursors);
        for (uint64_t i = 0; i < world.events; i++) {
            cursors[log.events[i].from + 1]++;
            cursors[log.events[i].to + 1]++;
        }
        for (uint32_t i = 0; i < world.nodes; i++) {
            cursors[i + 1] += cursors[i];
        }
        struct row_fill fill = {log.tape, {0, world.events}, 0,       world.nodes,
                                true,     cursors,           entries, threads};
        MUST_FAIL(row_fill_run(&fill, &err), FAILURE_IO, "it has been cut");
    }
    free(cursors);
    free(entries);
    row_log_free(&log);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_range_of_events_and_nodes_is_written_in_order),
        cmocka_unit_test(more_instants_than_can_be_numbered_are_told_apart),
        cmocka_unit_test(events_that_cannot_be_read_are_an_error_from_whichever_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
