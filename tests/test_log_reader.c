/* What a reader makes of a text is written down as a transcript, one line per event
 * ("1 2 3 connect unknown") or malformed record ("line 4 [content] reason"), and compared. */
#include "stages/decode/log_reader.h"

#include "schemas/limits.h"
#include "stages/base/bytes.h"
#include "stages/base/files.h"
#include "stages/base/random.h"
#include "stages/decode/log_writer.h"
#include "stages/decode/text_lines.h"
#include "tests/scratch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct err err;

static const struct log_reader_options by_content;

static struct log_reader *open_text(const char *text, size_t bytes,
                                    const struct log_reader_options *options) {
    struct input *input;
    struct log_reader *reader = NULL;
    MUST(input_open_memory(&input, "night.log", text, bytes, &err));
    MUST(log_reader_open(&reader, input, options, &err));
    return reader;
}

static void note(struct bytes *transcript, const char *line) {
    MUST(bytes_append(transcript, line, strlen(line), &err));
}

/* Reads to the end with batches of `capacity`; returns the transcript, which the caller frees. */
static char *transcribe(struct log_reader *reader, size_t capacity) {
    struct bytes transcript = {0};
    struct event *events = malloc(capacity * sizeof *events);
    assert_non_null(events);
    for (;;) {
        size_t count;
        bool is_malformed;
        struct malformed malformed;
        char line[1000];
        MUST(log_reader_next(reader, events, capacity, &count, &is_malformed, &malformed, &err));
        if (is_malformed) {
            assert_int_equal(count, 0);
            (void)snprintf(line, sizeof line, "line %" PRIu64 " [%.*s] %s\n", malformed.line,
                           malformed.content_bytes < 80 ? (int)malformed.content_bytes : 80,
                           malformed.content, malformed.reason);
            note(&transcript, line);
        } else if (count == 0) {
            break;
        }
        for (size_t i = 0; i < count; i++) {
            const struct event *event = &events[i];
            (void)snprintf(line, sizeof line, "%" PRId64 " %" PRIu64 " %" PRIu64 " %s %s\n",
                           event->at_ms, event->from.v, event->to.v, event_kind_name(event->kind),
                           event_origin_name(event->origin));
            note(&transcript, line);
        }
    }
    free(events);
    MUST(bytes_append(&transcript, "", 1, &err));
    return (char *)transcript.data;
}

static void expect_bytes(const char *text, size_t bytes, const struct log_reader_options *options,
                         const char *expected) {
    struct log_reader *reader = open_text(text, bytes, options);
    char *found = transcribe(reader, 100);
    assert_string_equal(found, expected);
    free(found);
    log_reader_close(reader);
}

static void expect(const char *text, const struct log_reader_options *options,
                   const char *expected) {
    expect_bytes(text, strlen(text), options, expected);
}

/* The one malformed record of a log of one good record, the bad one, and another good one. */
static void expect_malformed(const char *header, const char *good, const char *bad,
                             const char *reason) {
    struct bytes text = {0};
    note(&text, header);
    note(&text, good);
    note(&text, "\n");
    note(&text, bad);
    note(&text, "\n");
    note(&text, good);
    note(&text, "\n");
    struct log_reader *reader = open_text((char *)text.data, text.count, &by_content);
    struct event events[4];
    size_t count;
    bool is_malformed;
    struct malformed malformed;
    MUST(log_reader_next(reader, events, 4, &count, &is_malformed, &malformed, &err));
    assert_int_equal(count, 1);
    assert_false(is_malformed);
    MUST(log_reader_next(reader, events, 4, &count, &is_malformed, &malformed, &err));
    assert_int_equal(count, 0);
    assert_true(is_malformed);
    assert_int_equal(malformed.line, header[0] == '\0' ? 2 : 3);
    assert_int_equal(malformed.content_bytes, strlen(bad));
    assert_memory_equal(malformed.content, bad, strlen(bad));
    if (strstr(malformed.reason, reason) == NULL) {
        fail_msg("[%s] is refused for \"%s\", not for \"%s\"", bad, malformed.reason, reason);
    }
    MUST(log_reader_next(reader, events, 4, &count, &is_malformed, &malformed, &err));
    assert_int_equal(count, 1);
    assert_false(is_malformed);
    log_reader_close(reader);
    bytes_release(&text);
}

static void expect_refused(const char *text, size_t bytes, const struct log_reader_options *options,
                           enum failure failure, const char *part) {
    struct input *input;
    struct log_reader *reader = NULL;
    MUST(input_open_memory(&input, "night.log", text, bytes, &err));
    MUST_FAIL(log_reader_open(&reader, input, options, &err), failure, part);
    assert_null(reader);
}

/* ---- CSV ---- */

static void test_csv_columns_come_in_any_order_and_others_are_ignored(void **state) {
    (void)state;
    expect("to,note,origin,at,from,kind\n"
           "2,x,organic,1000,1,connect\n"
           "18446744073709551615,,import,-5,0,disconnect\n",
           &by_content,
           "1000 1 2 connect organic\n"
           "-5 0 18446744073709551615 disconnect import\n");
}

static void test_csv_kind_and_origin_have_defaults(void **state) {
    (void)state;
    expect("at,from,to\n1,2,3\n", &by_content, "1 2 3 connect unknown\n");
    expect("at,from,to,kind,origin\n1,2,3,,\n4,5,6,disconnect,\n7,8,9,,recommended\n", &by_content,
           "1 2 3 connect unknown\n4 5 6 disconnect unknown\n7 8 9 connect recommended\n");
}

static void test_csv_with_byte_order_mark_crlf_blank_lines_and_no_last_line_break(void **state) {
    (void)state;
    expect("\xef\xbb\xbf\r\n\n\"at\",from,to\r\n\r\n1,2,3\r\n\n4,5,6", &by_content,
           "1 2 3 connect unknown\n4 5 6 connect unknown\n");
    expect("at,from,to\n1,2,3\r", &by_content, "1 2 3 connect unknown\n");
}

static void test_csv_quotes_delimiters_and_line_breaks_inside_quotes(void **state) {
    (void)state;
    expect("note,at,from,to\n"
           "\"a, \"\"b\"\"\n9,9,9,9\r\nc\",\"1\",2,\"3\"\n"
           "\"\",4,5,6\n"
           "x,oops,5,6\n",
           &by_content,
           "1 2 3 connect unknown\n4 5 6 connect unknown\n"
           "line 6 [x,oops,5,6] at is \"oops\": a whole number of time units since 1970 is "
           "expected\n");
}

static void test_csv_without_any_record_is_an_empty_log(void **state) {
    (void)state;
    expect("", &by_content, "");
    expect("\n\r\n", &by_content, "");
    expect("at,from,to\n", &by_content, "");
    expect("at,from,to", &by_content, "");
    expect("\xef\xbb\xbf", &by_content, "");
}

static void test_empty_file_whose_name_says_that_it_is_never_empty_is_truncated(void **state) {
    (void)state;
    static const char *const names[] = {"a.tfp", "b.avro", "c.csv.zst", "d.ndjson.zst"};
    struct input *input;
    struct log_reader *reader;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        MUST(input_open_memory(&input, names[i], "", 0, &err));
        MUST_FAIL(log_reader_open(&reader, input, &by_content, &err), FAILURE_DATA, names[i]);
        assert_non_null(strstr(err.text, "truncated"));
    }
}

static void test_csv_malformed_record_is_handed_out_with_its_line_and_reason(void **state) {
    (void)state;
    static const struct {
        const char *bad;
        const char *reason;
    } cases[] = {
        {"1,2", "2 fields: 5, as in the header, are expected"},
        {"1,2,3,connect,organic,6", "6 fields: 5"},
        {"1,2,3,connect,organic,", "6 fields: 5"},
        {",2,3,,", "at is \"\""},
        {"1,,3,,", "from is \"\": a whole number from 0 to 2^64-1"},
        {"1,2,,,", "to is \"\""},
        {"1.5,2,3,,", "at is \"1.5\": a whole number"},
        {"1,-2,3,,", "from is \"-2\""},
        {"1,2,18446744073709551616,,", "to is \"18446744073709551616\""},
        {"1, 2,3,,", "from is \" 2\""},
        {"1,2,0x3,,", "to is \"0x3\""},
        {"253402300800000,2,3,,", "outside the years 0001 to 9999"},
        {"-62135596800001,2,3,,", "outside the years 0001 to 9999"},
        {"99999999999999999999,2,3,,", "at is \"99999999999999999999\""},
        {"1,2,3,join,", "kind is \"join\": connect or disconnect"},
        {"1,2,3,Connect,", "kind is \"Connect\""},
        {"1,2,3,connect,bought", "origin is \"bought\": organic"},
        {"1,2,3,\xff,", "not UTF-8"},
        {"1,2,3,connect,\xc3", "not UTF-8"},
        {"1,\"2\"x,3,,", "broken quoting"},
        {"1,2\",3,,", "broken quoting"},
        {"1,2,3,connect,\"", "never closed"},
        {"1,2,3,\"connect,organic", "never closed"},
        {" ", "1 fields: 5"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        expect_malformed("at,from,to,kind,origin\n", "1,2,3,connect,organic", cases[i].bad,
                         cases[i].reason);
    }
}

static void test_csv_text_of_another_encoding_in_an_ignored_column_is_malformed(void **state) {
    (void)state;
    expect_malformed("at,from,to,note\n", "1,2,3,caf\xc3\xa9", "1,2,3,caf\xe9", "not UTF-8");
    expect_malformed("at,from,to,note\n", "1,2,3,x", "1,2,3,\xed\xa0\x80", "not UTF-8");
}

static void test_csv_nul_in_a_number_is_malformed(void **state) {
    (void)state;
    static const char text[] = "at,from,to\n1,2\0,3\n4,5,6\n";
    expect_bytes(text, sizeof text - 1, &by_content,
                 "line 2 [1,2] from is \"2\": a whole number from 0 to 2^64-1 is expected\n"
                 "4 5 6 connect unknown\n");
}

static void test_csv_quote_that_is_never_closed_costs_one_line(void **state) {
    (void)state;
    expect("at,from,to,note\n"
           "1,2,3,\"open\n"
           "4,5,6,good\n"
           "7,8,9,\"open again\n",
           &by_content,
           "line 2 [1,2,3,\"open] broken quoting: a quote stands inside a field, or text behind a "
           "closing quote; quote the whole field and double its quotes\n"
           "4 5 6 connect unknown\n"
           "line 4 [7,8,9,\"open again] a quote is opened here and never closed\n");
}

static void test_csv_columns_by_name_or_number(void **state) {
    (void)state;
    struct log_reader_options options = {.format = LOG_CSV,
                                         .column_names = {"when", "src", "dst", "what", NULL}};
    expect("src,dst,when,what,at,origin\n1,2,3,disconnect,9,import\n", &options,
           "3 1 2 disconnect import\n");
    options =
        (struct log_reader_options){.format = LOG_CSV, .column_names = {"3", "1", "2", NULL, NULL}};
    expect("1,2,3\n4,5,6,connect\n", &options, "3 1 2 connect unknown\n6 4 5 connect unknown\n");
    options.column_names[1] = "from";
    expect("from,to,x\n1,2,3\n", &options, "3 1 2 connect unknown\n");
    expect_refused("from,to\n1,2\n", 12, &options, FAILURE_DATA,
                   "column 3 is wanted for 'at', the header has 2");
    options.column_names[1] = "3";
    expect_refused("", 0, &options, FAILURE_USAGE, "both 'at' and 'from'");
    options.column_names[1] = "0";
    expect_refused("", 0, &options, FAILURE_USAGE, "columns count from 1");
    options.column_names[1] = "4097";
    expect_refused("", 0, &options, FAILURE_USAGE, "columns count from 1 to 4096");
}

static void test_csv_without_header_takes_records_of_enough_fields(void **state) {
    (void)state;
    struct log_reader_options options = {.format = LOG_CSV,
                                         .column_names = {"1", "2", "4", NULL, "5"}};
    expect("1,2,x,4,organic,y\n1,2,x,4\n1,2,\"x\",4,import\n", &options,
           "1 2 4 connect organic\n"
           "line 2 [1,2,x,4] 4 fields: 5 or more are expected\n"
           "1 2 4 connect import\n");
}

static void test_csv_delimiter_and_skipped_lines(void **state) {
    (void)state;
    struct log_reader_options options = {.format = LOG_CSV, .delimiter = '\t', .skip_lines = 2};
    expect("exported \"today\nby hand\nat\tfrom\tto\n1\t2\t3\nx\n", &options,
           "1 2 3 connect unknown\nline 5 [x] 1 fields: 3, as in the header, are expected\n");
    options.skip_lines = 9;
    expect("at\tfrom\tto\n1\t2\t3\n", &options, "");
    options.delimiter = '"';
    expect_refused("", 0, &options, FAILURE_USAGE, "cannot be a delimiter");
    options.delimiter = '1';
    expect_refused("", 0, &options, FAILURE_USAGE, "cannot be a delimiter");
}

static void test_csv_header_that_lacks_a_column_is_an_error_that_helps(void **state) {
    (void)state;
    static const char text[] = "\nat,source,to\n1,2,3\n";
    expect_refused(text, sizeof text - 1, &by_content, FAILURE_DATA,
                   "night.log: line 2: no column");
    assert_non_null(strstr(err.text, "'from'"));
    assert_non_null(strstr(err.text, "\"at,source,to\""));
    assert_non_null(strstr(err.text, "tieflow import --columns"));
    static const char headless[] = "1,2,3\n";
    expect_refused(headless, sizeof headless - 1, &by_content, FAILURE_DATA, "no column 'at'");
}

static void test_csv_header_that_is_wrong_is_an_error(void **state) {
    (void)state;
    static const char twice[] = "at,from,to,from\n";
    expect_refused(twice, sizeof twice - 1, &by_content, FAILURE_DATA, "two columns 'from'");
    static const char quote[] = "at,from,\"to\n";
    expect_refused(quote, sizeof quote - 1, &by_content, FAILURE_DATA, "never closed");
    static const char latin[] = "at,from,to,n\xe9\n";
    expect_refused(latin, sizeof latin - 1, &by_content, FAILURE_DATA, "not UTF-8");
    expect("at,from,to,note,note\n1,2,3,a,b\n", &by_content, "1 2 3 connect unknown\n");
    char *wide = malloc(LIMIT_CSV_COLUMNS + 1);
    assert_non_null(wide);
    memset(wide, ',', LIMIT_CSV_COLUMNS);
    wide[LIMIT_CSV_COLUMNS] = '\n';
    expect_refused(wide, LIMIT_CSV_COLUMNS + 1, &by_content, FAILURE_DATA,
                   "more than 4096 columns");
    free(wide);
}

/* Appends a record of random fields, most of them good, plain and with every field in quotes. */
static void append_random_record(struct random *random, struct bytes *plain, struct bytes *quoted) {
    static const char *const names[] = {"connect", "disconnect", "import", "organic", "", "x"};
    size_t fields = random_below(random, 20) == 0 ? 4 : 5;
    for (size_t field = 0; field < fields; field++) {
        char text[32] = {0};
        if (field < 3) {
            size_t digits = random_below(random, field == 0 ? 15 : 21);
            for (size_t i = 0; i < digits; i++) {
                text[i] = (char)('0' + random_below(random, 10));
            }
            if (random_below(random, 20) == 0) {
                text[0] = "-+ .x"[random_below(random, 5)];
            }
        } else {
            (void)snprintf(text, sizeof text, "%s", names[random_below(random, 6)]);
        }
        const char *after = field + 1 == fields ? "\n" : ",";
        note(plain, text);
        note(plain, after);
        note(quoted, "\"");
        note(quoted, text);
        note(quoted, "\"");
        note(quoted, after);
    }
}

static void test_csv_quotes_around_fields_change_nothing(void **state) {
    (void)state;
    enum { RECORDS = 20000 };
    struct bytes texts[2] = {0};
    struct log_reader *readers[2];
    struct random random;
    random_seed(&random, 99);
    note(&texts[0], "at,from,to,kind,origin\n");
    note(&texts[1], "at,from,to,kind,origin\n");
    for (size_t i = 0; i < RECORDS; i++) {
        append_random_record(&random, &texts[0], &texts[1]);
    }
    for (size_t i = 0; i < 2; i++) {
        readers[i] = open_text((char *)texts[i].data, texts[i].count, &by_content);
    }
    size_t good = 0;
    for (size_t record = 0; record < RECORDS; record++) {
        struct event events[2] = {0};
        size_t counts[2];
        bool are_malformed[2];
        struct malformed malformed[2];
        for (size_t i = 0; i < 2; i++) {
            MUST(log_reader_next(readers[i], &events[i], 1, &counts[i], &are_malformed[i],
                                 &malformed[i], &err));
        }
        assert_int_equal(counts[0], counts[1]);
        assert_int_equal(are_malformed[0], are_malformed[1]);
        if (are_malformed[0]) {
            assert_string_equal(malformed[0].reason, malformed[1].reason);
            assert_int_equal(malformed[0].line, malformed[1].line);
        } else {
            assert_int_equal(event_compare(&events[0], &events[1], SIMULTANEOUS_STRICT), 0);
            good++;
        }
    }
    assert_in_range(good, RECORDS / 20, RECORDS / 2);
    for (size_t i = 0; i < 2; i++) {
        log_reader_close(readers[i]);
        bytes_release(&texts[i]);
    }
}

/* ---- times ---- */

static void test_times_are_scaled_by_their_unit(void **state) {
    (void)state;
    struct log_reader_options options = {.time_unit_ms = 1000};
    expect("at,from,to\n1700000000,1,2\n-1,1,2\n", &options,
           "1700000000000 1 2 connect unknown\n-1000 1 2 connect unknown\n");
    expect("at,from,to\n253402300800,1,2\n9223372036854775807,1,2\n", &options,
           "line 2 [253402300800,1,2] at is \"253402300800\": outside the years 0001 to 9999; is "
           "the unit right?\n"
           "line 3 [9223372036854775807,1,2] at is \"9223372036854775807\": outside the years 0001 "
           "to 9999; is the unit right?\n");
    options = (struct log_reader_options){.time_units_per_ms = 1000000};
    expect("at,from,to\n1999999,1,2\n-1,1,2\n-1000000,1,2\n", &options,
           "1 1 2 connect unknown\n-1 1 2 connect unknown\n-1 1 2 connect unknown\n");
}

static void test_iso_times_are_read_in_any_zone(void **state) {
    (void)state;
    const struct log_reader_options options = {.times_are_iso = true};
    static const struct {
        const char *text;
        int64_t at_ms;
    } good[] = {
        {"1970-01-01", 0},
        {"1970-01-01T00:00Z", 0},
        {"2024-05-01T12:30:00Z", INT64_C(1714566600000)},
        {"2024-05-01 12:30:00", INT64_C(1714566600000)},
        {"2024-05-01T14:30:00+02:00", INT64_C(1714566600000)},
        {"2024-05-01T07:00:00-0530", INT64_C(1714566600000)},
        {"2024-05-01T13:30+01", INT64_C(1714566600000)},
        {"2024-05-01T12:30:00.1Z", INT64_C(1714566600100)},
        {"2024-05-01T12:30:00.1239999Z", INT64_C(1714566600123)},
        {"1969-12-31T23:59:59.9999Z", -1},
        {"9999-12-31T23:59:59.999Z", LIMIT_TIME_MAX_MS},
        {"0001-01-01", LIMIT_TIME_MIN_MS},
        {"2024-02-29", INT64_C(1709164800000)},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        char text[100];
        char expected[100];
        (void)snprintf(text, sizeof text, "at,from,to\n%s,1,2\n", good[i].text);
        (void)snprintf(expected, sizeof expected, "%" PRId64 " 1 2 connect unknown\n",
                       good[i].at_ms);
        expect(text, &options, expected);
    }
    static const char *const bad[] = {"0",
                                      "2024-05",
                                      "2023-02-29",
                                      "2024-05-01T",
                                      "2024-05-01T12",
                                      "2024-05-01T24:00",
                                      "2024-05-01T12:60",
                                      "2024-05-01T12:30:60",
                                      "2024-05-01T12:30:00.Z",
                                      "2024-05-01T12:30:00ZZ",
                                      "2024-05-01T12:30:00+",
                                      "2024-05-01T-1:30",
                                      "2024-05-01T12:30:00+01:",
                                      "2024-05-01Z",
                                      "24-05-01",
                                      "0000-01-01"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[100];
        char expected[200];
        (void)snprintf(text, sizeof text, "at,from,to\n%s,1,2\n", bad[i]);
        (void)snprintf(expected, sizeof expected,
                       "line 2 [%s,1,2] at is \"%s\": an ISO 8601 time such as "
                       "2024-05-01T12:30:00Z is expected\n",
                       bad[i], bad[i]);
        expect(text, &options, expected);
    }
    expect(
        "at,from,to\n0001-01-01T00:00:00+00:01,1,2\n", &options,
        "line 2 [0001-01-01T00:00:00+00:01,1,2] at is \"0001-01-01T00:00:00+00:01\": outside the "
        "years 0001 to 9999; is the unit right?\n");
}

static void test_times_that_are_lines_need_no_time_column(void **state) {
    (void)state;
    const struct log_reader_options options = {.times_are_lines = true};
    expect("from,to,note\n1,2,\"a\nb\"\n\n3,4,\n", &options,
           "2 1 2 connect unknown\n5 3 4 connect unknown\n");
    expect("at,from,to\nnever,1,2\n", &options, "2 1 2 connect unknown\n");
    expect("{\"from\":1,\"to\":2}\n\n{\"from\":3,\"to\":4,\"at\":[]}\n", &options,
           "1 1 2 connect unknown\n3 3 4 connect unknown\n");
}

/* ---- NDJSON ---- */

static void test_ndjson_keys_come_in_any_order_and_others_are_ignored(void **state) {
    (void)state;
    expect("\n  {\"to\": 3, \"at\": -1, \"x\": {\"at\": [9]}, \"from\": 18446744073709551615}\r\n"
           " \t\n"
           "{\"at\":1,\"from\":2,\"to\":3,\"kind\":\"disconnect\",\"origin\":\"recommended\"}",
           &by_content,
           "-1 18446744073709551615 3 connect unknown\n1 2 3 disconnect recommended\n");
}

static void test_ndjson_numbers_may_be_strings_of_digits(void **state) {
    (void)state;
    expect("{\"at\":\"1\",\"from\":\"18446744073709551615\",\"to\":\"0\",\"kind\":null,"
           "\"origin\":\"\"}\n",
           &by_content, "1 18446744073709551615 0 connect unknown\n");
}

static void test_ndjson_malformed_record_is_handed_out_with_its_line_and_reason(void **state) {
    (void)state;
    static const struct {
        const char *bad;
        const char *reason;
    } cases[] = {
        {"{\"from\":2,\"to\":3}", "the key \"at\" is missing"},
        {"{\"at\":1,\"to\":3}", "the key \"from\" is missing"},
        {"{\"at\":1,\"from\":2,\"to\":null}", "the key \"to\" is missing"},
        {"{\"at\":1.0,\"from\":2,\"to\":3}", "at is \"1.0\""},
        {"{\"at\":1,\"from\":2.0,\"to\":3}", "from is \"2.0\""},
        {"{\"at\":1,\"from\":2,\"to\":3e0}", "to is \"3e0\""},
        {"{\"at\":1,\"from\":\"\",\"to\":3}", "from is \"\""},
        {"{\"at\":1,\"from\":\" 2\",\"to\":3}", "from is \" 2\""},
        {"{\"at\":1,\"from\":-2,\"to\":3}", "from is \"-2\""},
        {"{\"at\":1,\"from\":2,\"to\":18446744073709551616}", "to is \"18446744073709551616\""},
        {"{\"at\":253402300800000,\"from\":2,\"to\":3}", "outside the years"},
        {"{\"at\":1,\"from\":[2],\"to\":3}", "\"from\" is an array"},
        {"{\"at\":true,\"from\":2,\"to\":3}", "\"at\" is true or false"},
        {"{\"at\":1,\"from\":2,\"to\":3,\"kind\":1}", "kind is \"1\""},
        {"{\"at\":1,\"from\":2,\"to\":3,\"origin\":\"x\"}", "origin is \"x\""},
        {"{\"at\":1,\"at\":1,\"from\":2,\"to\":3}", "the key \"at\" stands twice"},
        {"{\"at\":1,\"from\":2,\"to\":3", "not JSON"},
        {"{\"at\":1,\"from\":2,\"to\":3} {}", "not JSON"},
        {"{\"at\":1,\"from\":2,\"to\":3,\"x\":\"\\u0000\"}", "\\u0000"},
        {"{\"at\":1,\"from\":2,\"to\":3,\"x\":\"\xff\"}", "not UTF-8"},
        {"[1,2,3]", "the record is an array"},
        {"1,2,3", "not JSON"},
        {"null", "the record is null"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        expect_malformed("", "{\"at\":1,\"from\":2,\"to\":3}", cases[i].bad, cases[i].reason);
    }
}

/* ---- lines ---- */

static void test_records_do_not_depend_on_reads_or_batches(void **state) {
    (void)state;
    static const char text[] = "\xef\xbb\xbf"
                               "note,at,from,to\r\n\r\n"
                               "\"a, \"\"b\"\"\r\n\n\nc\",1,2,3\r\n"
                               "x,4,5,6\nbad\n\nworse,\"\n"
                               "y,1234567890123,22222222222222222,3333333333333333333\n"
                               "\xc3\xa9,7,8,9\n\"open,1,2,3\nz,10,11,12";
    struct log_reader *reader = open_text(text, sizeof text - 1, &by_content);
    char *expected = transcribe(reader, 1000);
    log_reader_close(reader);
    assert_non_null(strstr(expected, "10 11 12 connect unknown\n"));
    for (size_t chunk_bytes = 1; chunk_bytes < sizeof text; chunk_bytes++) {
        for (size_t capacity = 1; capacity < 6; capacity += 2) {
            const struct log_reader_options options = {.chunk_bytes = chunk_bytes};
            reader = open_text(text, sizeof text - 1, &options);
            char *found = transcribe(reader, capacity);
            assert_string_equal(found, expected);
            free(found);
            log_reader_close(reader);
        }
    }
    free(expected);
}

/* A CSV log whose second record has a note of `note_bytes` letters. */
static void append_long_note(struct bytes *text, size_t note_bytes, const char *line_break) {
    text->count = 0;
    note(text, "at,from,to,note\n1,2,3,");
    char *letters = malloc(note_bytes + 1);
    assert_non_null(letters);
    memset(letters, 'x', note_bytes);
    MUST(bytes_append(text, letters, note_bytes, &err));
    free(letters);
    note(text, line_break);
    note(text, "4,5,6,y");
}

static void test_record_at_the_limit_is_read_and_a_longer_one_is_cut_off_alone(void **state) {
    (void)state;
    static const char *const line_breaks[] = {"\n", "\r\n"};
    struct bytes text = {0};
    for (size_t chunk_bytes = 1000; chunk_bytes < 4 << 20; chunk_bytes *= 9) {
        for (size_t i = 0; i < 2; i++) {
            const struct log_reader_options options = {.chunk_bytes = chunk_bytes};
            append_long_note(&text, LIMIT_RECORD_BYTES - 6, line_breaks[i]);
            expect_bytes((char *)text.data, text.count, &options,
                         "1 2 3 connect unknown\n4 5 6 connect unknown\n");
            for (size_t over = 1; over < 4; over++) {
                append_long_note(&text, LIMIT_RECORD_BYTES - 6 + over, line_breaks[i]);
                struct log_reader *reader = open_text((char *)text.data, text.count, &options);
                struct event events[2];
                size_t count;
                bool is_malformed;
                struct malformed malformed;
                MUST(log_reader_next(reader, events, 2, &count, &is_malformed, &malformed, &err));
                assert_true(is_malformed);
                assert_int_equal(malformed.line, 2);
                assert_int_equal(malformed.content_bytes, LIMIT_RECORD_BYTES);
                assert_non_null(strstr(malformed.reason, "longer than a record may be"));
                MUST(log_reader_next(reader, events, 2, &count, &is_malformed, &malformed, &err));
                assert_int_equal(count, 1);
                assert_int_equal(events[0].at_ms, 4);
                log_reader_close(reader);
            }
        }
    }
    bytes_release(&text);
}

static void test_quote_open_beyond_the_limit_costs_one_line(void **state) {
    (void)state;
    struct bytes text = {0};
    note(&text, "at,from,to,note\n1,2,3,\"open\n");
    size_t lines = LIMIT_RECORD_BYTES / 8 + 1;
    for (size_t i = 0; i < lines; i++) {
        note(&text, "4,5,6,y\n");
    }
    note(&text, "7,8,9,\"\n");
    struct log_reader *reader = open_text((char *)text.data, text.count, &by_content);
    char *found = transcribe(reader, 5000);
    assert_ptr_equal(strstr(found, "line 2 [1,2,3,\"open] a quote is opened here"), found);
    size_t good = 0;
    for (const char *at = found; (at = strstr(at, "4 5 6 connect")) != NULL; at++) {
        good++;
    }
    assert_int_equal(good, lines);
    free(found);
    log_reader_close(reader);
    bytes_release(&text);
}

static void test_joined_line_can_be_given_back(void **state) {
    (void)state;
    struct input *input;
    MUST(input_open_memory(&input, "lines", "b\r\nc\nd", 6, &err));
    struct text_lines lines;
    MUST(text_lines_init(&lines, input, "a\n", 2, 3, &err));
    struct text_record record;
    bool more;
    bool joined;
    MUST(text_lines_next(&lines, &record, &more, &err));
    assert_true(more);
    assert_memory_equal(record.text, "a", record.bytes);
    MUST(text_lines_join(&lines, &record, &joined, &err));
    assert_true(joined);
    assert_int_equal(record.bytes, 3);
    assert_memory_equal(record.text, "a\nb", 3);
    text_lines_unjoin(&lines, &record, 1);
    assert_int_equal(record.bytes, 1);
    MUST(text_lines_next(&lines, &record, &more, &err));
    assert_int_equal(record.line, 2);
    assert_memory_equal(record.text, "b", record.bytes);
    text_lines_back(&lines, &record);
    MUST(text_lines_next(&lines, &record, &more, &err));
    assert_int_equal(record.line, 2);
    MUST(text_lines_join(&lines, &record, &joined, &err));
    MUST(text_lines_join(&lines, &record, &joined, &err));
    assert_true(joined);
    assert_int_equal(record.bytes, 6);
    assert_memory_equal(record.text, "b\r\nc\nd", 6);
    MUST(text_lines_join(&lines, &record, &joined, &err));
    assert_false(joined);
    MUST(text_lines_next(&lines, &record, &more, &err));
    assert_false(more);
    text_lines_release(&lines);
    input_close(input);
}

/* ---- formats and files ---- */

static void test_format_is_told_by_content(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum log_format format;
    } cases[] = {{"", LOG_CSV},
                 {"at,from,to\n", LOG_CSV},
                 {"{}", LOG_NDJSON},
                 {"\xef\xbb\xbf\n \t\n  {\n", LOG_NDJSON},
                 {"\"{\",at,from,to", LOG_CSV}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct log_reader *reader = open_text(cases[i].text, strlen(cases[i].text), &by_content);
        assert_int_equal(log_reader_format(reader), cases[i].format);
        assert_string_equal(input_name(log_reader_input(reader)), "night.log");
        log_reader_close(reader);
    }
}

static void test_format_names_read_back(void **state) {
    (void)state;
    for (int format = 0; format < LOG_FORMATS; format++) {
        assert_int_equal(log_format_parse(log_format_name((enum log_format)format)), format);
    }
    assert_int_equal(log_format_parse("CSV"), -1);
    assert_int_equal(log_format_parse(""), -1);
}

static void test_format_of_a_file_name(void **state) {
    (void)state;
    static const struct {
        const char *path;
        int format;
        bool zstd;
    } cases[] = {{"a.csv", LOG_CSV, false},
                 {"d/a.csv.zst", LOG_CSV, true},
                 {"a.ndjson", LOG_NDJSON, false},
                 {"a.ndjson.zst", LOG_NDJSON, true},
                 {"a.tfp", LOG_PACKED, false},
                 {"a.tfp.zst", -1, true},
                 {"a.avro", LOG_AVRO, false},
                 {"a.avro.zst", -1, true},
                 {"a.txt", -1, false},
                 {"csv", -1, false},
                 {".csv", -1, false},
                 {"", -1, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool zstd;
        assert_int_equal(log_format_of_name(cases[i].path, &zstd), cases[i].format);
        assert_int_equal(zstd, cases[i].zstd);
    }
}

struct folder {
    char path[64];
};

static int folder_setup(void **state) {
    static struct folder folder;
    (void)snprintf(folder.path, sizeof folder.path, "%s", "/tmp/tieflow_log_XXXXXX");
    *state = &folder;
    return mkdtemp(folder.path) == NULL ? -1 : 0;
}

static int folder_teardown(void **state) {
    const struct folder *folder = *state;
    return failed(folder_remove(folder->path, &err)) ? -1 : 0;
}

static void random_events(struct event *events, size_t count) {
    struct random random;
    random_seed(&random, 20240501);
    for (size_t i = 0; i < count; i++) {
        unsigned shift = (unsigned)random_below(&random, 64);
        uint64_t range_ms = (uint64_t)LIMIT_TIME_MAX_MS - (uint64_t)LIMIT_TIME_MIN_MS + 1;
        events[i] =
            (struct event){.at_ms = LIMIT_TIME_MIN_MS + (int64_t)random_below(&random, range_ms),
                           .from = {random_u64(&random) >> shift},
                           .to = {random_u64(&random) >> shift},
                           .kind = (uint8_t)random_below(&random, EVENT_KINDS),
                           .origin = (uint8_t)random_below(&random, EVENT_ORIGINS)};
    }
    events[0].at_ms = LIMIT_TIME_MAX_MS;
    events[1].at_ms = LIMIT_TIME_MIN_MS;
    events[2].from.v = UINT64_MAX;
}

/* Writes the events in puts of `step`. */
static void write_log(const char *path, const struct event *events, size_t count, size_t step,
                      uint64_t *checksum) {
    bool zstd;
    int format = log_format_of_name(path, &zstd);
    struct log_writer *writer;
    uint64_t bytes;
    MUST(log_writer_open(&writer, path, (enum log_format)format, zstd, &err));
    for (size_t at = 0; at < count; at += step) {
        MUST(log_writer_put(writer, events + at, step < count - at ? step : count - at, &err));
    }
    MUST(log_writer_commit(writer, &bytes, checksum, &err));
    uint64_t size;
    MUST(file_size(path, &size, &err));
    assert_int_equal(bytes, size);
}

static void expect_events(const char *path, const struct event *expected, size_t count,
                          size_t capacity) {
    struct input *input;
    struct log_reader *reader;
    MUST(input_open(&input, path, &err));
    MUST(log_reader_open(&reader, input, &by_content, &err));
    struct event *events = calloc(capacity, sizeof *events);
    assert_non_null(events);
    size_t seen = 0;
    size_t got;
    do {
        bool is_malformed;
        struct malformed malformed;
        MUST(log_reader_next(reader, events, capacity, &got, &is_malformed, &malformed, &err));
        assert_false(is_malformed);
        assert_true(seen + got <= count);
        for (size_t i = 0; i < got; i++) {
            const struct event *want = &expected[seen + i];
            assert_int_equal(events[i].at_ms, want->at_ms);
            assert_true(events[i].from.v == want->from.v && events[i].to.v == want->to.v);
            assert_true(events[i].kind == want->kind && events[i].origin == want->origin);
        }
        seen += got;
    } while (got != 0);
    assert_int_equal(seen, count);
    free(events);
    log_reader_close(reader);
}

static void test_every_own_format_reads_back_what_was_written(void **state) {
    const struct folder *folder = *state;
    static const char *const names[] = {"a.csv",        "b.csv.zst", "c.ndjson",
                                        "d.ndjson.zst", "e.tfp",     "f.avro"};
    enum { COUNT = 10007 };
    struct event *events = calloc(COUNT, sizeof *events);
    assert_non_null(events);
    random_events(events, COUNT);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[128];
        uint64_t checksum;
        uint64_t again;
        (void)snprintf(path, sizeof path, "%s/%s", folder->path, names[i]);
        write_log(path, events, COUNT, COUNT, &checksum);
        expect_events(path, events, COUNT, 1000);
        write_log(path, events, COUNT, 13, &again);
        assert_true(checksum == again || strstr(path, ".zst") != NULL);
        expect_events(path, events, COUNT, 2 * COUNT);
        write_log(path, events, 0, 1, &again);
        expect_events(path, events, 0, 1);
    }
    free(events);
}

static void test_discarded_log_leaves_no_file(void **state) {
    const struct folder *folder = *state;
    char path[128];
    (void)snprintf(path, sizeof path, "%s/gone.csv", folder->path);
    struct log_writer *writer;
    MUST(log_writer_open(&writer, path, LOG_CSV, false, &err));
    const struct event event = {.at_ms = 1, .kind = EVENT_CONNECT};
    MUST(log_writer_put(writer, &event, 1, &err));
    log_writer_discard(writer);
    assert_false(file_exists(path));
    log_writer_discard(NULL);
}

static void test_log_that_cannot_be_written_is_an_error(void **state) {
    (void)state;
    struct log_writer *writer = NULL;
    MUST_FAIL(log_writer_open(&writer, "/nowhere/a.csv", LOG_CSV, false, &err), FAILURE_IO,
              "/nowhere/a.csv");
    MUST_FAIL(log_writer_open(&writer, "/nowhere/a.tfp", LOG_PACKED, false, &err), FAILURE_IO,
              "/nowhere/a.tfp");
    assert_null(writer);
}

static void test_truncated_zstd_log_is_an_error_that_names_the_file(void **state) {
    const struct folder *folder = *state;
    enum { COUNT = 5000 };
    struct event *events = calloc(COUNT, sizeof *events);
    assert_non_null(events);
    random_events(events, COUNT);
    char path[128];
    uint64_t checksum;
    (void)snprintf(path, sizeof path, "%s/cut.csv.zst", folder->path);
    write_log(path, events, COUNT, COUNT, &checksum);
    uint64_t size;
    MUST(file_size(path, &size, &err));
    assert_int_equal(truncate(path, (off_t)size / 2), 0);
    struct input *input;
    struct log_reader *reader = NULL;
    MUST(input_open(&input, path, &err));
    struct status status = log_reader_open(&reader, input, &by_content, &err);
    size_t got = 1;
    while (!failed(status) && got != 0) {
        bool is_malformed;
        struct malformed malformed;
        status = log_reader_next(reader, events, COUNT, &got, &is_malformed, &malformed, &err);
    }
    assert_int_equal(status.failure, FAILURE_DATA);
    assert_non_null(strstr(err.text, "cut.csv.zst"));
    log_reader_close(reader);
    free(events);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_csv_columns_come_in_any_order_and_others_are_ignored),
        cmocka_unit_test(test_csv_kind_and_origin_have_defaults),
        cmocka_unit_test(test_csv_with_byte_order_mark_crlf_blank_lines_and_no_last_line_break),
        cmocka_unit_test(test_csv_quotes_delimiters_and_line_breaks_inside_quotes),
        cmocka_unit_test(test_csv_without_any_record_is_an_empty_log),
        cmocka_unit_test(test_empty_file_whose_name_says_that_it_is_never_empty_is_truncated),
        cmocka_unit_test(test_csv_malformed_record_is_handed_out_with_its_line_and_reason),
        cmocka_unit_test(test_csv_text_of_another_encoding_in_an_ignored_column_is_malformed),
        cmocka_unit_test(test_csv_nul_in_a_number_is_malformed),
        cmocka_unit_test(test_csv_quote_that_is_never_closed_costs_one_line),
        cmocka_unit_test(test_csv_columns_by_name_or_number),
        cmocka_unit_test(test_csv_without_header_takes_records_of_enough_fields),
        cmocka_unit_test(test_csv_delimiter_and_skipped_lines),
        cmocka_unit_test(test_csv_header_that_lacks_a_column_is_an_error_that_helps),
        cmocka_unit_test(test_csv_header_that_is_wrong_is_an_error),
        cmocka_unit_test(test_csv_quotes_around_fields_change_nothing),
        cmocka_unit_test(test_times_are_scaled_by_their_unit),
        cmocka_unit_test(test_iso_times_are_read_in_any_zone),
        cmocka_unit_test(test_times_that_are_lines_need_no_time_column),
        cmocka_unit_test(test_ndjson_keys_come_in_any_order_and_others_are_ignored),
        cmocka_unit_test(test_ndjson_numbers_may_be_strings_of_digits),
        cmocka_unit_test(test_ndjson_malformed_record_is_handed_out_with_its_line_and_reason),
        cmocka_unit_test(test_records_do_not_depend_on_reads_or_batches),
        cmocka_unit_test(test_record_at_the_limit_is_read_and_a_longer_one_is_cut_off_alone),
        cmocka_unit_test(test_quote_open_beyond_the_limit_costs_one_line),
        cmocka_unit_test(test_joined_line_can_be_given_back),
        cmocka_unit_test(test_format_is_told_by_content),
        cmocka_unit_test(test_format_names_read_back),
        cmocka_unit_test(test_format_of_a_file_name),
        cmocka_unit_test_setup_teardown(test_every_own_format_reads_back_what_was_written,
                                        folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(test_discarded_log_leaves_no_file, folder_setup,
                                        folder_teardown),
        cmocka_unit_test(test_log_that_cannot_be_written_is_an_error),
        cmocka_unit_test_setup_teardown(test_truncated_zstd_log_is_an_error_that_names_the_file,
                                        folder_setup, folder_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
