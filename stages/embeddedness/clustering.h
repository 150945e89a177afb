/* Triangles that every node is in, in the graph as it is now: from them follows how far a member's
 * contacts know each other (local clustering 2 T / (D (D - 1)), with the open degree D).
 *
 * Half the sum of the embeddedness of a node's open ties, all taken in the graph that holds them
 * all: 2 T = sum over ties of M.
 */
#ifndef TIEFLOW_STAGES_EMBEDDEDNESS_CLUSTERING_H
#define TIEFLOW_STAGES_EMBEDDEDNESS_CLUSTERING_H

#include "schemas/status.h"
#include "stages/adjacency/arrival_rows.h"
#include "stages/adjacency/row_file.h"
#include "stages/embeddedness/kernel_set.h"

#include <stddef.h>
#include <stdint.h>

/* Fills triangles[v] and degrees[v], the open ties, for all nodes [0, rows->end); the caller's
 * arrays. `rows` are settled and are those of all nodes. Takes a bit per node and thread. The
 * result depends on neither `set` nor `threads`. */
FALLIBLE triangles_of_rows(const struct arrival_rows *rows, enum kernel_set set, unsigned threads,
                           uint64_t *triangles, uint32_t *degrees, struct err *err);

/* The same from settled rows in a file, of which as many are in memory at a time as go into
 * `memory_bytes`, but one at least; and a chunk of others per thread, a few MB each, where that is
 * not all of them. How many are does not show in the result. FAILURE_IO where the file cannot be
 * read. */
FALLIBLE triangles_of_file(const struct row_file *file, size_t node_count, uint64_t memory_bytes,
                           enum kernel_set set, unsigned threads, uint64_t *triangles,
                           uint32_t *degrees, struct err *err);

/* 2 T / (D (D - 1)); NAN below two ties. */
double triangles_clustering(uint64_t triangles, uint32_t degree);

#endif
