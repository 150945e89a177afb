#include "tests/testing.h"

#include "schemas/limits.h"
#include "stages/source/file_set.h"
#include "tests/scratch.h"

#include <stdlib.h>
#include <string.h>

/* Makes "folder/name" with `count` bytes in it; the folder where it is missing. */
static void log_put(void **state, const char *folder, const char *name, size_t count) {
    char path[SCRATCH_PATH_BYTES];
    scratch_path(state, folder, path);
    (void)mkdir(path, 0777);
    size_t length = strlen(path);
    assert_true(snprintf(path + length, sizeof path - length, "/%s", name) > 0);
    scratch_put(path, "0123456789", count);
}

/* Looks for the files of these paths below the test's folder; "-" stands for itself. */
static struct status find(void **state, struct file_set *set, size_t count,
                          const char *const *paths, struct err *err) {
    struct names names = {0};
    struct status status;
    for (size_t i = 0; i < count; i++) {
        char path[SCRATCH_PATH_BYTES];
        scratch_path(state, paths[i], path);
        TRY_OR(done, status, names_add(&names, strcmp(paths[i], "-") == 0 ? "-" : path, err));
    }
    status = file_set_find(set, &names, err);
done:
    names_release(&names);
    return status;
}

static void assert_paths(void **state, const struct file_set *set, size_t count,
                         const char *const *expected) {
    assert_int_equal(set->paths.count, count);
    for (size_t i = 0; i < count; i++) {
        char path[SCRATCH_PATH_BYTES];
        scratch_path(state, expected[i], path);
        assert_string_equal(set->paths.items[i], path);
    }
}

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void test_files_are_taken_in_the_order_given(void **state) {
    struct err err;
    struct file_set set = {0};
    static const char *const paths[] = {"in/c.csv", "in/a.csv", "in/b.tfp"};
    log_put(state, "in", "a.csv", 1);
    log_put(state, "in", "b.tfp", 2);
    log_put(state, "in", "c.csv", 4);
    MUST(find(state, &set, COUNT_OF(paths), paths, &err));
    assert_paths(state, &set, COUNT_OF(paths), paths);
    assert_int_equal(set.bytes[0], 4);
    assert_int_equal(set.bytes[1], 1);
    assert_int_equal(set.bytes[2], 2);
    assert_int_equal(set.total_bytes, 7);
    file_set_release(&set);
    assert_int_equal(set.paths.count, 0);
    assert_int_equal(set.total_bytes, 0);
    file_set_release(&set);
}

static void test_folder_stands_for_its_logs_in_byte_order(void **state) {
    struct err err;
    struct file_set set = {0};
    static const char *const made[] = {"b.csv",  "a.csv",     "10.ndjson", "9.tfp",
                                       "c.avro", "x.csv.zst", "Z.tfp.zst", "y.ndjson.zst"};
    static const char *const expected[] = {"in/10.ndjson", "in/9.tfp",       "in/Z.tfp.zst",
                                           "in/a.csv",     "in/b.csv",       "in/c.avro",
                                           "in/x.csv.zst", "in/y.ndjson.zst"};
    static const char *const paths[] = {"in"};
    for (size_t i = 0; i < COUNT_OF(made); i++) {
        log_put(state, "in", made[i], 3);
    }
    MUST(find(state, &set, 1, paths, &err));
    assert_paths(state, &set, COUNT_OF(expected), expected);
    assert_int_equal(set.total_bytes, 3 * COUNT_OF(expected));
    file_set_release(&set);
}

static void test_folders_and_files_keep_their_order_and_the_slash_at_the_end_is_fine(void **state) {
    struct err err;
    struct file_set set = {0};
    static const char *const paths[] = {"two", "odd.name", "one/"};
    static const char *const expected[] = {"two/z.csv", "odd.name", "one/a.csv", "one/b.csv"};
    log_put(state, "one", "b.csv", 1);
    log_put(state, "one", "a.csv", 1);
    log_put(state, "two", "z.csv", 1);
    log_put(state, ".", "odd.name", 1); /* a file that is named is taken whatever its ending */
    MUST(find(state, &set, COUNT_OF(paths), paths, &err));
    assert_paths(state, &set, COUNT_OF(expected), expected);
    file_set_release(&set);
}

static void test_other_files_hidden_ones_and_folders_in_a_folder_are_left_out(void **state) {
    struct err err;
    struct file_set set = {0};
    static const char *const others[] = {"readme.txt", "a.csv.gz",   "a.csv.tmp", ".a.csv",
                                         ".csv",       "csv",        "a.CSV",     "a.zst",
                                         "csv.zst",    ".csv.zst",   "a.csv~",    "a.json",
                                         "a.tfp.bak",  "a.csv.zst2", "zst"};
    static const char *const paths[] = {"in"};
    static const char *const expected[] = {"in/good.csv"};
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        log_put(state, "in", others[i], 1);
    }
    log_put(state, "in", "good.csv", 5);
    log_put(state, "in/folder.csv", "inner.csv", 1);
    MUST(find(state, &set, 1, paths, &err));
    assert_paths(state, &set, 1, expected);
    assert_int_equal(set.total_bytes, 5);
    file_set_release(&set);
}

static void test_nothing_and_folders_of_nothing_are_empty_sets(void **state) {
    struct err err;
    struct file_set set = {0};
    static const char *const paths[] = {"in"};
    log_put(state, "in", "readme.txt", 1);
    MUST(find(state, &set, 1, paths, &err));
    assert_int_equal(set.paths.count, 0);
    assert_int_equal(file_set_index_of(&set, "readme.txt"), 0);
    file_set_release(&set);
    MUST(find(state, &set, 0, NULL, &err));
    assert_int_equal(set.paths.count, 0);
    assert_int_equal(set.total_bytes, 0);
    file_set_release(&set);
}

static void test_missing_paths_are_errors_that_name_them(void **state) {
    struct err err;
    struct file_set set = {0};
    static const char *const paths[] = {"in/a.csv", "in/none.csv"};
    log_put(state, "in", "a.csv", 1);
    MUST_FAIL(find(state, &set, 2, paths, &err), FAILURE_IO, "/in/none.csv");
    file_set_release(&set);
}

/* A log that cannot be read must not be left out in silence. */
static void test_link_to_nowhere_in_a_folder_is_an_error(void **state) {
    struct err err;
    struct file_set set = {0};
    char link[SCRATCH_PATH_BYTES];
    static const char *const paths[] = {"in"};
    log_put(state, "in", "a.csv", 1);
    scratch_path(state, "in/b.csv", link);
    assert_int_equal(symlink("nowhere.csv", link), 0);
    MUST_FAIL(find(state, &set, 1, paths, &err), FAILURE_IO, "/in/b.csv");
    file_set_release(&set);
    assert_int_equal(unlink(link), 0);
    assert_int_equal(symlink("a.csv", link), 0); /* one to a file is that file */
    MUST(find(state, &set, 1, paths, &err));
    assert_int_equal(set.paths.count, 2);
    file_set_release(&set);
}

static void test_two_files_of_one_name_are_refused(void **state) {
    struct err err;
    static const char *const paths[][2] = {
        {"one", "two"}, {"one/a.csv", "two/a.csv"}, {"one", "one/a.csv"}, {"-", "-"}};
    log_put(state, "one", "a.csv", 1);
    log_put(state, "one", "b.csv", 1);
    log_put(state, "two", "a.csv", 1);
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct file_set set = {0};
        MUST_FAIL(find(state, &set, 2, paths[i], &err), FAILURE_CONFIG,
                  i < 3 ? "two log files are called a.csv" : "two log files are called -");
        file_set_release(&set);
    }
}

static void test_name_that_is_not_utf_8_is_refused(void **state) {
    struct err err;
    struct file_set set = {0};
    static const char *const folder[] = {"in"};
    static const char *const file[] = {"in/\xff.csv"};
    log_put(state, "in", "\xf0\x9f\x92\xa3 '\x01.csv", 1);
    MUST(find(state, &set, 1, folder, &err));
    file_set_release(&set);
    log_put(state, "in", "\xff.csv", 1);
    MUST_FAIL(find(state, &set, 1, folder, &err), FAILURE_CONFIG, "is not UTF-8: rename it");
    file_set_release(&set);
    MUST_FAIL(find(state, &set, 1, file, &err), FAILURE_CONFIG, "is not UTF-8: rename it");
    file_set_release(&set);
}

static void test_standard_input_has_no_size_and_a_name(void **state) {
    struct err err;
    struct file_set set = {0};
    static const char *const paths[] = {"in/a.csv", "-"};
    log_put(state, "in", "a.csv", 6);
    MUST(find(state, &set, 2, paths, &err));
    assert_int_equal(set.total_bytes, 6);
    assert_int_equal(file_set_index_of(&set, "-"), 1);
    file_set_release(&set);
}

static void test_more_files_than_the_limit_are_refused(void **state) {
    (void)state;
    struct err err;
    struct names none = {0};
    struct file_set set = {0};
    set.paths.count = LIMIT_FILES + 1; /* as if they had been found */
    set.paths.items = calloc(set.paths.count, sizeof *set.paths.items);
    assert_non_null(set.paths.items);
    MUST_FAIL(file_set_find(&set, &none, &err), FAILURE_CONFIG, "1000001 log files");
    file_set_release(&set);
}

static void test_file_is_found_by_its_base_name(void **state) {
    struct err err;
    struct file_set set = {0};
    static const char *const paths[] = {"one", "two"};
    log_put(state, "one", "a.csv", 1);
    log_put(state, "one", "b.csv", 1);
    log_put(state, "two", "c.csv", 1);
    MUST(find(state, &set, 2, paths, &err));
    assert_int_equal(file_set_index_of(&set, "a.csv"), 0);
    assert_int_equal(file_set_index_of(&set, "b.csv"), 1);
    assert_int_equal(file_set_index_of(&set, "c.csv"), 2);
    static const char *const unknown[] = {"", "d.csv", "two/c.csv", "a", "A.csv"};
    for (size_t i = 0; i < COUNT_OF(unknown); i++) {
        assert_int_equal(file_set_index_of(&set, unknown[i]), 3);
    }
    file_set_release(&set);
}

#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(test_files_are_taken_in_the_order_given),
        IN_SCRATCH(test_folder_stands_for_its_logs_in_byte_order),
        IN_SCRATCH(test_folders_and_files_keep_their_order_and_the_slash_at_the_end_is_fine),
        IN_SCRATCH(test_other_files_hidden_ones_and_folders_in_a_folder_are_left_out),
        IN_SCRATCH(test_nothing_and_folders_of_nothing_are_empty_sets),
        IN_SCRATCH(test_missing_paths_are_errors_that_name_them),
        IN_SCRATCH(test_link_to_nowhere_in_a_folder_is_an_error),
        IN_SCRATCH(test_two_files_of_one_name_are_refused),
        IN_SCRATCH(test_name_that_is_not_utf_8_is_refused),
        IN_SCRATCH(test_standard_input_has_no_size_and_a_name),
        IN_SCRATCH(test_more_files_than_the_limit_are_refused),
        IN_SCRATCH(test_file_is_found_by_its_base_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
