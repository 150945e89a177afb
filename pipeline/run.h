/* What the computing verbs share: `ties` over whole logs (run.c), `run` and `backfill` by date
 * (nights.c).
 *
 * Lifecycle: fill `options` and `progress`, run_prepare, run_begin, run_ingest, run_compute,
 * run_report; run_release in any case.
 */
#ifndef TIEFLOW_PIPELINE_RUN_H
#define TIEFLOW_PIPELINE_RUN_H

#include "pipeline/engine.h"
#include "pipeline/ingest.h"
#include "pipeline/options.h"
#include "pipeline/progress.h"
#include "pipeline/publish.h"
#include "pipeline/topic.h"
#include "schemas/status.h"
#include "stages/source/file_set.h"
#include "stages/state/state.h"

#include <stddef.h>
#include <stdint.h>

/* Folders of tables on their way: of new dates in the making; of new dates that are whole and
 * durable, whose names the next run completes once the state has the date; and of repeats and of
 * `ties`. The first and the last are of no use unless their run completes. */
extern const char run_making_prefix[];
extern const char run_staging_prefix[];
extern const char run_repeat_prefix[];

struct run {
    const struct options *options;
    struct progress *progress;
    struct file_set logs;
    struct topic topic; /* with --brokers, in place of files */
    struct log_reader_options reader;
    struct ingest ingest;
    struct graph graph;            /* loaded before run_ingest, where there is a state */
    const struct batch_base *base; /* these three as in struct engine_job */
    uint64_t base_entries;
    const struct batch_after *after;
    struct engine_job job;
    struct table_formats formats;
    const char *staging_prefix; /* of the folders that tables are staged in */
    enum letters_place letters;
    const struct more_tables *more; /* beside those of the last period; NULL: none */
};

void run_release(struct run *run);

/* Looks at the options and finds the log files. */
FALLIBLE run_prepare(struct run *run, struct err *err);

/* What is done once it is sure that the run may go on: with the state locked, so that no other run
 * moves on from what is pinned here. Connects, and makes the output folder. */
FALLIBLE run_begin(struct run *run, struct err *err);

/* Reads the logs for the periods. */
FALLIBLE run_ingest(struct run *run, struct periods periods, const struct generation *previous,
                    const struct generation *repeated, struct err *err);

/* Computes and writes tables below `table_folder`. Segments go to `segment_folder`. */
FALLIBLE run_compute(struct run *run, const char *segment_folder, const char *table_folder,
                     const struct extent *extents, size_t extent_count, uint64_t previous_run_id,
                     struct err *err);

/* A run that is not by date: prepares and begins it, calls `compute` with the path of an empty
 * folder (named `name`, in the output folder), and moves what was made there into the output
 * folder, in place of an earlier run's tables. */
typedef struct status (*run_compute_staged)(void *context, const char *staging, struct err *err);
FALLIBLE run_staged(struct run *run, const char *name, run_compute_staged compute, void *context,
                    struct err *err);

/* The same without a log: what follows the begin. The output folder exists. */
FALLIBLE tables_staged(const char *out, const char *name, run_compute_staged compute, void *context,
                       struct err *err);

/* A few lines for a person, or one JSON object, on standard output. */
void run_report(const struct run *run, const char *where);

#endif
