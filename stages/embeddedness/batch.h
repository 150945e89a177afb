/* A batch through the kernel: a range of the tape on top of a base graph, to sealed results.
 *
 *   census_count -> [base, fill, resolve] per slice -> census_own -> kernel per slice -> settle
 *
 * With one slice all rows are in memory at once. With more the rows of one slice of the nodes are
 * in memory at a time, all of them lie in a row file, and every slice is scanned for the pivots of
 * all. The number of slices shows in no result.
 */
#ifndef TIEFLOW_STAGES_EMBEDDEDNESS_BATCH_H
#define TIEFLOW_STAGES_EMBEDDEDNESS_BATCH_H

#include "schemas/event.h"
#include "schemas/status.h"
#include "stages/adjacency/arrival_rows.h"
#include "stages/embeddedness/pivot_kernel.h"
#include "stages/embeddedness/results.h"
#include "stages/order/tape.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The graph before the batch. */
struct batch_base {
    void *context;
    /* Calls arrival_rows_base, ascending, for the nodes of the begun rows' range that are wanted
     * and have neighbours. `wanted` has a bit per node (bit v & 63 of word v >> 6); NULL: all are.
     */
    struct status (*load)(void *context, const uint64_t *wanted, struct census *census,
                          struct arrival_rows *rows, struct err *err);
};

/* Who wants the graph after the batch. */
struct batch_after {
    void *context;
    /* Gets the settled rows of all nodes, slice by slice in node order; may take their memory over
     * (and then leaves them zero-initialised). */
    struct status (*take)(void *context, struct arrival_rows *rows, struct err *err);
};

struct batch_options {
    struct tape *tape;
    struct tape_range range;
    size_t node_count;
    enum simultaneous simultaneous;
    const struct batch_base *base;   /* NULL: an empty graph */
    const uint64_t *wanted;          /* for base->load; NULL: all with `after`, else the touched */
    const struct batch_after *after; /* NULL: nobody */
    const char *scratch_folder;
    uint64_t memory_bytes; /* for rows, results, the replay, and what goes with them */
    uint64_t beside_bytes; /* of it: what stands beside the replay, and is the caller's */
    uint64_t base_entries; /* at most so many neighbours come from the base */
    unsigned threads;
    enum kernel_set set;
    /* Phases "rows" (in slices) and "embeddedness" (in events, of every slice); NULL for nobody. */
    void (*progress)(void *context, const char *phase, uint64_t done, uint64_t all);
    void *progress_context;
};

/* More slices than these save little memory and cost a pass over all rows each. */
enum { BATCH_SLICES_MAX = 64 };

/* How a batch is going to fit into its memory. */
struct batch_plan {
    unsigned slices;
    bool results_in_memory; /* while rows are; else a scratch file in between */
    uint64_t memory_bytes;  /* peak of what the batch takes, its replay included */
    uint64_t scratch_bytes; /* on disk */
    uint64_t least_bytes;   /* with as many slices as make sense: below it the plan is refused */
};

/* FAILURE_USAGE, with the least that would do, where no number of slices fits. Entries are counted
 * at 4 bytes, results at 2, members at what the census, offsets and marks take. Fewer slices go
 * before results in memory. */
FALLIBLE batch_plan_make(const struct batch_options *options, struct batch_plan *plan,
                         struct err *err);

struct batch {
    struct census census;
    struct results *results; /* sealed */
    struct batch_plan plan;
    uint64_t
        open_entries; /* twice the open ties of the graph after it, of the rows that were there */
};

/* A bit for every node that the batch touches, as `wanted` has them. */
FALLIBLE batch_touched(const struct census *census, struct pages *bits, struct err *err);

/* Zero-initialise; to be released also when this fails. A census that is counted already, over the
 * range of the options, is not counted again. FAILURE_USAGE as batch_plan_make; also where results
 * take 4 bytes and do not fit for that. */
FALLIBLE batch_run(struct batch *batch, const struct batch_options *options, struct err *err);
void batch_release(struct batch *batch);

#endif
