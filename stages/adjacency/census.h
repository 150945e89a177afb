/* The census of a batch: how many row entries every node has and will have, and who is whose pivot.
 *
 * A batch is a range of the tape on top of a graph (its base; empty at first). Every event of the
 * batch puts one entry into either member's row, whatever the event turns out to be.
 *
 * The pivot of an event is the endpoint with the longer row (base + entries), of equal ones the one
 * with the smaller number; it is a property of the pair within the batch.
 *
 * Order of use: census_count; census_base_set for the touched nodes that have a base; census_own.
 */
#ifndef TIEFLOW_STAGES_ADJACENCY_CENSUS_H
#define TIEFLOW_STAGES_ADJACENCY_CENSUS_H

#include "schemas/status.h"
#include "stages/base/pages.h"
#include "stages/order/tape.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct census {
    size_t node_count;
    struct tape_range range;
    uint64_t disconnects; /* events of that kind */
    uint64_t churn;       /* sum over nodes of (disconnects of the node)^2, saturating */
    uint32_t longest;     /* row, base included; complete after census_own */
    struct pages base; /* uint32_t per node: neighbours before the batch; no pages: none has any */
    struct pages entries; /* uint32_t per node: events of the batch that it is in */
    struct pages owned;   /* uint32_t per node: events of the batch whose pivot it is */
};

/* Zero-initialised storage is valid for release. */
void census_release(struct census *census);

/* Counts `entries`, `disconnects` and `churn` of an empty census; nodes are below `node_count`. */
FALLIBLE census_count(struct census *census, const struct tape *tape, struct tape_range range,
                      size_t node_count, unsigned threads, struct err *err);

/* Sets a node's base; makes the pages on first use. */
FALLIBLE census_base_set(struct census *census, uint32_t node, uint32_t neighbours,
                         struct err *err);

/* Counts `owned`, and `longest`. */
FALLIBLE census_own(struct census *census, const struct tape *tape, unsigned threads,
                    struct err *err);

static inline uint32_t census_base(const struct census *census, uint32_t node) {
    return census->base.data == NULL ? 0 : ((const uint32_t *)census->base.data)[node];
}

static inline uint32_t census_entries(const struct census *census, uint32_t node) {
    return ((const uint32_t *)census->entries.data)[node];
}

static inline uint32_t census_owned(const struct census *census, uint32_t node) {
    return ((const uint32_t *)census->owned.data)[node];
}

static inline bool census_is_touched(const struct census *census, uint32_t node) {
    return census_entries(census, node) != 0;
}

/* Of two members the one of the greater rank is the pivot; no two ranks are equal. */
static inline uint64_t census_rank(const struct census *census, uint32_t node) {
    uint64_t length = (uint64_t)census_base(census, node) + census_entries(census, node);
    return length << 32 | ~node; /* no row is as long as 2^32: a base is below LIMIT_NODES */
}

/* Whether `a` is the pivot of its events with `b`. */
static inline bool census_is_pivot(const struct census *census, uint32_t a, uint32_t b) {
    return census_rank(census, a) > census_rank(census, b);
}

/* Asks for what census_rank reads. */
static inline void census_foresee(const struct census *census, uint32_t node) {
    __builtin_prefetch((const uint32_t *)census->entries.data + node);
    if (census->base.data != NULL) {
        __builtin_prefetch((const uint32_t *)census->base.data + node);
    }
}

#endif
