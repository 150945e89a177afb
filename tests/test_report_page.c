/* The page as a whole; tests/cli/test_report.py parses it, and looks at it in a browser. */
#include "tests/report_testing.h"
#include "tests/scratch.h"
#include "tests/testing.h"

#include "stages/base/bytes.h"
#include "stages/base/files.h"
#include "stages/report/report_page.h"

#include <stdlib.h>

static void study_write(void **state) {
    const struct dose_bin bins[] = {bin_of("0", 100000, 200, 60), bin_of("1", 100000, 460, 80),
                                    bin_of("2-3", 100000, 250, 70)};
    const struct dose_bin terciles[] = {bin_of("weak", 100000, 200, 60),
                                        bin_of("medium", 100000, 460, 80),
                                        bin_of("strong", 100000, 250, 70)};
    struct database *database;
    struct err err;
    MUST(database_new(&database, &err));
    doses_put(database, &table_dose_response, "log2", "all", "all", bins, 3);
    doses_put(database, &table_dose_response, "terciles", "all", "all", terciles, 3);
    doses_put(database, &table_segments, "log2", "reach", "<abroad>", bins, 3);
    total_put(database, "ties", 150003);
    total_put(database, "moves", 54321);
    total_put(database, "transmissions", 910);
    total_put(database, "as_of_ms", 1767225599999.0);
    setting_put(database, "preset", "own", "The rules & <nothing> else.");
    quality_put(database, "connections", "read", 11);
    quality_put(database, "connections", "applied", 8);
    quality_put(database, "connections", "duplicate", 3);
    quality_put(database, "positions", "read", 11);
    quality_put(database, "positions", "applied", 8);
    MUST(database_commit(database, *state, NULL, &err));
}

/* The page of the study in the scratch folder, as a text in new memory. */
static char *page_made(void **state) {
    char database[SCRATCH_PATH_BYTES];
    char page[SCRATCH_PATH_BYTES];
    struct bytes text = {0};
    struct err err;
    scratch_path(state, DATABASE_FILE, database);
    scratch_path(state, "report.html", page);
    MUST(report_page_write(database, page, NULL, &err));
    MUST(file_read_all(page, &text, &err));
    MUST(bytes_append(&text, "", 1, &err));
    return (char *)text.data;
}

static void assert_has(const char *text, const char *part) {
    if (strstr(text, part) == NULL) {
        fail_msg("the page lacks \"%s\"", part);
    }
}

static void test_page_says_the_finding_and_its_numbers(void **state) {
    study_write(state);
    char *text = page_made(state);
    assert_has(text, "<h1>Ties with 1 mutual connection carried jobs at 2.3 times the rate of ties "
                     "with none</h1>");
    assert_has(text, "4.60 per 1,000");
    assert_has(text, "an inverted U");
    assert_has(text, "As of 2025-12-31");
    assert_has(text, "<dd>150,003<");
    assert_has(text, "<dd>54,321<");
    assert_has(text, "How far the tie reaches");
    assert_has(text, "The rules &amp; &lt;nothing&gt; else.");
    free(text);
}

static void test_texts_of_the_database_are_escaped(void **state) {
    study_write(state);
    char *text = page_made(state);
    assert_null(strstr(text, "<abroad>"));
    assert_has(text, "&lt;abroad&gt;");
    free(text);
}

static void test_logs_say_whether_they_add_up(void **state) {
    study_write(state);
    char *text = page_made(state);
    const char *connections = strstr(text, "<dt>connections</dt>");
    const char *positions = strstr(text, "<dt>positions</dt>");
    assert_non_null(connections);
    assert_true(positions > connections);
    const char *good = strstr(connections, "adds up");
    assert_true(good != NULL && good < positions);
    assert_has(positions, "does not add up");
    free(text);
}

static void test_page_needs_nothing_from_elsewhere(void **state) {
    static const char *const forbidden[] = {"<script", "http:", "https:", "@import",
                                            "url(",    "<link", " src=",  "javascript:"};
    study_write(state);
    char *text = page_made(state);
    for (size_t i = 0; i < sizeof forbidden / sizeof forbidden[0]; i++) {
        if (strstr(text, forbidden[i]) != NULL) {
            fail_msg("the page has \"%s\"", forbidden[i]);
        }
    }
    free(text);
}

static void test_equal_studies_give_equal_pages(void **state) {
    study_write(state);
    char *one = page_made(state);
    char *other = page_made(state);
    assert_string_equal(one, other);
    free(one);
    free(other);
}

static void test_empty_study_is_a_page_that_says_so(void **state) {
    struct database *database;
    struct err err;
    MUST(database_new(&database, &err));
    MUST(database_commit(database, *state, NULL, &err));
    char *text = page_made(state);
    assert_has(text, "<h1>There are no ties in this study</h1>");
    assert_has(text, "</html>");
    assert_null(strstr(text, "<svg"));
    free(text);
}

static void test_missing_database_is_an_io_error_and_leaves_no_page(void **state) {
    char database[SCRATCH_PATH_BYTES];
    char page[SCRATCH_PATH_BYTES];
    struct err err;
    scratch_path(state, DATABASE_FILE, database);
    scratch_path(state, "report.html", page);
    MUST_FAIL(report_page_write(database, page, NULL, &err), FAILURE_IO, DATABASE_FILE);
    assert_false(file_exists(page));
    study_write(state);
    MUST_FAIL(report_page_write(database, "/nonexistent/report.html", NULL, &err), FAILURE_IO,
              "/nonexistent/report.html");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_page_says_the_finding_and_its_numbers, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(test_texts_of_the_database_are_escaped, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(test_logs_say_whether_they_add_up, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(test_page_needs_nothing_from_elsewhere, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(test_equal_studies_give_equal_pages, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(test_empty_study_is_a_page_that_says_so, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(test_missing_database_is_an_io_error_and_leaves_no_page,
                                        scratch_make, scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
