/* Edge lists through the log reader: what is an event, what is set aside, what stops the file. */
#include "stages/decode/edge_list.h"

#include "stages/base/bytes.h"
#include "stages/base/files.h"
#include "tests/scratch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct err err;

/* Reads to the end; appends "at from to kind" per event and "line: reason" per malformed record to
 * `transcript`. */
static struct status read_events(struct log_reader *reader, struct bytes *transcript) {
    for (;;) {
        struct event events[3];
        size_t count;
        bool is_malformed;
        struct malformed malformed;
        char line[400];
        int bytes = 0;
        TRY(log_reader_next(reader, events, 3, &count, &is_malformed, &malformed, &err));
        if (is_malformed) {
            bytes =
                snprintf(line, sizeof line, "%" PRIu64 ": %s\n", malformed.line, malformed.reason);
        } else if (count == 0) {
            return status_ok();
        }
        for (size_t i = 0; i < count; i++) {
            bytes += snprintf(line + bytes, sizeof line - (size_t)bytes,
                              "%" PRId64 " %" PRIu64 " %" PRIu64 "%s\n", events[i].at_ms,
                              events[i].from.v, events[i].to.v,
                              events[i].kind == EVENT_CONNECT ? "" : " ended");
        }
        TRY(bytes_append(transcript, line, (size_t)bytes, &err));
    }
}

static struct status read_text(const char *text, const struct log_reader_options *options,
                               struct bytes *transcript) {
    struct input *input;
    struct log_reader *reader;
    TRY(input_open_memory(&input, "edges.txt", text, strlen(text), &err));
    TRY(log_reader_open(&reader, input, options, &err));
    struct status status = read_events(reader, transcript);
    log_reader_close(reader);
    return status;
}

static void expect_with(const char *text, const struct log_reader_options *options,
                        const char *expected) {
    struct bytes transcript = {0};
    MUST(read_text(text, options, &transcript));
    MUST(bytes_append(&transcript, "", 1, &err));
    assert_string_equal((char *)transcript.data, expected);
    bytes_release(&transcript);
}

static void expect(enum log_format format, const char *text, const char *expected) {
    const struct log_reader_options options = {.format = format};
    expect_with(text, &options, expected);
}

static void expect_refused(enum log_format format, const char *text, const char *part) {
    const struct log_reader_options options = {.format = format};
    struct bytes transcript = {0};
    MUST_FAIL(read_text(text, &options, &transcript), FAILURE_DATA, part);
    assert_non_null(strstr(err.text, "edges.txt"));
    bytes_release(&transcript);
}

/* ---- SNAP ---- */

static void test_snap_without_times_is_timed_by_lines(void **state) {
    (void)state;
    expect(LOG_SNAP,
           "# Undirected graph\r\n# FromNodeId\tToNodeId\r\n3\t4\r\n\r\n  5 \t 6  \n#x\n7 7",
           "3 3 4\n5 5 6\n7 7 7\n");
    expect(LOG_SNAP, "", "");
    expect(LOG_SNAP, "# nothing\n", "");
}

static void test_snap_times_are_seconds(void **state) {
    (void)state;
    expect(LOG_SNAP, "1 2 1082040961\n3 4 0\n", "1082040961000 1 2\n0 3 4\n");
}

static void test_snap_options_change_how_times_are_read(void **state) {
    (void)state;
    struct log_reader_options options = {.format = LOG_SNAP, .time_unit_ms = 1};
    expect_with("1 2 5\n", &options, "5 1 2\n");
    options = (struct log_reader_options){.format = LOG_SNAP, .time_units_per_ms = 1000};
    expect_with("1 2 5999\n", &options, "5 1 2\n");
    options = (struct log_reader_options){.format = LOG_SNAP, .times_are_lines = true};
    expect_with("#\n1 2 5\n", &options, "2 1 2\n");
    options = (struct log_reader_options){.format = LOG_SNAP, .times_are_iso = true};
    expect_with("1 2 1970-01-02\n", &options, "86400000 1 2\n");
    options = (struct log_reader_options){.format = LOG_SNAP, .skip_lines = 1};
    expect_with("u v t\n1 2 5\n", &options, "5000 1 2\n");
}

static void test_snap_malformed_records_are_handed_out(void **state) {
    (void)state;
    expect(LOG_SNAP,
           "1 2 3 4\n"
           "1\n"
           "1 2 3 4 5 6\n"
           "1 2 3\n"
           "1 2\n"
           "a 2 3\n"
           "1 2.0 3\n"
           "1 2 1.5\n"
           "1,2,3\n"
           "1 2 \xff\n"
           "1 2 9223372036854775807\n"
           "4 5 6\n",
           "1: 4 columns: 2 to 3 are expected\n"
           "2: 1 columns: 2 to 3 are expected\n"
           "3: 5 or more columns: 2 to 3 are expected\n"
           "3000 1 2\n"
           "5: 2 columns: 3 are expected, as in the first record\n"
           "6: from is \"a\": a whole number from 0 to 2^64-1 is expected\n"
           "7: to is \"2.0\": a whole number from 0 to 2^64-1 is expected\n"
           "8: at is \"1.5\": a whole number of time units since 1970 is expected\n"
           "9: 1 columns: 3 are expected, as in the first record\n"
           "10: not UTF-8 text\n"
           "11: at is \"9223372036854775807\": outside the years 0001 to 9999; is the unit right?\n"
           "6000 4 5\n");
}

static void test_comment_in_another_encoding_is_no_record(void **state) {
    (void)state;
    expect(LOG_SNAP, "# caf\xe9\n1 2\n", "2 1 2\n");
}

/* ---- KONECT ---- */

static void test_konect_takes_two_to_four_columns(void **state) {
    (void)state;
    expect(LOG_KONECT, "% sym unweighted\n% 2 3 3\n1 2\n2 3\n", "3 1 2\n4 2 3\n");
    expect(LOG_KONECT, "% asym positive\n1 2 5\n", "2 1 2\n");
    expect(LOG_KONECT, "% sym weighted\n1 2 -1 100\n2\t3\t0.5\t200\n", "100000 1 2\n200000 2 3\n");
    expect(LOG_KONECT, "1 2\n% late comment, dynamic\n3 4\n", "1 1 2\n3 3 4\n");
    expect(LOG_KONECT, "", "");
}

static void test_konect_dynamic_weights_make_and_end_ties(void **state) {
    (void)state;
    expect(LOG_KONECT,
           "% asym dynamic\n"
           "1 2 1 100\n"
           "1 2 -1 200\n"
           "1 2 +1 300\n"
           "1 2 0 400\n"
           "1 2\n",
           "100000 1 2\n"
           "200000 1 2 ended\n"
           "300000 1 2\n"
           "5: the third column is \"0\": 1 or -1 is expected in a dynamic network\n"
           "6: 2 columns: 4 are expected, as in the first record\n");
    expect(LOG_KONECT, "%sym\tDYNAMIC\n1 2 -1\n", "2 1 2 ended\n");
}

static void test_konect_bipartite_network_is_refused(void **state) {
    (void)state;
    expect_refused(LOG_KONECT, "% bip unweighted\n1 1\n", "line 1: the network is bipartite");
}

static void test_konect_malformed_records_are_handed_out(void **state) {
    (void)state;
    expect(LOG_KONECT, "% sym\n1 2 1 1.5e9\n1 2 1 3 9\n1 2 1 15\n",
           "2: at is \"1.5e9\": a whole number of time units since 1970 is expected\n"
           "3: 5 or more columns: 2 to 4 are expected\n"
           "15000 1 2\n");
}

/* ---- Matrix Market ---- */

static void test_matrix_entries_are_timed_by_lines_and_values_are_ignored(void **state) {
    (void)state;
    expect(LOG_MATRIX_MARKET,
           "%%MatrixMarket matrix coordinate pattern symmetric\n% comment\n\n3 3 2\n2 1\n3 3\n",
           "5 2 1\n6 3 3\n");
    expect(LOG_MATRIX_MARKET, "%%matrixmarket MATRIX Coordinate Real General\n2 2 1\n1 2 1e-3\n",
           "3 1 2\n");
    expect(LOG_MATRIX_MARKET,
           "%%MatrixMarket matrix coordinate complex hermitian\n2 2 1\n2 1 1 0\n", "3 2 1\n");
    expect(LOG_MATRIX_MARKET,
           "%%MatrixMarket matrix coordinate integer skew-symmetric\r\n2 2 1\r\n2 1 7\r\n",
           "3 2 1\n");
    expect(LOG_MATRIX_MARKET, "%%MatrixMarket matrix coordinate pattern general\n0 0 0\n", "");
}

static void test_matrix_entry_outside_the_size_is_malformed(void **state) {
    (void)state;
    expect(LOG_MATRIX_MARKET,
           "%%MatrixMarket matrix coordinate pattern general\n3 3 5\n0 1\n1 4\n1\n1 2 3\n3 1\n",
           "3: from is 0: the size line allows 1 to 3\n"
           "4: to is 4: the size line allows 1 to 3\n"
           "5: 1 columns: 2 are expected by the header\n"
           "6: 3 columns: 2 are expected by the header\n"
           "7 3 1\n");
}

static void test_matrix_with_another_number_of_entries_is_an_error(void **state) {
    (void)state;
    expect_refused(LOG_MATRIX_MARKET,
                   "%%MatrixMarket matrix coordinate pattern general\n3 3 2\n1 2\n",
                   "the size line promises 2 entries, the file has 1");
    expect_refused(LOG_MATRIX_MARKET,
                   "%%MatrixMarket matrix coordinate pattern general\n3 3 1\n1 2\n2 3\n",
                   "promises 1 entries, the file has 2");
}

static void test_matrix_header_that_cannot_be_read_is_an_error(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *part;
    } cases[] = {
        {"", "not a Matrix Market file"},
        {"1 2\n", "line 1: not a Matrix Market file"},
        {"%%MatrixMarket matrix coordinate pattern\n", "not a Matrix Market file"},
        {"%%MatrixMarket tensor coordinate pattern general\n", "not a Matrix Market file"},
        {"%%MatrixMarket matrix array real general\n", "\"array real general\" is not read"},
        {"%%MatrixMarket matrix coordinate quaternion general\n", "is not read"},
        {"%%MatrixMarket matrix coordinate real lower\n", "is not read"},
        {"%%MatrixMarket matrix coordinate real general\n% c\n", "before its size line"},
        {"%%MatrixMarket matrix coordinate real general\n3 3\n", "line 2: the size line must be"},
        {"%%MatrixMarket matrix coordinate real general\n3 3 x\n", "the size line must be"},
        {"%%MatrixMarket matrix coordinate real general\n3 3 1 1\n", "the size line must be"},
        {"%%MatrixMarket matrix coordinate real general\n3 4 1\n", "not square (3 by 4)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        expect_refused(LOG_MATRIX_MARKET, cases[i].text, cases[i].part);
    }
}

/* ---- real files ---- */

/* Opens a file of the reference data; false, with a line that says so, where they are not there. */
static bool open_reference(const char *name, enum log_format format, struct log_reader **reader) {
    const char *folder = getenv("TIEFLOW_TEST_DATA");
    char *path;
    MUST(path_join(&path, folder == NULL ? "../shared/data" : folder, name, &err));
    bool is_there = file_exists(path);
    if (is_there) {
        struct input *input;
        const struct log_reader_options options = {.format = format};
        MUST(input_open(&input, path, &err));
        MUST(log_reader_open(reader, input, &options, &err));
    } else {
        print_message("skipped: no file %s; set TIEFLOW_TEST_DATA\n", path);
    }
    free(path);
    return is_there;
}

static void test_karate_club_has_34_members_and_78_ties(void **state) {
    (void)state;
    struct log_reader *reader;
    if (!open_reference("reference-graphs/karate.mtx", LOG_MATRIX_MARKET, &reader)) {
        skip();
    }
    struct event events[100];
    size_t count;
    bool is_malformed;
    struct malformed malformed;
    MUST(log_reader_next(reader, events, 100, &count, &is_malformed, &malformed, &err));
    assert_int_equal(count, 78);
    uint64_t members = 0; /* one bit each */
    for (size_t i = 0; i < count; i++) {
        members |= UINT64_C(1) << events[i].from.v | UINT64_C(1) << events[i].to.v;
        assert_true(i == 0 || events[i].at_ms > events[i - 1].at_ms);
    }
    assert_int_equal(__builtin_popcountll(members), 34);
    MUST(log_reader_next(reader, events, 100, &count, &is_malformed, &malformed, &err));
    assert_int_equal(count, 0);
    assert_false(is_malformed);
    log_reader_close(reader);
}

static void test_reference_matrices_have_the_entries_they_promise(void **state) {
    (void)state;
    static const char *const names[] = {"A.mtx",
                                        "LFAT5.mtx",
                                        "jagmesh7.mtx",
                                        "ldbc-cdlp-undirected-example.mtx",
                                        "west0067.mtx",
                                        "ldbc-undirected-example.mtx",
                                        "tree-example.mtx",
                                        "ldbc-wcc-example.mtx"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char name[100];
        struct log_reader *reader;
        (void)snprintf(name, sizeof name, "reference-graphs/%s", names[i]);
        if (!open_reference(name, LOG_MATRIX_MARKET, &reader)) {
            skip();
        }
        struct bytes transcript = {0};
        MUST(read_events(reader, &transcript));
        assert_true(transcript.count > 0);
        assert_null(memchr(transcript.data, ':', transcript.count)); /* nothing malformed */
        bytes_release(&transcript);
        log_reader_close(reader);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_snap_without_times_is_timed_by_lines),
        cmocka_unit_test(test_snap_times_are_seconds),
        cmocka_unit_test(test_snap_options_change_how_times_are_read),
        cmocka_unit_test(test_snap_malformed_records_are_handed_out),
        cmocka_unit_test(test_comment_in_another_encoding_is_no_record),
        cmocka_unit_test(test_konect_takes_two_to_four_columns),
        cmocka_unit_test(test_konect_dynamic_weights_make_and_end_ties),
        cmocka_unit_test(test_konect_bipartite_network_is_refused),
        cmocka_unit_test(test_konect_malformed_records_are_handed_out),
        cmocka_unit_test(test_matrix_entries_are_timed_by_lines_and_values_are_ignored),
        cmocka_unit_test(test_matrix_entry_outside_the_size_is_malformed),
        cmocka_unit_test(test_matrix_with_another_number_of_entries_is_an_error),
        cmocka_unit_test(test_matrix_header_that_cannot_be_read_is_an_error),
        cmocka_unit_test(test_karate_club_has_34_members_and_78_ties),
        cmocka_unit_test(test_reference_matrices_have_the_entries_they_promise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
