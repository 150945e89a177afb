/* The tables of one period, and the manifest beside them.
 *
 * A published folder holds ties, endings, late, quarantine and quality, as CSV and Parquet, and
 * manifest.json: row counts, sizes and checksums of the files, settings, quality, a summary, and
 * which logs were read how far. Nothing in it depends on clocks, threads or batches.
 */
#ifndef TIEFLOW_PIPELINE_PUBLISH_H
#define TIEFLOW_PIPELINE_PUBLISH_H

#include "pipeline/ingest.h"
#include "schemas/status.h"
#include "stages/dictionary/dictionary.h"
#include "stages/sink/table_writer.h"
#include "stages/tie_store/ending_index.h"
#include "stages/tie_store/histogram.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which files are written; at least one of the first two. */
struct table_formats {
    bool csv;
    bool parquet;
    bool outbox; /* for by-date runs: what Kafka is to get. It goes away once Kafka has it, so the
                  * manifest does not speak of it */
};

/* Where the original bytes of records that could not be read go. */
enum letters_place {
    LETTERS_NOWHERE, /* a file's records are in the file; a repeated date's have gone already */
    LETTERS_FILE,    /* dead_letters.ndjson, one of the published files where there are any */
    LETTERS_OUTBOX,
};

struct publication {
    const char *folder; /* exists; files are written into it */
    struct table_formats formats;
    enum simultaneous simultaneous;
    const char *date; /* NULL for a run that is not by date */
    int64_t as_of_ms; /* last instant covered, for by-date runs; else of the newest event */
    bool has_as_of;   /* false for an empty log */
    uint64_t run_id;
    const struct dictionary *dictionary;
    const struct quality *quality;
    const struct histogram *made;   /* mutual counts of the period's ties */
    const struct histogram *cohort; /* of all ties up to the period's end */
    struct progress *progress;
};

/* Writes `ties` from the tie segment `path` with the endings in `endings` (finished; those of the
 * period, or of the whole history), whose ties are numbered as in the segment. */
struct ties_source {
    const char *const *paths; /* tie segments, in order */
    size_t path_count;
    uint64_t tie_count; /* for the progress bar */
    const struct ending_index *endings;
};

/* The rows of the small tables; borrowed. */
struct small_tables {
    const struct tie_ending *endings; /* in log order */
    size_t ending_count;
    struct order *late; /* finished; consumed. NULL for none */
    const struct quarantined *quarantine;
    size_t quarantine_count;
    enum letters_place letters;
    const char *topic;            /* that they are from; NULL with LETTERS_NOWHERE */
    const struct extent *extents; /* names where the logs were left; for the manifest */
    size_t extent_count;
};

/* Writes all tables and the manifest into publication->folder. */
FALLIBLE publish_period(const struct publication *publication, const struct ties_source *ties,
                        const struct small_tables *small, struct err *err);

/* Writes the `ties` table alone, without a manifest: for exports. `files` has room for one entry
 * per format. */
FALLIBLE publish_ties(const struct publication *publication, const struct ties_source *ties,
                      struct err *err);

#endif
