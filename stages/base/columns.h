/* Columns of integers as byte planes: all lowest bytes, then all second bytes, ...
 *
 * Planes put the bytes that vary apart from those that do not, so that zstd stores the idle ones
 * in a few bytes and the random ones as they are. A column of `width` bytes and n items takes
 * exactly width * n bytes before compression: plane k holds byte k of every item.
 */
#ifndef TIEFLOW_STAGES_BASE_COLUMNS_H
#define TIEFLOW_STAGES_BASE_COLUMNS_H

#include <stddef.h>
#include <stdint.h>

/* Splits n items of 8 or 4 bytes into planes at `planes` (caller's, width * n bytes). */
void columns_split_u64(const uint64_t *items, size_t count, uint8_t *planes);
void columns_split_u32(const uint32_t *items, size_t count, uint8_t *planes);

/* The reverse. */
void columns_join_u64(const uint8_t *planes, size_t count, uint64_t *items);
void columns_join_u32(const uint8_t *planes, size_t count, uint32_t *items);

/* Signed differences as small unsigned numbers: 0, -1, 1, -2 become 0, 1, 2, 3. Wraps like
 * unsigned arithmetic, so every pair of times has one and decodes to itself. */
static inline uint64_t zigzag_difference(int64_t from, int64_t to) {
    uint64_t difference = (uint64_t)to - (uint64_t)from;
    return difference << 1 ^ (0 - (difference >> 63));
}

static inline int64_t zigzag_apply(int64_t from, uint64_t code) {
    uint64_t difference = code >> 1 ^ (0 - (code & 1));
    return (int64_t)((uint64_t)from + difference);
}

#endif
