/* Avro rows against bytes that fastavro 1.13 wrote: schemaless_writer over the schema that
 * avro_row.h describes, with the same values. `test_avro_row FOLDER` writes the published schemas
 * into FOLDER. */
#include "tests/testing.h"

#include "schemas/limits.h"
#include "stages/base/bytes.h"
#include "stages/base/files.h"
#include "stages/base/json.h"
#include "stages/sink/avro_row.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct table *const tables[] = {&table_ties, &table_endings, &table_late,
                                             &table_quarantine, &table_quality};
enum { TABLES = sizeof tables / sizeof tables[0] };

static const struct column all_columns[] = {
    {"u64", COLUMN_U64, false},      {"u32", COLUMN_U32, false},
    {"time", COLUMN_TIME_MS, false}, {"time_or_null", COLUMN_TIME_MS, true},
    {"f64", COLUMN_F64, false},      {"text", COLUMN_TEXT, false},
};
static const struct table all_table = {"all_of_them", all_columns, 6, {5, 0, false}, false};

static const struct column more_columns[] = {
    {"flag", COLUMN_BOOL, false},
    {"u64_or_null", COLUMN_U64, true},
    {"f64_or_null", COLUMN_F64, true},
    {"text_or_null", COLUMN_TEXT, true},
};
static const struct table more_table = {"more", more_columns, 4, {1, 3, false}, false};

static const uint64_t u64[] = {0, UINT64_MAX, UINT64_C(1) << 63};
static const uint32_t u32[] = {0, UINT32_MAX, 7};
static const int64_t times[] = {LIMIT_TIME_MIN_MS, LIMIT_TIME_MAX_MS, 0};
static const int64_t maybe[] = {COLUMN_TIME_NULL, LIMIT_TIME_MAX_MS, -1};
static const double f64[] = {0.0, 0.1, -1e300};
static const char *const texts[] = {"", "plain", "b\xc3\xa9\xff"};
static const union column_values all_values[] = {
    {.u64 = u64},       {.u32 = u32}, {.time_ms = times},
    {.time_ms = maybe}, {.f64 = f64}, {.text = texts},
};

static void assert_bytes_are(struct bytes *got, const char *expected, size_t count) {
    assert_int_equal(got->count, count);
    assert_memory_equal(got->data, expected, count);
    bytes_release(got);
    *got = (struct bytes){0};
}

static void test_edge_values_of_every_type_are_as_fastavro_writes_them(void **state) {
    (void)state;
    struct err err;
    struct bytes got = {0};
    MUST(avro_row_put(&all_table, all_values, 0, &got, &err));
    assert_bytes_are(
        &got, "\x00\x00\xff\xdf\xe6\xa2\xe2\xa0\x1c\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", 19);
    MUST(avro_row_put(&all_table, all_values, 1, &got, &err));
    assert_bytes_are(&got,
                     "\x01\xfe\xff\xff\xff\x1f\xfe\xef\xfe\xa1\xfa\x9d\x73\x02\xfe\xef\xfe\xa1\xfa"
                     "\x9d\x73\x9a\x99\x99\x99\x99\x99\xb9\x3f\x0a\x70\x6c\x61\x69\x6e",
                     35);
    /* the byte that is no UTF-8 became '?' before fastavro was asked */
    MUST(avro_row_put(&all_table, all_values, 2, &got, &err));
    assert_bytes_are(&got,
                     "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x0e\x00\x02\x01\x9c\x75\x00\x88\x3c"
                     "\xe4\x37\xfe\x08\x62\xc3\xa9\x3f",
                     27);
}

static void test_flags_and_nulls_are_as_fastavro_writes_them(void **state) {
    (void)state;
    static const uint8_t flags[] = {0, 1};
    static const struct optional_u64 maybe_u64[] = {{.value = 5},
                                                    {.value = UINT64_MAX, .is_known = true}};
    const double maybe_f64[] = {NAN, 0.1};
    static const char *const maybe_text[] = {NULL, "plain"};
    const union column_values columns[] = {
        {.flag = flags}, {.optional_u64 = maybe_u64}, {.f64 = maybe_f64}, {.text = maybe_text}};
    struct err err;
    struct bytes got = {0};
    MUST(avro_row_put(&more_table, columns, 0, &got, &err));
    assert_bytes_are(&got, "\x00\x00\x00\x00", 4);
    MUST(avro_row_put(&more_table, columns, 1, &got, &err));
    assert_bytes_are(
        &got, "\x01\x02\x01\x02\x9a\x99\x99\x99\x99\x99\xb9\x3f\x02\x0a\x70\x6c\x61\x69\x6e", 19);
}

static void test_stamps_are_as_fastavro_writes_them(void **state) {
    (void)state;
    struct err err;
    struct bytes got = {0};
    struct avro_stamps stamps = {
        .date_ms = INT64_C(1767225600000), /* 2026-01-01 */
        .run_id = "00c0ffee00c0ffee",
        .as_of_ms = INT64_C(1767311999999),
        .simultaneous = "strict",
    };
    MUST(avro_row_stamps(&stamps, &got, &err));
    assert_bytes_are(&got,
                     "\xcc\xbf\x02\x20\x30\x30\x63\x30\x66\x66\x65\x65\x30\x30\x63\x30\x66\x66\x65"
                     "\x65\xfe\x8f\x88\xc0\xef\x66\x0c\x73\x74\x72\x69\x63\x74",
                     33);
    stamps = (struct avro_stamps){LIMIT_TIME_MIN_MS, "", LIMIT_TIME_MIN_MS, "sequence"};
    MUST(avro_row_stamps(&stamps, &got, &err));
    assert_bytes_are(&got,
                     "\xf3\xe4\x57\x00\xff\xdf\xe6\xa2\xe2\xa0\x1c\x10\x73\x65\x71\x75\x65\x6e\x63"
                     "\x65",
                     20);
}

static void test_rows_follow_what_is_there(void **state) {
    (void)state;
    struct err err;
    struct bytes got = {0};
    MUST(bytes_append(&got, "ab", 2, &err));
    MUST(avro_row_put(&table_quality,
                      (const union column_values[]){{.text = (const char *const[]){"x"}},
                                                    {.text = (const char *const[]){"yz"}},
                                                    {.u64 = (const uint64_t[]){300}}},
                      0, &got, &err));
    assert_bytes_are(&got, "ab\x02x\x04yz\xd8\x04", 9);
}

static void assert_key_is(const struct table *table, const union column_values *columns, size_t row,
                          const char *expected) {
    struct err err;
    struct bytes got = {0};
    MUST(avro_row_key(table, columns, row, &got, &err));
    assert_bytes_are(&got, expected, strlen(expected));
}

static void test_pairs_are_keyed_low_high_whichever_comes_first(void **state) {
    (void)state;
    static const uint64_t from[] = {7, 9, 5};
    static const uint64_t to[] = {UINT64_MAX, 8, 5};
    static const int64_t at[] = {0, 0, 0};
    static const union column_values ties[9] = {{.u64 = from}, {.u64 = to}};
    static const union column_values endings[] = {{.u64 = from}, {.u64 = to}, {.time_ms = at}};
    static const union column_values late[5] = {{.time_ms = at}, {.u64 = from}, {.u64 = to}};
    assert_key_is(&table_ties, ties, 0, "7:18446744073709551615");
    assert_key_is(&table_ties, ties, 1, "8:9");
    assert_key_is(&table_endings, endings, 1, "8:9");
    assert_key_is(&table_late, late, 1, "8:9");
    assert_key_is(&table_late, late, 2, "5:5");
}

static void test_texts_in_keys_stand_as_they_are_but_for_broken_bytes(void **state) {
    (void)state;
    static const char *const logs[] = {"connections"};
    static const char *const files[] = {"logs/a:b\xff.csv"};
    static const char *const checks[] = {"read"};
    static const uint64_t records[] = {12};
    static const union column_values quarantine[5] = {
        {.text = logs}, {.text = files}, {.u64 = records}};
    static const union column_values quality[] = {
        {.text = logs}, {.text = checks}, {.u64 = records}};
    assert_key_is(&table_quarantine, quarantine, 0, "logs/a:b?.csv:12");
    assert_key_is(&table_quality, quality, 0, "connections:read");
}

/* The field's type as text: "long", "long timestamp-millis", "null|long timestamp-millis". */
static void type_describe(const struct json *type, char *text, size_t capacity) {
    const char *prefix = "";
    if (json_type(type) == JSON_ARRAY) {
        const struct json *null = json_next(type, NULL);
        assert_string_equal(json_text(null), "null");
        assert_int_equal(json_count(type), 2);
        type = json_next(type, null);
        prefix = "null|";
    }
    if (json_type(type) == JSON_OBJECT) {
        (void)snprintf(text, capacity, "%s%s %s", prefix, json_text(json_get(type, "type")),
                       json_text(json_get(type, "logicalType")));
    } else {
        (void)snprintf(text, capacity, "%s%s", prefix, json_text(type));
    }
}

/* Every field of the table's schema, by name and type; those of the stamps come first. */
static void assert_fields_are(const struct table *table, const char *const (*expected)[2],
                              size_t count) {
    static const char *const stamps[][2] = {
        {"date", "int date"},
        {"run_id", "string"},
        {"as_of", "long timestamp-millis"},
        {"simultaneous", "string"},
    };
    enum { STAMPS = sizeof stamps / sizeof stamps[0] };
    struct err err;
    struct bytes schema = {0};
    struct json *root;
    MUST(avro_row_schema(table, &schema, &err));
    MUST(json_parse(&root, (const char *)schema.data, schema.count, &err));
    assert_string_equal(json_text(json_get(root, "type")), "record");
    assert_string_equal(json_text(json_get(root, "namespace")), "tieflow.tables");
    const struct json *fields = json_get(root, "fields");
    assert_int_equal(json_count(fields), STAMPS + count);
    const struct json *field = NULL;
    for (size_t i = 0; i < STAMPS + count; i++) {
        const char *const *wanted = i < STAMPS ? stamps[i] : expected[i - STAMPS];
        char type[64];
        field = json_next(fields, field);
        type_describe(json_get(field, "type"), type, sizeof type);
        assert_string_equal(json_text(json_get(field, "name")), wanted[0]);
        assert_string_equal(type, wanted[1]);
        bool has_default = json_type(json_get(field, "default")) == JSON_NULL;
        assert_int_equal(has_default, strncmp(type, "null|", 5) == 0);
        const char *doc = json_text(json_get(field, "doc"));
        bool is_u64 = i >= STAMPS && table->columns[i - STAMPS].type == COLUMN_U64;
        assert_int_equal(doc != NULL && strstr(doc, "two's complement") != NULL, is_u64);
    }
    json_free(root);
    bytes_release(&schema);
}

static void test_schema_has_the_stamps_then_a_field_per_column(void **state) {
    (void)state;
    static const char *const all[][2] = {
        {"u64", "long"},
        {"u32", "long"},
        {"time", "long timestamp-millis"},
        {"time_or_null", "null|long timestamp-millis"},
        {"f64", "double"},
        {"text", "string"},
    };
    static const char *const more[][2] = {
        {"flag", "boolean"},
        {"u64_or_null", "null|long"},
        {"f64_or_null", "null|double"},
        {"text_or_null", "null|string"},
    };
    assert_fields_are(&all_table, all, sizeof all / sizeof all[0]);
    assert_fields_are(&more_table, more, sizeof more / sizeof more[0]);
}

static void test_schema_is_named_as_the_table_in_camel_case(void **state) {
    (void)state;
    struct err err;
    struct bytes schema = {0};
    struct json *root;
    MUST(avro_row_schema(&all_table, &schema, &err));
    MUST(json_parse(&root, (const char *)schema.data, schema.count, &err));
    assert_string_equal(json_text(json_get(root, "name")), "AllOfThem");
    json_free(root);
    bytes_release(&schema);
}

static void test_no_column_has_the_name_of_a_stamp(void **state) {
    (void)state;
    static const char *const stamps[] = {"date", "run_id", "as_of", "simultaneous"};
    for (size_t t = 0; t < TABLES; t++) {
        for (size_t c = 0; c < tables[t]->column_count; c++) {
            for (size_t s = 0; s < sizeof stamps / sizeof stamps[0]; s++) {
                assert_string_not_equal(tables[t]->columns[c].name, stamps[s]);
            }
        }
    }
}

static void test_keys_are_made_of_numbers_and_texts_and_pairs_of_numbers(void **state) {
    (void)state;
    for (size_t t = 0; t < TABLES; t++) {
        const struct table_key *key = &tables[t]->key;
        const uint8_t places[] = {key->first, key->second};
        assert_int_not_equal(key->first, key->second);
        for (size_t i = 0; i < 2; i++) {
            assert_true(places[i] < tables[t]->column_count);
            enum column_type type = tables[t]->columns[places[i]].type;
            assert_true(type == COLUMN_U64 || (type == COLUMN_TEXT && !key->is_pair));
        }
    }
}

static void schema_path(const struct table *table, const char *folder, char path[512]) {
    (void)snprintf(path, 512, "%s/%s.avsc", folder, table->name);
}

static void test_published_schemas_are_what_the_code_makes(void **state) {
    (void)state;
    for (size_t t = 0; t < TABLES; t++) {
        struct err err;
        char path[512];
        struct bytes made = {0};
        struct bytes published = {0};
        schema_path(tables[t], "schemas/tables", path);
        MUST(avro_row_schema(tables[t], &made, &err));
        MUST(file_read_all(path, &published, &err));
        if (made.count != published.count || memcmp(made.data, published.data, made.count) != 0) {
            fail_msg("%s differs; `test_avro_row schemas/tables` writes it anew", path);
        }
        bytes_release(&made);
        bytes_release(&published);
    }
}

static int schemas_write(const char *folder) {
    for (size_t t = 0; t < TABLES; t++) {
        char path[512];
        struct bytes made = {0};
        schema_path(tables[t], folder, path);
        FILE *file = fopen(path, "w");
        if (file == NULL || failed(avro_row_schema(tables[t], &made, NULL)) ||
            fwrite(made.data, 1, made.count, file) != made.count || fclose(file) != 0) {
            perror(path);
            return 1;
        }
        bytes_release(&made);
    }
    return 0;
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edge_values_of_every_type_are_as_fastavro_writes_them),
        cmocka_unit_test(test_flags_and_nulls_are_as_fastavro_writes_them),
        cmocka_unit_test(test_stamps_are_as_fastavro_writes_them),
        cmocka_unit_test(test_rows_follow_what_is_there),
        cmocka_unit_test(test_pairs_are_keyed_low_high_whichever_comes_first),
        cmocka_unit_test(test_texts_in_keys_stand_as_they_are_but_for_broken_bytes),
        cmocka_unit_test(test_schema_has_the_stamps_then_a_field_per_column),
        cmocka_unit_test(test_schema_is_named_as_the_table_in_camel_case),
        cmocka_unit_test(test_no_column_has_the_name_of_a_stamp),
        cmocka_unit_test(test_keys_are_made_of_numbers_and_texts_and_pairs_of_numbers),
        cmocka_unit_test(test_published_schemas_are_what_the_code_makes),
    };
    return argc > 1 ? schemas_write(argv[1]) : cmocka_run_group_tests(tests, NULL, NULL);
}
