/* Planes are a matrix of bytes on its side: the byte at place (item, byte) goes to (byte, item).
 * For 16 items at a time that is a rotation of the bits of a byte's index, and interleaving the
 * first half of a block of bytes with its second half rotates them by one, which every processor
 * can do 16 bytes at a time. Measured beside a loop over items for each plane: 2 to 6 times as
 * fast.
 */
#include "stages/base/columns.h"

#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "byte k of an item lies at address k");

enum { LANES = 16 };

typedef uint8_t vector __attribute__((vector_size(LANES)));

static inline vector interleave_low(vector a, vector b) {
    return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}

static inline vector interleave_high(vector a, vector b) {
    return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15,
                                   31);
}

/* Rotates the bits of the index of each byte in `count` vectors (a power of 2, at most 8) left by
 * `turns`. */
static inline void rotate(vector *bytes, size_t count, unsigned turns) {
    for (unsigned turn = 0; turn < turns; turn++) {
        vector from[8];
        for (size_t i = 0; i < count; i++) {
            from[i] = bytes[i];
        }
        for (size_t i = 0; i < count / 2; i++) {
            bytes[2 * i] = interleave_low(from[i], from[i + count / 2]);
            bytes[2 * i + 1] = interleave_high(from[i], from[i + count / 2]);
        }
    }
}

/* Both directions for items of `width` bytes, 8 or 4. An index of a byte is 4 bits of item and then
 * log2(width) bits of byte; on its side it is the other way round. */
static inline void split(const uint8_t *items, size_t count, unsigned width, uint8_t *planes) {
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        vector bytes[8];
        memcpy(bytes, items + i * width, (size_t)width * LANES);
        rotate(bytes, width, 4);
        for (unsigned byte = 0; byte < width; byte++) {
            memcpy(planes + byte * count + i, &bytes[byte], LANES);
        }
    }
    for (; i < count; i++) {
        for (unsigned byte = 0; byte < width; byte++) {
            planes[byte * count + i] = items[i * width + byte];
        }
    }
}

static inline void join(const uint8_t *planes, size_t count, unsigned width, uint8_t *items) {
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        vector bytes[8] = {{0}};
        for (unsigned byte = 0; byte < width; byte++) {
            memcpy(&bytes[byte], planes + byte * count + i, LANES);
        }
        rotate(bytes, width, width == 8 ? 3 : 2);
        memcpy(items + i * width, bytes, (size_t)width * LANES);
    }
    for (; i < count; i++) {
        for (unsigned byte = 0; byte < width; byte++) {
            items[i * width + byte] = planes[byte * count + i];
        }
    }
}

void columns_split_u64(const uint64_t *items, size_t count, uint8_t *planes) {
    split((const uint8_t *)items, count, 8, planes);
}

void columns_split_u32(const uint32_t *items, size_t count, uint8_t *planes) {
    split((const uint8_t *)items, count, 4, planes);
}

void columns_join_u64(const uint8_t *planes, size_t count, uint64_t *items) {
    join(planes, count, 8, (uint8_t *)items);
}

void columns_join_u32(const uint8_t *planes, size_t count, uint32_t *items) {
    join(planes, count, 4, (uint8_t *)items);
}
