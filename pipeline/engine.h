/* The run itself: ordered events through adjacency and embeddedness to published tables, period by
 * period, and to tie segments where they are read again: by the state, or by more tables.
 *
 *   tape -> [batch: census, rows, kernel] -> replay -> emit -> close periods
 *
 * The tables `ties` and `endings` of a period are open while it is replayed. When a tie ends is
 * told by an index of the tape's disconnects, which stands from the first replay on.
 *
 * All events are one batch, whatever they span, unless pairs flicker (batch_series.h); neither
 * batches nor memory show in any output.
 */
#ifndef TIEFLOW_PIPELINE_ENGINE_H
#define TIEFLOW_PIPELINE_ENGINE_H

#include "pipeline/ingest.h"
#include "pipeline/memory.h"
#include "pipeline/publish.h"
#include "schemas/status.h"
#include "stages/embeddedness/batch.h"
#include "stages/embeddedness/kernel_set.h"
#include "stages/state/state.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where by-date tables wait for the state's commit: "TABLE_FOLDER/.staging-DATE". */

struct engine_job {
    struct ingest *ingest; /* all files taken; its facts are completed here */
    /* As of the moment before the first period; brought up to date. Its dictionary has numbered the
     * members of the ingest. */
    struct graph *graph;
    struct progress *progress;
    struct table_formats formats;
    unsigned threads;
    enum kernel_set kernel;
    struct memory_shares memory;
    const char *scratch_folder;
    const struct batch_base *base;   /* the graph before the first period; NULL: an empty one */
    uint64_t base_entries;           /* at most so many neighbours come from it */
    const struct batch_after *after; /* who reads the rows after the last period; NULL: nobody */
    bool keeps_rows;                 /* and they are kept in graph->rows, for a study */
    uint64_t previous_run_id;
    /* Where tie segments go: "ties-DATE.tff" per day, "ties.tff" for a run that is not by date and
     * has more tables. */
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
