/* The adjacency at rest: every member's current neighbours as portable Roaring bitmaps.
 *
 * A row of frames of kind FRAME_ADJACENCY; `first` and `last` are the frame's first and last node,
 * and frames follow without gaps from node 0.
 *
 *   BYTES   DESCRIPTION (n = items of the frame, one per node)
 *   4 n     bytes of each bitmap, little-endian
 *   ...     the bitmaps, one after the other, in the order of the nodes
 *
 * Each tie stands in both of its members' bitmaps.
 */
#ifndef TIEFLOW_STAGES_ADJACENCY_ADJACENCY_FILE_H
#define TIEFLOW_STAGES_ADJACENCY_ADJACENCY_FILE_H

#include "schemas/status.h"
#include "stages/adjacency/adjacency.h"
#include "stages/base/stream.h"

/* Writes all rows, which must be settled (adjacency_settle), on up to `threads` threads; the bytes
 * do not depend on how many. */
FALLIBLE adjacency_save(const struct rows *rows, struct output *output, unsigned threads,
                        struct err *err);

/* Reads a whole adjacency of `node_count` nodes into an empty one and sets open_count. FAILURE_DATA
 * for gaps, foreign nodes, and bitmaps of which the two sides of a tie do not add up. */
FALLIBLE adjacency_load(struct adjacency *adjacency, struct input *input, size_t node_count,
                        struct err *err);

/* Calls `visit` for every node in order with its ascending neighbours (lent), and checks the file
 * on the way as adjacency_load does. */
FALLIBLE adjacency_visit(struct input *input, size_t node_count,
                         struct status (*visit)(void *context, struct node_id node,
                                                const uint32_t *neighbours, size_t count,
                                                struct err *err),
                         void *context, struct err *err);

#endif
