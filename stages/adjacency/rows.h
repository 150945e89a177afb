/* Arrival-order rows: every member's ties in the order in which they were made and ended.
 *
 * Row v holds one entry per tie event of v, oldest first: the other member when a tie is made, the
 * other member with ROW_ENDED set when it ends. So the neighbours of v at any moment are a prefix
 * of its row: count +1 for an entry, -1 for an ended one, and every member sums to 0 or 1. Rows
 * without ended entries, nearly all, are plain lists and are scanned as such.
 *
 * Invariants: entries of one pair alternate (made, ended, made, ...); `ended` is the number of
 * ended entries in the row; a row's memory moves only in rows_push, rows_reserve and rows_settle.
 *
 * Memory: 8 bytes per tie (4 in either row) after rows_reserve, up to a quarter more for rows that
 * grow entry by entry, and 32 bytes per member.
 */
#ifndef TIEFLOW_STAGES_ADJACENCY_ROWS_H
#define TIEFLOW_STAGES_ADJACENCY_ROWS_H

#include "schemas/ids.h"
#include "schemas/status.h"
#include "stages/base/pages.h"

#include <stddef.h>
#include <stdint.h>

#define ROW_ENDED (UINT32_C(1) << 31)

struct row {
    _Alignas(32) uint64_t offset; /* of the first entry, in words of the arena; 0: no memory yet */
    uint32_t count;               /* entries */
    uint32_t capacity; /* entries that fit; also in the block, which may be a cold line away */
    uint32_t ended;    /* entries with ROW_ENDED */
};                     /* aligned so that none lies across two cache lines: one fetch has it all */

/* The arena is a row of blocks, in no particular order of owners:
 *
 *   WORD  DESCRIPTION
 *   0     owner: the node whose row this is, or was (rows[owner].offset tells)
 *   1     capacity: entries that fit
 *   2     entries
 *
 * Words 0 and 1 of the arena are never used, so that offset 0 can mean "none". */
struct rows {
    struct pages row_pages; /* struct row per node */
    struct pages arena;
    size_t node_count;
    size_t used_words;    /* of the arena, from its start */
    size_t garbage_words; /* of them, in blocks that no row owns any more */
};

/* Zero-initialised storage is a graph without members. */
void rows_release(struct rows *rows);

/* Makes nodes 0 .. node_count-1 exist; never fewer than before. */
FALLIBLE rows_grow(struct rows *rows, size_t node_count, struct err *err);

static inline struct row *rows_all(const struct rows *rows) {
    return rows->row_pages.data;
}

/* Lends the entries of a row until the rows change. */
static inline const uint32_t *row_entries(const struct rows *rows, const struct row *row) {
    return (const uint32_t *)rows->arena.data + row->offset;
}

/* Members connected to the node now: entries less twice the ended ones. */
static inline uint32_t row_degree(const struct row *row) {
    return row->count - 2 * row->ended;
}

/* Appends one entry (a node below LIMIT_NODES, with or without ROW_ENDED). Amortised O(1). */
FALLIBLE rows_push(struct rows *rows, struct node_id node, uint32_t entry, struct err *err);

/* Makes room for `extra[node]` more entries in every row at once, without slack, by one pass over
 * the arena; for batches that touch a good part of the rows. `extra` has node_count items. */
FALLIBLE rows_reserve(struct rows *rows, const uint32_t *extra, struct err *err);

/* Gives a node that has none its entries at once, `count` distinct nodes, without slack. */
FALLIBLE rows_load(struct rows *rows, struct node_id node, const uint32_t *entries, size_t count,
                   struct err *err);

/* Cancels ended entries against the ones that they end, so that the row is a plain list of the
 * current neighbours again, in order of the making. `scratch` has a zero bit for every node and is
 * left so. */
void rows_settle(struct rows *rows, struct node_id node, uint64_t *scratch);

/* Whether the pair is connected now: the newest entry about it decides. Scans the `count` entries
 * of one member's row from the end for the other member. */
bool row_is_connected_to(const uint32_t *entries, uint32_t count, struct node_id other);

#endif
