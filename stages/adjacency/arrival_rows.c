/* Offsets serve as cursors while rows are filled: offsets[i + 1] is where the next entry of row i
 * goes, and so, when all are in, where row i + 1 begins.
 *
 * A row is resolved with scratch bits per node, cleared by walking the row again. Rows without
 * disconnects, nearly all, are only looked through for a pair that comes twice; few have one. A
 * connect leaves its pair open whatever it was before, a disconnect leaves it closed, and either is
 * rejected where it changed nothing: no step of it depends on a branch. The bits are asked for some
 * entries ahead, since those of 20 million nodes do not fit into a core's own caches.
 *
 * Rejected: a hash table per row that stays in the first-level cache (collisions are branches that
 * nobody predicts).
 */
#include "stages/adjacency/arrival_rows.h"

#include "schemas/limits.h"
#include "stages/adjacency/row_fill.h"
#include "stages/base/workers.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Nodes of one turn of a worker: whole words of signed_nodes. Entries by which the memory for bases
 * grows, untouched at first. */
enum { CHUNK_NODES = 1 << 12, CHUNK_ENTRIES = 1 << 20, GROWTH_ENTRIES = 1 << 24 };

/* Entries by which scratch bits are asked for before they are needed. */
enum { AHEAD = 16 };

#define ROW_FLAGS (~ROW_NODE)

void arrival_rows_release(struct arrival_rows *rows) {
    pages_release(&rows->offsets);
    pages_release(&rows->entries);
    pages_release(&rows->signed_nodes);
    *rows = (struct arrival_rows){0};
}

static uint64_t *rows_offsets(const struct arrival_rows *rows) {
    return rows->offsets.data;
}

static uint32_t *rows_entries(const struct arrival_rows *rows) {
    return rows->entries.data;
}

static size_t rows_count(const struct arrival_rows *rows) {
    return rows->end - rows->first;
}

struct status arrival_rows_begin(struct arrival_rows *rows, uint32_t first, uint32_t end,
                                 struct err *err) {
    assert(first <= end && end <= LIMIT_NODES);
    size_t count = end - first;
    size_t words = count / 64 + 1;
    TRY(pages_grow(&rows->offsets, (count + 1) * sizeof(uint64_t), "the members' rows", err));
    TRY(pages_grow(&rows->signed_nodes, words * sizeof(uint64_t), "the members' rows", err));
    memset(rows->signed_nodes.data, 0, words * sizeof(uint64_t));
    rows_offsets(rows)[0] = 0;
    rows->first = first;
    rows->end = end;
    rows->based = first;
    rows->open_entries = 0;
    rows->flags = 0;
    return status_ok();
}

static struct status entries_reserve(struct arrival_rows *rows, uint64_t count, struct err *err) {
    return pages_grow(&rows->entries, (size_t)count * sizeof(uint32_t), "the members' rows", err);
}

/* Where the row of the node `based` begins. */
static uint64_t next_start(const struct arrival_rows *rows, const struct census *census) {
    uint64_t start = rows_offsets(rows)[rows->based - rows->first];
    return rows->based == rows->first ? start : start + census_entries(census, rows->based - 1);
}

/* Gives the nodes before `end` that have none their offsets, for rows without a base. */
static void offsets_advance(struct arrival_rows *rows, const struct census *census, uint32_t end) {
    uint64_t *offsets = rows_offsets(rows);
    uint64_t start = next_start(rows, census);
    for (; rows->based < end; rows->based++) {
        offsets[rows->based - rows->first + 1] = start;
        start += census_entries(census, rows->based);
    }
}

struct status arrival_rows_base(struct arrival_rows *rows, struct census *census, uint32_t node,
                                const uint32_t *neighbours, size_t count, struct err *err) {
    assert(node >= rows->based && node < rows->end && count < LIMIT_NODES);
    offsets_advance(rows, census, node);
    uint64_t start = next_start(rows, census);
    uint64_t end = start + count;
    if (end * sizeof(uint32_t) > rows->entries.bytes) {
        TRY(entries_reserve(rows, end + GROWTH_ENTRIES, err));
    }
    TRY(census_base_set(census, node, (uint32_t)count, err));
    if (count != 0) {
        memcpy(rows_entries(rows) + start, neighbours, count * sizeof *neighbours);
    }
    rows_offsets(rows)[node - rows->first + 1] = end;
    rows->based = node + 1;
    return status_ok();
}

struct status arrival_rows_fill(struct arrival_rows *rows, const struct census *census,
                                const struct tape *tape, enum simultaneous simultaneous,
                                unsigned threads, struct err *err) {
    offsets_advance(rows, census, rows->end);
    TRY(entries_reserve(rows, next_start(rows, census) + 1, err)); /* +1: never NULL */
    struct row_fill fill = {
        .tape = tape,
        .range = census->range,
        .first = rows->first,
        .end = rows->end,
        .marks_instants = simultaneous == SIMULTANEOUS_STRICT,
        .cursors = rows_offsets(rows) + 1,
        .entries = rows_entries(rows),
        .threads = threads,
    };
    return row_fill_run(&fill, err);
}

/* One thread's share of a walk over all rows. */
struct hand {
    uint64_t *met;    /* a bit per node of the graph; 0 between rows */
    uint64_t *states; /* likewise two: connected now, and the batch has had an entry about it */
    uint64_t open_entries;
    uint32_t flags;
};

struct walk {
    struct arrival_rows *rows;
    const struct census *census;
    uint32_t *lengths; /* per row: entries that are left of it; in settling */
    struct hand *hands;
    unsigned threads;
};

static void walk_release(struct walk *walk) {
    for (unsigned i = 0; walk->hands != NULL && i < walk->threads; i++) {
        free(walk->hands[i].met);
        free(walk->hands[i].states);
    }
    free(walk->hands);
}

/* walk_release whatever the status. */
static struct status walk_ready(struct walk *walk, struct err *err) {
    size_t words = walk->rows->node_count / 64 + 1;
    walk->hands = calloc(walk->threads, sizeof *walk->hands);
    bool is_ready = walk->hands != NULL;
    for (unsigned i = 0; is_ready && i < walk->threads; i++) {
        walk->hands[i].met = calloc(words, sizeof(uint64_t));
        walk->hands[i].states = calloc(2 * words, sizeof(uint64_t));
        is_ready = walk->hands[i].met != NULL && walk->hands[i].states != NULL;
    }
    return is_ready ? status_ok()
                    : err_memory(err, 3 * words * walk->threads * sizeof(uint64_t),
                                 "marks for walking over rows");
}

static bool bit_get(const uint64_t *bits, uint32_t node) {
    return bits[node >> 6] >> (node & 63) & 1;
}

static void bit_set(uint64_t *bits, uint32_t node) {
    bits[node >> 6] |= UINT64_C(1) << (node & 63);
}

/* Clears what a row has set. */
static void bits_clear(uint64_t *bits, const uint32_t *row, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        bits[(row[i] & ROW_NODE) >> 6] = 0;
    }
}

static bool row_names_a_pair_twice(uint64_t *bits, const uint32_t *row, uint32_t count) {
    bool found = false;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t later = i + AHEAD < count ? i + AHEAD : i;
        __builtin_prefetch(&bits[(row[later] & ROW_NODE) >> 6], 1);
        uint32_t node = row[i] & ROW_NODE;
        found |= bit_get(bits, node);
        bit_set(bits, node);
    }
    bits_clear(bits, row, count);
    return found;
}

static uint32_t row_flags(const uint32_t *row, uint32_t count) {
    uint32_t flags = 0;
    for (uint32_t i = 0; i < count; i++) {
        flags |= row[i];
    }
    return flags & ROW_FLAGS;
}

/* Flags what needs it in a row of `base` neighbours and entries behind them; returns how many
 * neighbours are left. */
static uint32_t row_resolve(uint64_t *states, uint32_t *row, uint32_t count, uint32_t base) {
    enum { OPEN = 1, SEEN = 2 };
    uint32_t open = base;
    for (uint32_t i = 0; i < base; i++) {
        states[row[i] >> 5] |= (uint64_t)OPEN << 2 * (row[i] & 31);
    }
    for (uint32_t i = base; i < count; i++) {
        uint32_t later = i + AHEAD < count ? i + AHEAD : i;
        __builtin_prefetch(&states[(row[later] & ROW_NODE) >> 5], 1);
        uint64_t *word = &states[(row[i] & ROW_NODE) >> 5];
        unsigned shift = 2 * (row[i] & 31);
        uint64_t state = *word >> shift;
        uint64_t connects = (row[i] & ROW_ENDED) == 0;
        uint32_t rejected = (state & OPEN) == connects;
        *word = (*word & ~((uint64_t)(OPEN | SEEN) << shift)) | (SEEN | connects) << shift;
        open += rejected != 0 ? 0 : 2 * (uint32_t)connects - 1;
        row[i] |= (rejected != 0 ? ROW_REJECTED : 0) | ((state & SEEN) != 0 ? ROW_REPEAT : 0);
    }
    for (uint32_t i = 0; i < count; i++) {
        states[(row[i] & ROW_NODE) >> 5] = 0;
    }
    return open;
}

/* Resolves the row of the i-th node of the range. */
static void node_resolve(const struct walk *walk, struct hand *hand, size_t i) {
    const struct arrival_rows *rows = walk->rows;
    uint64_t start = rows_offsets(rows)[i];
    uint32_t count = (uint32_t)(rows_offsets(rows)[i + 1] - start);
    uint32_t *row = rows_entries(rows) + start;
    uint32_t flags = row_flags(row, count);
    uint32_t open = count;
    if ((flags & ROW_ENDED) != 0 || row_names_a_pair_twice(hand->met, row, count)) {
        open = row_resolve(hand->states, row, count,
                           census_base(walk->census, rows->first + (uint32_t)i));
        flags = row_flags(row, count);
    }
    if ((flags & (ROW_ENDED | ROW_REJECTED)) != 0) {
        bit_set(rows->signed_nodes.data, (uint32_t)i);
    }
    hand->open_entries += open;
    hand->flags |= flags;
}

static void nodes_resolve(void *context, unsigned worker, size_t first, size_t end) {
    const struct walk *walk = context;
    for (size_t i = first; i < end; i++) {
        node_resolve(walk, &walk->hands[worker], i);
    }
}

struct status arrival_rows_resolve(struct arrival_rows *rows, const struct census *census,
                                   unsigned threads, struct err *err) {
    rows->node_count = census->node_count;
    struct walk walk = {.rows = rows, .census = census, .threads = threads};
    struct status status = walk_ready(&walk, err);
    if (!failed(status)) {
        workers_run(threads, rows_count(rows), CHUNK_NODES, nodes_resolve, &walk);
        for (unsigned i = 0; i < threads; i++) {
            rows->open_entries += walk.hands[i].open_entries;
            rows->flags |= walk.hands[i].flags;
        }
    }
    walk_release(&walk);
    return status;
}

/* Moves the neighbours that are left to the front of their row, and returns how many. Of a pair's
 * entries that were no mistakes the newest decides. */
static uint32_t row_settle(uint64_t *decided, uint32_t *row, uint32_t count) {
    for (uint32_t i = count; i-- > 0;) {
        uint32_t node = row[i] & ROW_NODE;
        if ((row[i] & ROW_REJECTED) == 0) {
            bool is_newest = !bit_get(decided, node);
            bit_set(decided, node);
            row[i] |= is_newest && (row[i] & ROW_ENDED) == 0 ? 0 : ROW_REJECTED;
        }
    }
    bits_clear(decided, row, count);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t entry = row[i];
        row[kept] = entry & ROW_NODE;
        kept += (entry & ROW_REJECTED) == 0;
    }
    return kept;
}

static void entries_strip(uint32_t *entries, size_t count) {
    for (size_t i = 0; i < count; i++) {
        entries[i] &= ROW_NODE;
    }
}

static void chunk_strip(void *context, unsigned worker, size_t first, size_t end) {
    (void)worker;
    entries_strip((uint32_t *)context + first, end - first);
}

static void nodes_settle(void *context, unsigned worker, size_t first, size_t end) {
    const struct walk *walk = context;
    const struct arrival_rows *rows = walk->rows;
    for (size_t i = first; i < end; i++) {
        uint64_t start = rows_offsets(rows)[i];
        uint32_t count = (uint32_t)(rows_offsets(rows)[i + 1] - start);
        uint32_t *row = rows_entries(rows) + start;
        if (bit_get(rows->signed_nodes.data, (uint32_t)i)) {
            walk->lengths[i] = row_settle(walk->hands[worker].met, row, count);
        } else {
            entries_strip(row, count);
            walk->lengths[i] = count;
        }
    }
}

/* Closes the gaps between settled rows, first row first. */
static void rows_close_up(struct arrival_rows *rows, const uint32_t *lengths) {
    uint64_t *offsets = rows_offsets(rows);
    uint32_t *entries = rows_entries(rows);
    uint64_t start = 0; /* of the row where it is now */
    uint64_t kept = 0;
    for (size_t i = 0; i < rows_count(rows); i++) {
        memmove(entries + kept, entries + start, lengths[i] * sizeof *entries);
        kept += lengths[i];
        start = offsets[i + 1];
        offsets[i + 1] = kept;
    }
    memset(rows->signed_nodes.data, 0, (rows_count(rows) / 64 + 1) * sizeof(uint64_t));
}

static struct status rows_compact(struct arrival_rows *rows, unsigned threads, struct err *err) {
    size_t count = rows_count(rows);
    struct pages lengths = {0};
    TRY(pages_grow(&lengths, (count + 1) * sizeof(uint32_t), "lengths of rows", err));
    struct walk walk = {.rows = rows, .threads = threads, .lengths = lengths.data};
    struct status status = walk_ready(&walk, err);
    if (!failed(status)) {
        workers_run(threads, count, CHUNK_NODES, nodes_settle, &walk);
        rows_close_up(rows, lengths.data);
    }
    walk_release(&walk);
    pages_release(&lengths);
    return status;
}

struct status arrival_rows_settle(struct arrival_rows *rows, unsigned threads, struct err *err) {
    if ((rows->flags & (ROW_ENDED | ROW_REJECTED)) != 0) {
        TRY(rows_compact(rows, threads, err));
    } else if (rows->flags != 0) {
        workers_run(threads, (size_t)rows_offsets(rows)[rows_count(rows)], CHUNK_ENTRIES,
                    chunk_strip, rows->entries.data);
    }
    rows->flags = 0;
    return status_ok();
}
