#include "tests/report_testing.h"
#include "tests/scratch.h"
#include "tests/testing.h"

#include "stages/report/study_data.h"

static void assert_close(double a, double b) {
    assert_true(fabs(a - b) <= 1e-12 * fmax(1, fabs(b)));
}

/* Commits the database and reads it back. */
static void study_read(void **state, struct database *database, struct study_data *data) {
    struct err err;
    char path[SCRATCH_PATH_BYTES];
    struct database_reader *reader;
    MUST(database_commit(database, *state, NULL, &err));
    scratch_path(state, DATABASE_FILE, path);
    MUST(database_open(&reader, path, &err));
    MUST(study_data_read(data, reader, &err));
    database_close(reader);
}

static void test_curves_come_back_bin_by_bin(void **state) {
    const struct dose_bin bins[] = {bin_of("0", 1000, 20, 3.5), bin_of("1", 500, 0, 0)};
    const struct dose_bin weak[] = {bin_of("weak", 1500, 20, 3.5)};
    struct study_data data = {0};
    struct database *database;
    struct err err;
    MUST(database_new(&database, &err));
    doses_put(database, &table_dose_response, "log2", "all", "all", bins, 2);
    doses_put(database, &table_dose_response, "terciles", "all", "all", weak, 1);
    study_read(state, database, &data);
    const struct dose_curve *curve = &data.curves[CURVE_LOG2];
    assert_int_equal(curve->count, 2);
    assert_int_equal(data.curves[CURVE_TERCILES].count, 1);
    assert_int_equal(data.curves[CURVE_WIDTH20].count, 0);
    assert_string_equal(curve->bins[0].label, "0");
    assert_true(isnan(curve->bins[0].low));
    assert_close(curve->bins[0].at_risk, 1000);
    assert_close(curve->bins[0].rate, 0.02);
    assert_close(curve->bins[0].standard_error, bins[0].standard_error);
    assert_close(curve->bins[0].low_95, bins[0].low_95);
    assert_close(curve->bins[0].wilson_high, bins[0].wilson_high);
    assert_close(curve->bins[0].credit[CREDIT_EACH], 20);
    assert_close(curve->bins[0].credit[CREDIT_STRENGTH], 10);
    assert_close(curve->bins[0].expected, 3.5);
    assert_close(curve->bins[0].excess, 16.5);
    assert_close(curve->bins[0].pairs, 500);
    assert_close(curve->bins[0].unmatched, 3);
    assert_close(curve->bins[0].share, 0.25);
    assert_string_equal(curve->bins[1].label, "1");
    assert_close(dose_at_risk(curve), 1500);
    study_data_release(&data);
}

static void test_numbers_that_no_study_has_are_absent(void **state) {
    struct study_data data = {0};
    struct database *database;
    struct err err;
    MUST(database_new(&database, &err));
    total_put(database, "huge", 1e300);
    total_put(database, "low", -1e300);
    total_put(database, "ties", 12.5);
    study_read(state, database, &data);
    assert_true(isnan(study_total(&data, "huge")));
    assert_true(isnan(study_total(&data, "low")));
    assert_close(study_total(&data, "ties"), 12.5);
    study_data_release(&data);
}

static void test_rate_by_chance_needs_sides_at_risk(void **state) {
    (void)state;
    struct dose_bin bin = bin_of("0", 200, 5, 3);
    assert_close(dose_expected_rate(&bin), 0.015);
    bin.at_risk = 0;
    assert_true(isnan(dose_expected_rate(&bin)));
}

/* The greater industry first, all other kinds and values as the table has them. */
static void test_segments_keep_the_order_of_kinds_and_values(void **state) {
    const struct dose_bin small[] = {bin_of("0", 10, 1, 0), bin_of("1", 20, 1, 0)};
    const struct dose_bin large[] = {bin_of("0", 400, 1, 0)};
    static const char *const expected[][2] = {
        {"reach", "place"}, {"reach", "abroad"}, {"industry", "54"}, {"industry", "51"}};
    struct study_data data = {0};
    struct database *database;
    struct err err;
    MUST(database_new(&database, &err));
    doses_put(database, &table_segments, "log2", "reach", "place", small, 2);
    doses_put(database, &table_segments, "log2", "reach", "abroad", large, 1);
    doses_put(database, &table_segments, "log2", "industry", "51", small, 2);
    doses_put(database, &table_segments, "terciles", "industry", "51", large, 1);
    doses_put(database, &table_segments, "log2", "industry", "54", large, 1);
    study_read(state, database, &data);
    assert_int_equal(data.segment_count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(data.segments[i].kind, expected[i][0]);
        assert_string_equal(data.segments[i].value, expected[i][1]);
    }
    assert_int_equal(data.segments[3].curve.count, 2);
    assert_close(data.segments[3].at_risk, 30);
    study_data_release(&data);
}

static void test_names_are_found_and_what_is_not_there_is_absent(void **state) {
    struct study_data data = {0};
    struct database *database;
    struct err err;
    MUST(database_new(&database, &err));
    total_put(database, "ties", 12);
    setting_put(database, "preset", "gee2012", "the rules");
    quality_put(database, "positions", "read", 7);
    study_read(state, database, &data);
    assert_close(study_total(&data, "ties"), 12);
    assert_true(isnan(study_total(&data, "moves")));
    assert_string_equal(study_setting(&data, "preset"), "gee2012");
    assert_string_equal(study_setting(&data, "run_id"), "");
    assert_close(study_quality(&data, "positions", "read"), 7);
    assert_true(isnan(study_quality(&data, "positions", "late")));
    assert_close(data.revisions, 0);
    study_data_release(&data);
}

static void test_ids_of_experiments_are_unsigned(void **state) {
    const uint64_t experiment = UINT64_MAX;
    const uint64_t variant = 1;
    const uint64_t members = 5;
    const char *part = "outcome";
    const char *fact = "moves";
    const double share = 0.5;
    const double unknown = NAN;
    const union column_values columns[] = {
        {.u64 = &experiment}, {.u64 = &variant}, {.text = &part},  {.text = &fact},
        {.u64 = &members},    {.f64 = &share},   {.f64 = &share},  {.f64 = &unknown},
        {.f64 = &unknown},    {.f64 = &unknown}, {.f64 = &unknown}};
    struct study_data data = {0};
    struct database *database;
    struct err err;
    MUST(database_new(&database, &err));
    MUST(database_append(database, &table_arms, columns, 1, &err));
    study_read(state, database, &data);
    assert_int_equal(data.arm_count, 1);
    assert_string_equal(data.arms[0].experiment, "18446744073709551615");
    assert_true(isnan(data.arms[0].p));
    study_data_release(&data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_curves_come_back_bin_by_bin, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(test_numbers_that_no_study_has_are_absent, scratch_make,
                                        scratch_remove),
        cmocka_unit_test(test_rate_by_chance_needs_sides_at_risk),
        cmocka_unit_test_setup_teardown(test_segments_keep_the_order_of_kinds_and_values,
                                        scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(test_names_are_found_and_what_is_not_there_is_absent,
                                        scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(test_ids_of_experiments_are_unsigned, scratch_make,
                                        scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
