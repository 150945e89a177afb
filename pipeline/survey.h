/* A look at logs without a run: what they hold, for `check` (all of it) and `explain` (a sample).
 */
#ifndef TIEFLOW_PIPELINE_SURVEY_H
#define TIEFLOW_PIPELINE_SURVEY_H

#include "pipeline/progress.h"
#include "schemas/status.h"
#include "stages/decode/log_reader.h"
#include "stages/source/file_set.h"

#include <stdbool.h>
#include <stdint.h>

/* Events that members are told apart in, and bits for it. */
enum { SURVEY_SAMPLE_EVENTS = 65536, SURVEY_SKETCH_BITS = 1 << 20 };

/* What was seen of one file. */
struct survey {
    enum log_format format;
    uint64_t records;
    uint64_t events;
    uint64_t disconnects; /* of the events */
    uint64_t malformed;
    uint64_t stored_bytes; /* read to see that many records */
    bool is_whole;         /* the file was read to its end */
    bool has_range;
    int64_t first_ms;
    int64_t last_ms;
    uint64_t first_malformed_line;
    char first_reason[MALFORMED_REASON_BYTES];
    uint64_t sketch[SURVEY_SKETCH_BITS / 64]; /* a bit per hash of a member of the sample */
};

/* Reads up to `records_max` records of a file. Damage to the file is an error; malformed records
 * are counted. `bytes_before` is where the progress bar stands. */
FALLIBLE survey_file(const char *path, uint64_t records_max, struct progress *progress,
                     uint64_t bytes_before, struct survey *survey, struct err *err);

/* How many members the log is likely to have: about those of the sample, and, where that is not all
 * of the log, twice as many more as members that come again in it let expect. */
uint64_t survey_members(const struct survey *survey);

/* Counts what was read of a log. */
void survey_events(struct survey *survey, const struct event *events, size_t count);
void survey_malformed(struct survey *survey, const struct malformed *malformed);

/* Widens [*first_ms, *last_ms] by the survey's range; *any tells whether there is one yet. */
void survey_widen(const struct survey *survey, int64_t *first_ms, int64_t *last_ms, bool *any);

#endif
