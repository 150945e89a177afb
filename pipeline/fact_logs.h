/* The logs beside the connections, from files or topics into tables: once, or from night to night.
 *
 * A record is taken in the first run that reads it, whatever its time, unless its time is after
 * `until_ms`: then it is left for a later night. So positions may be reported years late. Records
 * without a time are always taken. Every record that is looked at for the first time goes to
 * exactly one place: into the table (where an identical one, or an older one of the same key, makes
 * it a duplicate), to a count (malformed, self-loop), or stays in the log (beyond).
 *
 * Reference tables (companies, industries) are read whole every time, and are not remembered.
 *
 * Lifecycle: zero-initialised storage is empty; facts_begin, facts_read for every log, then the
 * tables; facts_keep for the next generation; facts_release in any case. facts_read_options does
 * the first two for all logs.
 */
#ifndef TIEFLOW_PIPELINE_FACT_LOGS_H
#define TIEFLOW_PIPELINE_FACT_LOGS_H

#include "pipeline/options.h"
#include "pipeline/progress.h"
#include "pipeline/quarantine.h"
#include "pipeline/topic.h"
#include "schemas/facts.h"
#include "schemas/status.h"
#include "stages/facts/fact_table.h"
#include "stages/source/file_set.h"
#include "stages/state/state.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of one log. Without a time, `beyond` and `backdated` are 0. */
struct fact_counts {
    bool is_given; /* the log is named, or was on an earlier night */
    /* Since the first night. read = records in the table + its `duplicates` + malformed +
     * self_loops. */
    uint64_t read;
    uint64_t malformed;
    uint64_t self_loops; /* interactions of a member with itself */
    /* Of this run. */
    uint64_t looked;    /* records looked at that no run has looked at before */
    uint64_t taken;     /* records put into the table, duplicates among them */
    uint64_t beyond;    /* records left in the log: their time is after until_ms */
    uint64_t backdated; /* of the taken ones, those with a time that the state had covered */
};

struct facts_options {
    int64_t until_ms; /* INT64_MAX: everything is taken */
    /* The state's generation that the run starts from; NULL without one. */
    const struct generation *previous;
    /* A generation to repeat: every file is read to where that one read it. NULL for a new run. */
    const struct generation *repeated;
    double malformed_share_max; /* of the records looked at, for each log */
};

struct facts {
    struct facts_options options;
    struct progress *progress;
    struct fact_table tables[FACT_LOGS]; /* finished, once their log is read */
    struct fact_counts counts[FACT_LOGS];
    struct quarantine quarantine;
    struct extent *extents[FACT_LOGS]; /* where the run leaves each file or partition; owned */
    size_t extent_counts[FACT_LOGS];
};

/* Loads what `previous` remembers from the state (NULL where there is no previous). The generations
 * and the progress are borrowed for as long as the facts live. */
FALLIBLE facts_begin(struct facts *facts, const struct facts_options *options,
                     const struct state *state, struct progress *progress, struct err *err);
void facts_release(struct facts *facts);

/* Reads the files of one log, in their order; an empty set where the log is not named. FAILURE_DATA
 * where too many records are malformed, a file is not what the state says that it was, or one is
 * missing that the state waits for. */
FALLIBLE facts_read(struct facts *facts, enum fact_log log, const struct file_set *set,
                    struct err *err);

/* Reads the partitions of one log's topic, in the order (partition, offset), to their pinned ends,
 * or to where the repeated generation read them. The failures are those of files, and: records are
 * gone that no run has taken; the topic was made anew. A tombstone of a log whose newest record
 * wins is passed over: what the table has stays. */
FALLIBLE facts_read_topic(struct facts *facts, enum fact_log log, struct topic *topic,
                          struct err *err);

/* Begins, and reads all logs that the options name, from files and topics;
 * `how->malformed_share_max` is theirs. */
FALLIBLE facts_read_options(struct facts *facts, const struct options *options,
                            const struct facts_options *how, const struct state *state,
                            struct progress *progress, struct err *err);

/* Enters what is to be remembered into the next generation: extents and counts, and, of a log from
 * which nothing was taken, the table of the generation before. state_save_facts saves the others. A
 * repeat remembers no log that the first run did not read.
 */
FALLIBLE facts_keep(const struct facts *facts, struct generation *next, struct err *err);

/* XXH64 over all tables: equal where they hold the same records. */
FALLIBLE facts_fingerprint(const struct facts *facts, uint64_t *fingerprint, struct err *err);

#endif
