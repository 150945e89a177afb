/* The embeddedness kernel: M(i,j) = |N(i) n N(j)| in G(t-) for every tie of a batch.
 *
 * For every pivot: its row is marked entry by entry; for each event that it owns the other member's
 * row is scanned up to the entry of that same event, and marked entries are counted. Nothing is
 * shared between threads but what nobody changes.
 *
 * |N(i) n N(j)| = sum over k of |N(i) n N(j) n V_k| for any partition V_1 .. V_K of the members: a
 * worker that owns one part computes a partial count, and partial counts add up to the whole.
 *
 * The result depends on neither threads, slices nor instruction sets.
 */
#ifndef TIEFLOW_STAGES_EMBEDDEDNESS_PIVOT_KERNEL_H
#define TIEFLOW_STAGES_EMBEDDEDNESS_PIVOT_KERNEL_H

#include "schemas/event.h"
#include "schemas/status.h"
#include "stages/adjacency/arrival_rows.h"
#include "stages/adjacency/row_file.h"
#include "stages/embeddedness/kernel_set.h"
#include "stages/embeddedness/results.h"
#include "stages/embeddedness/scan.h"

#include <stdint.h>

struct pivot_job {
    const struct census *census;      /* owned */
    const struct arrival_rows *peers; /* resolved: the rows that are scanned in this pass */
    const struct row_file *pivots;    /* the rows of all nodes; NULL where `peers` are all nodes */
    struct results *results;
    struct part part;
    enum kernel_set set;
    unsigned threads;
    /* Called from one thread now and then with the events done in this pass; NULL for nobody. */
    void (*progress)(void *context, uint64_t events);
    void *progress_context;
};

/* Fills the slots of all events whose other member is one of the peers. */
FALLIBLE pivot_kernel_run(const struct pivot_job *job, struct err *err);

#endif
