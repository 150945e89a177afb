/* Logs (files, or the partitions of a topic) to ordered events on a tape: what is taken, what is
 * left for another night, what is set aside.
 *
 * Every record that is looked at for the first time goes to exactly one place: into the sequence
 * (its period's date), to the `late` list (older than what was published), to a count (self-loop,
 * earlier than the first date ever, malformed), or stays in the log for a later date. Records that
 * an earlier night has dealt with are passed over and not counted again.
 */
#ifndef TIEFLOW_PIPELINE_INGEST_H
#define TIEFLOW_PIPELINE_INGEST_H

#include "pipeline/memory.h"
#include "pipeline/period.h"
#include "pipeline/progress.h"
#include "pipeline/quarantine.h"
#include "pipeline/topic.h"
#include "schemas/status.h"
#include "stages/decode/log_reader.h"
#include "stages/order/event_list.h"
#include "stages/order/sequence.h"
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
    struct dictionary *dictionary; /* of the state; gets the members of the events taken */
    const char *scratch_folder;
    struct memory_shares memory;
};

struct ingest {
    struct ingest_options options;
    struct sequence *sequence;  /* the events taken */
    struct event_list late;     /* the late events; in order at the end */
    struct period_facts *facts; /* options.periods.count of them */
    struct quarantine quarantine;
    struct extent *extents; /* where the run leaves each file or partition; names borrowed */
    size_t extent_count;
    uint64_t looked_count; /* records looked at for the first time */
    struct progress *progress;
};

/* Zero-initialised storage is valid for release. The options' pointers are borrowed. */
FALLIBLE ingest_init(struct ingest *ingest, const struct ingest_options *options,
                     struct progress *progress, struct err *err);
void ingest_release(struct ingest *ingest);

/* Reads all files. The set must outlive the ingest. FAILURE_DATA where too many records are
 * malformed, or a file is not what the state says that it was. */
FALLIBLE ingest_files(struct ingest *ingest, const struct file_set *set, struct err *err);

/* Reads all partitions, in the order (partition, offset), to their pinned ends, or to where the
 * repeated generation read them. The topic must outlive the ingest. FAILURE_DATA as above; where
 * records are gone that no run has taken; where the topic was made anew. A record of many events
 * counts each of them. */
FALLIBLE ingest_topic(struct ingest *ingest, struct topic *topic, struct err *err);

/* Whether the topic still has what a run after this generation would read: the same failures,
 * before anything is read. */
FALLIBLE ingest_topic_check(const struct generation *previous, const struct topic *topic,
                            struct err *err);

/* Disconnects that were taken. */
uint64_t ingest_disconnects(const struct ingest *ingest);

#endif
