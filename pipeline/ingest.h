/* Log files to ordered events: what is taken, what is left for another night, what is set aside.
 *
 * Every record that is looked at for the first time goes to exactly one place: into the order (its
 * period's date), to the `late` list (older than what was published), to a count (self-loop,
 * earlier than the first date ever, malformed), or stays in the log for a later date. Records that
 * an earlier night has dealt with are passed over and not counted again.
 */
#ifndef TIEFLOW_PIPELINE_INGEST_H
#define TIEFLOW_PIPELINE_INGEST_H

#include "pipeline/period.h"
#include "pipeline/progress.h"
#include "schemas/status.h"
#include "stages/decode/log_reader.h"
#include "stages/order/order.h"
#include "stages/source/file_set.h"
#include "stages/state/generation.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ingest_options {
    struct periods periods;
    enum simultaneous simultaneous;
    /* The state that the run starts from: what has been taken, up to which date. NULL at first. */
    const struct generation *previous;
    /* A generation to repeat: every file is read to where that one read it. NULL for a new run. */
    const struct generation *repeated;
    /* Of the records looked at for the first time, those of later dates included, the share that
     * may be malformed, 0 to 1, before the run fails. */
    double malformed_share_max;
    const struct log_reader_options *reader;
};

/* A record that was set aside. Strings are owned. */
struct quarantined {
    char *file;
    uint64_t record; /* number of the record in its file, from 1 */
    char *reason;
    char *content;
};

struct ingest {
    struct ingest_options options;
    struct order *order;        /* the events taken */
    struct order *late;         /* the late events */
    struct period_facts *facts; /* options.periods.count of them */
    struct quarantined *quarantine;
    size_t quarantine_count;
    size_t quarantine_capacity;
    struct extent *extents; /* where the run leaves each file; one per file, names borrowed */
    uint64_t looked_count;  /* records looked at for the first time */
    struct progress *progress;
};

/* Zero-initialised storage is valid for release. The options' pointers are borrowed. */
FALLIBLE ingest_init(struct ingest *ingest, const struct ingest_options *options,
                     struct progress *progress, struct err *err);
void ingest_release(struct ingest *ingest);

/* Reads all files. The set must outlive the ingest. FAILURE_DATA where too many records are
 * malformed, or a file is not what the state says that it was. */
FALLIBLE ingest_files(struct ingest *ingest, const struct file_set *set, struct err *err);

#endif
