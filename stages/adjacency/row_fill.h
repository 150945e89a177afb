/* How arrival rows get the events of a batch: one pass over the tape, every thread writing the rows
 * of its own nodes.
 */
#ifndef TIEFLOW_STAGES_ADJACENCY_ROW_FILL_H
#define TIEFLOW_STAGES_ADJACENCY_ROW_FILL_H

#include "schemas/status.h"
#include "stages/order/tape.h"

#include <stdbool.h>
#include <stdint.h>

struct row_fill {
    const struct tape *tape;
    struct tape_range range;
    uint32_t first; /* nodes [first, end) have rows here; what concerns others is passed over */
    uint32_t end;
    bool marks_instants; /* sets ROW_SAME */
    /* uint64_t per node: where in `entries` its next one goes, below 2^40; moves on. */
    uint64_t *cursors;
    uint32_t *entries; /* of the layout of arrival_rows.h */
    unsigned threads;
};

/* Memory that it takes beside what it is given and a block of the tape per thread. */
uint64_t row_fill_bytes(struct tape_range range);

/* Every node's entries are written in the order of the tape. */
FALLIBLE row_fill_run(const struct row_fill *fill, struct err *err);

#endif
