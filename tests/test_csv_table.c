/* CSV tables, byte for byte, through the interface that both formats share. */
#include "tests/table_testing.h"

#include "schemas/limits.h"
#include "stages/base/bytes.h"
#include "stages/base/files.h"
#include "stages/base/random.h"
#include "stages/sink/table_writer.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static const struct column all_columns[] = {
    {"u64", COLUMN_U64, false},        {"u32", COLUMN_U32, false},
    {"time", COLUMN_TIME_MS, false},   {"time_or_null", COLUMN_TIME_MS, true},
    {"f64", COLUMN_F64, false},        {"text", COLUMN_TEXT, false},
    {"flag", COLUMN_BOOL, false},      {"u64_or_null", COLUMN_U64, true},
    {"f64_or_null", COLUMN_F64, true}, {"text_or_null", COLUMN_TEXT, true},
};
static const struct table all_table = {
    "all", all_columns, sizeof all_columns / sizeof all_columns[0], {0, 1, false}, false};

static const struct column text_columns[] = {{"a,b", COLUMN_TEXT, false},
                                             {"text", COLUMN_TEXT, false}};
static const struct table text_table = {"texts", text_columns, 2, {0, 1, false}, false};

static int folder_setup(void **state) {
    char *folder = strdup("/tmp/test_csv_table.XXXXXX");
    *state = folder;
    return folder == NULL || mkdtemp(folder) == NULL;
}

static int folder_teardown(void **state) {
    struct err err;
    bool gone = !failed(folder_remove(*state, &err));
    free(*state);
    return gone ? 0 : 1;
}

static void assert_table_is(const char *folder, const struct table *table,
                            const union column_values *columns, size_t rows, const char *expected) {
    struct err err;
    struct table_file file = table_write(folder, TABLE_CSV, table, columns, rows, rows + 1, 1);
    struct bytes text = {0};
    table_read(folder, TABLE_CSV, table, &file, &text);
    MUST(bytes_append(&text, "", 1, &err));
    assert_string_equal((const char *)text.data, expected);
    bytes_release(&text);
}

static void test_edge_values_of_every_type_are_exact(void **state) {
    static const uint64_t u64[] = {0, UINT64_MAX, UINT64_C(1) << 63};
    static const uint32_t u32[] = {0, UINT32_MAX, 7};
    static const int64_t times[] = {LIMIT_TIME_MIN_MS, LIMIT_TIME_MAX_MS, 0};
    static const int64_t maybe[] = {COLUMN_TIME_NULL, LIMIT_TIME_MAX_MS, -1};
    static const double f64[] = {0.0, 0.1, -1e300};
    static const char *const text[] = {"", "plain", "two words"};
    static const uint8_t flags[] = {0, 1, 0};
    static const struct optional_u64 maybe_u64[] = {
        {0}, {.value = 0, .is_known = true}, {.value = UINT64_MAX, .is_known = true}};
    const double maybe_f64[] = {-0.5, NAN, 0};
    static const char *const maybe_text[] = {NULL, "", "a,b"};
    const union column_values columns[] = {
        {.u64 = u64},       {.u32 = u32},        {.time_ms = times}, {.time_ms = maybe},
        {.f64 = f64},       {.text = text},      {.flag = flags},    {.optional_u64 = maybe_u64},
        {.f64 = maybe_f64}, {.text = maybe_text}};
    assert_table_is(*state, &all_table, columns, 3,
                    "u64,u32,time,time_or_null,f64,text,flag,u64_or_null,f64_or_null,text_or_null\n"
                    "0,0,-62135596800000,,0,,false,,-0.5,\n"
                    "18446744073709551615,4294967295,253402300799999,253402300799999,0.1,plain,"
                    "true,0,,\n"
                    "9223372036854775808,7,0,-1,-1e+300,two words,false,18446744073709551615,0,"
                    "\"a,b\"\n");
}

static void test_commas_quotes_and_line_ends_are_quoted(void **state) {
    static const char *const a[] = {"a,b", "say \"hi\"", "\"", "line\nbreak", "cr\r", "'x' ;\t"};
    static const char *const b[] = {"", ",", "\"\"", "\r\n", "x", "\xc3\xa9"};
    const union column_values columns[] = {{.text = a}, {.text = b}};
    assert_table_is(*state, &text_table, columns, 6,
                    "\"a,b\",text\n"
                    "\"a,b\",\n"
                    "\"say \"\"hi\"\"\",\",\"\n"
                    "\"\"\"\",\"\"\"\"\"\"\n"
                    "\"line\nbreak\",\"\r\n\"\n"
                    "\"cr\r\",x\n"
                    "'x' ;\t,\xc3\xa9\n");
}

static void test_invalid_utf8_becomes_question_marks_quoted_or_not(void **state) {
    static const char *const a[] = {"a\xff", "\xff,\"\x80\xc3", "\xe2\x82,\xe2\x82\xac"};
    static const char *const b[] = {"\xed\xa0\x80", "\n\xf0\x9f\x98\x80", "\xc3"};
    const union column_values columns[] = {{.text = a}, {.text = b}};
    assert_table_is(*state, &text_table, columns, 3,
                    "\"a,b\",text\n"
                    "a?,???\n"
                    "\"?,\"\"??\",\"\n\xf0\x9f\x98\x80\"\n"
                    "\"\?\?,\xe2\x82\xac\",?\n");
}

static void test_table_without_rows_is_its_header(void **state) {
    assert_table_is(*state, &table_quality, NULL, 0, "log,check,count\n");
}

enum { MANY_ROWS = 30000 };

static void test_bytes_do_not_depend_on_batches(void **state) {
    uint64_t *u64 = calloc(MANY_ROWS, sizeof *u64);
    uint32_t *u32 = calloc(MANY_ROWS, sizeof *u32);
    int64_t *times = calloc(MANY_ROWS, sizeof *times);
    double *f64 = calloc(MANY_ROWS, sizeof *f64);
    const char **text = calloc(MANY_ROWS, sizeof *text);
    uint8_t *flags = calloc(MANY_ROWS, sizeof *flags);
    struct optional_u64 *maybe_u64 = calloc(MANY_ROWS, sizeof *maybe_u64);
    double *maybe_f64 = calloc(MANY_ROWS, sizeof *maybe_f64);
    const char **maybe_text = calloc(MANY_ROWS, sizeof *maybe_text);
    static const char *const texts[] = {"", "a", "\"quoted\", and so on", "\xff"};
    struct random random;
    random_seed(&random, 31);
    for (size_t i = 0; i < MANY_ROWS; i++) {
        u64[i] = random_u64(&random) >> random_below(&random, 64);
        u32[i] = (uint32_t)random_u64(&random);
        times[i] = (int64_t)random_below(&random, LIMIT_TIME_MAX_MS);
        f64[i] = random_unit(&random);
        text[i] = texts[random_below(&random, 4)];
        flags[i] = (uint8_t)random_below(&random, 2);
        maybe_u64[i] = (struct optional_u64){u64[i], random_below(&random, 2) == 0};
        maybe_f64[i] = random_below(&random, 2) == 0 ? NAN : f64[i];
        maybe_text[i] = random_below(&random, 2) == 0 ? NULL : text[i];
    }
    const union column_values columns[] = {
        {.u64 = u64},       {.u32 = u32},        {.time_ms = times}, {.time_ms = times},
        {.f64 = f64},       {.text = text},      {.flag = flags},    {.optional_u64 = maybe_u64},
        {.f64 = maybe_f64}, {.text = maybe_text}};
    struct table_file all =
        table_write(*state, TABLE_CSV, &all_table, columns, MANY_ROWS, MANY_ROWS, 1);
    struct table_file one = table_write(*state, TABLE_CSV, &all_table, columns, MANY_ROWS, 1, 1);
    struct table_file seven = table_write(*state, TABLE_CSV, &all_table, columns, MANY_ROWS, 7, 1);
    assert_memory_equal(&one, &all, sizeof all);
    assert_memory_equal(&seven, &all, sizeof all);
    free(u64);
    free(u32);
    free(times);
    free(f64);
    free(text);
    free(flags);
    free(maybe_u64);
    free(maybe_f64);
    free(maybe_text);
}

static void test_missing_folder_is_an_io_error(void **state) {
    (void)state;
    struct err err;
    struct table_writer *writer;
    MUST_FAIL(table_writer_open(&writer, TABLE_CSV, "/nonexistent/folder", &table_quality,
                                &(struct table_options){0}, &err),
              FAILURE_IO, "/nonexistent/folder/quality.csv");
    assert_null(writer);
}

static void test_discarded_table_leaves_no_file(void **state) {
    struct err err;
    struct table_writer *writer;
    size_t before = table_folder_entries(*state);
    static const struct table gone = {"gone", text_columns, 2, {0, 1, false}, false};
    static const char *const text[] = {"x"};
    const union column_values columns[] = {{.text = text}, {.text = text}};
    MUST(table_writer_open(&writer, TABLE_CSV, *state, &gone, &(struct table_options){0}, &err));
    MUST(table_writer_append(writer, columns, 1, &err));
    table_writer_discard(writer);
    table_writer_discard(NULL);
    assert_int_equal(table_folder_entries(*state), before);
}

/* The disk is as good as full behind the first `bytes` of any file. */
static struct rlimit limit_file_size(rlim_t bytes) {
    struct rlimit old;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit = {.rlim_cur = bytes, .rlim_max = old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    return old;
}

static void test_full_disk_is_an_io_error_and_leaves_no_file(void **state) {
    struct err err;
    struct table_writer *writer;
    size_t before = table_folder_entries(*state);
    static const struct table full = {"full", text_columns, 2, {0, 1, false}, false};
    static const char *const text[] = {"some text to fill the disk"};
    const union column_values columns[] = {{.text = text}, {.text = text}};
    MUST(table_writer_open(&writer, TABLE_CSV, *state, &full, &(struct table_options){0}, &err));
    struct rlimit old = limit_file_size(100000);
    struct status status = status_ok();
    for (int i = 0; i < 100000 && !failed(status); i++) {
        status = table_writer_append(writer, columns, 1, &err);
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    MUST_FAIL(status, FAILURE_IO, "full.csv");
    table_writer_discard(writer);
    assert_int_equal(table_folder_entries(*state), before);
}

static void test_full_disk_at_the_commit_is_an_io_error_and_leaves_no_file(void **state) {
    struct err err;
    struct table_writer *writer;
    size_t before = table_folder_entries(*state);
    static const struct table full = {"full", text_columns, 2, {0, 1, false}, false};
    MUST(table_writer_open(&writer, TABLE_CSV, *state, &full, &(struct table_options){0}, &err));
    struct rlimit old = limit_file_size(5);
    struct table_file file;
    struct status status = table_writer_commit(writer, &file, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    MUST_FAIL(status, FAILURE_IO, "full.csv");
    assert_int_equal(table_folder_entries(*state), before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edge_values_of_every_type_are_exact),
        cmocka_unit_test(test_commas_quotes_and_line_ends_are_quoted),
        cmocka_unit_test(test_invalid_utf8_becomes_question_marks_quoted_or_not),
        cmocka_unit_test(test_table_without_rows_is_its_header),
        cmocka_unit_test(test_bytes_do_not_depend_on_batches),
        cmocka_unit_test(test_missing_folder_is_an_io_error),
        cmocka_unit_test(test_discarded_table_leaves_no_file),
        cmocka_unit_test(test_full_disk_is_an_io_error_and_leaves_no_file),
        cmocka_unit_test(test_full_disk_at_the_commit_is_an_io_error_and_leaves_no_file),
    };
    return cmocka_run_group_tests(tests, folder_setup, folder_teardown);
}
