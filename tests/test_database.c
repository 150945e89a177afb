/* The database of a study, written and read back. */
#include "tests/scratch.h"
#include "tests/testing.h"

#include "stages/base/bytes.h"
#include "stages/base/files.h"
#include "stages/sink/database.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Appends every cell as text, "-" for a null number, cells divided by '|', rows ended by '\n'. */
struct answer {
    size_t columns;
    char text[4096];
};

static struct status answer_visit(void *context, const struct database_row *row, struct err *err) {
    struct answer *answer = context;
    (void)err;
    for (size_t c = 0; c < answer->columns; c++) {
        size_t used = strlen(answer->text);
        const char *text = database_text(row, c);
        bool is_null = text[0] == '\0' && isnan(database_f64(row, c));
        (void)snprintf(answer->text + used, sizeof answer->text - used, "%s%s",
                       is_null ? "-" : text, c + 1 < answer->columns ? "|" : "\n");
    }
    return status_ok();
}

static void assert_answer(void **state, const char *sql, size_t columns, const char *expected) {
    struct err err;
    char path[SCRATCH_PATH_BYTES];
    struct database_reader *reader;
    struct answer answer = {.columns = columns};
    scratch_path(state, DATABASE_FILE, path);
    MUST(database_open(&reader, path, &err));
    MUST(database_query(reader, sql, NULL, 0, answer_visit, &answer, &err));
    database_close(reader);
    assert_string_equal(answer.text, expected);
}

/* One row per bin of log2 and one of terciles: a dose_response to try the views on. */
enum { DOSES = 4 };
static void doses_append(struct database *database, const struct table *table, size_t first,
                         size_t rows) {
    static const char *const measure[] = {"log2", "log2", "log2", "terciles"};
    static const uint32_t bin[] = {0, 1, 2, 0};
    static const char *const label[] = {"0", "1", "2-3", "weak"};
    static const double low[] = {0, 1, 2, 0};
    const double high[] = {0, 1, NAN, NAN};
    static const char *const segment[] = {"all", "all", "all", "all"};
    static const uint64_t sides[] = {100, 200, 100, 400};
    static const uint64_t at_risk[] = {50, 150, 0, 200};
    static const double exposure[] = {1e12, 2e12, 0, 3e12};
    static const uint64_t transmitting[] = {1, 6, 0, 7};
    static const uint64_t transmissions[] = {2, 6, 0, 8};
    const double rate[] = {0.02, 0.04, NAN, 0.035};
    const double share[] = {0.25, 0.75, 0, 1};
    static const double credit[] = {2, 6, 0, 8};
    static const double expected[] = {0.5, 3, 0, 3.5};
    static const double excess[] = {1.5, 3, 0, 4.5};
    static const uint64_t pairs[] = {10, 20, 0, 30};
    static const uint64_t unmatched[] = {1, 0, 0, 1};
    const union column_values all[] = {
        {.text = measure}, {.u32 = bin},       {.text = label},       {.f64 = low},
        {.f64 = high},     {.text = segment},  {.text = segment},     {.u64 = sides},
        {.u64 = at_risk},  {.f64 = exposure},  {.u64 = transmitting}, {.u64 = transmissions},
        {.f64 = rate},     {.f64 = rate},      {.f64 = rate},         {.f64 = rate},
        {.f64 = rate},     {.f64 = rate},      {.f64 = credit},       {.f64 = credit},
        {.f64 = credit},   {.f64 = credit},    {.f64 = expected},     {.f64 = excess},
        {.u64 = pairs},    {.u64 = unmatched}, {.u64 = unmatched},    {.f64 = share},
    };
    union column_values columns[COUNT_OF(all)];
    struct err err;
    assert_int_equal(table->column_count, COUNT_OF(all));
    for (size_t c = 0; c < COUNT_OF(all); c++) {
        columns[c] = all[c];
        if (table->columns[c].type == COLUMN_U32) {
            columns[c].u32 += first;
        } else if (table->columns[c].type == COLUMN_U64) {
            columns[c].u64 += first;
        } else if (table->columns[c].type == COLUMN_F64) {
            columns[c].f64 += first;
        } else {
            columns[c].text += first;
        }
    }
    MUST(database_append(database, table, columns, rows, &err));
}

static void quality_append(struct database *database) {
    static const char *const logs[] = {"positions",   "positions",   "positions",  "connections",
                                       "connections", "connections", "connections"};
    static const char *const checks[] = {"read",    "applied",   "beyond", "read",
                                         "applied", "self_loop", "late"};
    static const uint64_t counts[] = {5, 5, 2, 10, 6, 3, 2};
    const union column_values columns[] = {{.text = logs}, {.text = checks}, {.u64 = counts}};
    struct err err;
    MUST(database_append(database, &table_quality, columns, COUNT_OF(counts), &err));
}

static void study_write(void **state, struct table_file *file) {
    struct err err;
    struct database *database;
    MUST(database_new(&database, &err));
    doses_append(database, &table_dose_response, 0, DOSES);
    quality_append(database);
    MUST(database_commit(database, *state, file, &err));
}

static void test_rows_come_back_as_they_went_in(void **state) {
    struct table_file file;
    study_write(state, &file);
    assert_int_equal(file.rows, DOSES + 7);
    assert_answer(
        state, "SELECT measure, bin, label, low, high, at_risk, rate, share FROM dose_response", 8,
        "log2|0|0|0.0|0.0|50|0.02|0.25\n"
        "log2|1|1|1.0|1.0|150|0.04|0.75\n"
        "log2|2|2-3|2.0|-|0|-|0.0\n"
        "terciles|0|weak|0.0|-|200|0.035|1.0\n");
}

static void test_ids_times_and_nulls_have_their_types(void **state) {
    static const uint64_t members[] = {UINT64_MAX, 7, UINT64_C(1) << 63};
    static const uint64_t companies[] = {1, 2, 3};
    static const char *const before[] = {NULL, "move", "\xff"};
    static const int64_t at_before[] = {COLUMN_TIME_NULL, 5, -5};
    static const char *const after[] = {"entry", NULL, NULL};
    static const int64_t at_after[] = {1, COLUMN_TIME_NULL, COLUMN_TIME_NULL};
    const union column_values columns[] = {{.u64 = members}, {.u64 = companies},
                                           {.text = before}, {.time_ms = at_before},
                                           {.text = after},  {.time_ms = at_after}};
    struct err err;
    struct database *database;
    MUST(database_new(&database, &err));
    MUST(database_append(database, &table_revisions, columns, 3, &err));
    MUST(database_commit(database, *state, NULL, &err));
    assert_answer(state,
                  "SELECT member, printf('%u', member), kind_before, at_before, at_after,"
                  " typeof(member), typeof(kind_before), typeof(at_after) FROM revisions",
                  8,
                  "-1|18446744073709551615|-|-|1|integer|null|integer\n"
                  "7|7|move|5|-|integer|text|null\n"
                  "-9223372036854775808|9223372036854775808|?|-5|-|integer|text|null\n");
}

static void test_curve_has_shares_and_the_rate_expected_by_chance(void **state) {
    study_write(state, NULL);
    assert_answer(state,
                  "SELECT label, rate, expected_rate, share_at_risk, share_of_transmissions"
                  " FROM curve",
                  5,
                  "0|0.02|0.01|0.25|0.25\n"
                  "1|0.04|0.02|0.75|0.75\n"
                  "2-3|-|-|0.0|0.0\n");
    assert_answer(state, "SELECT label, at_risk FROM terciles", 2, "weak|200\n");
    assert_answer(state,
                  "SELECT rule, label, credit, share FROM attribution_by_rule"
                  " WHERE measure = 'log2' AND rule = 'last'",
                  4, "last|0|2.0|0.25\nlast|1|6.0|0.75\nlast|2-3|0.0|0.0\n");
}

static void test_quality_by_log_says_whether_the_counts_add_up(void **state) {
    study_write(state, NULL);
    assert_answer(state,
                  "SELECT log, \"read\", applied, self_loop, late, beyond, adds_up"
                  " FROM quality_by_log",
                  7, "connections|10|6|3|2|-|0\npositions|5|5|-|-|2|1\n");
}

static struct status nothing_visit(void *context, const struct database_row *row, struct err *err) {
    (void)context;
    (void)row;
    (void)err;
    return status_ok();
}

static struct status view_visit(void *context, const struct database_row *row, struct err *err) {
    char sql[128];
    (void)snprintf(sql, sizeof sql, "SELECT * FROM %s", database_text(row, 0));
    assert_true(strlen(database_text(row, 1)) > 10);
    return database_query(context, sql, NULL, 0, nothing_visit, NULL, err);
}

static void test_every_table_and_view_has_a_meaning_and_opens(void **state) {
    struct err err;
    char path[SCRATCH_PATH_BYTES];
    struct database_reader *reader;
    study_write(state, NULL);
    scratch_path(state, DATABASE_FILE, path);
    MUST(database_open(&reader, path, &err));
    MUST(database_query(reader, "SELECT name, meaning FROM about", NULL, 0, view_visit, reader,
                        &err));
    database_close(reader);
    assert_answer(state,
                  "SELECT count(*) FROM sqlite_schema s LEFT JOIN about a ON a.name = s.name"
                  " WHERE a.kind IS NULL OR a.kind <> s.type",
                  1, "1\n"); /* about itself */
}

static void test_parameters_are_texts_and_never_sql(void **state) {
    struct err err;
    char path[SCRATCH_PATH_BYTES];
    struct database_reader *reader;
    struct answer answer = {.columns = 1};
    static const char *const texts[] = {"log2", "' OR 1 = 1 --"};
    study_write(state, NULL);
    scratch_path(state, DATABASE_FILE, path);
    MUST(database_open(&reader, path, &err));
    MUST(database_query(reader,
                        "SELECT count(*) FROM dose_response WHERE measure = ?1 AND label <> ?2",
                        texts, 2, answer_visit, &answer, &err));
    database_close(reader);
    assert_string_equal(answer.text, "3\n");
}

static void test_bytes_do_not_depend_on_batches_and_order_of_tables(void **state) {
    struct err err;
    struct table_file one;
    struct table_file other;
    struct database *database;
    study_write(state, &one);
    MUST(database_new(&database, &err));
    quality_append(database);
    for (size_t i = 0; i < DOSES; i++) {
        doses_append(database, &table_dose_response, i, 1);
    }
    MUST(database_commit(database, *state, &other, &err));
    assert_memory_equal(&one, &other, sizeof one);
}

static void test_only_aggregates_are_taken(void **state) {
    (void)state;
    assert_true(database_takes(&table_dose_response));
    assert_true(database_takes(&table_revisions));
    assert_false(database_takes(&table_moves));
    assert_false(database_takes(&table_ties));
}

static void test_nothing_is_left_by_a_discarded_database(void **state) {
    struct err err;
    struct database *database;
    struct names names = {0};
    MUST(database_new(&database, &err));
    doses_append(database, &table_segments, 0, DOSES);
    database_discard(database);
    database_discard(NULL);
    MUST(folder_list(*state, &names, &err));
    assert_int_equal(names.count, 0);
    names_release(&names);
}

static void test_missing_folder_is_an_io_error(void **state) {
    struct err err;
    struct database *database;
    (void)state;
    MUST(database_new(&database, &err));
    MUST_FAIL(database_commit(database, "/nonexistent/folder", NULL, &err), FAILURE_IO,
              "/nonexistent/folder/study.sqlite");
}

static void assert_not_opened(const char *path, enum failure failure, const char *part) {
    struct err err;
    struct database_reader *reader;
    MUST_FAIL(database_open(&reader, path, &err), failure, part);
    assert_null(reader);
}

static void test_what_is_no_study_is_not_opened(void **state) {
    char path[SCRATCH_PATH_BYTES];
    scratch_path(state, "missing.sqlite", path);
    assert_not_opened(path, FAILURE_IO, "missing.sqlite");
    assert_not_opened(":memory:", FAILURE_IO, ":memory:");
    scratch_path(state, "text.sqlite", path);
    scratch_put_text(path, "from,to\n1,2\n");
    assert_not_opened(path, FAILURE_DATA, "tieflow attribute");
    scratch_path(state, "empty.sqlite", path);
    scratch_put_text(path, "");
    assert_not_opened(path, FAILURE_DATA, "not one that tieflow made");
}

/* Bytes 60..63 of the header are the user_version. */
static void test_another_version_is_refused(void **state) {
    char path[SCRATCH_PATH_BYTES];
    static uint8_t data[1 << 20];
    study_write(state, NULL);
    scratch_path(state, DATABASE_FILE, path);
    size_t count = scratch_get(path, data, sizeof data);
    assert_in_range(count, 100, sizeof data - 1);
    data[63]++;
    scratch_put(path, data, count);
    assert_not_opened(path, FAILURE_DATA, "version 2");
}

static void test_damaged_pages_are_a_data_error(void **state) {
    char path[SCRATCH_PATH_BYTES];
    static uint8_t data[1 << 20];
    struct err err;
    struct database_reader *reader;
    study_write(state, NULL);
    scratch_path(state, DATABASE_FILE, path);
    size_t count = scratch_get(path, data, sizeof data);
    memset(data + 4096, 0xa5, count - 4096);
    scratch_put(path, data, count);
    struct status status = database_open(&reader, path, &err);
    if (!failed(status)) {
        status = database_query(reader, "SELECT * FROM dose_response", NULL, 0, nothing_visit, NULL,
                                &err);
    }
    database_close(reader);
    MUST_FAIL(status, FAILURE_DATA, "damaged");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rows_come_back_as_they_went_in, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(test_ids_times_and_nulls_have_their_types, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(test_curve_has_shares_and_the_rate_expected_by_chance,
                                        scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(test_quality_by_log_says_whether_the_counts_add_up,
                                        scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(test_every_table_and_view_has_a_meaning_and_opens,
                                        scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(test_parameters_are_texts_and_never_sql, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(test_bytes_do_not_depend_on_batches_and_order_of_tables,
                                        scratch_make, scratch_remove),
        cmocka_unit_test(test_only_aggregates_are_taken),
        cmocka_unit_test_setup_teardown(test_nothing_is_left_by_a_discarded_database, scratch_make,
                                        scratch_remove),
        cmocka_unit_test(test_missing_folder_is_an_io_error),
        cmocka_unit_test_setup_teardown(test_what_is_no_study_is_not_opened, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(test_another_version_is_refused, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(test_damaged_pages_are_a_data_error, scratch_make,
                                        scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
