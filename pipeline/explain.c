/* `tieflow explain`: the stages of a run, and estimates of what it needs, before it runs.
 *
 * Records are estimated from a sample of each file. The figures per event, tie and member are those
 * of the data structures (stated in their headers) and of files measured on random ids, rounded up:
 * members are taken as half as many as the new ties, the worst that is likely, where the state does
 * not tell.
 */
#include "pipeline/survey.h"
#include "pipeline/verbs.h"

#include "schemas/version.h"
#include "stages/base/files.h"
#include "stages/base/number.h"
#include "stages/state/state.h"

#include <inttypes.h>
#include <string.h>

enum { SAMPLE_RECORDS = 65536 };

/* Bytes in memory. */
enum {
    ORDERED_EVENT_BYTES = 40, /* 32, and room that an array grows by */
    KERNEL_TIE_BYTES = 12,    /* rows 8, filter 1, batch 2.5 */
    MEMBER_BYTES = 56,        /* dictionary 8 + 4 to 8, row header 32, kernel scratch */
    FIXED_BYTES = 64 << 20,   /* buffers of files, frames and Parquet row groups */
};

/* Bytes on disk. */
enum {
    ADJACENCY_TIE_BYTES = 14,
    STORE_TIE_BYTES = 16,
    DICTIONARY_MEMBER_BYTES = 8,
    CSV_TIE_BYTES = 80,
    PARQUET_TIE_BYTES = 36,
};

struct estimate {
    uint64_t events;
    uint64_t members;
    uint64_t known_ties;
};

static struct status log_explain(const char *path, uint64_t bytes, struct progress *progress,
                                 struct estimate *estimate, struct err *err) {
    struct survey survey;
    char size[BYTES_TEXT_BYTES];
    TRY(survey_file(path, SAMPLE_RECORDS, progress, 0, &survey, err));
    uint64_t records = survey.records;
    if (!survey.is_whole && survey.stored_bytes != 0) {
        records = (uint64_t)((double)bytes / (double)survey.stored_bytes * (double)records);
    }
    bytes_format(bytes, size);
    printf("  %s: %s, %s, %s%" PRIu64 " records\n", path, log_format_name(survey.format), size,
           survey.is_whole ? "" : "about ", records);
    estimate->events += records;
    return status_ok();
}

static struct status state_explain(const struct options *options, struct estimate *estimate,
                                   struct err *err) {
    struct state state = {.lock = -1};
    struct generation newest = {0};
    if (options->state == NULL || !folder_exists(options->state)) {
        printf("  none: the run starts from an empty graph\n");
        return status_ok();
    }
    struct status status = state_open(&state, options->state, false, err);
    if (!failed(status) && state.date_count == 0) {
        printf("  empty\n");
    } else if (!failed(status)) {
        status = state_read(&state, state_newest(&state), &newest, err);
    }
    if (!failed(status) && state.date_count != 0) {
        char date[DATE_TEXT_BYTES];
        date_format(newest.date_ms, date);
        printf("  %zu generations, the newest of %s: %" PRIu64 " members, %" PRIu64 " open ties\n",
               state.date_count, date, newest.members, newest.open_ties);
        estimate->members = newest.members;
        estimate->known_ties = newest.open_ties;
    }
    generation_release(&newest);
    state_close(&state);
    return status;
}

static void stages_explain(const struct options *options) {
    printf("stages\n"
           "  source         %s\n"
           "  decode         CSV, NDJSON or packed frames, zstd or plain, told by content\n"
           "  order          one sequence, --simultaneous %s\n"
           "  dictionary     64-bit member ids to dense nodes\n"
           "  adjacency      arrival-order rows; duplicates and orphans found and counted\n"
           "  embeddedness   pivot kernel on %u threads\n",
           "the files below, in this order",
           simultaneous_name((enum simultaneous)options->simultaneous), options_threads(options));
    if (options->state != NULL) {
        printf("  state          %s: dictionary, portable Roaring bitmaps, tie segments\n",
               options->state);
    }
    printf("  sink           %s: ties, endings, late, quarantine, quality; %s\n",
           options->out == NULL ? "(no --out)" : options->out,
           options->format == NULL ? "both csv and parquet" : options->format);
}

static void line_print(const char *what, uint64_t bytes) {
    char text[BYTES_TEXT_BYTES];
    bytes_format(bytes, text);
    printf("  %-44s %s\n", what, text);
}

static void needs_explain(const struct options *options, const struct table_formats *formats,
                          const struct estimate *estimate) {
    uint64_t ties = estimate->known_ties + estimate->events;
    uint64_t members = estimate->members + estimate->events / 2;
    uint64_t rows = ties * KERNEL_TIE_BYTES;
    uint64_t ordered = estimate->events * ORDERED_EVENT_BYTES;
    printf("memory, at most about\n");
    line_print("events being ordered", ordered);
    line_print("rows, filter and batch", rows);
    line_print("members", members * MEMBER_BYTES);
    line_print("in all", rows + ordered + members * MEMBER_BYTES + FIXED_BYTES);
    printf("disk, at most about\n");
    if (options->state != NULL) {
        line_print("next generation", ties * ADJACENCY_TIE_BYTES +
                                          members * DICTIONARY_MEMBER_BYTES +
                                          estimate->events * STORE_TIE_BYTES);
    } else {
        line_print("ties on their way to the tables (removed)", estimate->events * STORE_TIE_BYTES);
    }
    if (formats->csv) {
        line_print("tables as CSV", estimate->events * CSV_TIE_BYTES);
    }
    if (formats->parquet) {
        line_print("tables as Parquet", estimate->events * PARQUET_TIE_BYTES);
    }
}

struct status verb_explain(const struct options *options, struct progress *progress,
                           struct err *err) {
    struct file_set logs = {0};
    struct table_formats formats;
    struct estimate estimate = {0};
    TRY(options_table_formats(options, &formats, err));
    struct status status = options_logs(options, &logs, err);
    if (!failed(status)) {
        printf("tieflow %s would run\n", TIEFLOW_VERSION);
        stages_explain(options);
        printf("logs\n");
    }
    for (size_t i = 0; i < logs.paths.count && !failed(status); i++) {
        status = log_explain(logs.paths.items[i], logs.bytes[i], progress, &estimate, err);
    }
    file_set_release(&logs);
    TRY(status);
    printf("state\n");
    TRY(state_explain(options, &estimate, err));
    needs_explain(options, &formats, &estimate);
    return status_ok();
}
