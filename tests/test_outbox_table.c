/* Outboxes of tables, through the interface that all formats share. */
#include "tests/table_testing.h"

#include "schemas/limits.h"
#include "stages/base/stream.h"
#include "stages/sink/avro_row.h"
#include "stages/sink/outbox.h"
#include "tests/scratch.h"

static const struct table_note notes[] = {
    {"tieflow.run_id", "00c0ffee00c0ffee"},
    {"tieflow.simultaneous", "strict"},
    {"tieflow.as_of", "1767311999999"},
    {"tieflow.date", "2026-01-01"},
};
static const struct table_options options = {.notes = notes,
                                             .note_count = sizeof notes / sizeof notes[0]};

static const uint64_t low[] = {9, 3, UINT64_MAX};
static const uint64_t high[] = {8, 4, 5};
static const int64_t ended_at_ms[] = {1, 2, 3};
static const union column_values endings[] = {
    {.u64 = low}, {.u64 = high}, {.time_ms = ended_at_ms}};
enum { ROWS = 3 };

/* Writes the rows, `batch` to an append. */
static struct table_file endings_write(const char *folder, size_t batch) {
    struct err err;
    struct table_writer *writer;
    struct table_file file;
    MUST(table_writer_open(&writer, TABLE_OUTBOX, folder, &table_endings, &options, &err));
    for (size_t first = 0; first < ROWS; first += batch) {
        union column_values shifted[TABLE_COLUMNS_MAX];
        table_columns_from(&table_endings, endings, first, shifted);
        MUST(table_writer_append(writer, shifted, first + batch > ROWS ? ROWS - first : batch,
                                 &err));
    }
    MUST(table_writer_commit(writer, &file, &err));
    assert_int_equal(file.rows, ROWS);
    return file;
}

static struct outbox_reader *outbox_of(void **state, const char *name) {
    struct err err;
    char path[SCRATCH_PATH_BYTES];
    struct input *input;
    struct outbox_reader *reader;
    scratch_path(state, name, path);
    MUST(input_open(&input, path, &err));
    MUST(outbox_reader_open(&reader, input, &err));
    return reader;
}

static void test_head_says_table_date_run_and_schema(void **state) {
    struct err err;
    struct bytes schema = {0};
    (void)endings_write(*state, ROWS);
    struct outbox_reader *reader = outbox_of(state, "endings.outbox");
    const struct outbox_head *head = outbox_reader_head(reader);
    assert_string_equal(head->name, "endings");
    assert_int_equal(head->date_ms, INT64_C(1767225600000));
    assert_int_equal(head->run_id, UINT64_C(0x00c0ffee00c0ffee));
    MUST(avro_row_schema(&table_endings, &schema, &err));
    MUST(bytes_append(&schema, "", 1, &err));
    assert_string_equal(head->schema, (const char *)schema.data);
    bytes_release(&schema);
    outbox_reader_close(reader);
}

static void test_every_row_is_a_record_of_its_key_and_stamped_value(void **state) {
    static const char *const keys[ROWS] = {"8:9", "3:4", "5:18446744073709551615"};
    struct err err;
    const struct avro_stamps stamps = {
        .date_ms = INT64_C(1767225600000),
        .run_id = "00c0ffee00c0ffee",
        .as_of_ms = INT64_C(1767311999999),
        .simultaneous = "strict",
    };
    (void)endings_write(*state, 2);
    struct outbox_reader *reader = outbox_of(state, "endings.outbox");
    struct outbox_record record;
    struct bytes value = {0};
    bool more;
    for (size_t i = 0; i < ROWS; i++) {
        value.count = 0;
        MUST(outbox_next(reader, &record, &more, &err));
        assert_true(more);
        assert_int_equal(record.key_bytes, strlen(keys[i]));
        assert_memory_equal(record.key, keys[i], record.key_bytes);
        MUST(avro_row_stamps(&stamps, &value, &err));
        MUST(avro_row_put(&table_endings, endings, i, &value, &err));
        assert_int_equal(record.value_bytes, value.count);
        assert_memory_equal(record.value, value.data, value.count);
        assert_int_equal(record.header_count, 0);
    }
    MUST(outbox_next(reader, &record, &more, &err));
    assert_false(more);
    bytes_release(&value);
    outbox_reader_close(reader);
}

static void test_bytes_do_not_depend_on_batches(void **state) {
    struct table_file all = endings_write(*state, ROWS);
    struct table_file one = endings_write(*state, 1);
    struct table_file two = endings_write(*state, 2);
    assert_memory_equal(&one, &all, sizeof all);
    assert_memory_equal(&two, &all, sizeof all);
}

static void test_table_without_rows_is_an_outbox_without_records(void **state) {
    struct err err;
    struct table_writer *writer;
    MUST(table_writer_open(&writer, TABLE_OUTBOX, *state, &table_late, &options, &err));
    MUST(table_writer_commit(writer, NULL, &err));
    struct outbox_reader *reader = outbox_of(state, "late.outbox");
    uint64_t records;
    MUST(outbox_count(reader, &records, &err));
    assert_int_equal(records, 0);
    outbox_reader_close(reader);
}

static void test_row_too_long_for_a_record_is_refused_and_leaves_no_file(void **state) {
    struct err err;
    struct table_writer *writer;
    char *text = malloc(LIMIT_OUTBOX_RECORD_BYTES + 1);
    assert_non_null(text);
    memset(text, 'x', LIMIT_OUTBOX_RECORD_BYTES);
    text[LIMIT_OUTBOX_RECORD_BYTES] = '\0';
    const char *const short_text = "x";
    const char *const long_text = text;
    static const uint64_t record[] = {1};
    const union column_values columns[] = {{.text = &short_text},
                                           {.text = &short_text},
                                           {.u64 = record},
                                           {.text = &short_text},
                                           {.text = &long_text}};
    MUST(table_writer_open(&writer, TABLE_OUTBOX, *state, &table_quarantine, &options, &err));
    MUST_FAIL(table_writer_append(writer, columns, 1, &err), FAILURE_DATA, "cannot be sent");
    table_writer_discard(writer);
    assert_int_equal(table_folder_entries(*state), 0);
    free(text);
}

static void test_missing_folder_is_an_io_error(void **state) {
    (void)state;
    struct err err;
    struct table_writer *writer;
    MUST_FAIL(table_writer_open(&writer, TABLE_OUTBOX, "/nonexistent/folder", &table_ties, &options,
                                &err),
              FAILURE_IO, "/nonexistent/folder/ties.outbox");
    assert_null(writer);
}

#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(test_head_says_table_date_run_and_schema),
        IN_SCRATCH(test_every_row_is_a_record_of_its_key_and_stamped_value),
        IN_SCRATCH(test_bytes_do_not_depend_on_batches),
        IN_SCRATCH(test_table_without_rows_is_an_outbox_without_records),
        IN_SCRATCH(test_row_too_long_for_a_record_is_refused_and_leaves_no_file),
        cmocka_unit_test(test_missing_folder_is_an_io_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
