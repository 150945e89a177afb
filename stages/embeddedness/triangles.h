/* Triangles that every node is in, in the graph as it is now: from them follows how far a member's
 * contacts know each other (local clustering 2 T / (D (D - 1)), with the open degree D).
 *
 * Half the sum of the embeddedness of a node's open ties, all taken in the graph that holds them
 * all: with 2 T = sum over ties of M, the kernel of embeddedness.h counts them.
 */
#ifndef TIEFLOW_STAGES_EMBEDDEDNESS_TRIANGLES_H
#define TIEFLOW_STAGES_EMBEDDEDNESS_TRIANGLES_H

#include "schemas/status.h"
#include "stages/adjacency/rows.h"

#include <stddef.h>
#include <stdint.h>

/* Fills triangles[v] and degrees[v], the open ties, for all rows->node_count nodes; the caller's
 * arrays. Rows may hold ended entries. Takes 45 bytes of memory for each of `batch_ties` ties,
 * which are counted at once (4 M are enough for full speed), and a word per node. The result
 * depends on neither `threads` nor `batch_ties`. */
FALLIBLE triangles_count(const struct rows *rows, unsigned threads, size_t batch_ties,
                         uint64_t *triangles, uint32_t *degrees, struct err *err);

/* 2 T / (D (D - 1)); NAN below two ties. */
double triangles_clustering(uint64_t triangles, uint32_t degree);

#endif
