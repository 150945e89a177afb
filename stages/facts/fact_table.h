/* Records of one log beside the connections, as a sorted table in memory and as a file of the
 * state.
 *
 * Where the shape has a key (members, companies, industries), the record added last wins; elsewhere
 * the table is a set: identical records count once. Sorting is by the fields in their order, except
 * positions, which are sorted by (member, company, at, kind, precision), applications and
 * assignments by member first, interactions by the pair (smaller id, larger id), then time. Ids
 * ascend as unsigned numbers, times as signed ones.
 *
 * A file is a row of frames of kind FRAME_FACTS; each holds n records of one log as planes
 * (stages/base/columns.h), in the order of the table.
 *
 *   BYTES   FRAME_FACTS (n items, f fields in the log's shape)
 *   n       known: a bit per field
 *   8 n     the first field's values
 *   ...     and so on: 8 n (f - 1) for the others
 *
 * `first` is the number of the log (enum fact_log), `last` that of the frame's first record.
 */
#ifndef TIEFLOW_STAGES_FACTS_FACT_TABLE_H
#define TIEFLOW_STAGES_FACTS_FACT_TABLE_H

#include "schemas/facts.h"
#include "schemas/status.h"
#include "stages/base/pages.h"
#include "stages/base/stream.h"

#include <stddef.h>
#include <stdint.h>

struct fact_table {
    enum fact_log log;
    unsigned threads;   /* that a finish may use; 0 is 1 */
    struct fact *facts; /* sorted once finished */
    size_t count;
    size_t sorted; /* the first so many are finished */
    struct pages memory;
    uint64_t duplicates; /* dropped by the finishes: identical, or replaced by a newer one */
};

void fact_table_init(struct fact_table *table, enum fact_log log);
void fact_table_release(struct fact_table *table);

/* Copies. Values fit their fields; fields that are required or have a default are known, values
 * that are not known are 0. */
FALLIBLE fact_table_add(struct fact_table *table, const struct fact *facts, size_t count,
                        struct err *err);

/* Sorts and drops doubles; may be called again after more were added, and then costs the sorting of
 * those and one pass. Takes 32 bytes per added record for the time of the call. */
FALLIBLE fact_table_finish(struct fact_table *table, struct err *err);

/* Writes a finished table, END frame included; reads one into an empty table of the same log.
 * FAILURE_DATA for another log's file, values that do not fit their field, records out of order. */
FALLIBLE fact_table_save(const struct fact_table *table, struct output *output, struct err *err);
FALLIBLE fact_table_load(struct fact_table *table, struct input *input, struct err *err);

#endif
