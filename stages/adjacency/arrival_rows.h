/* Arrival-order rows: for every node of a range its neighbours before the batch, then one entry for
 * every event of the batch that it is in, oldest first.
 *
 * So the neighbours of v at any moment of the batch are told by a prefix of its row: the base, and
 * behind it +1 for an entry, -1 for an ended one, nothing for a rejected one. Most rows have
 * neither ended nor rejected entries and are plain lists; `signed_nodes` tells the others.
 *
 *   BIT     AN ENTRY
 *   0-27    the other member
 *   28..29  see ROW_REPEAT and ROW_SAME
 *   30      ROW_REJECTED: a duplicate, or with ROW_ENDED an orphan
 *   31      ROW_ENDED: the event was a disconnect
 *
 * Memory: 4 bytes per entry and 8 per node of the range.
 *
 * Order of use: arrival_rows_begin; arrival_rows_base for touched nodes with a base, ascending;
 * arrival_rows_fill; arrival_rows_resolve; then they are read, by as many threads as wish;
 * arrival_rows_settle for what comes after the batch.
 */
#ifndef TIEFLOW_STAGES_ADJACENCY_ARRIVAL_ROWS_H
#define TIEFLOW_STAGES_ADJACENCY_ARRIVAL_ROWS_H

#include "schemas/event.h"
#include "schemas/status.h"
#include "stages/adjacency/census.h"
#include "stages/base/pages.h"
#include "stages/order/tape.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROW_ENDED (UINT32_C(1) << 31)
#define ROW_REJECTED (UINT32_C(1) << 30)
/* Of the same instant as the batch's entry before it in this row; only set under STRICT. */
#define ROW_SAME (UINT32_C(1) << 29)
/* The row has an entry of the batch about this pair before this one. Set by resolve. */
#define ROW_REPEAT (UINT32_C(1) << 28)
/* The other member: LIMIT_NODES is 2^28. */
#define ROW_NODE (ROW_REPEAT - 1)

struct arrival_rows {
    uint32_t first; /* nodes [first, end) */
    uint32_t end;
    struct pages offsets;      /* uint64_t per node of the range, and one more: into `entries` */
    struct pages entries;      /* uint32_t */
    struct pages signed_nodes; /* a bit per node of the range: has ended or rejected entries */
    uint64_t open_entries;     /* entries of ties that are open at the end; after resolve */
    uint32_t based;            /* nodes [first, based) have their offsets; until fill */
    uint32_t flags;            /* of all entries together; after resolve */
    size_t node_count;         /* of the graph; after resolve */
};

/* Zero-initialised storage is valid for release. */
void arrival_rows_release(struct arrival_rows *rows);

/* Empty rows for the nodes [first, end) of a counted census, in the memory of those before. */
FALLIBLE arrival_rows_begin(struct arrival_rows *rows, uint32_t first, uint32_t end,
                            struct err *err);

/* Gives a touched node its neighbours before the batch (distinct, any order), and their number to
 * the census. Nodes come in ascending order; those left out have none. */
FALLIBLE arrival_rows_base(struct arrival_rows *rows, struct census *census, uint32_t node,
                           const uint32_t *neighbours, size_t count, struct err *err);

/* Puts the batch's events in: census->range of the tape. */
FALLIBLE arrival_rows_fill(struct arrival_rows *rows, const struct census *census,
                           const struct tape *tape, enum simultaneous simultaneous,
                           unsigned threads, struct err *err);

/* Decides what every event was: a connect of a connected pair is a duplicate, a disconnect of an
 * unconnected one an orphan. Row by row, since both members' rows tell the same of their pair. */
FALLIBLE arrival_rows_resolve(struct arrival_rows *rows, const struct census *census,
                              unsigned threads, struct err *err);

/* Cancels what ended, so that every row is the plain list of its current neighbours, without flags,
 * in order of their making; offsets move. */
FALLIBLE arrival_rows_settle(struct arrival_rows *rows, unsigned threads, struct err *err);

/* Lends a row; *count gets its entries, base included. */
static inline const uint32_t *arrival_rows_of(const struct arrival_rows *rows, uint32_t node,
                                              uint32_t *count) {
    const uint64_t *offsets = (const uint64_t *)rows->offsets.data + (node - rows->first);
    *count = (uint32_t)(offsets[1] - offsets[0]);
    return (const uint32_t *)rows->entries.data + offsets[0];
}

static inline bool arrival_rows_is_signed(const struct arrival_rows *rows, uint32_t node) {
    uint32_t at = node - rows->first;
    return ((const uint64_t *)rows->signed_nodes.data)[at >> 6] >> (at & 63) & 1;
}

#endif
