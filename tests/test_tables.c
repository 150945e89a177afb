#include "tests/testing.h"

#include "schemas/event.h"
#include "schemas/tables.h"
#include "schemas/tie.h"

#include <ctype.h>
#include <string.h>

static const struct table *const tables[] = {
    &table_ties,     &table_endings,       &table_late,          &table_quarantine,
    &table_quality,  &table_moves,         &table_transmissions, &table_attributions,
    &table_members,  &table_dose_response, &table_segments,      &table_arms,
    &table_placebos, &table_settings,      &table_totals,        &table_revisions,
};
enum { TABLES = sizeof tables / sizeof tables[0] };

/* Fits file systems, SQL and CSV without quotes. */
static void assert_plain_name(const char *name) {
    assert_non_null(name);
    assert_true(strlen(name) > 0);
    for (const char *c = name; *c != '\0'; c++) {
        bool plain =
            islower((unsigned char)*c) || *c == '_' || (c > name && isdigit((unsigned char)*c));
        if (!plain) {
            fail_msg("the name \"%s\" needs quotes somewhere", name);
        }
    }
}

/* `ties` has two shapes, the other one in the list. */
static void test_table_names_are_plain_and_unique(void **state) {
    (void)state;
    for (size_t i = 0; i < TABLES; i++) {
        assert_plain_name(tables[i]->name);
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(tables[i]->name, tables[j]->name);
        }
    }
}

static void assert_table_has_plain_columns(const struct table *table) {
    for (size_t j = 0; j < table->column_count; j++) {
        assert_plain_name(table->columns[j].name);
        for (size_t k = 0; k < j; k++) {
            assert_string_not_equal(table->columns[j].name, table->columns[k].name);
        }
    }
}

static void test_column_names_are_plain_and_unique_within_their_table(void **state) {
    (void)state;
    for (size_t i = 0; i < TABLES; i++) {
        assert_table_has_plain_columns(tables[i]);
    }
}

static void test_every_table_has_columns_and_no_more_than_the_limit(void **state) {
    (void)state;
    for (size_t i = 0; i < TABLES; i++) {
        assert_in_range(tables[i]->column_count, 1, TABLE_COLUMNS_MAX);
    }
}

static void test_no_counts_and_flags_can_be_null(void **state) {
    (void)state;
    for (size_t i = 0; i < TABLES; i++) {
        for (size_t j = 0; j < tables[i]->column_count; j++) {
            const struct column *column = &tables[i]->columns[j];
            assert_in_range(column->type, COLUMN_U64, COLUMN_BOOL);
            if (column->nullable && (column->type == COLUMN_U32 || column->type == COLUMN_BOOL)) {
                fail_msg("%s.%s has no value for a null", tables[i]->name, column->name);
            }
        }
    }
}

static void test_null_is_the_end_of_a_tie_that_lasts(void **state) {
    (void)state;
    assert_int_equal(COLUMN_TIME_NULL, TIE_OPEN_MS);
    assert_false(event_time_is_valid(COLUMN_TIME_NULL));
}

/* The command line's contract: readers find columns by place. */
static void test_ties_have_their_columns_in_the_published_order(void **state) {
    (void)state;
    static const struct column expected[] = {
        {"from", COLUMN_U64, false},           {"to", COLUMN_U64, false},
        {"created_at", COLUMN_TIME_MS, false}, {"ended_at", COLUMN_TIME_MS, true},
        {"mutual", COLUMN_U32, false},         {"degree_from", COLUMN_U32, false},
        {"degree_to", COLUMN_U32, false},      {"union", COLUMN_U64, false},
        {"strength", COLUMN_F64, false},
    };
    assert_int_equal(table_ties.column_count, sizeof expected / sizeof expected[0]);
    for (size_t i = 0; i < table_ties.column_count; i++) {
        assert_string_equal(table_ties.columns[i].name, expected[i].name);
        assert_int_equal(table_ties.columns[i].type, expected[i].type);
        assert_int_equal(table_ties.columns[i].nullable, expected[i].nullable);
    }
}

static void test_ties_of_a_study_begin_as_ties_and_are_no_stream(void **state) {
    (void)state;
    const struct table *more = &table_ties_of_study;
    assert_string_equal(more->name, table_ties.name);
    assert_in_range(more->column_count, table_ties.column_count + 1, TABLE_COLUMNS_MAX);
    for (size_t i = 0; i < table_ties.column_count; i++) {
        assert_string_equal(more->columns[i].name, table_ties.columns[i].name);
        assert_int_equal(more->columns[i].type, table_ties.columns[i].type);
        assert_int_equal(more->columns[i].nullable, table_ties.columns[i].nullable);
    }
    assert_table_has_plain_columns(more);
    assert_true(more->is_cumulative);
    assert_false(table_ties.is_cumulative);
}

/* Kafka gets what a date adds, never what is made anew every night. */
static void test_tables_of_an_attribution_are_cumulative_and_no_others(void **state) {
    (void)state;
    enum { STREAMS = 5 };
    for (size_t i = 0; i < TABLES; i++) {
        assert_int_equal(tables[i]->is_cumulative, i >= STREAMS);
    }
}

/* One reads the other's rows. */
static void test_segments_have_the_columns_of_the_whole(void **state) {
    (void)state;
    assert_ptr_equal(table_segments.columns, table_dose_response.columns);
    assert_int_equal(table_segments.column_count, table_dose_response.column_count);
}

static void test_quality_is_log_check_count(void **state) {
    (void)state;
    assert_int_equal(table_quality.column_count, 3);
    assert_string_equal(table_quality.columns[0].name, "log");
    assert_string_equal(table_quality.columns[1].name, "check");
    assert_string_equal(table_quality.columns[2].name, "count");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_names_are_plain_and_unique),
        cmocka_unit_test(test_column_names_are_plain_and_unique_within_their_table),
        cmocka_unit_test(test_every_table_has_columns_and_no_more_than_the_limit),
        cmocka_unit_test(test_no_counts_and_flags_can_be_null),
        cmocka_unit_test(test_null_is_the_end_of_a_tie_that_lasts),
        cmocka_unit_test(test_ties_have_their_columns_in_the_published_order),
        cmocka_unit_test(test_ties_of_a_study_begin_as_ties_and_are_no_stream),
        cmocka_unit_test(test_tables_of_an_attribution_are_cumulative_and_no_others),
        cmocka_unit_test(test_segments_have_the_columns_of_the_whole),
        cmocka_unit_test(test_quality_is_log_check_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
