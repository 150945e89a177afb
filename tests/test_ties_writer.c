#include "pipeline/ties_writer.h"

#include "pipeline/publish.h"
#include "schemas/tie.h"
#include "stages/base/random.h"
#include "tests/scratch.h"
#include "tests/table_testing.h"

#include <signal.h>
#include <sys/resource.h>

enum { MEMBERS = 300, TIES = 50000, STEP = 7 };

static const int64_t until_ms = 40000;

/* Ties, numbered in steps of STEP from tie to tie, and who ended them. */
struct drawn {
    int64_t created_at_ms[TIES];
    uint32_t from[TIES];
    uint32_t to[TIES];
    uint32_t mutual[TIES];
    uint32_t degree_from[TIES];
    uint32_t degree_to[TIES];
    uint8_t origin[TIES];
    struct dictionary dictionary;
    struct ending_index endings;
};

/* The rows as they must be. */
struct rows {
    uint64_t from[TIES];
    uint64_t to[TIES];
    int64_t ended_at_ms[TIES];
    uint64_t in_union[TIES];
    double strength[TIES];
};

static struct drawn *drawn_new(struct rows *rows) {
    struct err err;
    struct random random;
    struct drawn *drawn = calloc(1, sizeof *drawn);
    struct member_id members[MEMBERS];
    struct node_id nodes[MEMBERS];
    assert_non_null(drawn);
    random_seed(&random, 11);
    for (size_t i = 0; i < MEMBERS; i++) {
        members[i].v = random_mix(i);
    }
    MUST(dictionary_resolve(&drawn->dictionary, members, MEMBERS, nodes, &err));
    for (size_t i = 0; i < TIES; i++) {
        drawn->created_at_ms[i] = (int64_t)i;
        drawn->from[i] = (uint32_t)random_below(&random, MEMBERS - 1);
        drawn->to[i] = drawn->from[i] + 1;
        drawn->mutual[i] = (uint32_t)random_below(&random, 4);
        drawn->degree_from[i] = drawn->mutual[i] + (uint32_t)random_below(&random, 3);
        drawn->degree_to[i] = drawn->mutual[i] + (uint32_t)random_below(&random, 3);
        uint32_t in_union = drawn->degree_from[i] + drawn->degree_to[i] - drawn->mutual[i];
        rows->from[i] = members[drawn->from[i]].v;
        rows->to[i] = members[drawn->to[i]].v;
        rows->in_union[i] = in_union;
        rows->strength[i] = in_union == 0 ? 0 : (double)drawn->mutual[i] / in_union;
    }
    return drawn;
}

/* Ends some ties a while after they were made: with a number that only they, and the earlier ones
 * of the pair, are below. */
static void endings_draw(struct drawn *drawn, struct rows *rows) {
    struct err err;
    int64_t next_ms[MEMBERS]; /* of the pair that begins with the node: its next ending */
    for (size_t i = 0; i < MEMBERS; i++) {
        next_ms[i] = TIE_OPEN_MS;
    }
    for (size_t i = TIES; i-- > 0;) {
        if (i % 5 == 0) {
            const struct tie_ending ending = {
                .from = drawn->to[i],
                .to = drawn->from[i],
                .ended_at_ms = (int64_t)i + 3,
                .ties_before = STEP * i + 1,
            };
            MUST(ending_index_add(&drawn->endings, &ending, 1, &err));
            next_ms[drawn->from[i]] = ending.ended_at_ms;
        }
        int64_t ended_at_ms = next_ms[drawn->from[i]];
        rows->ended_at_ms[i] = ended_at_ms > until_ms ? TIE_OPEN_MS : ended_at_ms;
    }
    MUST(ending_index_finish(&drawn->endings, &err));
}

static void drawn_free(struct drawn *drawn) {
    dictionary_release(&drawn->dictionary);
    ending_index_release(&drawn->endings);
    free(drawn);
}

/* Puts the ties one at a time. */
static void ties_put(struct ties_writer *writer, const struct drawn *drawn) {
    struct err err;
    for (size_t first = 0; first < TIES; first++) {
        const struct tie_slice slice = {
            .count = 1,
            .created_at_ms = drawn->created_at_ms + first,
            .from = drawn->from + first,
            .to = drawn->to + first,
            .mutual = drawn->mutual + first,
            .degree_from = drawn->degree_from + first,
            .degree_to = drawn->degree_to + first,
        };
        MUST(ties_writer_put(writer, &slice, STEP * first, &err));
    }
}

static struct table_file ties_write(const char *folder, const struct drawn *drawn,
                                    unsigned threads) {
    struct err err;
    struct ties_writer *writer;
    struct table_file file;
    struct tee tee = {.table = &table_ties};
    const struct table_options table = {.threads = 1};
    const struct ties_writer_options options = {
        .dictionary = &drawn->dictionary,
        .endings = &drawn->endings,
        .until_ms = until_ms,
        .threads = threads,
    };
    MUST(table_writer_open(&tee.writers[TABLE_CSV], TABLE_CSV, folder, &table_ties, &table, &err));
    MUST(ties_writer_new(&writer, &tee, &options, &err));
    ties_put(writer, drawn);
    MUST(ties_writer_finish(writer, &err));
    ties_writer_free(writer);
    MUST(table_writer_commit(tee.writers[TABLE_CSV], &file, &err));
    return file;
}

static void rows_are_those_of_the_ties_in_order_on_any_threads(void **state) {
    struct rows *rows = calloc(1, sizeof *rows);
    assert_non_null(rows);
    struct drawn *drawn = drawn_new(rows);
    endings_draw(drawn, rows);
    const union column_values columns[] = {
        {.u64 = rows->from},
        {.u64 = rows->to},
        {.time_ms = drawn->created_at_ms},
        {.time_ms = rows->ended_at_ms},
        {.u32 = drawn->mutual},
        {.u32 = drawn->degree_from},
        {.u32 = drawn->degree_to},
        {.u64 = rows->in_union},
        {.f64 = rows->strength},
    };
    struct table_file wanted = table_write(*state, TABLE_CSV, &table_ties, columns, TIES, TIES, 1);
    for (unsigned threads = 0; threads <= 4; threads++) {
        struct table_file file = ties_write(*state, drawn, threads);
        assert_int_equal(file.rows, TIES);
        assert_int_equal(file.bytes, wanted.bytes);
        assert_true(file.checksum == wanted.checksum);
    }
    drawn_free(drawn);
    free(rows);
}

static void a_slice_longer_than_blocks_is_numbered_through(void **state) {
    struct err err;
    struct rows *rows = calloc(1, sizeof *rows);
    assert_non_null(rows);
    struct drawn *drawn = drawn_new(rows);
    for (size_t i = 0; i < TIES; i++) { /* one pair, ended in its midst: by number, not by pair */
        drawn->from[i] = 1;
        drawn->to[i] = 2;
        rows->from[i] = random_mix(1);
        rows->to[i] = random_mix(2);
        rows->ended_at_ms[i] = i < TIES / 2 ? 9 : TIE_OPEN_MS;
    }
    const struct tie_ending ending = {
        .from = 1, .to = 2, .ended_at_ms = 9, .ties_before = 100 + TIES / 2};
    MUST(ending_index_add(&drawn->endings, &ending, 1, &err));
    MUST(ending_index_finish(&drawn->endings, &err));
    const union column_values columns[] = {
        {.u64 = rows->from},
        {.u64 = rows->to},
        {.time_ms = drawn->created_at_ms},
        {.time_ms = rows->ended_at_ms},
        {.u32 = drawn->mutual},
        {.u32 = drawn->degree_from},
        {.u32 = drawn->degree_to},
        {.u64 = rows->in_union},
        {.f64 = rows->strength},
    };
    struct table_file wanted = table_write(*state, TABLE_CSV, &table_ties, columns, TIES, TIES, 1);
    struct ties_writer *writer;
    struct table_file file;
    struct tee tee = {.table = &table_ties};
    const struct table_options table = {.threads = 1};
    const struct ties_writer_options options = {.dictionary = &drawn->dictionary,
                                                .endings = &drawn->endings,
                                                .until_ms = INT64_MAX,
                                                .threads = 2};
    const struct tie_slice slice = {
        TIES,          drawn->created_at_ms, drawn->from,      drawn->to,
        drawn->mutual, drawn->degree_from,   drawn->degree_to, drawn->origin};
    MUST(table_writer_open(&tee.writers[TABLE_CSV], TABLE_CSV, *state, &table_ties, &table, &err));
    MUST(ties_writer_new(&writer, &tee, &options, &err));
    MUST(ties_writer_put(writer, &slice, 100, &err));
    MUST(ties_writer_finish(writer, &err));
    ties_writer_free(writer);
    MUST(table_writer_commit(tee.writers[TABLE_CSV], &file, &err));
    assert_true(file.checksum == wanted.checksum);
    drawn_free(drawn);
    free(rows);
}

/* Whatever comes off after it, on whichever thread. */
static void the_first_failure_to_append_is_told(void **state) {
    struct err err;
    struct rows *rows = calloc(1, sizeof *rows);
    assert_non_null(rows);
    struct drawn *drawn = drawn_new(rows);
    endings_draw(drawn, rows);
    for (unsigned threads = 1; threads <= 2; threads++) {
        struct ties_writer *writer;
        struct tee tee = {.table = &table_ties};
        const struct table_options table = {.threads = threads};
        const struct ties_writer_options options = {.dictionary = &drawn->dictionary,
                                                    .endings = &drawn->endings,
                                                    .until_ms = until_ms,
                                                    .threads = threads};
        const struct tie_slice slice = {
            TIES,          drawn->created_at_ms, drawn->from,      drawn->to,
            drawn->mutual, drawn->degree_from,   drawn->degree_to, drawn->origin};
        struct rlimit old;
        (void)signal(SIGXFSZ, SIG_IGN);
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
        struct rlimit little = {.rlim_cur = 100000, .rlim_max = old.rlim_max};
        MUST(table_writer_open(&tee.writers[TABLE_CSV], TABLE_CSV, *state, &table_ties, &table,
                               &err));
        MUST(ties_writer_new(&writer, &tee, &options, &err));
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
        struct status status = status_ok();
        for (int i = 0; i < 3 && !failed(status); i++) {
            status = ties_writer_put(writer, &slice, 0, &err);
        }
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
        MUST_FAIL(status, FAILURE_IO, "ties.csv");
        ties_writer_free(writer);
        table_writer_discard(tee.writers[TABLE_CSV]);
    }
    drawn_free(drawn);
    free(rows);
}

static void what_is_not_finished_is_forgotten(void **state) {
    struct err err;
    struct rows *rows = calloc(1, sizeof *rows);
    assert_non_null(rows);
    struct drawn *drawn = drawn_new(rows);
    endings_draw(drawn, rows);
    struct ties_writer *writer;
    struct tee tee = {.table = &table_ties}; /* rows that came off went nowhere */
    const struct ties_writer_options options = {.dictionary = &drawn->dictionary,
                                                .endings = &drawn->endings,
                                                .until_ms = until_ms,
                                                .threads = 2};
    (void)state;
    MUST(ties_writer_new(&writer, &tee, &options, &err));
    ties_put(writer, drawn);
    ties_writer_free(writer);
    ties_writer_free(NULL);
    drawn_free(drawn);
    free(rows);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_are_those_of_the_ties_in_order_on_any_threads,
                                        scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(a_slice_longer_than_blocks_is_numbered_through,
                                        scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(the_first_failure_to_append_is_told, scratch_make,
                                        scratch_remove),
        cmocka_unit_test(what_is_not_finished_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
