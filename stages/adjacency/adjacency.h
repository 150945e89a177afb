/* The adjacency stage: ordered events in, new ties out, every member's row kept up to date.
 *
 * It alone decides what an event is: a connect of a connected pair is a duplicate, a disconnect of
 * an unconnected one an orphan, the rest make and end ties. A tie sees G(t-): under STRICT the rows
 * as they were before the instant, under SEQUENCE as they are before the event.
 *
 * Where a batch ends has no influence on any result.
 */
#ifndef TIEFLOW_STAGES_ADJACENCY_ADJACENCY_H
#define TIEFLOW_STAGES_ADJACENCY_ADJACENCY_H

#include "schemas/event.h"
#include "schemas/status.h"
#include "stages/adjacency/pair_filter.h"
#include "stages/adjacency/rows.h"
#include "stages/adjacency/tie_batch.h"

#include <stddef.h>
#include <stdint.h>

struct adjacency {
    struct rows rows;
    struct pair_filter filter; /* no words: switched off, every pair is looked up in the rows */
    uint64_t tie_count;        /* ties ever made, earlier nights included */
    uint64_t open_count;       /* ties open now */
    struct pages scratch;      /* a zero bit per node, for rows_settle */
    uint32_t *unsettled;       /* nodes whose rows hold ended entries */
    size_t unsettled_count;
    size_t unsettled_capacity;
    bool is_churned;            /* a row has more ended entries than current ones: end the batch */
    struct instant_view *views; /* what the events of one instant see */
    size_t view_capacity;
};

/* Zero-initialised storage is a graph without members. */
void adjacency_release(struct adjacency *adjacency);

/* How many events make a good batch now: a fixed part of the ties that are open, within bounds.
 * Small enough to be a minor part of memory (45 bytes per event on its way beside 8 per tie), large
 * enough that the kernel marks a row for many ties at once. */
size_t adjacency_batch_target(const struct adjacency *adjacency);

/* Applies staged events from batch->next on and leaves the ties that they make in [0, count), the
 * endings in batch->endings, duplicates and orphans in batch->rejected. Under STRICT the staged
 * events must be whole instants. All nodes are below `node_count`.
 *
 * May stop before all are applied (batch->next < batch->staged): compute and use the ties made so
 * far, then call again. That bounds what a pair that is made and ended a million times can cost. */
FALLIBLE adjacency_apply(struct adjacency *adjacency, struct tie_batch *batch, size_t node_count,
                         enum simultaneous simultaneous, struct err *err);

/* Ends the run's last batch: every row is then the plain list of current neighbours. */
FALLIBLE adjacency_settle(struct adjacency *adjacency, struct err *err);

/* Gives a node without any its neighbours from the state, before events are applied; they are
 * distinct, not the node itself, and nodes below `node_count`. Every tie must come twice, once from
 * each of its members; the caller sets tie_count and open_count. */
FALLIBLE adjacency_load_row(struct adjacency *adjacency, struct node_id node,
                            const uint32_t *neighbours, size_t count, size_t node_count,
                            struct err *err);

#endif
