#include "stages/adjacency/row_file.h"
#include "tests/row_testing.h"
#include "tests/state_testing.h"

/* Rows [first, end) of the whole log, resolved. */
static struct arrival_rows rows_make(const struct row_log *log, uint32_t first, uint32_t end) {
    struct err err;
    struct census census = {0};
    struct arrival_rows rows = {0};
    MUST(census_count(&census, log->tape, (struct tape_range){0, log->world.events},
                      log->world.nodes, 1, &err));
    MUST(arrival_rows_begin(&rows, first, end, &err));
    row_log_load_base(log, &census, &rows);
    MUST(arrival_rows_fill(&rows, &census, log->tape, SIMULTANEOUS_STRICT, 1, &err));
    MUST(arrival_rows_resolve(&rows, &census, 1, &err));
    census_release(&census);
    return rows;
}

/* `some` are rows of a range of those in `all`. */
static void rows_compare(const struct arrival_rows *all, const struct arrival_rows *some) {
    for (uint32_t node = some->first; node < some->end; node++) {
        uint32_t count;
        uint32_t expected_count;
        const uint32_t *row = arrival_rows_of(some, node, &count);
        const uint32_t *expected = arrival_rows_of(all, node, &expected_count);
        assert_int_equal(count, expected_count);
        assert_true(memcmp(row, expected, count * sizeof *row) == 0);
        assert_int_equal(arrival_rows_is_signed(some, node), arrival_rows_is_signed(all, node));
    }
}

/* Writes the log's rows in so many slices. */
static struct row_file *file_make(void **folder, const struct row_log *log, uint32_t slices) {
    struct err err;
    char path[SCRATCH_PATH_BYTES];
    struct row_file *file;
    uint32_t nodes = log->world.nodes;
    scratch_path(folder, "", path);
    MUST(row_file_open(&file, path, nodes, &err));
    for (uint32_t i = 0; i < slices; i++) {
        struct arrival_rows rows = rows_make(log, nodes * i / slices, nodes * (i + 1) / slices);
        MUST(row_file_append(file, &rows, &err));
        arrival_rows_release(&rows);
    }
    return file;
}

static void reads_check(const struct row_file *file, const struct arrival_rows *all,
                        struct random *random) {
    struct err err;
    struct arrival_rows rows = {0};
    for (int i = 0; i < 40; i++) {
        uint32_t first = (uint32_t)random_below(random, all->end + 1);
        uint32_t end = first + (uint32_t)random_below(random, all->end + 1 - first);
        MUST(row_file_read(file, first, end, &rows, &err));
        assert_int_equal(rows.first, first);
        assert_int_equal(rows.end, end);
        rows_compare(all, &rows);
        uint64_t entries = 0;
        for (uint32_t node = first; node < end; node++) {
            uint32_t count;
            (void)arrival_rows_of(all, node, &count);
            entries += count;
        }
        assert_int_equal(row_file_entries(file, first, end), entries);
    }
    arrival_rows_release(&rows);
}

static void rows_of_any_range_come_back_whatever_the_slices(void **folder) {
    static const struct row_world worlds[] = {
        {.seed = 1, .nodes = 300, .events = 2000, .disconnects_of_100 = 20, .base_pairs = 300},
        {.seed = 2, .nodes = 65, .events = 40, .disconnects_of_100 = 50},
        {.seed = 3, .nodes = 1000, .events = 20000, .same_of_100 = 50},
    };
    static const uint32_t slices[] = {1, 2, 7, 64};
    struct random random;
    random_seed(&random, 1);
    for (size_t w = 0; w < sizeof worlds / sizeof *worlds; w++) {
        struct row_log log = row_log_make(worlds[w]);
        struct arrival_rows all = rows_make(&log, 0, worlds[w].nodes);
        for (size_t s = 0; s < sizeof slices / sizeof *slices; s++) {
            struct row_file *file = file_make(folder, &log, slices[s]);
            reads_check(file, &all, &random);
            row_file_close(file);
        }
        arrival_rows_release(&all);
        row_log_free(&log);
    }
}

static void rows_that_were_read_can_be_settled(void **folder) {
    static const struct row_world world = {
        .seed = 4, .nodes = 200, .events = 3000, .disconnects_of_100 = 30, .same_of_100 = 20};
    struct err err;
    struct row_log log = row_log_make(world);
    struct row_file *file = file_make(folder, &log, 3);
    struct arrival_rows all = rows_make(&log, 0, world.nodes);
    struct arrival_rows some = {0};
    MUST(arrival_rows_settle(&all, 1, &err));
    MUST(row_file_read(file, 50, 170, &some, &err));
    MUST(arrival_rows_settle(&some, 2, &err));
    rows_compare(&all, &some);
    arrival_rows_release(&some);
    arrival_rows_release(&all);
    row_file_close(file);
    row_log_free(&log);
}

static void a_graph_of_nobody_has_a_file(void **folder) {
    struct err err;
    char path[SCRATCH_PATH_BYTES];
    struct row_file *file;
    struct arrival_rows rows = {0};
    scratch_path(folder, "", path);
    MUST(row_file_open(&file, path, 0, &err));
    MUST(row_file_read(file, 0, 0, &rows, &err));
    assert_int_equal(row_file_entries(file, 0, 0), 0);
    arrival_rows_release(&rows);
    row_file_close(file);
}

static void a_folder_that_is_not_there_is_told(void **folder) {
    (void)folder;
    struct err err;
    struct row_file *file;
    MUST_FAIL(row_file_open(&file, "/nowhere/at/all", 10, &err), FAILURE_IO, "/nowhere/at/all");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(rows_of_any_range_come_back_whatever_the_slices),
        SCRATCH_TEST(rows_that_were_read_can_be_settled),
        SCRATCH_TEST(a_graph_of_nobody_has_a_file),
        SCRATCH_TEST(a_folder_that_is_not_there_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
