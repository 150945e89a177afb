/* Measured on 4 M random ties against PLAIN, both in zstd: the whole table is written twice as fast
 * and is 14 % smaller, because zstd soon finds that packed bits hold no matches, where it toils
 * over the idle bytes of plain integers.
 */
#include "stages/sink/delta.h"

#include "stages/base/columns.h"

#include <assert.h>

enum {
    MINIBLOCK_VALUES = 32,
    BLOCK_MINIBLOCKS = 4,
    BLOCK_VALUES = MINIBLOCK_VALUES * BLOCK_MINIBLOCKS,
    VARINT_BYTES = 10,
    HEADER_BYTES = 4 * VARINT_BYTES,
    BLOCK_BYTES = VARINT_BYTES + BLOCK_MINIBLOCKS + BLOCK_VALUES * 8,
    SLACK_BYTES = 8, /* that packing may touch behind its end */
};

static uint8_t *put_varint(uint8_t *at, uint64_t value) {
    for (; value > 0x7f; value >>= 7) {
        *at++ = (uint8_t)(value | 0x80);
    }
    *at++ = (uint8_t)value;
    return at;
}

/* The lowest `bits` bits as a signed number. */
static int64_t sign_extend(uint64_t value, unsigned bits) {
    return (int64_t)(value << (64 - bits)) >> (64 - bits);
}

static unsigned width_of(const uint64_t *items) {
    uint64_t used = 0;
    for (size_t i = 0; i < MINIBLOCK_VALUES; i++) {
        used |= items[i];
    }
    return used == 0 ? 0 : 64 - (unsigned)__builtin_clzll(used);
}

/* Bits on their way: fewer than 8 between calls. */
struct bit_writer {
    uint8_t *at;
    uint64_t word;
    unsigned filled;
};

/* Appends the lowest `width` <= 56 bits; those above are 0. Writes up to 8 bytes. */
static inline void bits_put(struct bit_writer *writer, uint64_t bits, unsigned width) {
    writer->word |= bits << writer->filled;
    writer->filled += width;
    put_u64(writer->at, writer->word);
    writer->at += writer->filled / 8;
    writer->word >>= writer->filled & ~7U;
    writer->filled &= 7;
}

/* Narrow items are put several at a time: each put waits for the one before. */
uint8_t *delta_pack(uint8_t *at, const uint64_t *items, size_t count, unsigned width) {
    assert(count % 8 == 0 && width <= 64);
    struct bit_writer writer = {.at = at};
    if (width <= 14) {
        for (size_t i = 0; i < count; i += 4) {
            uint64_t low = items[i] | items[i + 1] << width;
            uint64_t high = items[i + 2] | items[i + 3] << width;
            bits_put(&writer, low | high << 2 * width, 4 * width);
        }
    } else if (width <= 28) {
        for (size_t i = 0; i < count; i += 2) {
            bits_put(&writer, items[i] | items[i + 1] << width, 2 * width);
        }
    } else {
        for (size_t i = 0; i < count; i++) {
            bits_put(&writer, (uint32_t)items[i], width < 32 ? width : 32);
            bits_put(&writer, items[i] >> 32, width < 32 ? 0 : width - 32);
        }
    }
    assert(writer.filled == 0);
    return writer.at;
}

/* The block of the `count` values behind values[0]. */
static inline uint8_t *put_block(uint8_t *at, const uint64_t *values, size_t count, unsigned bits) {
    uint64_t items[BLOCK_VALUES] = {0};
    int64_t least = INT64_MAX;
    for (size_t i = 0; i < count; i++) {
        int64_t difference = sign_extend(values[i + 1] - values[i], bits);
        items[i] = (uint64_t)difference;
        least = difference < least ? difference : least;
    }
    for (size_t i = 0; i < count; i++) {
        items[i] -= (uint64_t)least;
    }
    at = put_varint(at, zigzag_difference(0, least));
    uint8_t *widths = at;
    at += BLOCK_MINIBLOCKS;
    for (size_t i = 0; i < BLOCK_MINIBLOCKS; i++) {
        const uint64_t *miniblock = items + i * MINIBLOCK_VALUES;
        unsigned width = width_of(miniblock);
        widths[i] = (uint8_t)width;
        at = delta_pack(at, miniblock, MINIBLOCK_VALUES, width);
    }
    return at;
}

struct status delta_encode(const uint64_t *values, size_t count, unsigned bits, struct bytes *out,
                           struct err *err) {
    assert(bits == 32 || bits == 64);
    size_t blocks = count / BLOCK_VALUES + 1;
    TRY(bytes_reserve(out, HEADER_BYTES + blocks * BLOCK_BYTES + SLACK_BYTES, err));
    uint8_t *start = out->data + out->count;
    uint8_t *at = put_varint(start, BLOCK_VALUES);
    at = put_varint(at, BLOCK_MINIBLOCKS);
    at = put_varint(at, count);
    at = put_varint(at, zigzag_difference(0, count == 0 ? 0 : sign_extend(values[0], bits)));
    for (size_t i = 1; i < count; i += BLOCK_VALUES) {
        size_t left = count - i;
        left = left < BLOCK_VALUES ? left : BLOCK_VALUES;
        at = bits == 64 ? put_block(at, values + i - 1, left, 64)
                        : put_block(at, values + i - 1, left, 32);
    }
    out->count += (size_t)(at - start);
    return status_ok();
}
