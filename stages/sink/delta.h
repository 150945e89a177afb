/* Parquet's DELTA_BINARY_PACKED: integers as bit-packed differences.
 *
 *   PART        BYTES
 *   header      varints: values in a block (128), miniblocks in a block (4), values in all; then
 *               the first value, zigzag varint (0 when there is none)
 *   blocks      for each 128 values after the first, the last block perhaps with fewer:
 *     least     the smallest difference to the value before, zigzag varint
 *     widths    4 bytes: bits per item of each miniblock; 0 for one that has no values
 *     items     for each miniblock that has values: 32 items of its width, lowest bit first, each
 *               the difference less `least`; those behind the last value are 0
 *
 * Differences wrap in the column's width, 32 or 64 bits, so that unsigned values of any size have
 * one. Source: Apache Parquet, Encodings.md, "Delta Encoding".
 */
#ifndef TIEFLOW_STAGES_SINK_DELTA_H
#define TIEFLOW_STAGES_SINK_DELTA_H

#include "schemas/status.h"
#include "stages/base/bytes.h"

#include <stddef.h>
#include <stdint.h>

/* Appends the encoding of `count` values to `out`. */
FALLIBLE delta_encode_u64(const uint64_t *values, size_t count, struct bytes *out, struct err *err);
FALLIBLE delta_encode_u32(const uint32_t *values, size_t count, struct bytes *out, struct err *err);

/* Packs a multiple of 8 items of `width` bits each, lowest bit first, to `at`; returns the end. Up
 * to 8 bytes behind it are touched. Bits above the width are 0. */
uint8_t *delta_pack(uint8_t *at, const uint64_t *items, size_t count, unsigned width);

#endif
