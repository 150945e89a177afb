/* Waves of blocks. First the blocks of a wave are shared out: a thread unpacks one and deals its
 * entries, two per event, to the owners of the nodes that they go to; an owner is a stretch of
 * nodes. Then the owners are shared out: a thread writes an owner's entries, block after block, so
 * that no row has two writers.
 *
 * Both accesses of an entry, the cursor and the row, miss all caches in a graph of study size. An
 * owner's cursors stay in the cache while its entries are written, and its rows lie on few pages;
 * the lines of the rows are asked for some entries ahead.
 *
 * Under STRICT an entry must know whether the one before it in its row is of the same instant. The
 * upper bits of a node's cursor keep its last instant, so that this costs no third access.
 * Instants are numbered from 1; before the number outgrows its bits all cursors but those of the
 * instant of the moment forget theirs.
 *
 * Rejected: one owner per thread, with cursors asked for ahead as well (measured half as
 * long again).
 */
#include "stages/adjacency/row_fill.h"

#include "schemas/event.h"
#include "stages/adjacency/arrival_rows.h"
#include "stages/base/pages.h"
#include "stages/base/workers.h"

#include <stdlib.h>
#include <string.h>

enum {
    AHEAD = 64,
    BLOCK_ENTRIES = 2 * TAPE_BLOCK_EVENTS,
    OWNERS_MAX = 256,
    OWNER_NODES_LOG2_MIN = 8, /* so that two owners' cursors are rarely on one line */
    WAVE_BLOCKS_MAX = 256,
    CURSOR_BITS = 40,
    FORGET_NODES = 1 << 16,
};

#define CURSOR_MASK ((UINT64_C(1) << CURSOR_BITS) - 1)
#define INSTANTS_END (UINT64_C(1) << (64 - CURSOR_BITS))

/* An entry on its way: which row of those here, and what it gets. */
struct dealt {
    uint32_t row;
    uint32_t entry;
};

/* One block, dealt. */
struct deal {
    struct dealt *entries; /* BLOCK_ENTRIES; owner after owner, then what is nobody's here */
    uint16_t *instants;    /* likewise: number of the entry's instant in the block, from 0 */
    uint32_t ends[OWNERS_MAX + 1]; /* of every owner's entries */
    uint32_t stamp;                /* of the block's first instant */
    uint32_t instant_count;
    int64_t first_ms;
    int64_t last_ms;
    struct status status;
    struct err err;
};

/* What one thread needs. */
struct hand {
    struct tape_block block;
    uint32_t cursors[OWNERS_MAX + 1]; /* into a deal's entries, per owner */
};

struct wave {
    const struct row_fill *fill;
    unsigned owner_shift; /* the owner of a row is the row >> owner_shift */
    uint32_t owner_count;
    struct hand *hands;  /* per thread */
    struct deal *deals;  /* capacity */
    struct pages memory; /* the deals' entries and instants */
    size_t capacity;
    size_t first_block;
    size_t count;   /* blocks */
    uint64_t stamp; /* of the latest instant */
    int64_t last_ms;
};

/* Rows that are not here, which come out as large numbers, are nobody's. */
static inline uint32_t owner_of(const struct wave *wave, uint32_t row) {
    uint32_t owner = row >> wave->owner_shift;
    return row < wave->fill->end - wave->fill->first ? owner : wave->owner_count;
}

/* Finds where in the deal every owner's entries begin and end. */
static void owners_count(const struct wave *wave, struct hand *hand, struct deal *deal,
                         size_t first, size_t end) {
    const struct tape_block *block = &hand->block;
    uint32_t first_node = wave->fill->first;
    memset(hand->cursors, 0, sizeof hand->cursors);
    for (size_t i = first; i < end; i++) {
        hand->cursors[owner_of(wave, block->from[i] - first_node)]++;
        hand->cursors[owner_of(wave, block->to[i] - first_node)]++;
    }
    uint32_t sum = 0;
    for (uint32_t owner = 0; owner <= wave->owner_count; owner++) {
        uint32_t count = hand->cursors[owner];
        hand->cursors[owner] = sum;
        sum += count;
        deal->ends[owner] = sum;
    }
}

static void entries_deal(const struct wave *wave, struct hand *hand, struct deal *deal,
                         size_t first, size_t end) {
    const struct tape_block *block = &hand->block;
    uint32_t first_node = wave->fill->first;
    int64_t before_ms = block->at_ms[first];
    uint32_t instant = 0;
    for (size_t i = first; i < end; i++) {
        uint32_t from = block->from[i];
        uint32_t to = block->to[i];
        uint32_t ended = event_code_kind(block->code[i]) == EVENT_DISCONNECT ? ROW_ENDED : 0;
        instant += block->at_ms[i] != before_ms;
        before_ms = block->at_ms[i];
        uint32_t at = hand->cursors[owner_of(wave, from - first_node)]++;
        deal->entries[at] = (struct dealt){from - first_node, to | ended};
        deal->instants[at] = (uint16_t)instant;
        at = hand->cursors[owner_of(wave, to - first_node)]++;
        deal->entries[at] = (struct dealt){to - first_node, from | ended};
        deal->instants[at] = (uint16_t)instant;
    }
    deal->first_ms = block->at_ms[first];
    deal->last_ms = before_ms;
    deal->instant_count = instant + 1;
}

static void blocks_deal(void *context, unsigned worker, size_t first, size_t end) {
    struct wave *wave = context;
    struct hand *hand = &wave->hands[worker];
    const struct tape_range *range = &wave->fill->range;
    for (size_t i = first; i < end; i++) {
        struct deal *deal = &wave->deals[i];
        struct tape_block *block = &hand->block;
        deal->status = tape_read(wave->fill->tape, wave->first_block + i, block, &deal->err);
        if (failed(deal->status)) {
            return;
        }
        uint64_t stop = block->first + block->count;
        uint64_t low = range->first > block->first ? range->first : block->first;
        uint64_t high = range->end < stop ? range->end : stop;
        size_t first_event = (size_t)(low - block->first);
        size_t end_event = (size_t)(high - block->first);
        owners_count(wave, hand, deal, first_event, end_event);
        entries_deal(wave, hand, deal, first_event, end_event);
    }
}

/* The stretch of a deal that belongs to an owner. */
struct stretch {
    const struct dealt *entries;
    const uint16_t *instants;
    uint32_t count;
    uint32_t stamp;
};

static struct stretch stretch_of(const struct wave *wave, size_t block, size_t owner) {
    const struct deal *deal = &wave->deals[block];
    uint32_t first = owner == 0 ? 0 : deal->ends[owner - 1];
    return (struct stretch){
        .entries = deal->entries + first,
        .instants = deal->instants + first,
        .count = deal->ends[owner] - first,
        .stamp = deal->stamp,
    };
}

/* Asks for the lines that the first entries of a stretch go to. */
static void stretch_expect(const struct row_fill *fill, const struct stretch *stretch) {
    uint32_t count = stretch->count < AHEAD ? stretch->count : AHEAD;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t cursor = fill->cursors[stretch->entries[i].row];
        __builtin_prefetch(&fill->entries[cursor & CURSOR_MASK], 1);
    }
}

static inline void stretch_write(const struct row_fill *fill, const struct stretch *stretch,
                                 bool marks_instants) {
    const struct dealt *dealt = stretch->entries;
    uint64_t *cursors = fill->cursors;
    uint32_t *entries = fill->entries;
    uint32_t count = stretch->count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t later = i + AHEAD < count ? i + AHEAD : i;
        __builtin_prefetch(&entries[cursors[dealt[later].row] & CURSOR_MASK], 1);
        uint64_t cursor = cursors[dealt[i].row];
        uint32_t same = 0;
        uint64_t stamp = 0;
        if (marks_instants) {
            stamp = stretch->stamp + stretch->instants[i];
            same = cursor >> CURSOR_BITS == stamp ? ROW_SAME : 0;
            cursor &= CURSOR_MASK;
        }
        entries[cursor] = dealt[i].entry | same;
        cursors[dealt[i].row] = (cursor + 1) | stamp << CURSOR_BITS;
    }
}

static void owners_write(void *context, unsigned worker, size_t first, size_t end) {
    struct wave *wave = context;
    (void)worker;
    for (size_t owner = first; owner < end; owner++) {
        struct stretch next = stretch_of(wave, 0, owner);
        for (size_t i = 1; i <= wave->count; i++) {
            struct stretch stretch = next;
            if (i < wave->count) {
                next = stretch_of(wave, i, owner);
                stretch_expect(wave->fill, &next);
            }
            if (wave->fill->marks_instants) {
                stretch_write(wave->fill, &stretch, true);
            } else {
                stretch_write(wave->fill, &stretch, false);
            }
        }
    }
}

/* The latest instant becomes the first one; with `stamp` 0 no instant is left. */
static void instants_forget(void *context, unsigned worker, size_t first, size_t end) {
    const struct wave *wave = context;
    (void)worker;
    uint64_t *cursors = wave->fill->cursors;
    for (size_t i = first; i < end; i++) {
        uint64_t is_latest = wave->stamp != 0 && cursors[i] >> CURSOR_BITS == wave->stamp;
        cursors[i] = (cursors[i] & CURSOR_MASK) | is_latest << CURSOR_BITS;
    }
}

static void wave_forget(struct wave *wave) {
    const struct row_fill *fill = wave->fill;
    workers_run(fill->threads, fill->end - fill->first, FORGET_NODES, instants_forget, wave);
}

/* Numbers the instants of a dealt wave. */
static void wave_stamp(struct wave *wave) {
    uint64_t instants = 0;
    for (size_t i = 0; i < wave->count; i++) {
        instants += wave->deals[i].instant_count;
    }
    if (wave->stamp + instants >= INSTANTS_END) {
        wave_forget(wave);
        wave->stamp = 1;
    }
    for (size_t i = 0; i < wave->count; i++) {
        struct deal *deal = &wave->deals[i];
        bool goes_on = wave->stamp != 0 && deal->first_ms == wave->last_ms;
        deal->stamp = (uint32_t)(goes_on ? wave->stamp : wave->stamp + 1);
        wave->stamp = (uint64_t)deal->stamp + deal->instant_count - 1;
        wave->last_ms = deal->last_ms;
    }
}

static void wave_free(struct wave *wave) {
    pages_release(&wave->memory);
    free(wave->deals);
    free(wave->hands);
}

/* Bytes of a deal's entries and instants. */
enum { DEAL_BYTES = BLOCK_ENTRIES * (sizeof(struct dealt) + sizeof(uint16_t)) };

/* An eighth of the blocks: owners get long stretches where there are many nodes, and a small graph,
 * which lies in the cache anyway, takes little memory. */
static size_t wave_capacity(size_t blocks) {
    size_t capacity = blocks / 8 < 1 ? 1 : blocks / 8;
    return capacity < WAVE_BLOCKS_MAX ? capacity : WAVE_BLOCKS_MAX;
}

/* wave_free whatever the status. */
static struct status wave_ready(struct wave *wave, size_t blocks, struct err *err) {
    const struct row_fill *fill = wave->fill;
    wave->capacity = wave_capacity(blocks);
    wave->owner_shift = OWNER_NODES_LOG2_MIN;
    while ((fill->end - fill->first) >> wave->owner_shift >= OWNERS_MAX) {
        wave->owner_shift++;
    }
    wave->owner_count = ((fill->end - fill->first) >> wave->owner_shift) + 1;
    wave->hands = malloc(fill->threads * sizeof *wave->hands);
    wave->deals = calloc(wave->capacity, sizeof *wave->deals);
    if (wave->hands == NULL || wave->deals == NULL) {
        return err_memory(err, wave->capacity * sizeof *wave->deals, "blocks on their way to rows");
    }
    TRY(pages_grow(&wave->memory, wave->capacity * DEAL_BYTES, "blocks on their way to rows", err));
    struct dealt *entries = wave->memory.data;
    uint16_t *instants = (uint16_t *)(void *)(entries + wave->capacity * BLOCK_ENTRIES);
    for (size_t i = 0; i < wave->capacity; i++) {
        wave->deals[i].entries = entries + i * BLOCK_ENTRIES;
        wave->deals[i].instants = instants + i * BLOCK_ENTRIES;
    }
    return status_ok();
}

static struct status waves_run(struct wave *wave, size_t first_block, size_t end_block,
                               struct err *err) {
    unsigned threads = wave->fill->threads;
    TRY(wave_ready(wave, end_block - first_block, err));
    for (size_t first = first_block; first < end_block; first += wave->count) {
        size_t left = end_block - first;
        wave->first_block = first;
        wave->count = left < wave->capacity ? left : wave->capacity;
        workers_run(threads, wave->count, 1, blocks_deal, wave);
        for (size_t i = 0; i < wave->count; i++) {
            if (failed(wave->deals[i].status)) {
                return err_set(err, wave->deals[i].status.failure, "%s", wave->deals[i].err.text);
            }
        }
        if (wave->fill->marks_instants) {
            wave_stamp(wave);
        }
        workers_run(threads, wave->owner_count, 1, owners_write, wave);
    }
    wave->stamp = 0;
    if (wave->fill->marks_instants) {
        wave_forget(wave);
    }
    return status_ok();
}

/* Blocks that a range lies in. */
static size_t range_blocks(struct tape_range range) {
    return range.first == range.end ? 0
                                    : (size_t)((range.end - 1) / TAPE_BLOCK_EVENTS -
                                               range.first / TAPE_BLOCK_EVENTS + 1);
}

uint64_t row_fill_bytes(struct tape_range range) {
    return wave_capacity(range_blocks(range)) * (DEAL_BYTES + sizeof(struct deal));
}

struct status row_fill_run(const struct row_fill *fill, struct err *err) {
    const struct tape_range *range = &fill->range;
    if (range->first == range->end) {
        return status_ok();
    }
    struct wave wave = {.fill = fill};
    struct status status = waves_run(&wave, (size_t)(range->first / TAPE_BLOCK_EVENTS),
                                     (size_t)((range->end - 1) / TAPE_BLOCK_EVENTS) + 1, err);
    wave_free(&wave);
    return status;
}
