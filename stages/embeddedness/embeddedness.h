/* The embeddedness stage: M(i,j) = |N(i) n N(j)| in G(t-) for every tie of a batch.
 *
 * Precondition: the batch's `seen_*` columns were filled by adjacency_apply over these rows, which
 * have not changed since. The result does not depend on threads, batches or the choice of pivots.
 *
 * |N(i) n N(j)| = sum over k of |N(i) n N(j) n V_k| for any partition V_1 .. V_K of the members: a
 * worker that owns one part computes a partial count, and partial counts add up to the whole.
 */
#ifndef TIEFLOW_STAGES_EMBEDDEDNESS_EMBEDDEDNESS_H
#define TIEFLOW_STAGES_EMBEDDEDNESS_EMBEDDEDNESS_H

#include "schemas/status.h"
#include "stages/adjacency/rows.h"
#include "stages/adjacency/tie_batch.h"

#include <stdint.h>

/* Which common neighbours are mine: the nodes whose number is `index` modulo `count`. {0, 1} is all
 * of them. Nodes are numbered by the ordered log, so workers that read the same log agree. */
struct part {
    uint32_t index; /* < count */
    uint32_t count; /* 1 .. LIMIT_PARTS */
};

/* Scratch memory, kept between batches: a bit per node and thread, a word per node. */
struct embeddedness;
FALLIBLE embeddedness_new(struct embeddedness **embeddedness, unsigned threads, struct err *err);
void embeddedness_free(struct embeddedness *embeddedness);

/* Fills batch->mutual[0 .. count). */
FALLIBLE embeddedness_compute(struct embeddedness *embeddedness, const struct rows *rows,
                              struct tie_batch *batch, struct part part, struct err *err);

#endif
