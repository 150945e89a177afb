#include "tests/testing.h"

#include "schemas/limits.h"
#include "stages/base/files.h"
#include "stages/base/workers.h"
#include "tests/scratch.h"

#include <string.h>
#include <sys/wait.h>

static bool is_folder(const char *path) {
    struct stat stat_buffer;
    return lstat(path, &stat_buffer) == 0 && S_ISDIR(stat_buffer.st_mode);
}

static bool exists(const char *path) {
    struct stat stat_buffer;
    return lstat(path, &stat_buffer) == 0;
}

static void test_names_are_copied_in_order_and_released(void **state) {
    (void)state;
    struct err err;
    struct names names = {0};
    char name[8];
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(name, sizeof name, "n%d", i);
        MUST(names_add(&names, name, &err));
    }
    memset(name, 'z', sizeof name);
    assert_int_equal(names.count, 1000);
    assert_string_equal(names.items[0], "n0");
    assert_string_equal(names.items[999], "n999");
    names_release(&names);
    assert_int_equal(names.count, 0);
    assert_null(names.items);
    names_release(&names);
}

static void test_paths_join_with_one_slash(void **state) {
    (void)state;
    static const char *const cases[][3] = {
        {"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"/", "b", "/b"}, {"a/b", "c.d", "a/b/c.d"}};
    struct err err;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *path = NULL;
        MUST(path_join(&path, cases[i][0], cases[i][1], &err));
        assert_string_equal(path, cases[i][2]);
        free(path);
    }
}

static void test_base_of_a_path_is_what_follows_the_last_slash(void **state) {
    (void)state;
    assert_string_equal(path_base("a/b/c.csv"), "c.csv");
    assert_string_equal(path_base("c.csv"), "c.csv");
    assert_string_equal(path_base("/c.csv"), "c.csv");
    assert_string_equal(path_base("a/"), "");
    assert_string_equal(path_base("-"), "-");
}

static void assert_path_is(const char *path, enum path_kind wanted) {
    struct err err;
    enum path_kind kind;
    MUST(path_look(path, &kind, &err));
    assert_int_equal(kind, wanted);
}

static void test_look_that_fails_is_an_error_and_not_a_free_name(void **state) {
    struct err err;
    enum path_kind kind;
    char path[SCRATCH_PATH_BYTES];
    char loop[SCRATCH_PATH_BYTES];
    scratch_path(state, "a", path);
    assert_path_is(path, PATH_FREE);
    scratch_put_text(path, "x");
    assert_path_is(path, PATH_FILE);
    assert_path_is(*state, PATH_FOLDER);
    scratch_path(state, "a/b", path); /* below a file */
    assert_path_is(path, PATH_FREE);
    scratch_path(state, "link", loop);
    assert_int_equal(symlink("nowhere", loop), 0);
    assert_path_is(loop, PATH_FREE);
    scratch_path(state, "loop", loop);
    assert_int_equal(symlink("loop", loop), 0);
    MUST_FAIL(path_look(loop, &kind, &err), FAILURE_IO, "cannot be looked at");
    MUST_FAIL(folder_remove(loop, &err), FAILURE_IO, "cannot be looked at");
}

static void test_size_is_told_in_bytes_and_missing_files_have_none(void **state) {
    struct err err;
    char path[SCRATCH_PATH_BYTES];
    uint64_t bytes;
    scratch_path(state, "file", path);
    MUST_FAIL(file_size(path, &bytes, &err), FAILURE_IO, path);
    scratch_put_text(path, "");
    MUST(file_size(path, &bytes, &err));
    assert_int_equal(bytes, 0);
    assert_int_equal(truncate(path, (off_t)5 << 30), 0); /* a hole: no disk is used */
    MUST(file_size(path, &bytes, &err));
    assert_int_equal(bytes, UINT64_C(5) << 30);
}

static void test_whole_file_is_appended(void **state) {
    struct err err;
    struct bytes bytes = {0};
    char path[SCRATCH_PATH_BYTES];
    scratch_path(state, "file", path);
    MUST_FAIL(file_read_all(path, &bytes, &err), FAILURE_IO, path);
    scratch_put_text(path, "");
    MUST(file_read_all(path, &bytes, &err));
    assert_int_equal(bytes.count, 0);
    scratch_put_text(path, "hello");
    MUST(file_read_all(path, &bytes, &err));
    MUST(file_read_all(path, &bytes, &err));
    assert_int_equal(bytes.count, 10);
    assert_memory_equal(bytes.data, "hellohello", 10);
    assert_int_equal(truncate(path, 200000), 0);
    bytes.count = 0;
    MUST(file_read_all(path, &bytes, &err));
    assert_int_equal(bytes.count, 200000);
    bytes_release(&bytes);
}

static void test_file_at_the_limit_is_read_and_one_byte_more_is_no_document(void **state) {
    struct err err;
    struct bytes bytes = {0};
    char path[SCRATCH_PATH_BYTES];
    scratch_path(state, "file", path);
    scratch_put_text(path, "");
    assert_int_equal(truncate(path, LIMIT_DOCUMENT_BYTES), 0);
    MUST(file_read_all(path, &bytes, &err));
    assert_int_equal(bytes.count, LIMIT_DOCUMENT_BYTES);
    assert_int_equal(truncate(path, (off_t)LIMIT_DOCUMENT_BYTES + 1), 0);
    bytes.count = 0;
    MUST_FAIL(file_read_all(path, &bytes, &err), FAILURE_DATA, "longer than 268435456 bytes");
    bytes_release(&bytes);
}

static void test_folder_is_made_with_the_ones_above_it(void **state) {
    struct err err;
    static const char *const names[] = {"a", "b/c/d", "e//f", "g/h/", "a/i"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[SCRATCH_PATH_BYTES];
        scratch_path(state, names[i], path);
        assert_false(is_folder(path));
        MUST(folder_make(path, &err));
        assert_true(is_folder(path));
        MUST(folder_make(path, &err)); /* fine where it exists */
    }
    MUST(folder_make("/", &err));
    MUST(folder_make(".", &err));
}

static void test_folder_of_a_relative_name_is_made_where_the_process_is(void **state) {
    struct err err;
    char before[SCRATCH_PATH_BYTES];
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(*state), 0);
    struct status one = folder_make("x", &err);
    struct status two = folder_make("yy/z", &err);
    assert_int_equal(chdir(before), 0);
    assert_false(failed(one));
    assert_false(failed(two));
    char path[SCRATCH_PATH_BYTES];
    scratch_path(state, "x", path);
    assert_true(is_folder(path));
    scratch_path(state, "yy/z", path);
    assert_true(is_folder(path));
}

static void test_file_in_the_way_of_a_folder_is_named(void **state) {
    struct err err;
    char file[SCRATCH_PATH_BYTES];
    char path[SCRATCH_PATH_BYTES];
    scratch_path(state, "file", file);
    scratch_put_text(file, "x");
    MUST_FAIL(folder_make(file, &err), FAILURE_IO, "a file is in the way");
    scratch_path(state, "file/below", path);
    MUST_FAIL(folder_make(path, &err), FAILURE_IO, "a file is in the way");
    assert_memory_equal(err.text, file, strlen(file));
    assert_int_equal(err.text[strlen(file)], ':');
    scratch_path(state, "link", path);
    assert_int_equal(symlink("nowhere", path), 0);
    MUST_FAIL(folder_make(path, &err), FAILURE_IO, "a file is in the way");
}

static void test_folder_without_a_name_is_refused(void **state) {
    (void)state;
    struct err err;
    MUST_FAIL(folder_make("", &err), FAILURE_IO, "folder");
}

enum { RACERS = 8, RACES = 50 };

struct race {
    const char *path;
    struct status results[RACERS];
};

static void race(void *context, unsigned worker, size_t first, size_t end) {
    struct race *race = context;
    (void)worker;
    (void)end;
    race->results[first] = folder_make(race->path, NULL);
}

static void test_many_that_make_one_folder_at_once_all_succeed(void **state) {
    for (int i = 0; i < RACES; i++) {
        char name[40];
        char path[SCRATCH_PATH_BYTES];
        (void)snprintf(name, sizeof name, "race/%d/a/b/c", i);
        scratch_path(state, name, path);
        struct race running = {.path = path};
        workers_run(RACERS, RACERS, 1, race, &running);
        for (int j = 0; j < RACERS; j++) {
            assert_false(failed(running.results[j]));
        }
        assert_true(is_folder(path));
    }
}

static void test_entries_are_listed_in_byte_order(void **state) {
    static const char *const made[] = {"b", "a", "10", "9", "Z", "\xc3\xa9", "_", "a.b", ".hidden"};
    static const char *const expected[] = {".hidden", "10",  "9", "Z",       "_",
                                           "a",       "a.b", "b", "\xc3\xa9"};
    struct err err;
    char path[SCRATCH_PATH_BYTES];
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) {
        scratch_path(state, made[i], path);
        scratch_put_text(path, "");
    }
    struct names names = {0};
    MUST(names_add(&names, "zz is here already", &err));
    MUST(folder_list(*state, &names, &err));
    assert_int_equal(names.count, 1 + sizeof expected / sizeof expected[0]);
    assert_string_equal(names.items[0], "zz is here already");
    for (size_t i = 1; i < names.count; i++) {
        assert_string_equal(names.items[i], expected[i - 1]);
    }
    names_release(&names);
}

static void test_empty_folder_lists_nothing_and_missing_ones_fail(void **state) {
    struct err err;
    struct names names = {0};
    char path[SCRATCH_PATH_BYTES];
    MUST(folder_list(*state, &names, &err));
    assert_int_equal(names.count, 0);
    scratch_path(state, "none", path);
    MUST_FAIL(folder_list(path, &names, &err), FAILURE_IO, path);
    MUST_FAIL(folder_sync(path, &err), FAILURE_IO, path);
    scratch_put_text(path, "a file now");
    MUST_FAIL(folder_list(path, &names, &err), FAILURE_IO, path);
    MUST_FAIL(folder_sync(path, &err), FAILURE_IO, path);
    MUST(folder_sync(*state, &err));
    names_release(&names);
}

/* "folder/file" with this text. */
static void folder_put(void **state, const char *folder, const char *text, char *path) {
    char file[SCRATCH_PATH_BYTES];
    scratch_path(state, folder, path);
    assert_int_equal(mkdir(path, 0777), 0);
    assert_true(snprintf(file, sizeof file, "%.400s/file", path) > 0);
    scratch_put_text(file, text);
}

static void assert_folder_file_holds(const char *folder, const char *text) {
    char file[SCRATCH_PATH_BYTES];
    assert_true(snprintf(file, sizeof file, "%.400s/file", folder) > 0);
    assert_file_holds(file, text);
}

static void test_folder_is_removed_with_its_files(void **state) {
    struct err err;
    char path[SCRATCH_PATH_BYTES];
    char other[SCRATCH_PATH_BYTES];
    char link[SCRATCH_PATH_BYTES];
    folder_put(state, "other", "kept", other);
    folder_put(state, "gone", "x", path);
    scratch_path(state, "gone/link", link);
    assert_int_equal(symlink("../other", link), 0);
    scratch_path(state, "gone/file2", link);
    scratch_put_text(link, "y");
    MUST(folder_remove(path, &err));
    assert_false(exists(path));
    assert_folder_file_holds(other, "kept"); /* what a link points to stays */
    MUST(folder_remove(path, &err));         /* fine where there is none */
}

static void test_folder_with_folders_in_it_is_not_of_ours_and_stays(void **state) {
    struct err err;
    char path[SCRATCH_PATH_BYTES];
    char inner[SCRATCH_PATH_BYTES];
    folder_put(state, "a", "x", path);
    folder_put(state, "a/b", "y", inner);
    MUST_FAIL(folder_remove(path, &err), FAILURE_IO, "cannot be removed");
    assert_folder_file_holds(inner, "y");
}

static void test_folder_is_published_under_a_free_name(void **state) {
    struct err err;
    char from[SCRATCH_PATH_BYTES];
    char to[SCRATCH_PATH_BYTES];
    folder_put(state, "from", "new", from);
    scratch_path(state, "to", to);
    MUST(folder_publish(from, to, &err));
    assert_folder_file_holds(to, "new");
    assert_false(exists(from));
}

static void test_published_folder_replaces_the_old_one(void **state) {
    struct err err;
    char from[SCRATCH_PATH_BYTES];
    char to[SCRATCH_PATH_BYTES];
    folder_put(state, "from", "new", from);
    folder_put(state, "to", "old", to);
    MUST(folder_publish(from, to, &err));
    assert_folder_file_holds(to, "new");
    assert_false(exists(from));
}

static void test_folder_is_published_by_relative_names(void **state) {
    struct err err;
    char before[SCRATCH_PATH_BYTES];
    char from[SCRATCH_PATH_BYTES];
    char to[SCRATCH_PATH_BYTES];
    folder_put(state, "from", "new", from);
    scratch_path(state, "to", to);
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(*state), 0);
    struct status status = folder_publish("from", "to", &err);
    assert_int_equal(chdir(before), 0);
    assert_false(failed(status));
    assert_folder_file_holds(to, "new");
}

static void test_folders_are_exchanged_and_none_is_removed(void **state) {
    struct err err;
    char from[SCRATCH_PATH_BYTES];
    char to[SCRATCH_PATH_BYTES];
    folder_put(state, "from", "new", from);
    scratch_path(state, "to", to);
    MUST(folder_exchange(from, to, &err));
    assert_folder_file_holds(to, "new");
    assert_false(exists(from));
    folder_put(state, "from", "newer", from);
    MUST(folder_exchange(from, to, &err));
    assert_folder_file_holds(to, "newer");
    assert_folder_file_holds(from, "new");
}

static void test_a_disk_is_made_durable_as_a_whole(void **state) {
    struct err err;
    struct disk disk = {0};
    char path[SCRATCH_PATH_BYTES];
    disk_close(&disk);
    MUST(disk_open(&disk, *state, &err));
    folder_put(state, "inner", "text", path);
    MUST(disk_sync(&disk, &err));
    disk_close(&disk);
    disk_close(&disk);
    scratch_path(state, "none", path);
    MUST_FAIL(disk_open(&disk, path, &err), FAILURE_IO, path);
}

static void test_moving_what_is_not_there_names_both_places(void **state) {
    struct err err;
    MUST_FAIL(file_move(*state, *state, "missing", &err), FAILURE_IO, "cannot be moved to");
    assert_non_null(strstr(err.text, "missing"));
}

static void test_publishing_what_is_not_there_or_nowhere_fails(void **state) {
    struct err err;
    char from[SCRATCH_PATH_BYTES];
    char to[SCRATCH_PATH_BYTES];
    scratch_path(state, "from", from);
    folder_put(state, "to", "old", to);
    MUST_FAIL(folder_publish(from, to, &err), FAILURE_IO, from);
    assert_folder_file_holds(to, "old");
    folder_put(state, "from", "new", from);
    scratch_path(state, "none/to", to);
    MUST_FAIL(folder_publish(from, to, &err), FAILURE_IO, "cannot take the name");
    assert_folder_file_holds(from, "new");
}

static void test_file_that_has_the_name_is_not_replaced_by_a_folder(void **state) {
    struct err err;
    char from[SCRATCH_PATH_BYTES];
    char to[SCRATCH_PATH_BYTES];
    folder_put(state, "from", "new", from);
    scratch_path(state, "to", to);
    scratch_put_text(to, "a file of the user");
    MUST_FAIL(folder_publish(from, to, &err), FAILURE_IO, "a file is in the way");
    assert_file_holds(to, "a file of the user");
    assert_folder_file_holds(from, "new");
}

/* A process that takes the lock, says so through `told` and keeps it until `stop` is closed. */
static pid_t holder_start(const char *path, int told[2], int stop[2]) {
    assert_int_equal(pipe(told), 0);
    assert_int_equal(pipe(stop), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int descriptor;
        char byte = 'y';
        (void)close(stop[1]);
        if (failed(file_lock(path, &descriptor, NULL)) || write(told[1], &byte, 1) != 1) {
            _exit(1);
        }
        _exit(read(stop[0], &byte, 1) == 0 ? 0 : 2);
    }
    char byte;
    (void)close(told[1]);
    (void)close(stop[0]);
    assert_int_equal(read(told[0], &byte, 1), 1);
    return child;
}

static void test_lock_of_another_process_asks_for_a_retry_until_that_one_ends(void **state) {
    struct err err;
    char path[SCRATCH_PATH_BYTES];
    int told[2];
    int stop[2];
    int descriptor;
    scratch_path(state, "lock", path);
    pid_t child = holder_start(path, told, stop);
    MUST_FAIL(file_lock(path, &descriptor, &err), FAILURE_RETRY, "another run holds this state");
    MUST_FAIL(file_lock(path, &descriptor, &err), FAILURE_RETRY, path);
    (void)close(stop[1]);
    int code;
    assert_int_equal(waitpid(child, &code, 0), child);
    assert_int_equal(code, 0);
    (void)close(told[0]);
    MUST(file_lock(path, &descriptor, &err));
    file_unlock(descriptor);
}

static void test_lock_can_be_taken_again_after_unlock(void **state) {
    struct err err;
    char path[SCRATCH_PATH_BYTES];
    int first;
    int second;
    scratch_path(state, "lock", path);
    MUST(file_lock(path, &first, &err));
    MUST_FAIL(file_lock(path, &second, &err), FAILURE_RETRY, "try again");
    file_unlock(first);
    MUST(file_lock(path, &second, &err));
    file_unlock(second);
    assert_true(exists(path));
}

static void test_lock_leaves_the_contents_of_its_file_alone(void **state) {
    struct err err;
    char path[SCRATCH_PATH_BYTES];
    int descriptor;
    scratch_path(state, "lock", path);
    scratch_put_text(path, "do not touch");
    MUST(file_lock(path, &descriptor, &err));
    file_unlock(descriptor);
    assert_file_holds(path, "do not touch");
}

static void test_lock_in_a_missing_folder_is_an_error_of_the_file(void **state) {
    struct err err;
    char path[SCRATCH_PATH_BYTES];
    int descriptor;
    scratch_path(state, "none/lock", path);
    MUST_FAIL(file_lock(path, &descriptor, &err), FAILURE_IO, "No such file");
}

#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_copied_in_order_and_released),
        cmocka_unit_test(test_paths_join_with_one_slash),
        cmocka_unit_test(test_base_of_a_path_is_what_follows_the_last_slash),
        IN_SCRATCH(test_look_that_fails_is_an_error_and_not_a_free_name),
        IN_SCRATCH(test_size_is_told_in_bytes_and_missing_files_have_none),
        IN_SCRATCH(test_whole_file_is_appended),
        IN_SCRATCH(test_file_at_the_limit_is_read_and_one_byte_more_is_no_document),
        IN_SCRATCH(test_folder_is_made_with_the_ones_above_it),
        IN_SCRATCH(test_folder_of_a_relative_name_is_made_where_the_process_is),
        IN_SCRATCH(test_file_in_the_way_of_a_folder_is_named),
        cmocka_unit_test(test_folder_without_a_name_is_refused),
        IN_SCRATCH(test_many_that_make_one_folder_at_once_all_succeed),
        IN_SCRATCH(test_entries_are_listed_in_byte_order),
        IN_SCRATCH(test_empty_folder_lists_nothing_and_missing_ones_fail),
        IN_SCRATCH(test_folder_is_removed_with_its_files),
        IN_SCRATCH(test_folder_with_folders_in_it_is_not_of_ours_and_stays),
        IN_SCRATCH(test_folder_is_published_under_a_free_name),
        IN_SCRATCH(test_published_folder_replaces_the_old_one),
        IN_SCRATCH(test_folder_is_published_by_relative_names),
        IN_SCRATCH(test_folders_are_exchanged_and_none_is_removed),
        IN_SCRATCH(test_a_disk_is_made_durable_as_a_whole),
        IN_SCRATCH(test_moving_what_is_not_there_names_both_places),
        IN_SCRATCH(test_publishing_what_is_not_there_or_nowhere_fails),
        IN_SCRATCH(test_file_that_has_the_name_is_not_replaced_by_a_folder),
        IN_SCRATCH(test_lock_of_another_process_asks_for_a_retry_until_that_one_ends),
        IN_SCRATCH(test_lock_can_be_taken_again_after_unlock),
        IN_SCRATCH(test_lock_leaves_the_contents_of_its_file_alone),
        IN_SCRATCH(test_lock_in_a_missing_folder_is_an_error_of_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
