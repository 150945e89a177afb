/* What a reader makes of a text is written down as a transcript, one line per record (the fields in
 * the shape's order, choices by name, "-" for what is not known) or malformed record
 * ("line 4 [content] reason"), and compared. */
#include "stages/decode/fact_reader.h"

#include "schemas/limits.h"
#include "stages/base/bytes.h"
#include "stages/base/compression.h"
#include "stages/base/files.h"
#include "stages/base/random.h"
#include "tests/avro_testing.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct err err;

static struct fact_reader *open_bytes(enum fact_log log, const void *text, size_t bytes,
                                      size_t chunk_bytes) {
    struct input *input;
    struct fact_reader *reader = NULL;
    MUST(input_open_memory(&input, "night.log", text, bytes, &err));
    MUST(fact_reader_open(&reader, input, log, chunk_bytes, &err));
    return reader;
}

static void note(struct bytes *transcript, const char *text) {
    MUST(bytes_append(transcript, text, strlen(text), &err));
}

static void note_fact(struct bytes *transcript, const struct fact_shape *shape,
                      const struct fact *fact) {
    for (size_t i = 0; i < FACT_FIELDS_MAX; i++) {
        bool is_known = (fact->known >> i & 1) != 0;
        char text[32] = "-";
        if (i >= shape->field_count || !is_known) {
            assert_int_equal(fact->value[i], 0);
            assert_true(i < shape->field_count || !is_known);
        } else if (shape->fields[i].type == FACT_CHOICE) {
            (void)snprintf(text, sizeof text, "%s", shape->fields[i].choices[fact->value[i]]);
        } else if (shape->fields[i].type == FACT_TIME) {
            (void)snprintf(text, sizeof text, "%" PRId64, (int64_t)fact->value[i]);
        } else {
            (void)snprintf(text, sizeof text, "%" PRIu64, fact->value[i]);
        }
        if (i < shape->field_count) {
            note(transcript, text);
            note(transcript, i + 1 == shape->field_count ? "\n" : " ");
        }
    }
}

/* Reads to the end with batches of `capacity`; returns the transcript, which the caller frees. */
static char *transcribe(struct fact_reader *reader, enum fact_log log, size_t capacity) {
    struct bytes transcript = {0};
    struct fact *facts = malloc(capacity * sizeof *facts);
    assert_non_null(facts);
    for (;;) {
        size_t count;
        bool is_malformed;
        struct malformed malformed;
        MUST(fact_reader_next(reader, facts, capacity, &count, &is_malformed, &malformed, &err));
        if (is_malformed) {
            char line[1000];
            assert_int_equal(count, 0);
            (void)snprintf(line, sizeof line, "line %" PRIu64 " [%.*s] %s\n", malformed.line,
                           malformed.content_bytes < 80 ? (int)malformed.content_bytes : 80,
                           malformed.content, malformed.reason);
            note(&transcript, line);
        } else if (count == 0) {
            break;
        }
        for (size_t i = 0; i < count; i++) {
            note_fact(&transcript, &fact_shapes[log], &facts[i]);
        }
    }
    free(facts);
    MUST(bytes_append(&transcript, "", 1, &err));
    return (char *)transcript.data;
}

static void expect(enum fact_log log, const char *text, const char *expected) {
    static const size_t chunks[] = {0, 1, 7};
    for (size_t i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
        struct fact_reader *reader = open_bytes(log, text, strlen(text), chunks[i]);
        char *found = transcribe(reader, log, i == 0 ? 100 : i);
        assert_string_equal(found, expected);
        free(found);
        fact_reader_close(reader);
    }
}

static void expect_refused(enum fact_log log, const char *text, const char *part) {
    struct input *input;
    struct fact_reader *reader = NULL;
    MUST(input_open_memory(&input, "night.log", text, strlen(text), &err));
    MUST_FAIL(fact_reader_open(&reader, input, log, 0, &err), FAILURE_DATA, part);
    assert_null(reader);
}

/* ---- every log ---- */

static void test_each_log_is_read_in_the_order_of_its_shape(void **state) {
    (void)state;
    static const struct {
        const char *csv;
        const char *json;
        const char *expected;
    } cases[FACT_LOGS] = {
        [FACT_POSITIONS] = {"at,member,company,kind,precision\n-5,1,2,end,year\n",
                            "{\"at\":-5,\"member\":1,\"company\":\"2\",\"kind\":\"end\","
                            "\"precision\":\"year\"}\n",
                            "-5 1 2 end year\n"},
        [FACT_INTERACTIONS] = {"at,from,to,kind,count\n1,2,3,endorse,4294967295\n",
                               "{\"at\":1,\"from\":2,\"to\":3,\"kind\":\"endorse\","
                               "\"count\":4294967295}\n",
                               "1 2 3 endorse 4294967295\n"},
        [FACT_APPLICATIONS] = {"at,member,count\n1,2,3\n", "{\"at\":1,\"member\":2,\"count\":3}\n",
                               "1 2 3\n"},
        [FACT_ASSIGNMENTS] = {"at,experiment,member,variant\n1,2,3,0\n",
                              "{\"at\":1,\"experiment\":2,\"member\":3,\"variant\":0}\n",
                              "1 2 3 0\n"},
        [FACT_MEMBERS] = {"member,industry,country,region,place,school,career_start_year,gender\n"
                          "18446744073709551615,1,2,3,4,5,9999,other\n",
                          "{\"member\":18446744073709551615,\"industry\":1,\"country\":2,"
                          "\"region\":3,\"place\":4,\"school\":5,\"career_start_year\":9999,"
                          "\"gender\":\"other\"}\n",
                          "18446744073709551615 1 2 3 4 5 9999 other\n"},
        [FACT_COMPANIES] = {"company,canonical,industry\n1,2,3\n",
                            "{\"company\":1,\"canonical\":2,\"industry\":3}\n", "1 2 3\n"},
        [FACT_INDUSTRIES] = {"industry,naics,it_rank,software_rank,ml_rank,ai_rank,robot_rank,"
                             "remote_rank\n1,2,3,4,5,6,7,8\n",
                             "{\"industry\":1,\"naics\":2,\"it_rank\":3,\"software_rank\":4,"
                             "\"ml_rank\":5,\"ai_rank\":6,\"robot_rank\":7,\"remote_rank\":8}\n",
                             "1 2 3 4 5 6 7 8\n"},
    };
    for (int log = 0; log < FACT_LOGS; log++) {
        expect((enum fact_log)log, cases[log].csv, cases[log].expected);
        expect((enum fact_log)log, cases[log].json, cases[log].expected);
    }
}

static void test_fields_that_are_left_out_have_their_default_or_are_not_known(void **state) {
    (void)state;
    expect(FACT_POSITIONS, "at,member,company,kind\n1,2,3,start\n", "1 2 3 start day\n");
    expect(FACT_POSITIONS, "at,member,company,kind,precision\n1,2,3,start,\n", "1 2 3 start day\n");
    expect(FACT_INTERACTIONS, "at,from,to\n1,2,3\n", "1 2 3 message 1\n");
    expect(FACT_APPLICATIONS, "{\"at\":1,\"member\":2,\"count\":null}\n", "1 2 1\n");
    expect(FACT_MEMBERS, "member,region,country\n1,,9\n2,3,\n",
           "1 - 9 - - - - unknown\n2 - - 3 - - - unknown\n");
    expect(FACT_MEMBERS, "{\"member\":1,\"region\":\"\",\"school\":0}\n",
           "1 - - - - 0 - unknown\n");
    expect(FACT_COMPANIES, "company\n7\n", "7 - -\n");
}

/* ---- CSV ---- */

static void test_csv_columns_come_in_any_order_and_others_are_ignored(void **state) {
    (void)state;
    expect(FACT_POSITIONS,
           "\"kind\",title,company,at,member\nend,\"Head of, \"\"x\"\"\n(all)\",3,1,2\n"
           "start,,6,4,5\n",
           "1 2 3 end day\n4 5 6 start day\n");
}

static void test_csv_with_byte_order_mark_crlf_blank_lines_and_no_last_line_break(void **state) {
    (void)state;
    expect(FACT_APPLICATIONS, "\xef\xbb\xbf\r\n\nat,member\r\n\r\n1,2\r\n\n4,5", "1 2 1\n4 5 1\n");
}

static void test_file_without_any_record_is_an_empty_log(void **state) {
    (void)state;
    static const char *const texts[] = {"", "\n\r\n", "\xef\xbb\xbf", "at,member", "at,member\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        expect(FACT_APPLICATIONS, texts[i], "");
    }
}

static void test_empty_file_whose_name_says_that_it_is_never_empty_is_truncated(void **state) {
    (void)state;
    struct input *input;
    struct fact_reader *reader;
    MUST(input_open_memory(&input, "jobs.csv.zst", "", 0, &err));
    MUST_FAIL(fact_reader_open(&reader, input, FACT_APPLICATIONS, 0, &err), FAILURE_DATA,
              "jobs.csv.zst");
    assert_non_null(strstr(err.text, "truncated"));
}

static void test_csv_malformed_records_are_handed_out_with_line_and_reason(void **state) {
    (void)state;
    static const struct {
        const char *bad;
        const char *reason;
    } cases[] = {
        {"1,2,3,start", "4 fields: 5, as in the header, are expected"},
        {"1,2,3,start,day,", "6 fields: 5, as in the header, are expected"},
        {",2,3,start,", "at is \"\": a whole number of milliseconds"},
        {"2024-01-01,2,3,start,", "at is \"2024-01-01\": a whole number"},
        {"253402300800000,2,3,start,", "at is \"253402300800000\": a whole number"},
        {"1,,3,start,", "member is \"\": a whole number from 0 to 2^64-1 is expected"},
        {"1,2,18446744073709551616,start,", "company is \"18446744073709551616\": a whole"},
        {"1,-2,3,start,", "member is \"-2\""},
        {"1,2,3,,", "kind is \"\": start or end is expected"},
        {"1,2,3,Start,", "kind is \"Start\": start or end is expected"},
        {"1,2,3,star,", "kind is \"star\""},
        {"1,2,3,start,week", "precision is \"week\": day, month or year is expected"},
        {"1,2,3,start,d\xff", "not UTF-8"},
        {"1,2,3,\"start\"x,day", "broken quoting"},
        {"1,2,3,start,\"", "never closed"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[500];
        (void)snprintf(text, sizeof text,
                       "at,member,company,kind,precision\n1,2,3,start,day\n%s\n4,5,6,end,\n",
                       cases[i].bad);
        struct fact_reader *reader = open_bytes(FACT_POSITIONS, text, strlen(text), 0);
        char *found = transcribe(reader, FACT_POSITIONS, 100);
        char start[200];
        (void)snprintf(start, sizeof start, "1 2 3 start day\nline 3 [%s] ", cases[i].bad);
        if (strncmp(found, start, strlen(start)) != 0 || strstr(found, cases[i].reason) == NULL ||
            strstr(found, "\n4 5 6 end day\n") == NULL) {
            fail_msg("[%s] gives \"%s\", not \"%s\"", cases[i].bad, found, cases[i].reason);
        }
        free(found);
        fact_reader_close(reader);
    }
}

static void test_numbers_out_of_their_field_s_range_are_malformed(void **state) {
    (void)state;
    expect(FACT_APPLICATIONS, "at,member,count\n1,2,0\n1,2,4294967296\n",
           "line 2 [1,2,0] count is \"0\": a whole number from 1 to 2^32-1 is expected\n"
           "line 3 [1,2,4294967296] count is \"4294967296\": a whole number from 1 to 2^32-1 is "
           "expected\n");
    expect(FACT_ASSIGNMENTS, "at,experiment,member,variant\n1,2,3,4294967296\n1,2,3,\n",
           "line 2 [1,2,3,4294967296] variant is \"4294967296\": a whole number from 0 to 2^32-1 "
           "is expected\n"
           "line 3 [1,2,3,] variant is \"\": a whole number from 0 to 2^32-1 is expected\n");
    expect(FACT_MEMBERS, "member,career_start_year\n1,0\n1,10000\n1,1\n",
           "line 2 [1,0] career_start_year is \"0\": a year from 1 to 9999 is expected\n"
           "line 3 [1,10000] career_start_year is \"10000\": a year from 1 to 9999 is expected\n"
           "1 - - - - - 1 unknown\n");
}

static void test_csv_header_that_is_wrong_is_an_error_that_helps(void **state) {
    (void)state;
    expect_refused(FACT_POSITIONS, "\nat,who,company,kind\n1,2,3,start\n",
                   "night.log: line 2: no column 'member' among the 4 of the header "
                   "\"at,who,company,kind\", which a log of positions must have");
    expect_refused(FACT_COMPANIES, "1,2,3\n", "no column 'company'");
    expect_refused(FACT_COMPANIES, "company,canonical,company\n", "two columns 'company'");
    expect_refused(FACT_COMPANIES, "company,\"canonical\n", "never closed");
    char *wide = malloc(LIMIT_CSV_COLUMNS + 2);
    assert_non_null(wide);
    memset(wide, ',', LIMIT_CSV_COLUMNS);
    memcpy(wide + LIMIT_CSV_COLUMNS, "\n", 2);
    expect_refused(FACT_COMPANIES, wide, "more than 4096 columns");
    free(wide);
}

/* ---- NDJSON ---- */

static void test_json_records_are_read_and_wrong_ones_say_why(void **state) {
    (void)state;
    expect(FACT_POSITIONS,
           "\n  \n{\"member\":\"2\",\"x\":[1],\"at\":1,\"company\":3,\"kind\":\"start\"}\n"
           "{\"at\":1,\"member\":2,\"company\":3}\n"
           "{\"at\":1,\"member\":null,\"company\":3,\"kind\":\"end\"}\n"
           "{\"at\":1.5,\"member\":2,\"company\":3,\"kind\":\"end\"}\n"
           "{\"at\":1,\"member\":true,\"company\":3,\"kind\":\"end\"}\n"
           "[1]\n",
           "1 2 3 start day\n"
           "line 4 [{\"at\":1,\"member\":2,\"company\":3}] the key \"kind\" is missing\n"
           "line 5 [{\"at\":1,\"member\":null,\"company\":3,\"kind\":\"end\"}] the key \"member\" "
           "is missing\n"
           "line 6 [{\"at\":1.5,\"member\":2,\"company\":3,\"kind\":\"end\"}] at is \"1.5\": a "
           "whole number of milliseconds, in the years 0001 to 9999, is expected\n"
           "line 7 [{\"at\":1,\"member\":true,\"company\":3,\"kind\":\"end\"}] \"member\" is true "
           "or false: a number or a string is expected\n"
           "line 8 [[1]] the record is an array: an object with the keys of a record of positions "
           "is expected\n");
}

/* ---- Avro ---- */

static const char sync_marker[] = "0123456789abcdef";

static void put_header(struct bytes *file, const char *schema) {
    put_raw(file, "Obj\1", 4);
    put_long(file, 1);
    put_string(file, "avro.schema");
    put_string(file, schema);
    put_long(file, 0);
    put_raw(file, sync_marker, 16);
}

static void put_block(struct bytes *file, int64_t records, const struct bytes *data) {
    put_long(file, records);
    put_long(file, (int64_t)data->count);
    put_raw(file, data->data, data->count);
    put_raw(file, sync_marker, 16);
}

static void expect_avro(enum fact_log log, const char *schema, int64_t records,
                        const struct bytes *data, const char *expected) {
    static const size_t capacities[] = {1, 100};
    struct bytes file = {0};
    put_header(&file, schema);
    put_block(&file, records, data);
    for (size_t i = 0; i < 2; i++) {
        struct fact_reader *reader = open_bytes(log, file.data, file.count, 0);
        assert_int_equal(fact_reader_format(reader), LOG_AVRO);
        char *found = transcribe(reader, log, capacities[i]);
        assert_string_equal(found, expected);
        free(found);
        fact_reader_close(reader);
    }
    bytes_release(&file);
}

/* The text of schemas/NAME.avsc, which the caller releases. */
static struct bytes schema_of(enum fact_log log) {
    struct bytes text = {0};
    char path[100];
    (void)snprintf(path, sizeof path, "schemas/%s.avsc", fact_shapes[log].name);
    MUST(file_read_all(path, &text, &err));
    MUST(bytes_append(&text, "", 1, &err));
    return text;
}

/* Each field of a record has the number 1, the last choice, or (in the second record) is null, the
 * first choice or the number 2. */
static void test_avro_of_our_schemas_is_read(void **state) {
    (void)state;
    static const char *const expected[FACT_LOGS] = {
        [FACT_POSITIONS] = "1 1 1 end year\n2 2 2 start day\n",
        [FACT_INTERACTIONS] = "1 1 1 endorse 1\n2 2 2 message 2\n",
        [FACT_APPLICATIONS] = "1 1 1\n2 2 2\n",
        [FACT_ASSIGNMENTS] = "1 1 1 1\n2 2 2 2\n",
        [FACT_MEMBERS] = "1 1 1 1 1 1 1 other\n2 - - - - - - unknown\n",
        [FACT_COMPANIES] = "1 1 1\n2 - -\n",
        [FACT_INDUSTRIES] = "1 1 1 1 1 1 1 1\n2 - - - - - - -\n",
    };
    for (int log = 0; log < FACT_LOGS; log++) {
        const struct fact_shape *shape = &fact_shapes[log];
        struct bytes schema = schema_of((enum fact_log)log);
        struct bytes data = {0};
        for (int record = 1; record <= 2; record++) {
            for (size_t i = 0; i < shape->field_count; i++) {
                const struct fact_field *field = &shape->fields[i];
                bool is_choice = field->type == FACT_CHOICE;
                bool is_union = !field->is_required && !field->has_default;
                int64_t last = 0;
                while (is_choice && field->choices[last + 1] != NULL) {
                    last++;
                }
                if (is_union) {
                    put_long(&data, record == 1 ? 1 : 0);
                }
                if (!is_union || record == 1) {
                    put_long(&data, !is_choice ? record : record == 1 ? last : 0);
                }
            }
        }
        expect_avro((enum fact_log)log, (char *)schema.data, 2, &data, expected[log]);
        bytes_release(&schema);
        bytes_release(&data);
    }
}

static void test_avro_of_others_is_resolved_and_what_does_not_fit_is_malformed(void **state) {
    (void)state;
    static const char schema[] =
        "{\"type\":\"record\",\"name\":\"job\",\"fields\":["
        "{\"name\":\"kind\",\"type\":\"string\"},{\"name\":\"title\",\"type\":\"string\"},"
        "{\"name\":\"company\",\"type\":\"int\"},{\"name\":\"member\",\"type\":[\"null\",\"long\"]}"
        ","
        "{\"name\":\"at\",\"type\":\"long\"}]}";
    struct bytes data = {0};
    put_string(&data, "end");
    put_string(&data, "x");
    put_long(&data, 3);
    put_long(&data, 1);
    put_long(&data, -1); /* an id of 2^64 - 1 */
    put_long(&data, 5);
    put_string(&data, "leave");
    put_string(&data, "");
    put_long(&data, 3);
    put_long(&data, 1);
    put_long(&data, 2);
    put_long(&data, 5);
    put_string(&data, "start");
    put_string(&data, "");
    put_long(&data, 3);
    put_long(&data, 0);
    put_long(&data, 5);
    put_string(&data, "start");
    put_string(&data, "");
    put_long(&data, 3);
    put_long(&data, 1);
    put_long(&data, 2);
    put_long(&data, LIMIT_TIME_MAX_MS + 1);
    expect_avro(FACT_POSITIONS, schema, 4, &data,
                "5 18446744073709551615 3 end day\n"
                "line 2 [0a6c656176650006020"
                "40a] kind is \"leave\": start or end is expected\n"
                "line 3 [0a7374617274000600"
                "0a] member is null\n"
                "line 4 [0a737461727400060204"
                "80f0fea1fa9d73] at is \"253402300800000\": a whole "
                "number of milliseconds, in the years 0001 to 9999, is expected\n");
    bytes_release(&data);
}

static void test_avro_that_does_not_read_as_the_log_is_an_error(void **state) {
    (void)state;
    struct bytes schema = schema_of(FACT_APPLICATIONS);
    struct bytes file = {0};
    struct input *input;
    struct fact_reader *reader = NULL;
    put_header(&file, (char *)schema.data);
    MUST(input_open_memory(&input, "night.avro", file.data, file.count, &err));
    MUST_FAIL(fact_reader_open(&reader, input, FACT_POSITIONS, 0, &err), FAILURE_DATA,
              "the field \"company\" is missing, which a record of positions must have");
    bytes_release(&schema);
    bytes_release(&file);
}

/* ---- all formats ---- */

static void test_format_is_told_by_content(void **state) {
    (void)state;
    static const char csv[] = "company\n";
    static const char json[] = " \n\t{\"company\":1}";
    struct fact_reader *reader = open_bytes(FACT_COMPANIES, csv, sizeof csv - 1, 0);
    assert_int_equal(fact_reader_format(reader), LOG_CSV);
    assert_string_equal(input_name(fact_reader_input(reader)), "night.log");
    fact_reader_close(reader);
    reader = open_bytes(FACT_COMPANIES, json, sizeof json - 1, 0);
    assert_int_equal(fact_reader_format(reader), LOG_NDJSON);
    fact_reader_close(reader);
    fact_reader_close(NULL);
}

static void test_zstd_is_unpacked(void **state) {
    (void)state;
    static const char text[] = "at,member,count\n1,2,3\nx,2,3\n4,5,6\n";
    struct bytes packed = {0};
    MUST(compression_pack(text, sizeof text - 1, &packed, &err));
    struct fact_reader *reader = open_bytes(FACT_APPLICATIONS, packed.data, packed.count, 0);
    char *found = transcribe(reader, FACT_APPLICATIONS, 100);
    assert_string_equal(found, "1 2 3\nline 3 [x,2,3] at is \"x\": a whole number of "
                               "milliseconds, in the years 0001 to 9999, is expected\n4 5 6\n");
    free(found);
    fact_reader_close(reader);
    bytes_release(&packed);
}

/* A long log of random records, as the reader must see them. */
static void test_records_do_not_depend_on_how_many_are_asked_for(void **state) {
    (void)state;
    enum { RECORDS = 5000 };
    struct bytes text = {0};
    struct bytes expected = {0};
    struct random random;
    random_seed(&random, 11);
    note(&text, "member,at,variant,experiment\n");
    for (int i = 0; i < RECORDS; i++) {
        char line[200];
        uint64_t member = random_u64(&random);
        uint64_t at = random_below(&random, 2000000000000);
        uint64_t variant = random_below(&random, 4);
        (void)snprintf(line, sizeof line, "%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%d\n", member, at,
                       variant, i);
        note(&text, line);
        (void)snprintf(line, sizeof line, "%" PRIu64 " %d %" PRIu64 " %" PRIu64 "\n", at, i, member,
                       variant);
        note(&expected, line);
    }
    MUST(bytes_append(&expected, "", 1, &err));
    static const size_t capacities[] = {1, 13, 100000};
    for (size_t i = 0; i < sizeof capacities / sizeof capacities[0]; i++) {
        struct fact_reader *reader = open_bytes(FACT_ASSIGNMENTS, text.data, text.count, 1000);
        char *found = transcribe(reader, FACT_ASSIGNMENTS, capacities[i]);
        assert_string_equal(found, (char *)expected.data);
        free(found);
        fact_reader_close(reader);
    }
    bytes_release(&text);
    bytes_release(&expected);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_log_is_read_in_the_order_of_its_shape),
        cmocka_unit_test(test_fields_that_are_left_out_have_their_default_or_are_not_known),
        cmocka_unit_test(test_csv_columns_come_in_any_order_and_others_are_ignored),
        cmocka_unit_test(test_csv_with_byte_order_mark_crlf_blank_lines_and_no_last_line_break),
        cmocka_unit_test(test_file_without_any_record_is_an_empty_log),
        cmocka_unit_test(test_empty_file_whose_name_says_that_it_is_never_empty_is_truncated),
        cmocka_unit_test(test_csv_malformed_records_are_handed_out_with_line_and_reason),
        cmocka_unit_test(test_numbers_out_of_their_field_s_range_are_malformed),
        cmocka_unit_test(test_csv_header_that_is_wrong_is_an_error_that_helps),
        cmocka_unit_test(test_json_records_are_read_and_wrong_ones_say_why),
        cmocka_unit_test(test_avro_of_our_schemas_is_read),
        cmocka_unit_test(test_avro_of_others_is_resolved_and_what_does_not_fit_is_malformed),
        cmocka_unit_test(test_avro_that_does_not_read_as_the_log_is_an_error),
        cmocka_unit_test(test_format_is_told_by_content),
        cmocka_unit_test(test_zstd_is_unpacked),
        cmocka_unit_test(test_records_do_not_depend_on_how_many_are_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
