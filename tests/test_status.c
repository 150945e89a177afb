#include "tests/testing.h"

#include <errno.h>
#include <string.h>

static void test_set_fills_class_and_line_and_returns_the_class(void **state) {
    (void)state;
    struct err err;
    struct status status = err_set(&err, FAILURE_DATA, "%s: line %d is wrong", "a.csv", 7);
    assert_true(failed(status));
    assert_int_equal(status.failure, FAILURE_DATA);
    assert_int_equal(err.failure, FAILURE_DATA);
    assert_string_equal(err.text, "a.csv: line 7 is wrong");
}

static void test_callers_without_an_error_buffer_still_get_the_class(void **state) {
    (void)state;
    assert_int_equal(err_set(NULL, FAILURE_IO, "x").failure, FAILURE_IO);
    assert_int_equal(err_memory(NULL, 5, "y").failure, FAILURE_RETRY);
    err_prefix(NULL, "while %s", "testing");
}

static void test_failed_call_about_a_file_says_why_and_what_to_do(void **state) {
    (void)state;
    static const struct {
        int failure;
        enum failure class;
        const char *says;
    } rows[] = {
        {ENOSPC, FAILURE_IO, "a.csv: cannot be written: No space left on device; make room"},
        {EDQUOT, FAILURE_IO, "make room"},
        {EFBIG, FAILURE_IO, "ulimit -f"},
        {EMFILE, FAILURE_IO, "ulimit -n"},
        {ENFILE, FAILURE_IO, "fs.file-max"},
        {EIO, FAILURE_IO, "the disk may be failing"},
        {EROFS, FAILURE_IO, "make it writable"},
        {EACCES, FAILURE_IO, "give this user the permission"},
        {EPERM, FAILURE_IO, "give this user the permission"},
        {ENOENT, FAILURE_IO, "check the name"},
        {ENOTDIR, FAILURE_IO, "check the name"},
        {ENOMEM, FAILURE_RETRY, "out of memory"},
        {ELOOP, FAILURE_IO, "a.csv: cannot be written: Too many levels of symbolic links"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err;
        MUST_FAIL(err_io(&err, rows[i].failure, "%s: cannot be written", "a.csv"), rows[i].class,
                  rows[i].says);
        assert_int_equal(err_io(NULL, rows[i].failure, "x").failure, rows[i].class);
    }
}

static void test_control_characters_become_question_marks(void **state) {
    (void)state;
    struct err err;
    (void)!failed(err_set(&err, FAILURE_DATA, "a\nb\rc\td\x1b[31me\x7f%s", "\n\x01z"));
    assert_string_equal(err.text, "a?b?c?d?[31me???z");
    err_prefix(&err, "in\n%s", "here\r");
    assert_string_equal(err.text, "in?here?: a?b?c?d?[31me???z");
}

static void test_harmless_text_is_of_the_same_length(void **state) {
    (void)state;
    char text[] = "a\x1b[2J\nb\x7f caf\xc3\xa9";
    text_make_harmless(text);
    assert_string_equal(text, "a?[2J?b? caf\xc3\xa9");
    char second[] = "\xc2\x9b\x32J \xc2\x80\xc2\x9f\xc2\xa0\xc3\x9b\xc2"; /* U+009B is ESC [ */
    text_make_harmless(second);
    assert_string_equal(second, "??2J ????\xc2\xa0\xc3\x9b\xc2");
}

static void test_text_beyond_ascii_is_kept(void **state) {
    (void)state;
    struct err err;
    (void)!failed(err_set(&err, FAILURE_DATA, "%s", "caf\xc3\xa9"));
    assert_string_equal(err.text, "caf\xc3\xa9");
}

static void test_a_line_is_cut_with_dots_only_where_it_does_not_fit(void **state) {
    (void)state;
    for (int length = ERR_TEXT_BYTES - 3; length <= ERR_TEXT_BYTES + 3; length++) {
        char text[ERR_TEXT_BYTES + 4];
        memset(text, 'x', sizeof text);
        text[length] = '\0';
        struct err err;
        memset(&err, 'z', sizeof err);
        (void)!failed(err_set(&err, FAILURE_DATA, "%s", text));
        if (length < ERR_TEXT_BYTES) {
            assert_string_equal(err.text, text);
        } else {
            assert_int_equal(strlen(err.text), ERR_TEXT_BYTES - 1);
            assert_string_equal(err.text + ERR_TEXT_BYTES - 5, "x...");
        }
    }
}

static void test_prefix_stands_in_front_and_keeps_the_class(void **state) {
    (void)state;
    struct err err;
    (void)!failed(err_set(&err, FAILURE_PERMISSION, "no entry"));
    err_prefix(&err, "%s (frame %d)", "a.tfp", 3);
    assert_string_equal(err.text, "a.tfp (frame 3): no entry");
    assert_int_equal(err.failure, FAILURE_PERMISSION);
}

static void test_prefix_that_leaves_no_room_cuts_the_line_with_dots(void **state) {
    (void)state;
    char text[2 * ERR_TEXT_BYTES];
    for (int length = ERR_TEXT_BYTES - 10; length < 2 * ERR_TEXT_BYTES; length++) {
        memset(text, 'p', sizeof text);
        text[length] = '\0';
        struct err err;
        (void)!failed(err_set(&err, FAILURE_DATA, "the cause is here"));
        err_prefix(&err, "%s", text);
        assert_int_equal(strlen(err.text), ERR_TEXT_BYTES - 1);
        assert_string_equal(err.text + ERR_TEXT_BYTES - 4, "...");
        assert_int_equal(err.text[0], 'p');
    }
}

static void test_memory_failure_asks_for_a_retry_and_names_the_need(void **state) {
    (void)state;
    struct err err;
    MUST_FAIL(err_memory(&err, 123456789012, "the adjacency"), FAILURE_RETRY,
              "123456789012 bytes for the adjacency");
}

static struct status pass_on(struct status given, int *reached) {
    TRY(given);
    ++*reached;
    return status_ok();
}

static struct status clean_up(struct status given, int *reached, int *cleaned) {
    struct status status;
    TRY_OR(done, status, given);
    ++*reached;
done:
    ++*cleaned;
    return status;
}

static void test_try_hands_a_failure_on_at_once_and_success_not(void **state) {
    (void)state;
    int reached = 0;
    assert_int_equal(pass_on((struct status){FAILURE_BROKER}, &reached).failure, FAILURE_BROKER);
    assert_int_equal(reached, 0);
    assert_false(failed(pass_on(status_ok(), &reached)));
    assert_int_equal(reached, 1);
}

static void test_try_or_cleans_up_both_ways(void **state) {
    (void)state;
    int reached = 0;
    int cleaned = 0;
    struct status lost = clean_up((struct status){FAILURE_IO}, &reached, &cleaned);
    assert_int_equal(lost.failure, FAILURE_IO);
    assert_int_equal(reached, 0);
    assert_int_equal(cleaned, 1);
    assert_false(failed(clean_up(status_ok(), &reached, &cleaned)));
    assert_int_equal(reached, 1);
    assert_int_equal(cleaned, 2);
}

/* Nightly jobs act on these numbers. */
static void test_failure_classes_are_the_published_exit_codes(void **state) {
    (void)state;
    assert_int_equal(FAILURE_NONE, 0);
    assert_int_equal(FAILURE_USAGE, 64);
    assert_int_equal(FAILURE_DATA, 65);
    assert_int_equal(FAILURE_BROKER, 69);
    assert_int_equal(FAILURE_INTERNAL, 70);
    assert_int_equal(FAILURE_IO, 74);
    assert_int_equal(FAILURE_RETRY, 75);
    assert_int_equal(FAILURE_CORRUPT_BATCH, 76);
    assert_int_equal(FAILURE_PERMISSION, 77);
    assert_int_equal(FAILURE_CONFIG, 78);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_fills_class_and_line_and_returns_the_class),
        cmocka_unit_test(test_callers_without_an_error_buffer_still_get_the_class),
        cmocka_unit_test(test_failed_call_about_a_file_says_why_and_what_to_do),
        cmocka_unit_test(test_control_characters_become_question_marks),
        cmocka_unit_test(test_harmless_text_is_of_the_same_length),
        cmocka_unit_test(test_text_beyond_ascii_is_kept),
        cmocka_unit_test(test_a_line_is_cut_with_dots_only_where_it_does_not_fit),
        cmocka_unit_test(test_prefix_stands_in_front_and_keeps_the_class),
        cmocka_unit_test(test_prefix_that_leaves_no_room_cuts_the_line_with_dots),
        cmocka_unit_test(test_memory_failure_asks_for_a_retry_and_names_the_need),
        cmocka_unit_test(test_try_hands_a_failure_on_at_once_and_success_not),
        cmocka_unit_test(test_try_or_cleans_up_both_ways),
        cmocka_unit_test(test_failure_classes_are_the_published_exit_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
