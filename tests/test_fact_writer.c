#include "stages/decode/fact_writer.h"

#include "schemas/limits.h"
#include "stages/base/files.h"
#include "tests/scratch.h"

static struct err err;

/* What the writer makes of the records, for the caller to free. */
static char *written(const char *folder, enum fact_log log, const struct fact *facts,
                     size_t count) {
    char *path;
    struct bytes text = {0};
    struct fact_writer *writer;
    MUST(path_join(&path, folder, "log.csv", &err));
    MUST(fact_writer_open(&writer, path, &fact_shapes[log], false, &err));
    MUST(fact_writer_put(writer, facts, count, &err));
    assert_false(file_exists(path));
    uint64_t bytes;
    MUST(fact_writer_commit(writer, &bytes, NULL, &err));
    MUST(file_read_all(path, &text, &err));
    assert_int_equal(bytes, text.count);
    MUST(bytes_append(&text, "", 1, &err));
    free(path);
    return (char *)text.data;
}

static void every_type_is_written_as_readers_take_it(void **state) {
    const struct fact position = {
        .value = {(uint64_t)INT64_C(-5), 18, UINT64_MAX, POSITION_END, PRECISION_YEAR},
        .known = 0x1f,
    };
    char *text = written(*state, FACT_POSITIONS, &position, 1);
    assert_string_equal(text, "at,member,company,kind,precision\n"
                              "-5,18,18446744073709551615,end,year\n");
    free(text);
}

static void what_is_not_known_is_left_empty(void **state) {
    const struct fact members[] = {
        {.value = {7, 0, 0, 0, 0, 0, 1999, 3}, .known = 0xc1},
        {.value = {8}, .known = 1},
    };
    char *text = written(*state, FACT_MEMBERS, members, 2);
    assert_string_equal(text,
                        "member,industry,country,region,place,school,career_start_year,gender\n"
                        "7,,,,,,1999,other\n"
                        "8,,,,,,,\n");
    free(text);
}

static void a_log_without_records_is_its_header(void **state) {
    char *text = written(*state, FACT_APPLICATIONS, NULL, 0);
    assert_string_equal(text, "at,member,count\n");
    free(text);
}

static void the_longest_records_fit(void **state) {
    enum { RECORDS = 20000 }; /* more than are held back at a time */
    struct fact *facts = calloc(RECORDS, sizeof *facts);
    assert_non_null(facts);
    for (size_t i = 0; i < RECORDS; i++) {
        facts[i] = (struct fact){
            .value = {(uint64_t)LIMIT_TIME_MIN_MS, UINT64_MAX, UINT64_MAX, 0, UINT32_MAX},
            .known = 0x1f};
    }
    const char *line = "-62135596800000,18446744073709551615,18446744073709551615,message,"
                       "4294967295\n";
    char *text = written(*state, FACT_INTERACTIONS, facts, RECORDS);
    const char *at = strchr(text, '\n') + 1;
    for (size_t i = 0; i < RECORDS; i++) {
        assert_memory_equal(at, line, strlen(line));
        at += strlen(line);
    }
    assert_int_equal(*at, '\0');
    free(text);
    free(facts);
}

static void a_discarded_log_leaves_nothing(void **state) {
    char *path;
    struct fact_writer *writer;
    struct names names = {0};
    MUST(path_join(&path, *state, "log.csv", &err));
    MUST(fact_writer_open(&writer, path, &fact_shapes[FACT_MEMBERS], true, &err));
    fact_writer_discard(writer);
    fact_writer_discard(NULL);
    MUST(folder_list(*state, &names, &err));
    assert_int_equal(names.count, 0);
    free(path);
}

static void a_folder_that_is_not_there_is_an_error(void **state) {
    char *path;
    struct fact_writer *writer = NULL;
    MUST(path_join(&path, *state, "nowhere/log.csv", &err));
    MUST_FAIL(fact_writer_open(&writer, path, &fact_shapes[FACT_MEMBERS], false, &err), FAILURE_IO,
              "nowhere");
    assert_null(writer);
    free(path);
}

#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(every_type_is_written_as_readers_take_it),
        IN_SCRATCH(what_is_not_known_is_left_empty),
        IN_SCRATCH(a_log_without_records_is_its_header),
        IN_SCRATCH(the_longest_records_fit),
        IN_SCRATCH(a_discarded_log_leaves_nothing),
        IN_SCRATCH(a_folder_that_is_not_there_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
