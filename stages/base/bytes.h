/* A growable buffer of bytes, and little-endian integers written to it.
 *
 * Invariant: count <= capacity; data is NULL only while capacity is 0. Zero-initialised storage is
 * a valid empty buffer.
 */
#ifndef TIEFLOW_STAGES_BASE_BYTES_H
#define TIEFLOW_STAGES_BASE_BYTES_H

#include "schemas/status.h"

#include <stddef.h>
#include <stdint.h>

struct bytes {
    uint8_t *data;
    size_t count;
    size_t capacity;
};

void bytes_release(struct bytes *bytes);

/* Makes room for `extra` more bytes behind `count`; growth is geometric. */
FALLIBLE bytes_reserve(struct bytes *bytes, size_t extra, struct err *err);

/* Copies `count` bytes to the end. */
FALLIBLE bytes_append(struct bytes *bytes, const void *data, size_t count, struct err *err);

/* Integers to and from little-endian memory of the caller, any alignment. */
static inline void put_u16(uint8_t *at, uint16_t v) {
    at[0] = (uint8_t)v;
    at[1] = (uint8_t)(v >> 8);
}

static inline void put_u32(uint8_t *at, uint32_t v) {
    put_u16(at, (uint16_t)v);
    put_u16(at + 2, (uint16_t)(v >> 16));
}

static inline void put_u64(uint8_t *at, uint64_t v) {
    put_u32(at, (uint32_t)v);
    put_u32(at + 4, (uint32_t)(v >> 32));
}

#endif
