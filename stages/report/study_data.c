/* One query per list, in the order in which the report shows it. Texts are kept once per row: a
 * report has thousands of them, not millions.
 */
#include "stages/report/study_data.h"

#include "schemas/limits.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void study_data_release(struct study_data *data) {
    for (size_t i = 0; i < REPORT_CURVES; i++) {
        free(data->curves[i].bins);
    }
    for (size_t i = 0; i < data->segment_count; i++) {
        free(data->segments[i].curve.bins);
    }
    free(data->segments);
    free(data->totals);
    free(data->settings);
    free(data->quality);
    free(data->arms);
    free(data->placebos);
    names_release(&data->texts);
}

/* Makes room for item `count` of a list; its storage is zeroed. Lists grow by doubling. */
static struct status list_grow(void **list, size_t count, size_t item_bytes, struct err *err) {
    if ((count & (count - 1)) == 0) { /* 0 or a power of two: what there was room for is full */
        size_t capacity = count == 0 ? 1 : 2 * count;
        void *grown = realloc(*list, capacity * item_bytes);
        if (grown == NULL) {
            return err_memory(err, capacity * item_bytes, "the report");
        }
        *list = grown;
    }
    assert(*list != NULL);
    memset((char *)*list + count * item_bytes, 0, item_bytes);
    return status_ok();
}

/* A copy of the cell's text that lives as long as the data. */
static struct status keep_text(struct study_data *data, const struct database_row *row,
                               size_t column, const char **text, struct err *err) {
    const char *cell = database_text(row, column);
    data->text_bytes += strlen(cell);
    if (data->text_bytes > LIMIT_STUDY_TEXT_BYTES) {
        return err_set(err, FAILURE_DATA,
                       "the texts of the study take more than %u bytes: no study has as many",
                       LIMIT_STUDY_TEXT_BYTES);
    }
    TRY(names_add(&data->texts, cell, err));
    *text = data->texts.items[data->texts.count - 1];
    return status_ok();
}

/* NAN for what no study can have. */
static double plausible(double value) {
    return fabs(value) <= 1e30 ? value : NAN;
}

static double number_of(const struct database_row *row, size_t column) {
    return plausible(database_f64(row, column));
}

static struct status curve_add(struct study_data *data, struct dose_curve *curve,
                               const struct database_row *row, size_t first, struct err *err) {
    void *bins = curve->bins;
    TRY(list_grow(&bins, curve->count, sizeof *curve->bins, err));
    curve->bins = bins;
    struct dose_bin *bin = &curve->bins[curve->count];
    TRY(keep_text(data, row, first, &bin->label, err));
    double *const numbers[] = {
        &bin->low,
        &bin->high,
        &bin->sides,
        &bin->at_risk,
        &bin->exposure_ms,
        &bin->transmitting,
        &bin->transmissions,
        &bin->rate,
        &bin->wilson_low,
        &bin->wilson_high,
        &bin->standard_error,
        &bin->low_95,
        &bin->high_95,
        &bin->credit[CREDIT_EACH],
        &bin->credit[CREDIT_EQUAL],
        &bin->credit[CREDIT_LAST],
        &bin->credit[CREDIT_STRENGTH],
        &bin->expected,
        &bin->excess,
        &bin->pairs,
        &bin->unmatched,
        &bin->share,
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        *numbers[i] = number_of(row, first + 1 + i);
    }
    curve->count++;
    return status_ok();
}

#define DOSE_COLUMNS                                                                               \
    "label, low, high, sides, at_risk, exposure_ms, transmitting, transmissions, rate,"            \
    " wilson_low, wilson_high, standard_error, low_95, high_95, credit_each, credit_equal, "       \
    "credit_last,"                                                                                 \
    " credit_strength, expected, excess, pairs, unmatched, share"

/* What a visitor needs besides the row. */
struct reading {
    struct study_data *data;
    struct dose_curve *curve;
};

static struct status dose_visit(void *context, const struct database_row *row, struct err *err) {
    const struct reading *reading = context;
    return curve_add(reading->data, reading->curve, row, 0, err);
}

static struct status segment_visit(void *context, const struct database_row *row, struct err *err) {
    struct study_data *data = ((const struct reading *)context)->data;
    const char *kind = database_text(row, 0);
    const struct segment_value *last =
        data->segment_count == 0 ? NULL : &data->segments[data->segment_count - 1];
    bool is_new = last == NULL || strcmp(last->kind, kind) != 0 ||
                  strcmp(last->value, database_text(row, 1)) != 0;
    if (is_new) {
        void *segments = data->segments;
        TRY(list_grow(&segments, data->segment_count, sizeof *data->segments, err));
        data->segments = segments;
        struct segment_value *added = &data->segments[data->segment_count];
        TRY(keep_text(data, row, 0, &added->kind, err));
        TRY(keep_text(data, row, 1, &added->value, err));
        added->at_risk = number_of(row, 2);
        data->segment_count++;
    }
    return curve_add(data, &data->segments[data->segment_count - 1].curve, row, 3, err);
}

static struct status total_visit(void *context, const struct database_row *row, struct err *err) {
    struct study_data *data = ((const struct reading *)context)->data;
    void *list = data->totals;
    TRY(list_grow(&list, data->total_count, sizeof *data->totals, err));
    data->totals = list;
    struct total_row *total = &data->totals[data->total_count];
    TRY(keep_text(data, row, 0, &total->name, err));
    total->value = number_of(row, 1);
    data->total_count++;
    return status_ok();
}

static struct status setting_visit(void *context, const struct database_row *row, struct err *err) {
    struct study_data *data = ((const struct reading *)context)->data;
    void *list = data->settings;
    TRY(list_grow(&list, data->setting_count, sizeof *data->settings, err));
    data->settings = list;
    struct setting_row *setting = &data->settings[data->setting_count];
    TRY(keep_text(data, row, 0, &setting->name, err));
    TRY(keep_text(data, row, 1, &setting->value, err));
    TRY(keep_text(data, row, 2, &setting->meaning, err));
    data->setting_count++;
    return status_ok();
}

static struct status quality_visit(void *context, const struct database_row *row, struct err *err) {
    struct study_data *data = ((const struct reading *)context)->data;
    void *list = data->quality;
    TRY(list_grow(&list, data->quality_count, sizeof *data->quality, err));
    data->quality = list;
    struct quality_count *quality = &data->quality[data->quality_count];
    TRY(keep_text(data, row, 0, &quality->log, err));
    TRY(keep_text(data, row, 1, &quality->check, err));
    quality->count = number_of(row, 2);
    data->quality_count++;
    return status_ok();
}

static struct status arm_visit(void *context, const struct database_row *row, struct err *err) {
    struct study_data *data = ((const struct reading *)context)->data;
    void *list = data->arms;
    TRY(list_grow(&list, data->arm_count, sizeof *data->arms, err));
    data->arms = list;
    struct arm_mean *arm = &data->arms[data->arm_count];
    TRY(keep_text(data, row, 0, &arm->experiment, err));
    TRY(keep_text(data, row, 1, &arm->variant, err));
    TRY(keep_text(data, row, 2, &arm->part, err));
    TRY(keep_text(data, row, 3, &arm->fact, err));
    arm->members = number_of(row, 4);
    arm->share = number_of(row, 5);
    arm->mean = number_of(row, 6);
    arm->difference = number_of(row, 7);
    arm->standard_error = number_of(row, 8);
    arm->p = number_of(row, 9);
    data->arm_count++;
    return status_ok();
}

static struct status placebo_visit(void *context, const struct database_row *row, struct err *err) {
    struct study_data *data = ((const struct reading *)context)->data;
    void *list = data->placebos;
    TRY(list_grow(&list, data->placebo_count, sizeof *data->placebos, err));
    data->placebos = list;
    struct placebo_bin *bin = &data->placebos[data->placebo_count];
    TRY(keep_text(data, row, 0, &bin->placebo, err));
    TRY(keep_text(data, row, 1, &bin->label, err));
    bin->pairs = number_of(row, 2);
    bin->transmissions = number_of(row, 3);
    bin->placebo_transmissions = number_of(row, 4);
    data->placebo_count++;
    return status_ok();
}

static struct status revisions_visit(void *context, const struct database_row *row,
                                     struct err *err) {
    (void)err;
    ((const struct reading *)context)->data->revisions = number_of(row, 0);
    return status_ok();
}

#define AT_MOST " LIMIT 100000"
_Static_assert(LIMIT_STUDY_ROWS == 100000, "the number in AT_MOST");

static struct status lists_read(struct reading *reading, struct database_reader *reader,
                                struct err *err) {
    static const struct {
        const char *sql;
        database_visit visit;
    } lists[] = {
        {"SELECT segment, value,"
         " sum(at_risk) OVER (PARTITION BY segment, value) AS n, " DOSE_COLUMNS
         " FROM segments WHERE measure = 'log2' AND segment <> 'all'"
         " ORDER BY min(rowid) OVER (PARTITION BY segment),"
         " CASE segment WHEN 'industry' THEN -sum(at_risk) OVER (PARTITION BY segment, value) END,"
         " min(rowid) OVER (PARTITION BY segment, value), bin" AT_MOST,
         segment_visit},
        {"SELECT name, value FROM totals" AT_MOST, total_visit},
        {"SELECT name, value, meaning FROM settings" AT_MOST, setting_visit},
        {"SELECT log, \"check\", \"count\" FROM quality" AT_MOST, quality_visit},
        {"SELECT printf('%u', experiment), printf('%u', variant), part, fact, members, share, mean,"
         " difference, standard_error, p FROM arms" AT_MOST,
         arm_visit},
        {"SELECT placebo, label, pairs, transmissions, placebo_transmissions FROM placebos"
         " WHERE measure = 'terciles' ORDER BY placebo, bin" AT_MOST,
         placebo_visit},
        {"SELECT count(*) FROM revisions", revisions_visit},
    };
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        TRY(database_query(reader, lists[i].sql, NULL, 0, lists[i].visit, reading, err));
    }
    return status_ok();
}

struct status study_data_read(struct study_data *data, struct database_reader *reader,
                              struct err *err) {
    static const char *const measures[REPORT_CURVES] = {"log2",    "terciles", "threshold",
                                                        "width20", "strength", "intensity"};
    struct reading reading = {.data = data};
    for (size_t i = 0; i < REPORT_CURVES; i++) {
        reading.curve = &data->curves[i];
        TRY(database_query(reader,
                           "SELECT " DOSE_COLUMNS " FROM dose_response"
                           " WHERE measure = ?1 AND segment = 'all' ORDER BY bin" AT_MOST,
                           &measures[i], 1, dose_visit, &reading, err));
    }
    return lists_read(&reading, reader, err);
}

double dose_expected_rate(const struct dose_bin *bin) {
    return bin->at_risk > 0 ? plausible(bin->expected / bin->at_risk) : NAN;
}

double dose_at_risk(const struct dose_curve *curve) {
    double sum = 0;
    for (size_t i = 0; i < curve->count; i++) {
        sum += isnan(curve->bins[i].at_risk) ? 0 : curve->bins[i].at_risk;
    }
    return sum;
}

double study_total(const struct study_data *data, const char *name) {
    for (size_t i = 0; i < data->total_count; i++) {
        if (strcmp(data->totals[i].name, name) == 0) {
            return data->totals[i].value;
        }
    }
    return NAN;
}

const char *study_setting(const struct study_data *data, const char *name) {
    for (size_t i = 0; i < data->setting_count; i++) {
        if (strcmp(data->settings[i].name, name) == 0) {
            return data->settings[i].value;
        }
    }
    return "";
}

double study_quality(const struct study_data *data, const char *log, const char *check) {
    for (size_t i = 0; i < data->quality_count; i++) {
        if (strcmp(data->quality[i].log, log) == 0 && strcmp(data->quality[i].check, check) == 0) {
            return data->quality[i].count;
        }
    }
    return NAN;
}
