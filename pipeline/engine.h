/* The run itself: ordered events through dictionary, adjacency and embeddedness to tie segments and
 * published tables, period by period, in one pass.
 *
 *   order -> [stage a batch] -> adjacency_apply -> embeddedness_compute -> emit -> close periods
 *
 * A batch may span many periods (a backfill of years is a few large batches) and a period many
 * batches; neither shows in any output.
 */
#ifndef TIEFLOW_PIPELINE_ENGINE_H
#define TIEFLOW_PIPELINE_ENGINE_H

#include "pipeline/ingest.h"
#include "pipeline/publish.h"
#include "schemas/status.h"
#include "stages/state/state.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where by-date tables wait for the state's commit: "TABLE_FOLDER/.staging-DATE". */

struct engine_job {
    struct ingest *ingest; /* all files taken; its facts are completed here */
    struct graph *graph;   /* as of the moment before the first period; brought up to date */
    struct progress *progress;
    struct table_formats formats;
    size_t batch_events; /* 0: chosen by the size of the graph */
    unsigned threads;
    uint64_t previous_run_id;
    /* Where tie segments go: "ties-DATE.tff" per day, "ties.tff" for a run that is not by date. */
    const char *segment_folder;
    /* Where tables go: by day into "TABLE_FOLDER/STAGING_PREFIX<date>", else into the folder. */
    const char *table_folder;
    const char *staging_prefix;
    enum letters_place letters;
    const struct extent *extents; /* for the manifests */
    size_t extent_count;
    const struct more_tables *more; /* for the folder of the last period; NULL: none */
    /* Filled: one per day (file.name is the base name, owned), and what the run made in all. */
    struct segment *segments;
    struct histogram made;
};

/* Runs the job. `segments` and `made` must be released by the caller whatever happens. */
FALLIBLE engine_run(struct engine_job *job, struct err *err);
void engine_job_release(struct engine_job *job);

/* "PREFIX2026-01-31SUFFIX" in new memory; the prefix alone for runs that are not by date. */
FALLIBLE period_name(const struct periods *periods, size_t index, const char *prefix,
                     const char *suffix, char **name, struct err *err);

#endif
