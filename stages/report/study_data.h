/* What the report shows of a study, read from its database.
 *
 * Counts are doubles: exact up to 2^53. What is absent is NAN or "". Numbers that no study can have
 * (infinite, or above 1e30) are taken as absent, so that sums and products of them stay finite.
 */
#ifndef TIEFLOW_STAGES_REPORT_STUDY_DATA_H
#define TIEFLOW_STAGES_REPORT_STUDY_DATA_H

#include "schemas/settings.h"
#include "schemas/status.h"
#include "stages/base/files.h"
#include "stages/sink/database.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One bin of one measure: a row of dose_response or segments. */
struct dose_bin {
    const char *label;
    double low; /* least and greatest value in the bin; NAN: none, without bound */
    double high;
    double sides;
    double at_risk;
    double exposure_ms;
    double transmitting;
    double transmissions;
    double rate;
    double wilson_low;
    double wilson_high;
    double standard_error; /* clustered on movers, as are the next two */
    double low_95;
    double high_95;
    double credit[CREDIT_RULES];
    double expected; /* transmissions by chance */
    double excess;
    double pairs;
    double unmatched;
    double share; /* of all transmissions */
};

struct dose_curve {
    struct dose_bin *bins;
    size_t count;
};

/* The curves that the report draws; the database has the exact one as well. */
enum report_curve {
    CURVE_LOG2,
    CURVE_TERCILES,
    CURVE_THRESHOLD,
    CURVE_WIDTH20,
    CURVE_STRENGTH,
    CURVE_INTENSITY,
    REPORT_CURVES,
};

/* The log2 curve of one segment. Values of a kind follow each other in the table's order;
 * industries begin with the one that has the most sides at risk. */
struct segment_value {
    const char *kind;
    const char *value;
    double at_risk;
    struct dose_curve curve;
};

struct total_row {
    const char *name;
    double value;
};

struct setting_row {
    const char *name;
    const char *value;
    const char *meaning;
};

struct quality_count {
    const char *log;
    const char *check;
    double count;
};

struct arm_mean {
    const char *experiment;
    const char *variant;
    const char *part;
    const char *fact;
    double members;
    double share;
    double mean;
    double difference;
    double standard_error;
    double p;
};

struct placebo_bin {
    const char *placebo;
    const char *label;
    double pairs;
    double transmissions;
    double placebo_transmissions;
};

/* Lists of rows in the tables' order; at most LIMIT_STUDY_ROWS of each are read. */
struct study_data {
    struct names texts; /* owns every text */
    uint64_t text_bytes;
    struct dose_curve curves[REPORT_CURVES];
    struct segment_value *segments;
    size_t segment_count;
    struct total_row *totals;
    size_t total_count;
    struct setting_row *settings;
    size_t setting_count;
    struct quality_count *quality;
    size_t quality_count;
    struct arm_mean *arms;
    size_t arm_count;
    struct placebo_bin *placebos;
    size_t placebo_count;
    double revisions; /* rows of that table */
};

/* Zero-initialise; release in any case. */
FALLIBLE study_data_read(struct study_data *data, struct database_reader *reader, struct err *err);
void study_data_release(struct study_data *data);

/* Transmissions by chance per side at risk; NAN where no side is. */
double dose_expected_rate(const struct dose_bin *bin);

/* Sides at risk in all bins. */
double dose_at_risk(const struct dose_curve *curve);

/* NAN where there is none of the name. */
double study_total(const struct study_data *data, const char *name);
/* "" where there is none of the name. */
const char *study_setting(const struct study_data *data, const char *name);
double study_quality(const struct study_data *data, const char *log, const char *check);

#endif
