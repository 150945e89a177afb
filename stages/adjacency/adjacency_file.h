/* The adjacency at rest: every member's current neighbours as portable Roaring bitmaps.
 *
 * A row of frames of kind FRAME_ADJACENCY; `first` and `last` are the frame's first and last node,
 * and frames follow without gaps from node 0. A frame ends with the node that brings it to 2^18
 * neighbours or to 2^16 nodes.
 *
 *   BYTES   DESCRIPTION (n = items of the frame, one per node)
 *   4 n     bytes of each bitmap, little-endian
 *   ...     the bitmaps, one after the other, in the order of the nodes
 *
 * Each tie stands in both of its members' bitmaps.
 */
#ifndef TIEFLOW_STAGES_ADJACENCY_ADJACENCY_FILE_H
#define TIEFLOW_STAGES_ADJACENCY_ADJACENCY_FILE_H

#include "schemas/ids.h"
#include "schemas/status.h"
#include "stages/adjacency/arrival_rows.h"
#include "stages/base/stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Writing. The bytes depend neither on how the rows come in slices nor on the threads. */
struct adjacency_writer;

/* Borrows the output until adjacency_writer_end. */
FALLIBLE adjacency_writer_new(struct adjacency_writer **writer, struct output *output,
                              unsigned threads, struct err *err);

/* Accepts NULL. */
void adjacency_writer_free(struct adjacency_writer *writer);

/* Appends settled rows, which begin with the node behind the ones before. */
FALLIBLE adjacency_writer_put(struct adjacency_writer *writer, const struct arrival_rows *rows,
                              struct err *err);
FALLIBLE adjacency_writer_end(struct adjacency_writer *writer, struct err *err);

/* Some of the members: the nodes [first, end) that have their bit in `wanted` (bit v & 63 of word
 * v >> 6); NULL: all of the range. */
struct node_scope {
    uint32_t first;
    uint32_t end;
    const uint64_t *wanted;
};

static inline bool node_scope_has(const struct node_scope *scope, uint32_t node) {
    return node >= scope->first && node < scope->end &&
           (scope->wanted == NULL || (scope->wanted[node >> 6] >> (node & 63) & 1) != 0);
}

/* Reads a file of `node_count` nodes to its end and calls `visit`, on the caller's thread, for
 * every node of the scope in order with its ascending neighbours (lent; there may be none). Frames
 * are unpacked on up to `threads` threads, those without a node of the scope not at all.
 *
 * FAILURE_DATA for damaged frames, gaps, and in what is unpacked foreign nodes and broken bitmaps;
 * where the scope is all nodes also where the two sides of a tie do not add up. */
FALLIBLE adjacency_load_nodes(struct input *input, size_t node_count,
                              const struct node_scope *scope, unsigned threads,
                              struct status (*visit)(void *context, struct node_id node,
                                                     const uint32_t *neighbours, size_t count,
                                                     struct err *err),
                              void *context, struct err *err);

/* The same for all nodes, on the caller's thread. */
FALLIBLE adjacency_visit(struct input *input, size_t node_count,
                         struct status (*visit)(void *context, struct node_id node,
                                                const uint32_t *neighbours, size_t count,
                                                struct err *err),
                         void *context, struct err *err);

#endif
