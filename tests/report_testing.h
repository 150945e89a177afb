/* Studies for the tests of the report: curves from a few numbers, and a database of them. */
#ifndef TIEFLOW_TESTS_REPORT_TESTING_H
#define TIEFLOW_TESTS_REPORT_TESTING_H

#include "tests/testing.h"

#include "stages/report/study_data.h"
#include "stages/sink/database.h"

#include <math.h>
#include <string.h>

/* A bin with so many sides at risk, of which so many transmitted; the errors are those of
 * independent sides. */
static inline struct dose_bin bin_of(const char *label, double at_risk, double transmitting,
                                     double expected) {
    double z = 1.959963984540054;
    double rate = at_risk > 0 ? transmitting / at_risk : NAN;
    double error = sqrt(rate * (1 - rate) / at_risk);
    double middle = (rate + z * z / (2 * at_risk)) / (1 + z * z / at_risk);
    double half = z / (1 + z * z / at_risk) *
                  sqrt(rate * (1 - rate) / at_risk + z * z / (4 * at_risk * at_risk));
    return (struct dose_bin){
        .label = label,
        .low = NAN,
        .high = NAN,
        .sides = at_risk + 1,
        .at_risk = at_risk,
        .exposure_ms = at_risk * 1e10,
        .transmitting = transmitting,
        .transmissions = transmitting,
        .rate = rate,
        .wilson_low = middle - half,
        .wilson_high = middle + half,
        .standard_error = error,
        .low_95 = fmax(0, rate - z * error),
        .high_95 = fmin(1, rate + z * error),
        .credit = {transmitting, transmitting / 2, transmitting / 2, transmitting / 2},
        .expected = expected,
        .excess = transmitting - expected,
        .pairs = at_risk / 2,
        .unmatched = 3,
        .share = 0.25,
    };
}

/* Appends the bins as rows of a measure to one of the two tables of doses. */
static inline void doses_put(struct database *database, const struct table *table,
                             const char *measure, const char *segment, const char *value,
                             const struct dose_bin *bins, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const struct dose_bin *bin = &bins[i];
        const uint32_t place = (uint32_t)i;
        const uint64_t counts[] = {(uint64_t)bin->sides,        (uint64_t)bin->at_risk,
                                   (uint64_t)bin->transmitting, (uint64_t)bin->transmissions,
                                   (uint64_t)bin->pairs,        (uint64_t)bin->unmatched};
        const union column_values columns[] = {
            {.text = &measure},         {.u32 = &place},
            {.text = &bin->label},      {.f64 = &bin->low},
            {.f64 = &bin->high},        {.text = &segment},
            {.text = &value},           {.u64 = &counts[0]},
            {.u64 = &counts[1]},        {.f64 = &bin->exposure_ms},
            {.u64 = &counts[2]},        {.u64 = &counts[3]},
            {.f64 = &bin->rate},        {.f64 = &bin->wilson_low},
            {.f64 = &bin->wilson_high}, {.f64 = &bin->standard_error},
            {.f64 = &bin->low_95},      {.f64 = &bin->high_95},
            {.f64 = &bin->credit[0]},   {.f64 = &bin->credit[1]},
            {.f64 = &bin->credit[2]},   {.f64 = &bin->credit[3]},
            {.f64 = &bin->expected},    {.f64 = &bin->excess},
            {.u64 = &counts[4]},        {.u64 = &counts[5]},
            {.u64 = &counts[5]},        {.f64 = &bin->share},
        };
        struct err err;
        assert_int_equal(table->column_count, sizeof columns / sizeof columns[0]);
        MUST(database_append(database, table, columns, 1, &err));
    }
}

static inline void total_put(struct database *database, const char *name, double value) {
    struct err err;
    const union column_values columns[] = {{.text = &name}, {.f64 = &value}};
    MUST(database_append(database, &table_totals, columns, 1, &err));
}

static inline void setting_put(struct database *database, const char *name, const char *value,
                               const char *meaning) {
    struct err err;
    const union column_values columns[] = {{.text = &name}, {.text = &value}, {.text = &meaning}};
    MUST(database_append(database, &table_settings, columns, 1, &err));
}

static inline void quality_put(struct database *database, const char *log, const char *check,
                               uint64_t count) {
    struct err err;
    const union column_values columns[] = {{.text = &log}, {.text = &check}, {.u64 = &count}};
    MUST(database_append(database, &table_quality, columns, 1, &err));
}

#endif
