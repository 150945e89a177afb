/* Parquet tables. With a folder as argument the edge tables stay there, each with its CSV twin, for
 * check_tables.py to read with other people's software; what is checked here is what needs none.
 */
#include "tests/table_testing.h"

#include "schemas/limits.h"
#include "stages/base/columns.h"
#include "stages/base/compression.h"
#include "stages/base/cursor.h"
#include "stages/base/random.h"
#include "stages/sink/parquet_table.h"

#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

struct folder {
    char *path;
    bool keep;
};

/* ---- A reader of just enough Thrift. ---- */

static uint64_t read_varint(struct cursor *cursor) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        const uint8_t *byte = cursor_take(cursor, 1);
        assert_non_null(byte);
        value |= (uint64_t)(*byte & 0x7f) << shift;
        if (*byte < 0x80) {
            return value;
        }
    }
    fail_msg("a varint of more than 64 bits");
    return 0;
}

static int64_t read_integer(struct cursor *cursor) {
    return zigzag_apply(0, read_varint(cursor));
}

static uint64_t read_list(struct cursor *cursor, unsigned *type) {
    const uint8_t *head = cursor_take(cursor, 1);
    assert_non_null(head);
    *type = *head & 15;
    return *head >> 4 == 15 ? read_varint(cursor) : *head >> 4;
}

/* Moves behind a value of the type; the depth is that of Parquet's metadata, which we wrote. */
/* NOLINTNEXTLINE(misc-no-recursion) */
static void skip_value(struct cursor *cursor, unsigned type) {
    if (type == 3) {
        (void)cursor_take(cursor, 1);
    } else if (type == 5 || type == 6) {
        (void)read_varint(cursor);
    } else if (type == 8) {
        (void)cursor_take(cursor, read_varint(cursor));
    } else if (type == 9) {
        unsigned item_type;
        for (uint64_t left = read_list(cursor, &item_type); left > 0; left--) {
            skip_value(cursor, item_type);
        }
    } else if (type == 12) {
        for (;;) {
            const uint8_t *head = cursor_take(cursor, 1);
            assert_non_null(head);
            if (*head == 0) {
                return;
            }
            skip_value(cursor, *head & 15);
        }
    } else {
        assert_true(type == 1 || type == 2);
    }
    assert_false(cursor->broken);
}

/* The value of field `id` of the struct at `cursor`; false where it has none. */
static bool find_field(struct cursor cursor, unsigned id, struct cursor *value) {
    unsigned at = 0;
    for (;;) {
        const uint8_t *head = cursor_take(&cursor, 1);
        assert_non_null(head);
        if (*head == 0) {
            return false;
        }
        assert_true(*head >> 4 != 0);
        at += *head >> 4;
        if (at == id) {
            *value = cursor;
            return true;
        }
        skip_value(&cursor, *head & 15);
    }
}

static struct cursor field(struct cursor cursor, unsigned id) {
    struct cursor value = cursor;
    if (!find_field(cursor, id, &value)) {
        fail_msg("the struct has no field %u", id);
    }
    return value;
}

static int64_t integer_field(struct cursor cursor, unsigned id) {
    struct cursor value = field(cursor, id);
    return read_integer(&value);
}

static uint64_t list_count(struct cursor list) {
    unsigned type;
    return read_list(&list, &type);
}

static struct cursor list_item(struct cursor list, uint64_t index) {
    unsigned type;
    uint64_t count = read_list(&list, &type);
    assert_true(index < count);
    for (; index > 0; index--) {
        skip_value(&list, type);
    }
    return list;
}

static void assert_text_field(struct cursor cursor, unsigned id, const void *text, size_t bytes) {
    struct cursor value = field(cursor, id);
    assert_int_equal(read_varint(&value), bytes);
    const uint8_t *got = cursor_take(&value, bytes);
    assert_non_null(got);
    assert_memory_equal(got, text, bytes);
}

/* ---- The parts of a file; numbers are those of parquet.thrift. ---- */

static struct cursor footer_of(const struct bytes *file) {
    assert_true(file->count >= 12);
    assert_memory_equal(file->data, "PAR1", 4);
    assert_memory_equal(file->data + file->count - 4, "PAR1", 4);
    struct cursor tail = cursor_over(file->data + file->count - 8, 4);
    uint32_t bytes = cursor_u32(&tail);
    assert_true(bytes <= file->count - 12);
    return cursor_over(file->data + file->count - 8 - bytes, bytes);
}

static struct cursor group_of(struct cursor footer, uint64_t group) {
    return list_item(field(footer, 4), group);
}

/* The ColumnMetaData. */
static struct cursor chunk_of(struct cursor footer, uint64_t group, uint64_t column) {
    return field(list_item(field(group_of(footer, group), 1), column), 3);
}

enum { CODEC_NONE = 0, CODEC_ZSTD = 6 };

/* The unpacked payload of the data page of a chunk, in new memory. */
static uint8_t *read_page(const struct bytes *file, struct cursor chunk, size_t *bytes) {
    struct err err;
    struct cursor page = cursor_over(file->data, file->count);
    (void)cursor_take(&page, (size_t)integer_field(chunk, 9));
    struct cursor header = page;
    skip_value(&page, 12);
    size_t stored = (size_t)integer_field(header, 3);
    *bytes = (size_t)integer_field(header, 2);
    struct cursor dictionary;
    if (!find_field(chunk, 11, &dictionary)) {
        assert_int_equal(integer_field(chunk, 7), page.at - header.at + stored);
        assert_int_equal(integer_field(chunk, 6), page.at - header.at + *bytes);
    }
    const uint8_t *payload = cursor_take(&page, stored);
    assert_non_null(payload);
    uint8_t *raw = malloc(*bytes + 1);
    assert_non_null(raw);
    if (integer_field(chunk, 4) == CODEC_NONE) {
        assert_int_equal(stored, *bytes);
        memcpy(raw, payload, stored);
    } else {
        assert_int_equal(integer_field(chunk, 4), CODEC_ZSTD);
        MUST(compression_unpack(payload, stored, raw, *bytes, &err));
    }
    return raw;
}

/* ---- The edge tables. ---- */

static const struct column all_columns[] = {
    {"u64", COLUMN_U64, false},        {"u32", COLUMN_U32, false},
    {"time", COLUMN_TIME_MS, false},   {"time_or_null", COLUMN_TIME_MS, true},
    {"f64", COLUMN_F64, false},        {"text", COLUMN_TEXT, false},
    {"flag", COLUMN_BOOL, false},      {"u64_or_null", COLUMN_U64, true},
    {"f64_or_null", COLUMN_F64, true}, {"text_or_null", COLUMN_TEXT, true},
};
static const struct column time_columns[] = {{"u64", COLUMN_U64, false},
                                             {"time_or_null", COLUMN_TIME_MS, true}};
static const struct column f64_columns[] = {{"u64", COLUMN_U64, false}, {"f64", COLUMN_F64, false}};
static const struct column flag_columns[] = {{"u64", COLUMN_U64, false},
                                             {"flag", COLUMN_BOOL, false}};
static const struct column text_columns[] = {{"u64", COLUMN_U64, false},
                                             {"text", COLUMN_TEXT, false}};

static const struct table edges_table = {
    "edges", all_columns, COUNT_OF(all_columns), {0, 1, false}, false};
static const struct table empty_table = {
    "empty", all_columns, COUNT_OF(all_columns), {0, 1, false}, false};
static const struct table one_row_table = {
    "one_row", all_columns, COUNT_OF(all_columns), {0, 1, false}, false};
static const struct table random_table = {
    "random", all_columns, COUNT_OF(all_columns), {0, 1, false}, false};
static const struct table nulls_everywhere = {
    "nulls_everywhere", time_columns, 2, {0, 1, false}, false};
static const struct table nulls_nowhere = {"nulls_nowhere", time_columns, 2, {0, 1, false}, false};
static const struct table nulls_alternating = {
    "nulls_alternating", time_columns, 2, {0, 1, false}, false};
static const struct table zeros_positive = {"zeros_positive", f64_columns, 2, {0, 1, false}, false};
static const struct table zeros_negative = {"zeros_negative", f64_columns, 2, {0, 1, false}, false};
static const struct table repeated_table = {"repeated", f64_columns, 2, {0, 1, false}, false};
static const struct table flags_table = {"flags", flag_columns, 2, {0, 1, false}, false};
static const struct table text_table = {"texts", text_columns, 2, {0, 1, false}, false};
static const struct table long_text_table = {"long_texts", text_columns, 2, {0, 1, false}, false};

/* Writes the table in both formats; the Parquet file must have the same bytes for batches of 1, 7
 * and all rows on 1, 2 and 3 threads. Reads it into `file` (empty, the caller's to release). */
static void write_twins(const struct folder *folder, const struct table *table,
                        const union column_values *columns, size_t rows, struct bytes *file) {
    struct table_file one = table_write(folder->path, TABLE_PARQUET, table, columns, rows, 1, 1);
    struct table_file seven = table_write(folder->path, TABLE_PARQUET, table, columns, rows, 7, 2);
    struct table_file all =
        table_write(folder->path, TABLE_PARQUET, table, columns, rows, rows + 1, 3);
    assert_memory_equal(&one, &all, sizeof all);
    assert_memory_equal(&seven, &all, sizeof all);
    (void)table_write(folder->path, TABLE_CSV, table, columns, rows, rows + 1, 3);
    table_read(folder->path, TABLE_PARQUET, table, &all, file);
    assert_int_equal(integer_field(footer_of(file), 3), rows);
}

static void assert_bounds(const struct bytes *file, uint64_t column, const void *least,
                          const void *most, size_t bytes) {
    struct cursor statistics = field(chunk_of(footer_of(file), 0, column), 12);
    assert_text_field(statistics, 6, least, bytes);
    assert_text_field(statistics, 5, most, bytes);
}

static void assert_no_bounds(struct cursor chunk) {
    struct cursor statistics = field(chunk, 12);
    struct cursor value;
    assert_false(find_field(statistics, 5, &value));
    assert_false(find_field(statistics, 6, &value));
}

static void test_edge_values_of_every_type_reach_the_statistics(void **state) {
    static const uint64_t u64[] = {UINT64_C(1) << 63, 0, UINT64_MAX, INT64_MAX};
    static const uint32_t u32[] = {UINT32_C(1) << 31, UINT32_MAX, 0, INT32_MAX};
    static const int64_t times[] = {0, LIMIT_TIME_MAX_MS, LIMIT_TIME_MIN_MS, -1};
    static const int64_t maybe[] = {COLUMN_TIME_NULL, LIMIT_TIME_MIN_MS, LIMIT_TIME_MAX_MS,
                                    COLUMN_TIME_NULL};
    static const double f64[] = {0.1, -1e300, 1e300, -0.0};
    static const char *const text[] = {"b", "", "\xf0\x9f\x98\x80", "a"};
    static const uint8_t flags[] = {0, 1, 1, 0};
    static const struct optional_u64 maybe_u64[] = {{.value = UINT64_MAX, .is_known = true},
                                                    {.value = 7},
                                                    {.value = 0, .is_known = true},
                                                    {.value = 9}};
    const double maybe_f64[] = {NAN, -2.5, NAN, 1e300};
    static const char *const maybe_text[] = {NULL, "z", "y", NULL};
    const union column_values columns[] = {
        {.u64 = u64},       {.u32 = u32},        {.time_ms = times}, {.time_ms = maybe},
        {.f64 = f64},       {.text = text},      {.flag = flags},    {.optional_u64 = maybe_u64},
        {.f64 = maybe_f64}, {.text = maybe_text}};
    struct bytes file = {0};
    write_twins(*state, &edges_table, columns, 4, &file);
    assert_bounds(&file, 0, "\0\0\0\0\0\0\0\0", "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
    assert_bounds(&file, 1, "\0\0\0\0", "\xff\xff\xff\xff", 4);
    uint8_t least[8];
    uint8_t most[8];
    put_u64(least, (uint64_t)LIMIT_TIME_MIN_MS);
    put_u64(most, (uint64_t)LIMIT_TIME_MAX_MS);
    assert_bounds(&file, 2, least, most, 8);
    assert_bounds(&file, 3, least, most, 8);
    assert_int_equal(integer_field(field(chunk_of(footer_of(&file), 0, 3), 12), 3), 2);
    struct cursor text_statistics = field(chunk_of(footer_of(&file), 0, 5), 12);
    assert_text_field(text_statistics, 6, "", 0);
    assert_text_field(text_statistics, 5, "\xf0\x9f\x98\x80", 4);
    assert_bounds(&file, 6, "\0", "\1", 1);
    assert_bounds(&file, 7, "\0\0\0\0\0\0\0\0", "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
    put_u64(least, UINT64_C(0xc004000000000000)); /* -2.5 */
    memcpy(most, &f64[2], sizeof most);
    assert_bounds(&file, 8, least, most, 8);
    assert_bounds(&file, 9, "y", "z", 1);
    for (uint64_t c = 7; c < 10; c++) {
        assert_int_equal(integer_field(field(chunk_of(footer_of(&file), 0, c), 12), 3), 2);
    }
    bytes_release(&file);
}

/* Rows of which the last is the least or the greatest, and one alone, which is both. */
static void test_bounds_are_those_of_the_values_however_many_there_are(void **state) {
    static const uint64_t u64[] = {5, 1, 4, 9, 9, 0};
    static const double positive[] = {5, 1, 4, 9, 9, 0.5};
    for (size_t rows = 1; rows <= COUNT_OF(u64); rows++) {
        const union column_values columns[] = {{.u64 = u64}, {.f64 = positive}};
        uint64_t least = UINT64_MAX;
        uint64_t most = 0;
        double least_double = 100;
        double most_double = 0;
        for (size_t i = 0; i < rows; i++) {
            least = u64[i] < least ? u64[i] : least;
            most = u64[i] > most ? u64[i] : most;
            least_double = positive[i] < least_double ? positive[i] : least_double;
            most_double = positive[i] > most_double ? positive[i] : most_double;
        }
        struct bytes file = {0};
        uint8_t numbers[2][8];
        write_twins(*state, &zeros_positive, columns, rows, &file);
        put_u64(numbers[0], least);
        put_u64(numbers[1], most);
        assert_bounds(&file, 0, numbers[0], numbers[1], 8);
        assert_bounds(&file, 1, &least_double, &most_double, 8);
        bytes_release(&file);
    }
}

static void test_table_without_rows_has_a_schema_and_no_groups(void **state) {
    struct bytes file = {0};
    write_twins(*state, &empty_table, NULL, 0, &file);
    struct cursor footer = footer_of(&file);
    assert_int_equal(list_count(field(footer, 2)), 1 + COUNT_OF(all_columns));
    assert_int_equal(list_count(field(footer, 4)), 0);
    assert_int_equal(list_count(field(footer, 7)), COUNT_OF(all_columns));
    bytes_release(&file);
}

static void test_notes_and_creator_stand_in_the_footer_as_valid_text(void **state) {
    static const uint64_t u64[] = {1};
    static const uint32_t u32[] = {2};
    static const int64_t times[] = {3};
    static const double f64[] = {4};
    static const char *const text[] = {"five"};
    static const uint8_t flags[] = {1};
    static const struct optional_u64 maybe_u64[] = {{0}};
    const double maybe_f64[] = {NAN};
    static const char *const maybe_text[] = {NULL};
    const union column_values columns[] = {
        {.u64 = u64},       {.u32 = u32},        {.time_ms = times}, {.time_ms = times},
        {.f64 = f64},       {.text = text},      {.flag = flags},    {.optional_u64 = maybe_u64},
        {.f64 = maybe_f64}, {.text = maybe_text}};
    struct bytes file = {0};
    write_twins(*state, &one_row_table, columns, 1, &file);
    struct cursor footer = footer_of(&file);
    assert_text_field(footer, 6, "tieflow", 7);
    assert_int_equal(list_count(field(footer, 5)), 2);
    assert_text_field(list_item(field(footer, 5), 0), 1, "run_id", 6);
    assert_text_field(list_item(field(footer, 5), 0), 2, "0123456789abcdef", 16);
    assert_text_field(list_item(field(footer, 5), 1), 2, "?\"", 2);
    bytes_release(&file);
}

enum { NULL_ROWS = 1003 };

/* Row i is null where i % 2 is among the two bits of `nulls`; checks levels and null count. */
static void check_nulls(const struct folder *folder, const struct table *table, unsigned nulls) {
    uint64_t u64[NULL_ROWS];
    int64_t times[NULL_ROWS];
    uint64_t null_count = 0;
    for (size_t i = 0; i < NULL_ROWS; i++) {
        bool null = (nulls >> i % 2 & 1) != 0;
        u64[i] = i;
        times[i] = null ? COLUMN_TIME_NULL : (int64_t)(i * i);
        null_count += null;
    }
    const union column_values columns[] = {{.u64 = u64}, {.time_ms = times}};
    struct bytes file = {0};
    write_twins(folder, table, columns, NULL_ROWS, &file);
    struct cursor chunk = chunk_of(footer_of(&file), 0, 1);
    assert_int_equal(integer_field(field(chunk, 12), 3), null_count);
    if (null_count == NULL_ROWS) {
        assert_no_bounds(chunk);
    }
    size_t bytes;
    uint8_t *raw = read_page(&file, chunk, &bytes);
    struct cursor page = cursor_over(raw, bytes);
    size_t level_bytes = cursor_u32(&page);
    size_t before = page.at;
    assert_int_equal(read_varint(&page), (NULL_ROWS + 7) / 8 << 1 | 1);
    const uint8_t *levels = cursor_take(&page, (NULL_ROWS + 7) / 8);
    assert_non_null(levels);
    assert_int_equal(page.at - before, level_bytes);
    for (size_t i = 0; i < (NULL_ROWS + 7) / 8 * 8; i++) {
        bool present = i < NULL_ROWS && times[i] != COLUMN_TIME_NULL;
        assert_int_equal(levels[i / 8] >> i % 8 & 1, present);
    }
    free(raw);
    bytes_release(&file);
}

static void test_nulls_everywhere_nowhere_and_alternating_have_their_levels(void **state) {
    check_nulls(*state, &nulls_everywhere, 3);
    check_nulls(*state, &nulls_nowhere, 0);
    check_nulls(*state, &nulls_alternating, 1);
}

static void test_zeros_have_the_wider_bounds_and_keep_their_signs(void **state) {
    static const uint64_t u64[] = {0, 1};
    static const double positive[] = {0.0, 0.0};
    static const double negative[] = {-0.0, -0.0};
    static const uint8_t minus[8] = {0, 0, 0, 0, 0, 0, 0, 0x80};
    static const uint8_t plus[8] = {0};
    const struct {
        const struct table *table;
        const double *values;
        const uint8_t *bits;
    } cases[] = {{&zeros_positive, positive, plus}, {&zeros_negative, negative, minus}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const union column_values columns[] = {{.u64 = u64}, {.f64 = cases[i].values}};
        struct bytes file = {0};
        write_twins(*state, cases[i].table, columns, 2, &file);
        assert_bounds(&file, 1, minus, plus, 8);
        size_t bytes;
        uint8_t *raw = read_page(&file, chunk_of(footer_of(&file), 0, 1), &bytes);
        assert_int_equal(bytes, 16);
        assert_memory_equal(raw, cases[i].bits, 8);
        assert_memory_equal(raw + 8, cases[i].bits, 8);
        free(raw);
        bytes_release(&file);
    }
}

static void test_flags_are_bits_lowest_first(void **state) {
    static const uint8_t flags[] = {1, 0, 0, 1, 1, 1, 0, 1, 0, 1};
    static const uint64_t u64[COUNT_OF(flags)] = {0};
    const union column_values columns[] = {{.u64 = u64}, {.flag = flags}};
    struct bytes file = {0};
    write_twins(*state, &flags_table, columns, COUNT_OF(flags), &file);
    size_t bytes;
    uint8_t *raw = read_page(&file, chunk_of(footer_of(&file), 0, 1), &bytes);
    assert_int_equal(bytes, 2);
    assert_int_equal(raw[0], 0xb9);
    assert_int_equal(raw[1], 0x02);
    free(raw);
    bytes_release(&file);
}

static void test_texts_are_valid_utf8_whatever_arrives(void **state) {
    static const char *const text[] = {
        "",   "plain",        "comma, \"quote\"",  "two\nlines",   "cr\r\nlf", "\xff\xfe",
        "\t", "\xed\xa0\x80", "\xc3\xa9t\xc3\xa9", "cut \xe2\x82", "\"",       " spaces ",
    };
    uint64_t u64[COUNT_OF(text)] = {0};
    const union column_values columns[] = {{.u64 = u64}, {.text = text}};
    struct bytes file = {0};
    write_twins(*state, &text_table, columns, COUNT_OF(text), &file);
    size_t bytes;
    uint8_t *raw = read_page(&file, chunk_of(footer_of(&file), 0, 1), &bytes);
    struct cursor page = cursor_over(raw, bytes);
    static const char *const expected[] = {
        "",   "plain", "comma, \"quote\"",  "two\nlines", "cr\r\nlf", "??",
        "\t", "???",   "\xc3\xa9t\xc3\xa9", "cut ??",     "\"",       " spaces ",
    };
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        assert_int_equal(cursor_u32(&page), strlen(expected[i]));
        const uint8_t *got = cursor_take(&page, strlen(expected[i]));
        assert_non_null(got);
        assert_memory_equal(got, expected[i], strlen(expected[i]));
    }
    assert_int_equal(cursor_left(&page), 0);
    free(raw);
    bytes_release(&file);
}

static void test_long_texts_end_a_group_early_and_stay_out_of_the_statistics(void **state) {
    enum { ROWS = 20, TEXT_BYTES = 1 << 20 };
    static char texts[ROWS][TEXT_BYTES + 1];
    const char *text[ROWS];
    uint64_t u64[ROWS];
    for (size_t i = 0; i < ROWS; i++) {
        memset(texts[i], 'a' + (int)i, TEXT_BYTES);
        text[i] = texts[i];
        u64[i] = i;
    }
    const union column_values columns[] = {{.u64 = u64}, {.text = text}};
    struct bytes file = {0};
    write_twins(*state, &long_text_table, columns, ROWS, &file);
    struct cursor footer = footer_of(&file);
    assert_int_equal(list_count(field(footer, 4)), 2);
    assert_int_equal(integer_field(group_of(footer, 0), 3), PARQUET_GROUP_TEXT_BYTES / TEXT_BYTES);
    assert_no_bounds(chunk_of(footer, 0, 1));
    assert_true(footer.count < 4096);
    bytes_release(&file);
}

static void test_rows_beyond_a_group_begin_the_next(void **state) {
    enum { ROWS = PARQUET_GROUP_ROWS + 4321 };
    static uint64_t u64[ROWS];
    static uint32_t u32[ROWS];
    static int64_t times[ROWS];
    static int64_t maybe[ROWS];
    static double f64[ROWS];
    static const char *text[ROWS];
    static uint8_t flags[ROWS];
    static struct optional_u64 maybe_u64[ROWS];
    static double maybe_f64[ROWS];
    static const char *maybe_text[ROWS];
    static const char *const texts[] = {"", "connect", "disconnect", "a, \"b\""};
    struct random random;
    random_seed(&random, 41);
    int64_t now = INT64_C(1420070400000);
    for (size_t i = 0; i < ROWS; i++) {
        u64[i] = random_u64(&random) >> random_below(&random, 64);
        u32[i] = (uint32_t)(random_u64(&random) >> (32 + random_below(&random, 32)));
        now += (int64_t)random_below(&random, 160);
        times[i] = now;
        maybe[i] = random_below(&random, 4) == 0 ? now + (int64_t)random_below(&random, 1 << 30)
                                                 : COLUMN_TIME_NULL;
        f64[i] = (double)random_below(&random, 9) / (double)(1 + random_below(&random, 3000));
        text[i] = texts[random_below(&random, 4)];
        flags[i] = (uint8_t)random_below(&random, 2);
        maybe_u64[i] = (struct optional_u64){u64[i], random_below(&random, 3) > 0};
        maybe_f64[i] = random_below(&random, 3) == 0 ? NAN : f64[i];
        /* CSV has one face for a null and an empty text, so that only one of them is here */
        maybe_text[i] = random_below(&random, 3) == 0 ? NULL : texts[1 + random_below(&random, 3)];
    }
    const union column_values columns[] = {
        {.u64 = u64},       {.u32 = u32},        {.time_ms = times}, {.time_ms = maybe},
        {.f64 = f64},       {.text = text},      {.flag = flags},    {.optional_u64 = maybe_u64},
        {.f64 = maybe_f64}, {.text = maybe_text}};
    struct bytes file = {0};
    write_twins(*state, &random_table, columns, ROWS, &file);
    struct cursor footer = footer_of(&file);
    assert_int_equal(list_count(field(footer, 4)), 2);
    assert_int_equal(integer_field(group_of(footer, 0), 3), PARQUET_GROUP_ROWS);
    assert_int_equal(integer_field(group_of(footer, 1), 3), ROWS - PARQUET_GROUP_ROWS);
    assert_int_equal(integer_field(group_of(footer, 0), 5), 4);
    assert_int_equal(integer_field(group_of(footer, 1), 5),
                     4 + integer_field(group_of(footer, 0), 6));
    bytes_release(&file);
}

/* The bits [first, first + width) of `data`, lowest first. */
static uint64_t read_bits(const uint8_t *data, size_t first, unsigned width) {
    uint64_t value = 0;
    for (unsigned i = 0; i < width; i++) {
        value |= (uint64_t)(data[(first + i) / 8] >> (first + i) % 8 & 1) << i;
    }
    return value;
}

/* The data page of the column at 1, of doubles, against the values. */
static void assert_dictionary(const struct bytes *file, const double *values, size_t rows,
                              size_t distinct) {
    struct cursor chunk = chunk_of(footer_of(file), 0, 1);
    assert_int_equal(list_count(field(chunk, 2)), 3);
    assert_int_equal(integer_field(chunk, 4), CODEC_NONE);
    struct cursor page = cursor_over(file->data, file->count);
    (void)cursor_take(&page, (size_t)integer_field(chunk, 11));
    struct cursor header = page;
    skip_value(&page, 12);
    assert_int_equal(integer_field(header, 1), 2);
    assert_int_equal(integer_field(header, 2), distinct * 8);
    assert_int_equal(integer_field(field(header, 7), 1), distinct);
    const uint8_t *dictionary = cursor_take(&page, distinct * 8);
    assert_int_equal(page.at, integer_field(chunk, 9)); /* the data page is next to it */
    size_t bytes;
    uint8_t *raw = read_page(file, chunk, &bytes);
    struct cursor numbers = cursor_over(raw, bytes);
    unsigned width = *cursor_take(&numbers, 1);
    assert_int_equal(read_varint(&numbers), (rows + 7) / 8 << 1 | 1);
    assert_int_equal(cursor_left(&numbers), (rows + 7) / 8 * width);
    for (size_t i = 0; i < rows; i++) {
        uint64_t number = read_bits(raw + numbers.at, i * width, width);
        assert_true(number < distinct);
        assert_memory_equal(dictionary + number * 8, &values[i], 8);
    }
    free(raw);
}

/* Values of `distinct` kinds in random order; a multiple of a prime keeps their bits random. */
static void check_dictionary(const struct folder *folder, size_t rows, size_t distinct,
                             bool is_expected) {
    struct random random;
    uint64_t *u64 = calloc(rows, sizeof *u64);
    double *values = calloc(rows, sizeof *values);
    assert_true(u64 != NULL && values != NULL);
    random_seed(&random, rows + distinct);
    for (size_t i = 0; i < rows; i++) {
        uint64_t kind = i < distinct ? i : random_below(&random, distinct);
        values[i] = (double)(random_mix(kind) >> 12) * 0x1p-52;
        u64[i] = random_u64(&random);
    }
    const union column_values columns[] = {{.u64 = u64}, {.f64 = values}};
    struct bytes file = {0};
    write_twins(folder, &repeated_table, columns, rows, &file);
    if (is_expected) {
        assert_dictionary(&file, values, rows, distinct);
    } else {
        struct cursor value;
        assert_false(find_field(chunk_of(footer_of(&file), 0, 1), 11, &value));
    }
    /* random numbers stand as they are */
    assert_int_equal(integer_field(chunk_of(footer_of(&file), 0, 0), 4), CODEC_NONE);
    bytes_release(&file);
    free(u64);
    free(values);
}

static void test_doubles_that_come_again_are_numbered(void **state) {
    check_dictionary(*state, 400, 100, true);
    check_dictionary(*state, 400, 101, false);
    check_dictionary(*state, 1000, 2, true);
    check_dictionary(*state, 1003, 129, true);
    check_dictionary(*state, PARQUET_GROUP_ROWS, 1 << 16, true);
}

/* A table and rows for the tests of failure. */
static const struct table_options one_thread = {.threads = 1};
static const struct table_options three_threads = {.threads = 3};
static const struct table failing_table = {"failing", time_columns, 2, {0, 1, false}, false};

static struct status append_many(struct table_writer *writer, struct err *err) {
    static uint64_t u64[PARQUET_GROUP_ROWS];
    static int64_t times[PARQUET_GROUP_ROWS];
    struct random random;
    random_seed(&random, 51);
    for (size_t i = 0; i < PARQUET_GROUP_ROWS; i++) {
        u64[i] = random_u64(&random);
    }
    const union column_values columns[] = {{.u64 = u64}, {.time_ms = times}};
    return table_writer_append(writer, columns, PARQUET_GROUP_ROWS, err);
}

static void test_missing_folder_is_an_io_error(void **state) {
    (void)state;
    struct err err;
    struct table_writer *writer;
    MUST_FAIL(table_writer_open(&writer, TABLE_PARQUET, "/nonexistent/folder", &failing_table,
                                &one_thread, &err),
              FAILURE_IO, "/nonexistent/folder/failing.parquet");
    assert_null(writer);
}

static void test_discarded_table_leaves_no_file(void **state) {
    const struct folder *folder = *state;
    struct err err;
    struct table_writer *writer;
    size_t before = table_folder_entries(folder->path);
    MUST(
        table_writer_open(&writer, TABLE_PARQUET, folder->path, &failing_table, &one_thread, &err));
    MUST(append_many(writer, &err));
    table_writer_discard(writer);
    assert_int_equal(table_folder_entries(folder->path), before);
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
    const struct folder *folder = *state;
    struct err err;
    struct table_writer *writer;
    size_t before = table_folder_entries(folder->path);
    MUST(table_writer_open(&writer, TABLE_PARQUET, folder->path, &failing_table, &three_threads,
                           &err));
    struct rlimit old = limit_file_size(100000);
    struct status status = status_ok();
    for (int groups = 0; groups < 8 && !failed(status); groups++) { /* some are on their way */
        status = append_many(writer, &err);
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    MUST_FAIL(status, FAILURE_IO, "failing.parquet");
    table_writer_discard(writer);
    assert_int_equal(table_folder_entries(folder->path), before);
}

static void test_full_disk_at_the_commit_is_an_io_error_and_leaves_no_file(void **state) {
    const struct folder *folder = *state;
    struct err err;
    struct table_writer *writer;
    size_t before = table_folder_entries(folder->path);
    MUST(
        table_writer_open(&writer, TABLE_PARQUET, folder->path, &failing_table, &one_thread, &err));
    struct rlimit old = limit_file_size(20);
    struct status status = table_writer_commit(writer, NULL, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    MUST_FAIL(status, FAILURE_IO, "failing.parquet");
    assert_int_equal(table_folder_entries(folder->path), before);
}

int main(int argc, char **argv) {
    char temporary[] = "/tmp/test_parquet_table.XXXXXX";
    struct folder folder = {.path = argc > 1 ? argv[1] : temporary, .keep = argc > 1};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_edge_values_of_every_type_reach_the_statistics, &folder),
        cmocka_unit_test_prestate(test_bounds_are_those_of_the_values_however_many_there_are,
                                  &folder),
        cmocka_unit_test_prestate(test_table_without_rows_has_a_schema_and_no_groups, &folder),
        cmocka_unit_test_prestate(test_notes_and_creator_stand_in_the_footer_as_valid_text,
                                  &folder),
        cmocka_unit_test_prestate(test_nulls_everywhere_nowhere_and_alternating_have_their_levels,
                                  &folder),
        cmocka_unit_test_prestate(test_zeros_have_the_wider_bounds_and_keep_their_signs, &folder),
        cmocka_unit_test_prestate(test_flags_are_bits_lowest_first, &folder),
        cmocka_unit_test_prestate(test_texts_are_valid_utf8_whatever_arrives, &folder),
        cmocka_unit_test_prestate(test_long_texts_end_a_group_early_and_stay_out_of_the_statistics,
                                  &folder),
        cmocka_unit_test_prestate(test_rows_beyond_a_group_begin_the_next, &folder),
        cmocka_unit_test_prestate(test_doubles_that_come_again_are_numbered, &folder),
        cmocka_unit_test_prestate(test_missing_folder_is_an_io_error, &folder),
        cmocka_unit_test_prestate(test_discarded_table_leaves_no_file, &folder),
        cmocka_unit_test_prestate(test_full_disk_is_an_io_error_and_leaves_no_file, &folder),
        cmocka_unit_test_prestate(test_full_disk_at_the_commit_is_an_io_error_and_leaves_no_file,
                                  &folder),
    };
    struct err err;
    bool made = folder.keep ? !failed(folder_make(folder.path, &err)) : mkdtemp(temporary) != NULL;
    if (!made) {
        return 1;
    }
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    if (!folder.keep && failed(folder_remove(folder.path, &err))) {
        return 1;
    }
    return failures;
}
