/* The options of the attribution, and sizes; the rest of the command line is tested by running it
 * (tests/cli/test_command_line.py). */
#include "pipeline/options.h"

#include "stages/base/number.h"
#include "tests/scratch.h"
#include "tests/testing.h"

#include <string.h>

static struct err err;

enum { WORDS_MAX = 32, LINE_BYTES = SCRATCH_PATH_BYTES + 200 };

/* Reads a command line given as one text, words divided by blanks. */
static struct status read_line(struct options *options, const char *line) {
    char text[LINE_BYTES];
    char program[] = "tieflow";
    char *words[WORDS_MAX] = {program};
    int count = 1;
    (void)snprintf(text, sizeof text, "%s", line);
    char *rest = text;
    for (char *word = strtok_r(text, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        assert_true(count < WORDS_MAX);
        words[count++] = word;
    }
    return options_read(options, count, words, &err);
}

static struct attribution_settings settings_of(const char *line) {
    struct options options = {0};
    struct attribution_settings settings;
    MUST(read_line(&options, line));
    options_attribution(&options, &settings);
    options_release(&options);
    return settings;
}

static void assert_settings(const struct attribution_settings *found,
                            const struct attribution_settings *wanted) {
    assert_string_equal(found->preset, wanted->preset);
    assert_int_equal(found->tie_days, wanted->tie_days);
    assert_int_equal(found->job_days, wanted->job_days);
    assert_int_equal(found->alter_active, wanted->alter_active);
    assert_int_equal(found->tie_first, wanted->tie_first);
    assert_int_equal(found->ended_ties, wanted->ended_ties);
    assert_int_equal(found->mass_movers, wanted->mass_movers);
    assert_true(found->mass_share == wanted->mass_share);
    assert_int_equal(found->threshold, wanted->threshold);
    assert_int_equal(found->intensity_days, wanted->intensity_days);
}

static void test_each_preset_is_found_by_its_name(void **state) {
    (void)state;
    for (int i = 0; i < ATTRIBUTION_PRESETS; i++) {
        char line[100];
        (void)snprintf(line, sizeof line, "attribute --preset %s", attribution_presets[i].preset);
        struct attribution_settings settings = settings_of(line);
        assert_settings(&settings, &attribution_presets[i]);
    }
    struct attribution_settings settings = settings_of("run");
    assert_settings(&settings, &attribution_presets[0]);
}

static void test_what_is_given_changes_the_preset_and_its_name(void **state) {
    (void)state;
    struct attribution_settings settings =
        settings_of("attribute --preset facebook2016 --tie-days 0 --job-days 7 --alter-active yes "
                    "--tie-first no --ended-ties include --mass-movers 2 --mass-share 0 "
                    "--threshold 0 --intensity-days 90");
    const struct attribution_settings wanted = {
        .preset = "own",
        .tie_days = 0,
        .job_days = 7,
        .alter_active = true,
        .tie_first = false,
        .ended_ties = ENDED_INCLUDE,
        .mass_movers = 2,
        .mass_share = 0,
        .threshold = 0,
        .intensity_days = 90,
    };
    assert_settings(&settings, &wanted);
}

static void test_any_one_difference_makes_settings_of_one_s_own(void **state) {
    (void)state;
    static const char *const given[] = {
        "--tie-days 31",     "--job-days 364",       "--alter-active no",
        "--tie-first yes",   "--ended-ties include", "--mass-movers 6",
        "--mass-share 0.11", "--threshold 11",       "--intensity-days 364",
    };
    for (size_t i = 0; i < sizeof given / sizeof given[0]; i++) {
        char line[100];
        (void)snprintf(line, sizeof line, "explain %s", given[i]);
        assert_string_equal(settings_of(line).preset, "own");
    }
}

static void test_what_is_given_as_the_preset_has_it_changes_nothing(void **state) {
    (void)state;
    struct attribution_settings settings =
        settings_of("backfill --preset gee2012 --tie-days 365 --job-days 365 --alter-active no "
                    "--tie-first no --ended-ties exclude --mass-movers 5 --mass-share 0.1 "
                    "--threshold 10 --intensity-days 365");
    assert_settings(&settings, &attribution_presets[1]);
}

static int64_t as_of(const char *line) {
    struct options options = {0};
    MUST(read_line(&options, line));
    int64_t as_of_ms = options.as_of_ms;
    options_release(&options);
    return as_of_ms;
}

static void test_as_of_is_the_end_of_a_date_or_an_instant(void **state) {
    (void)state;
    assert_int_equal(as_of("attribute"), INT64_MAX);
    assert_int_equal(as_of("attribute --as-of 1970-01-02"), 2 * DAY_MS - 1);
    assert_int_equal(as_of("attribute --as-of -5"), -5);
    assert_int_equal(as_of("attribute --as-of=1700000000000"), INT64_C(1700000000000));
}

static void test_wrong_values_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *line;
        const char *part;
    } cases[] = {
        {"attribute --as-of yesterday", "--as-of: \"yesterday\" is neither a date"},
        {"attribute --as-of 2024-02-30", "--as-of"},
        {"attribute --as-of 9223372036854775807", "--as-of"},
        {"attribute --preset gee", "none of default|gee2012|facebook2016"},
        {"attribute --tie-days 36526", "not a number from 0 to 36525"},
        {"attribute --alter-active true", "none of yes|no"},
        {"attribute --mass-movers 0", "not a number from 1 to"},
        {"attribute --mass-share 1.1", "not a number from 0 to 1"},
        {"attribute --intensity-days 0", "not a number from 1"},
        {"attribute --tail 3", "--tail is not an option of 'tieflow attribute'"},
        {"run --as-of 2024-02-28", "--as-of is not an option of 'tieflow run'"},
        {"ties --positions p.csv", "--positions is not an option of 'tieflow ties'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct options options = {0};
        MUST_FAIL(read_line(&options, cases[i].line), FAILURE_USAGE, cases[i].part);
        options_release(&options);
    }
}

static void test_each_log_has_a_list_and_connections_are_logs(void **state) {
    (void)state;
    struct options options = {0};
    MUST(read_line(&options, "attribute --connections a --logs b --connections c --positions p1 "
                             "--positions p2 --interactions i --applications j --assignments k "
                             "--members l --companies m --industries n"));
    assert_int_equal(options.logs.count, 3);
    assert_string_equal(options.logs.items[1], "b");
    assert_int_equal(options.fact_logs[FACT_POSITIONS].count, 2);
    static const char *const names[FACT_LOGS] = {"p1", "i", "j", "k", "l", "m", "n"};
    for (int log = 0; log < FACT_LOGS; log++) {
        assert_string_equal(options.fact_logs[log].items[0], names[log]);
    }
    options_release(&options);
}

static void test_command_line_replaces_a_list_of_the_file_by_either_name(void **state) {
    static const char text[] = "logs = a\nconnections = b\npositions = p\ntie-days = 3\n"
                               "[attribute]\nmembers = m\n";
    char path[SCRATCH_PATH_BYTES];
    char line[LINE_BYTES];
    scratch_path(state, "tieflow.ini", path);
    scratch_put(path, text, sizeof text - 1);
    struct options options = {0};
    (void)snprintf(line, sizeof line, "attribute -c %s", path);
    MUST(read_line(&options, line));
    assert_int_equal(options.logs.count, 2);
    assert_int_equal(options.fact_logs[FACT_MEMBERS].count, 1);
    assert_int_equal(options.attribution.tie_days, 3);
    options_release(&options);
    (void)snprintf(line, sizeof line, "attribute --connections c -c %s --logs d", path);
    MUST(read_line(&options, line));
    assert_int_equal(options.logs.count, 2);
    assert_string_equal(options.logs.items[0], "c");
    assert_string_equal(options.fact_logs[FACT_POSITIONS].items[0], "p");
    options_release(&options);
}

static void test_sizes_have_binary_units(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint64_t bytes;
    } sizes[] = {
        {"12G", UINT64_C(12) << 30},  {"800M", UINT64_C(800) << 20}, {"1.5g", UINT64_C(1536) << 20},
        {"2048k", UINT64_C(2) << 20}, {"1T", UINT64_C(1) << 40},     {"1048576", UINT64_C(1) << 20},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char line[100];
        struct options options = {0};
        (void)snprintf(line, sizeof line, "ties --memory %s", sizes[i].text);
        MUST(read_line(&options, line));
        assert_true(options.memory_bytes == sizes[i].bytes);
        options_release(&options);
    }
    static const char *const wrong[] = {"G",   "12GB", "1M2",   "-1G", "1023k",
                                        "nan", "inf",  "2000T", "1 G"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char text[] = "ties";
        char program[] = "tieflow";
        char value[100];
        struct options options = {0};
        (void)snprintf(value, sizeof value, "--memory=%s", wrong[i]);
        char *words[] = {program, text, value};
        MUST_FAIL(options_read(&options, 3, words, &err), FAILURE_USAGE, wrong[i]);
        options_release(&options);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_preset_is_found_by_its_name),
        cmocka_unit_test(test_what_is_given_changes_the_preset_and_its_name),
        cmocka_unit_test(test_any_one_difference_makes_settings_of_one_s_own),
        cmocka_unit_test(test_what_is_given_as_the_preset_has_it_changes_nothing),
        cmocka_unit_test(test_as_of_is_the_end_of_a_date_or_an_instant),
        cmocka_unit_test(test_wrong_values_are_refused),
        cmocka_unit_test(test_each_log_has_a_list_and_connections_are_logs),
        cmocka_unit_test(test_sizes_have_binary_units),
        cmocka_unit_test_setup_teardown(
            test_command_line_replaces_a_list_of_the_file_by_either_name, scratch_make,
            scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
