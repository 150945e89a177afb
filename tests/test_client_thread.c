#include "stages/kafka/client_thread.h"

#include "tests/testing.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct err err;

/* What librdkafka calls. */
int checked_vsnprintf(char *text, size_t bytes, int flag, size_t room, const char *format,
                      va_list arguments) __asm__("__vsnprintf_chk");

static const char MISMATCH[] = "MessageSet at offset %ld (%d bytes) failed CRC32C check";

static int format(char *text, size_t bytes, size_t room, const char *with, ...) {
    va_list arguments;
    va_start(arguments, with);
    int length = checked_vsnprintf(text, bytes, 1, room, with, arguments);
    va_end(arguments);
    return length;
}

/* A thread, and what became of it. */
struct course {
    struct client_threads threads;
    long offset;
    bool enters;
    bool fails_assertion;
    bool leaves;
    bool has_gone_on;
    char text[100];
};

static void *take_course(void *argument) {
    struct course *course = argument;
    if (course->enters) {
        client_threads_enter(&course->threads);
    }
    if (course->leaves) {
        client_threads_leave(&course->threads);
    } else if (course->fails_assertion) {
        assert(!course->fails_assertion);
    } else {
        format(course->text, sizeof course->text, sizeof course->text, MISMATCH, course->offset,
               12);
    }
    course->has_gone_on = true;
    return NULL;
}

/* Runs it and tells what is known then. */
static bool lost_by(struct course *course, int64_t *offset) {
    pthread_t thread;
    MUST(client_threads_init(&course->threads, &err));
    assert_false(client_threads_lost(&course->threads, offset));
    assert_int_equal(pthread_create(&thread, NULL, take_course, course), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    bool is_lost = client_threads_lost(&course->threads, offset);
    client_threads_release(&course->threads);
    return is_lost;
}

static void test_thread_that_finds_a_checksum_wrong_ends_and_leaves_the_offset(void **state) {
    (void)state;
    static const long offsets[] = {0, 9, 4711, 1L << 40};
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        struct course course = {.enters = true, .offset = offsets[i]};
        int64_t offset;
        assert_true(lost_by(&course, &offset));
        assert_int_equal(offset, offsets[i]);
        assert_false(course.has_gone_on);
    }
}

static void test_offset_that_cannot_be_is_not_told(void **state) {
    (void)state;
    static const long offsets[] = {-7, 1L << 62};
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        struct course course = {.enters = true, .offset = offsets[i]};
        int64_t offset;
        assert_true(lost_by(&course, &offset));
        assert_int_equal(offset, -1);
    }
}

static void test_thread_whose_assertion_fails_ends_alone(void **state) {
    (void)state;
    struct course course = {.enters = true, .fails_assertion = true};
    int64_t offset;
    assert_true(lost_by(&course, &offset));
    assert_int_equal(offset, -1);
    assert_false(course.has_gone_on);
}

static void test_thread_that_leaves_is_not_lost(void **state) {
    (void)state;
    struct course course = {.enters = true, .leaves = true};
    int64_t offset;
    assert_false(lost_by(&course, &offset));
    assert_true(course.has_gone_on);
}

static void test_thread_that_has_not_entered_goes_on(void **state) {
    (void)state;
    struct course course = {.offset = 5};
    int64_t offset;
    assert_false(lost_by(&course, &offset));
    assert_true(course.has_gone_on);
    assert_string_equal(course.text, "MessageSet at offset 5 (12 bytes) failed CRC32C check");
}

static void test_other_texts_are_put_together_as_ever(void **state) {
    (void)state;
    char text[8];
    assert_int_equal(format(text, sizeof text, sizeof text, "%s-%d", "abc", 42), 6);
    assert_string_equal(text, "abc-42");
    assert_int_equal(format(text, sizeof text, sizeof text, "%s-%d", "abcdef", 42), 9);
    assert_string_equal(text, "abcdef-");
}

/* How a child ends that does this; its standard error goes to `text`. */
static int end_of_child(void (*act)(void), char *text, size_t bytes) {
    int ends[2];
    int status;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        (void)dup2(ends[1], STDERR_FILENO);
        (void)signal(SIGABRT, SIG_DFL);
        act();
        _exit(0);
    }
    (void)close(ends[1]);
    ssize_t got = read(ends[0], text, bytes - 1);
    text[got > 0 ? got : 0] = '\0';
    (void)close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void fail_assertion(void) {
    assert(err.failure == FAILURE_USAGE);
}

static void overrun(void) {
    char text[8];
    format(text, sizeof text + 1, sizeof text, "%s", "");
}

static void test_assertion_of_our_own_ends_the_process_and_says_where(void **state) {
    (void)state;
    char text[500];
    int status = end_of_child(fail_assertion, text, sizeof text);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    assert_non_null(
        strstr(text, "fail_assertion: Assertion `err.failure == FAILURE_USAGE' failed."));
}

static void test_buffer_that_is_too_small_ends_the_process(void **state) {
    (void)state;
    char text[500];
    int status = end_of_child(overrun, text, sizeof text);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_thread_that_finds_a_checksum_wrong_ends_and_leaves_the_offset),
        cmocka_unit_test(test_offset_that_cannot_be_is_not_told),
        cmocka_unit_test(test_thread_whose_assertion_fails_ends_alone),
        cmocka_unit_test(test_thread_that_leaves_is_not_lost),
        cmocka_unit_test(test_thread_that_has_not_entered_goes_on),
        cmocka_unit_test(test_other_texts_are_put_together_as_ever),
        cmocka_unit_test(test_assertion_of_our_own_ends_the_process_and_says_where),
        cmocka_unit_test(test_buffer_that_is_too_small_ends_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
