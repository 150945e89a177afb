/* Measured on 4 M random ties against PLAIN, both in zstd: the whole table is written twice as fast
 * and is 14 % smaller, because zstd soon finds that packed bits hold no matches, where it toils
 * over the idle bytes of plain integers.
 */
#include "stages/sink/delta.h"

#include "stages/base/columns.h"

#include <assert.h>
#include <string.h>

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
    } else if (width <= 56) {
        for (size_t i = 0; i < count; i++) {
            bits_put(&writer, items[i], width);
        }
    } else {
        for (size_t i = 0; i < count; i++) {
            bits_put(&writer, (uint32_t)items[i], 32);
            bits_put(&writer, items[i] >> 32, width - 32);
        }
    }
    assert(writer.filled == 0);
    return writer.at;
}

/* Puts a block of which the items are known; those behind the last value are 0. */
static uint8_t *put_items(uint8_t *at, const uint64_t *items, int64_t least) {
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

/* The block of the `count` values behind values[0]. The least differences of LANES rows of items
 * are found at once: each comparison waits for the one before of its row alone. */
static uint8_t *put_block_u64(uint8_t *at, const uint64_t *values, size_t count) {
    enum { LANES = 4 };
    uint64_t items[BLOCK_VALUES];
    int64_t leasts[LANES] = {INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX};
    for (size_t i = 0; i < count; i++) {
        items[i] = values[i + 1] - values[i];
    }
    for (size_t i = count; i < BLOCK_VALUES; i++) {
        items[i] = values[1] - values[0]; /* one of the others once more */
    }
    for (size_t i = 0; i < BLOCK_VALUES; i += LANES) {
        for (size_t lane = 0; lane < LANES; lane++) {
            int64_t difference = (int64_t)items[i + lane];
            leasts[lane] = difference < leasts[lane] ? difference : leasts[lane];
        }
    }
    int64_t least = leasts[0];
    for (size_t lane = 1; lane < LANES; lane++) {
        least = leasts[lane] < least ? leasts[lane] : least;
    }
    for (size_t i = 0; i < count; i++) {
        items[i] -= (uint64_t)least;
    }
    memset(items + count, 0, (BLOCK_VALUES - count) * sizeof *items);
    return put_items(at, items, least);
}

/* The same with half as many bits, which the compiler has instructions of many items for. */
static uint8_t *put_block_u32(uint8_t *at, const uint32_t *values, size_t count) {
    uint64_t items[BLOCK_VALUES] = {0};
    int32_t differences[BLOCK_VALUES];
    int32_t least = INT32_MAX;
    for (size_t i = 0; i < count; i++) {
        differences[i] = (int32_t)(values[i + 1] - values[i]);
    }
    for (size_t i = 0; i < count; i++) {
        least = differences[i] < least ? differences[i] : least;
    }
    for (size_t i = 0; i < count; i++) {
        items[i] = (uint32_t)differences[i] - (uint32_t)least;
    }
    return put_items(at, items, least);
}

/* Makes room for the encoding of `count` values, and puts what comes before the blocks. */
static struct status begin(struct bytes *out, size_t count, int64_t first, uint8_t **at,
                           struct err *err) {
    size_t blocks = count / BLOCK_VALUES + 1;
    TRY(bytes_reserve(out, HEADER_BYTES + blocks * BLOCK_BYTES + SLACK_BYTES, err));
    *at = put_varint(out->data + out->count, BLOCK_VALUES);
    *at = put_varint(*at, BLOCK_MINIBLOCKS);
    *at = put_varint(*at, count);
    *at = put_varint(*at, zigzag_difference(0, first));
    return status_ok();
}

static size_t block_values(size_t first, size_t count) {
    return count - first < BLOCK_VALUES ? count - first : BLOCK_VALUES;
}

struct status delta_encode_u64(const uint64_t *values, size_t count, struct bytes *out,
                               struct err *err) {
    uint8_t *at;
    TRY(begin(out, count, count == 0 ? 0 : (int64_t)values[0], &at, err));
    for (size_t i = 1; i < count; i += BLOCK_VALUES) {
        at = put_block_u64(at, values + i - 1, block_values(i, count));
    }
    out->count = (size_t)(at - out->data);
    return status_ok();
}

struct status delta_encode_u32(const uint32_t *values, size_t count, struct bytes *out,
                               struct err *err) {
    uint8_t *at;
    TRY(begin(out, count, count == 0 ? 0 : (int32_t)values[0], &at, err));
    for (size_t i = 1; i < count; i += BLOCK_VALUES) {
        at = put_block_u32(at, values + i - 1, block_values(i, count));
    }
    out->count = (size_t)(at - out->data);
    return status_ok();
}
