/* A bounds-checked reader of little-endian bytes: the only way that formats are parsed.
 *
 * A read past the end returns zeros and sets `broken`, and stays so: a parser may read a whole
 * header and check once. The cursor borrows the bytes.
 */
#ifndef TIEFLOW_STAGES_BASE_CURSOR_H
#define TIEFLOW_STAGES_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cursor {
    const uint8_t *data;
    size_t count;
    size_t at;
    bool broken;
};

static inline struct cursor cursor_over(const void *data, size_t count) {
    return (struct cursor){.data = data, .count = count};
}

static inline size_t cursor_left(const struct cursor *cursor) {
    return cursor->count - cursor->at;
}

/* Lends `count` bytes and moves past them; NULL (and broken) where fewer are left. */
static inline const uint8_t *cursor_take(struct cursor *cursor, size_t count) {
    if (cursor->broken || count > cursor_left(cursor)) {
        cursor->broken = true;
        return NULL;
    }
    const uint8_t *taken = cursor->data + cursor->at;
    cursor->at += count;
    return taken;
}

static inline uint16_t cursor_u16(struct cursor *cursor) {
    const uint8_t *at = cursor_take(cursor, 2);
    return (uint16_t)(at == NULL ? 0 : at[0] | at[1] << 8);
}

static inline uint32_t cursor_u32(struct cursor *cursor) {
    const uint8_t *at = cursor_take(cursor, 4);
    return at == NULL ? 0
                      : (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
                            (uint32_t)at[3] << 24;
}

static inline uint64_t cursor_u64(struct cursor *cursor) {
    uint64_t low = cursor_u32(cursor);
    return low | (uint64_t)cursor_u32(cursor) << 32;
}

#endif
