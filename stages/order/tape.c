/* Layout of a packed block; its widths and its first time stand in the index.
 *
 *   BYTES             DESCRIPTION
 *   1 per group       bits of a time difference in each group of 512 events
 *   w n / 8 per group differences of each time to the one before it, w bits each
 *   2 b n / 8         from and, above it, to: b bits each, so one load gives both
 *   3 n / 8           codes; none where all are the same
 *
 * A value of up to 56 bits is taken by one unaligned load of 64 bits, whatever bit it starts at;
 * there is no branch and no table. Times have a width per group because one silent night in a block
 * would make all its differences wide.
 *
 * Blocks fill pieces of some MiB. A piece that is full stays in memory while the budget allows and
 * is written to the scratch file in one call otherwise. Rejected: general integer codes
 * (StreamVByte and its kind), which take whole bytes: 9 per event; and zstd, 10 times slower to
 * unpack.
 */
#include "stages/order/tape.h"

#include "schemas/event.h"
#include "schemas/limits.h"
#include "stages/base/pages.h"
#include "stages/base/scratch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "packed bits are little-endian words");

enum {
    VALUE_BITS_MAX = 56, /* and 7 of the byte in which it starts */
    NODE_BITS_MAX = VALUE_BITS_MAX / 2,
    CODE_BITS = 3,
    GROUP_EVENTS = 512,
    GROUPS = TAPE_BLOCK_EVENTS / GROUP_EVENTS,
    /* Words are read and written whole: up to 7 bytes behind the last bit. */
    SLACK_BYTES = 8,
    BLOCK_BITS_MAX = VALUE_BITS_MAX + 2 * NODE_BITS_MAX + CODE_BITS,
    BLOCK_BYTES_MAX = GROUPS + TAPE_BLOCK_EVENTS / 8 * BLOCK_BITS_MAX + 2 * SLACK_BYTES,
    PIECE_BYTES_MIN = 1 << 20,
    PIECE_BYTES_MAX = 1 << 22,
    BUDGET_PIECES = 8, /* pieces are this part of a small budget */
};

_Static_assert(LIMIT_NODES <= UINT32_C(1) << NODE_BITS_MAX, "two nodes fit one load");
_Static_assert(LIMIT_TIME_MAX_MS - LIMIT_TIME_MIN_MS < INT64_C(1) << VALUE_BITS_MAX,
               "so does any difference of times");
_Static_assert(EVENT_KINDS *EVENT_ORIGINS <= 1 << CODE_BITS, "so does a code");
_Static_assert(TAPE_BLOCK_EVENTS % GROUP_EVENTS == 0, "groups fill a block");
_Static_assert(BLOCK_BYTES_MAX <= PIECE_BYTES_MIN, "a block fits a piece");

struct packed_block {
    int64_t first_ms;
    uint32_t piece;
    uint32_t at; /* byte in the piece */
    uint32_t bytes;
    uint8_t node_bits;
    uint8_t code_bits; /* 0: all are `code` */
    uint8_t code;
};

struct piece {
    struct pages memory; /* empty where it lies in the scratch file, or is forgotten */
    uint64_t offset;     /* in the scratch file */
    uint32_t bytes;      /* used */
};

struct tape {
    const char *scratch_folder;
    uint64_t memory_bytes;
    uint32_t piece_bytes;
    uint64_t count;
    struct packed_block *blocks;
    size_t block_count;
    size_t block_capacity;
    struct piece *pieces; /* the last is being filled until tape_end */
    size_t piece_count;
    size_t piece_capacity;
    size_t forgotten; /* pieces */
    uint64_t kept_bytes;
    struct scratch *scratch; /* NULL until needed */
    uint64_t scratch_bytes;
    struct tape_block *pending; /* events of a block that is not yet full; NULL after tape_end */
};

/* ---- bits ---- */

static unsigned bits_of(uint64_t value) {
    return value == 0 ? 0 : 64 - (unsigned)__builtin_clzll(value);
}

/* Where the next value goes. */
struct bit_writer {
    uint8_t *at;
    uint64_t word; /* bits that are not yet a whole byte */
    unsigned filled;
};

static inline void bits_put(struct bit_writer *writer, uint64_t value, unsigned bits) {
    writer->word |= value << writer->filled;
    memcpy(writer->at, &writer->word, sizeof writer->word);
    writer->filled += bits;
    writer->at += writer->filled >> 3;
    writer->word >>= writer->filled & ~7U;
    writer->filled &= 7;
}

/* The byte behind the last bit. */
static uint8_t *bits_end(const struct bit_writer *writer) {
    return writer->at + (writer->filled != 0);
}

static inline uint64_t bits_get(const uint8_t *data, size_t index, unsigned bits) {
    uint64_t word;
    size_t at = index * bits;
    memcpy(&word, data + (at >> 3), sizeof word);
    return word >> (at & 7) & ((UINT64_C(1) << bits) - 1);
}

static size_t bits_bytes(size_t count, unsigned bits) {
    return (count * bits + 7) / 8;
}

/* ---- one block ---- */

static uint8_t *times_pack(const struct tape_block *events, size_t first, size_t count,
                           int64_t before_ms, uint8_t *bits, uint8_t *to) {
    uint64_t differences[GROUP_EVENTS];
    uint64_t all = 0;
    for (size_t i = 0; i < count; i++) {
        assert(events->at_ms[first + i] >= before_ms);
        differences[i] = (uint64_t)events->at_ms[first + i] - (uint64_t)before_ms;
        before_ms = events->at_ms[first + i];
        all |= differences[i];
    }
    *bits = (uint8_t)bits_of(all);
    assert(*bits <= VALUE_BITS_MAX);
    struct bit_writer writer = {.at = to};
    for (size_t i = 0; i < count; i++) {
        bits_put(&writer, differences[i], *bits);
    }
    return bits_end(&writer);
}

static uint8_t *nodes_pack(const struct tape_block *events, uint8_t *bits, uint8_t *to) {
    uint32_t all = 0;
    for (size_t i = 0; i < events->count; i++) {
        all |= events->from[i] | events->to[i];
    }
    *bits = (uint8_t)bits_of(all);
    assert(*bits <= NODE_BITS_MAX);
    struct bit_writer writer = {.at = to};
    for (size_t i = 0; i < events->count; i++) {
        bits_put(&writer, events->from[i] | (uint64_t)events->to[i] << *bits, 2U * *bits);
    }
    return bits_end(&writer);
}

static uint8_t *codes_pack(const struct tape_block *events, struct packed_block *block,
                           uint8_t *to) {
    uint8_t differing = 0;
    block->code = events->code[0];
    for (size_t i = 0; i < events->count; i++) {
        differing |= events->code[i] ^ block->code;
    }
    block->code_bits = differing == 0 ? 0 : CODE_BITS;
    if (block->code_bits == 0) {
        return to;
    }
    struct bit_writer writer = {.at = to};
    for (size_t i = 0; i < events->count; i++) {
        assert(events->code[i] < 1 << CODE_BITS);
        bits_put(&writer, events->code[i], CODE_BITS);
    }
    return bits_end(&writer);
}

/* Packs to `to`, which has BLOCK_BYTES_MAX bytes; fills all of `block` but its place. */
static void block_pack(const struct tape_block *events, struct packed_block *block, uint8_t *to) {
    uint8_t *start = to;
    int64_t before_ms = events->at_ms[0];
    block->first_ms = before_ms;
    to += (events->count + GROUP_EVENTS - 1) / GROUP_EVENTS;
    for (size_t first = 0; first < events->count; first += GROUP_EVENTS) {
        size_t left = events->count - first;
        size_t count = left < GROUP_EVENTS ? left : GROUP_EVENTS;
        to = times_pack(events, first, count, before_ms, start + first / GROUP_EVENTS, to);
        before_ms = events->at_ms[first + count - 1];
    }
    to = nodes_pack(events, &block->node_bits, to);
    to = codes_pack(events, block, to);
    block->bytes = (uint32_t)(to - start);
}

static void nodes_unpack(const uint8_t *data, unsigned bits, struct tape_block *unpacked) {
    uint64_t mask = (UINT64_C(1) << bits) - 1;
    for (size_t i = 0; i < unpacked->count; i++) {
        uint64_t both = bits_get(data, i, 2 * bits);
        unpacked->from[i] = (uint32_t)(both & mask);
        unpacked->to[i] = (uint32_t)(both >> bits);
    }
}

/* `data` has SLACK_BYTES behind the block. */
static void block_unpack(const struct packed_block *block, const uint8_t *data,
                         struct tape_block *unpacked) {
    size_t count = unpacked->count;
    const uint8_t *group_bits = data;
    int64_t at_ms = block->first_ms;
    data += (count + GROUP_EVENTS - 1) / GROUP_EVENTS;
    for (size_t first = 0; first < count; first += GROUP_EVENTS) {
        size_t members = count - first < GROUP_EVENTS ? count - first : GROUP_EVENTS;
        unsigned bits = *group_bits++;
        for (size_t i = 0; i < members; i++) {
            at_ms += (int64_t)bits_get(data, i, bits);
            unpacked->at_ms[first + i] = at_ms;
        }
        data += bits_bytes(members, bits);
    }
    nodes_unpack(data, block->node_bits, unpacked);
    data += bits_bytes(count, 2U * block->node_bits);
    if (block->code_bits == 0) {
        memset(unpacked->code, block->code, count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        unpacked->code[i] = (uint8_t)bits_get(data, i, CODE_BITS);
    }
}

/* ---- pieces ---- */

static struct status piece_spill(struct tape *tape, struct piece *piece, struct err *err) {
    if (tape->scratch == NULL) {
        TRY(scratch_open(&tape->scratch, tape->scratch_folder, err));
    }
    TRY(scratch_write(tape->scratch, tape->scratch_bytes, piece->memory.data, piece->bytes, err));
    piece->offset = tape->scratch_bytes;
    tape->scratch_bytes += piece->bytes;
    return status_ok();
}

/* The last piece is full, or the last of all. `next` takes over its memory where that went to the
 * scratch file. */
static struct status piece_close(struct tape *tape, struct pages *next, struct err *err) {
    struct piece *piece = &tape->pieces[tape->piece_count - 1];
    bool fits = tape->kept_bytes + piece->memory.bytes <= tape->memory_bytes;
    if (fits) {
        tape->kept_bytes += piece->memory.bytes;
        return status_ok();
    }
    TRY(piece_spill(tape, piece, err));
    *next = piece->memory;
    piece->memory = (struct pages){0};
    return status_ok();
}

/* Starts a piece in `memory`, which it takes over. */
static struct status piece_start(struct tape *tape, struct pages *memory, struct err *err) {
    if (tape->piece_count == tape->piece_capacity) {
        size_t capacity = tape->piece_capacity * 2 + 16;
        struct piece *grown = reallocarray(tape->pieces, capacity, sizeof *grown);
        if (grown == NULL) {
            return err_memory(err, capacity * sizeof *grown, "the pieces of the tape");
        }
        tape->pieces = grown;
        tape->piece_capacity = capacity;
    }
    TRY(pages_grow(memory, tape->piece_bytes, "the tape", err));
    tape->pieces[tape->piece_count++] = (struct piece){.memory = *memory};
    *memory = (struct pages){0};
    return status_ok();
}

/* The last piece has room for a block after this. */
static struct status piece_hold(struct tape *tape, struct err *err) {
    struct pages memory = {0};
    if (tape->piece_count > 0) {
        if (tape->piece_bytes - tape->pieces[tape->piece_count - 1].bytes >= BLOCK_BYTES_MAX) {
            return status_ok();
        }
        TRY(piece_close(tape, &memory, err));
    }
    struct status status = piece_start(tape, &memory, err);
    pages_release(&memory);
    return status;
}

static struct status block_append(struct tape *tape, const struct tape_block *events,
                                  struct err *err) {
    if (tape->block_count == tape->block_capacity) {
        size_t capacity = tape->block_capacity * 2 + 64;
        struct packed_block *grown = reallocarray(tape->blocks, capacity, sizeof *grown);
        if (grown == NULL) {
            return err_memory(err, capacity * sizeof *grown, "the index of the tape");
        }
        tape->blocks = grown;
        tape->block_capacity = capacity;
    }
    TRY(piece_hold(tape, err));
    struct piece *piece = &tape->pieces[tape->piece_count - 1];
    struct packed_block *block = &tape->blocks[tape->block_count];
    *block = (struct packed_block){.piece = (uint32_t)(tape->piece_count - 1), .at = piece->bytes};
    block_pack(events, block, (uint8_t *)piece->memory.data + piece->bytes);
    piece->bytes += block->bytes;
    tape->block_count++;
    tape->count += events->count;
    return status_ok();
}

/* ---- the tape ---- */

struct status tape_new(struct tape **tape, const char *scratch_folder, uint64_t memory_bytes,
                       struct err *err) {
    struct tape *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return err_memory(err, sizeof *made, "the tape");
    }
    uint64_t piece_bytes = memory_bytes / BUDGET_PIECES;
    piece_bytes = piece_bytes < PIECE_BYTES_MIN ? PIECE_BYTES_MIN : piece_bytes;
    piece_bytes = piece_bytes > PIECE_BYTES_MAX ? PIECE_BYTES_MAX : piece_bytes;
    made->scratch_folder = scratch_folder;
    made->memory_bytes = memory_bytes;
    made->piece_bytes = (uint32_t)piece_bytes;
    made->pending = malloc(sizeof *made->pending);
    if (made->pending == NULL) {
        free(made);
        return err_memory(err, sizeof *made->pending, "the tape");
    }
    made->pending->count = 0;
    *tape = made;
    return status_ok();
}

void tape_free(struct tape *tape) {
    if (tape == NULL) {
        return;
    }
    for (size_t i = 0; i < tape->piece_count; i++) {
        pages_release(&tape->pieces[i].memory);
    }
    free(tape->pieces);
    free(tape->blocks);
    free(tape->pending);
    scratch_close(tape->scratch);
    free(tape);
}

/* Moves as many events as fit behind those that wait. */
static size_t pending_fill(struct tape_block *pending, const struct tape_block *events,
                           size_t first) {
    size_t room = TAPE_BLOCK_EVENTS - pending->count;
    size_t left = events->count - first;
    size_t count = left < room ? left : room;
    size_t to = pending->count;
    memcpy(pending->at_ms + to, events->at_ms + first, count * sizeof *events->at_ms);
    memcpy(pending->from + to, events->from + first, count * sizeof *events->from);
    memcpy(pending->to + to, events->to + first, count * sizeof *events->to);
    memcpy(pending->code + to, events->code + first, count * sizeof *events->code);
    pending->count += count;
    return count;
}

struct status tape_put(struct tape *tape, const struct tape_block *events, struct err *err) {
    struct tape_block *pending = tape->pending;
    assert(pending != NULL && events->count <= TAPE_BLOCK_EVENTS);
    if (pending->count == 0 && events->count == TAPE_BLOCK_EVENTS) {
        return block_append(tape, events, err);
    }
    for (size_t first = 0; first < events->count;) {
        first += pending_fill(pending, events, first);
        if (pending->count == TAPE_BLOCK_EVENTS) {
            TRY(block_append(tape, pending, err));
            pending->count = 0;
        }
    }
    return status_ok();
}

struct status tape_end(struct tape *tape, struct err *err) {
    if (tape->pending->count > 0) {
        TRY(block_append(tape, tape->pending, err));
    }
    if (tape->piece_count > 0) {
        struct pages unused = {0};
        TRY(piece_close(tape, &unused, err));
        pages_release(&unused);
    }
    free(tape->pending);
    tape->pending = NULL;
    return status_ok();
}

uint64_t tape_count(const struct tape *tape) {
    return tape->count + (tape->pending == NULL ? 0 : tape->pending->count);
}

size_t tape_blocks(const struct tape *tape) {
    return tape->block_count;
}

uint64_t tape_memory(const struct tape *tape) {
    return tape->kept_bytes;
}

struct status tape_limit(struct tape *tape, uint64_t memory_bytes, struct err *err) {
    assert(tape->pending != NULL);
    tape->memory_bytes = memory_bytes < tape->memory_bytes ? memory_bytes : tape->memory_bytes;
    for (size_t i = tape->piece_count; i-- > 1 && tape->kept_bytes > tape->memory_bytes;) {
        struct piece *piece = &tape->pieces[i - 1]; /* the last is not among those kept */
        if (piece->memory.bytes != 0) {
            TRY(piece_spill(tape, piece, err));
            tape->kept_bytes -= piece->memory.bytes;
            pages_release(&piece->memory);
        }
    }
    return status_ok();
}

struct status tape_read(const struct tape *tape, size_t block, struct tape_block *unpacked,
                        struct err *err) {
    assert(block < tape->block_count && tape->pending == NULL);
    const struct packed_block *packed = &tape->blocks[block];
    const struct piece *piece = &tape->pieces[packed->piece];
    unpacked->first = (uint64_t)block * TAPE_BLOCK_EVENTS;
    uint64_t left = tape->count - unpacked->first;
    unpacked->count = left < TAPE_BLOCK_EVENTS ? (size_t)left : TAPE_BLOCK_EVENTS;
    if (piece->memory.bytes != 0) {
        block_unpack(packed, (const uint8_t *)piece->memory.data + packed->at, unpacked);
        return status_ok();
    }
    uint8_t data[BLOCK_BYTES_MAX];
    TRY(scratch_read(tape->scratch, piece->offset + packed->at, data, packed->bytes, err));
    memset(data + packed->bytes, 0, SLACK_BYTES);
    block_unpack(packed, data, unpacked);
    return status_ok();
}

void tape_forget(struct tape *tape, size_t block) {
    assert(tape->pending == NULL && block <= tape->block_count);
    size_t end = block == tape->block_count ? tape->piece_count : tape->blocks[block].piece;
    for (; tape->forgotten < end; tape->forgotten++) {
        struct piece *piece = &tape->pieces[tape->forgotten];
        if (piece->memory.bytes != 0) {
            tape->kept_bytes -= piece->memory.bytes;
            pages_release(&piece->memory);
        } else {
            scratch_forget(tape->scratch, piece->offset, piece->bytes);
        }
    }
}

void tape_uncache(const struct tape *tape) {
    if (tape->scratch != NULL) {
        scratch_uncache(tape->scratch);
    }
}
