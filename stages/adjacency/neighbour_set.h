/* A member's neighbours as a portable Roaring bitmap.
 *
 * The bytes are those of the Roaring format specification (RoaringFormatSpec): the 32-bit form for
 * the state, the 64-bit form for export under the members' own ids. Any Roaring library reads them.
 */
#ifndef TIEFLOW_STAGES_ADJACENCY_NEIGHBOUR_SET_H
#define TIEFLOW_STAGES_ADJACENCY_NEIGHBOUR_SET_H

#include "schemas/status.h"
#include "stages/base/bytes.h"

#include <stddef.h>
#include <stdint.h>

/* Appends the 32-bit form of `count` strictly ascending values. */
FALLIBLE neighbour_set_encode_u32(const uint32_t *values, size_t count, struct bytes *out,
                                  struct err *err);

/* Appends the 64-bit form of `count` strictly ascending values. */
FALLIBLE neighbour_set_encode_u64(const uint64_t *values, size_t count, struct bytes *out,
                                  struct err *err);

/* Appends what a 32-bit form holds to `values` (packed uint32_t), ascending. FAILURE_DATA where the
 * bytes are not one bitmap exactly, or hold a value that is not below `bound`. */
FALLIBLE neighbour_set_decode_u32(const uint8_t *data, size_t bytes, uint32_t bound,
                                  struct bytes *values, struct err *err);

#endif
