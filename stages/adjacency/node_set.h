/* A set of 32-bit numbers in memory, as a Roaring bitmap: the one door to CRoaring.
 *
 * For neighbours on their way to disk, and for rosters, which neighbours are looked up in. A set
 * does not change once made, so threads may share it.
 */
#ifndef TIEFLOW_STAGES_ADJACENCY_NODE_SET_H
#define TIEFLOW_STAGES_ADJACENCY_NODE_SET_H

#include "schemas/status.h"
#include "stages/base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct node_set;

/* A new set of `count` strictly ascending values, stretches of them kept as runs. */
FALLIBLE node_set_new(struct node_set **set, const uint32_t *values, size_t count, struct err *err);

/* Accepts NULL. */
void node_set_free(struct node_set *set);

size_t node_set_count(const struct node_set *set);
bool node_set_has(const struct node_set *set, uint32_t value);

/* Writes those of the strictly ascending values that are in the set to `common`, ascending, which
 * has room for all of them and may be `values` itself; returns how many. Cost: a look-up for each
 * value, or where the set is small beside these, a step for each of the set. */
size_t node_set_intersect(const struct node_set *set, const uint32_t *values, size_t count,
                          uint32_t *common);

/* Appends the portable 32-bit form (RoaringFormatSpec). */
FALLIBLE node_set_encode(const struct node_set *set, struct bytes *out, struct err *err);

#endif
