/* One arena for all rows. A large batch announces what it will append (rows_reserve) and gets rows
 * without slack; single entries move a full row to the arena's end with a quarter to spare, and
 * the holes are squeezed out when they have grown to a quarter of the arena. Both are sequential
 * moves of memory.
 *
 * Rejected: one allocation per row (measured 9.4 bytes per tie in malloc, and no huge pages under
 * it), and a compressed-sparse-row rebuild per batch (linear in the graph for a batch of one).
 */
#include "stages/adjacency/rows.h"

#include "schemas/limits.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_HEADER_WORDS = 2, FIRST_WORD = 2, GARBAGE_FLOOR_WORDS = 1 << 16 };

void rows_release(struct rows *rows) {
    pages_release(&rows->row_pages);
    pages_release(&rows->arena);
    *rows = (struct rows){0};
}

struct status rows_grow(struct rows *rows, size_t node_count, struct err *err) {
    assert(node_count <= LIMIT_NODES);
    if (node_count <= rows->node_count) {
        return status_ok();
    }
    size_t wanted = node_count * sizeof(struct row);
    if (wanted > rows->row_pages.bytes) {
        TRY(pages_grow(&rows->row_pages, wanted + wanted / 4, "the members", err));
    }
    /* Words 0 and 1: what row_entries of a row without memory points into. */
    TRY(pages_grow(&rows->arena, FIRST_WORD * sizeof(uint32_t), "the adjacency rows", err));
    rows->node_count = node_count;
    return status_ok();
}

static uint32_t *arena_words(const struct rows *rows) {
    return rows->arena.data;
}

/* Makes the arena hold `words` words in all; with a quarter to spare where it grows by little. */
static struct status arena_hold(struct rows *rows, size_t words, struct err *err) {
    size_t bytes = words * sizeof(uint32_t);
    if (bytes > rows->arena.bytes) {
        return pages_grow(&rows->arena, bytes + bytes / 4, "the adjacency rows", err);
    }
    return status_ok();
}

/* Slides every owned block down over the holes and cuts its slack; lists the owners in address
 * order in `order` where it is given. Returns how many blocks there are. */
static size_t arena_squeeze(struct rows *rows, uint32_t *order) {
    uint32_t *words = arena_words(rows);
    struct row *all = rows_all(rows);
    size_t to = FIRST_WORD;
    size_t blocks = 0;
    for (size_t at = FIRST_WORD; at < rows->used_words;) {
        uint32_t owner = words[at];
        size_t next = at + BLOCK_HEADER_WORDS + words[at + 1];
        struct row *row = &all[owner];
        if (row->offset == at + BLOCK_HEADER_WORDS) {
            if (to != at) {
                memmove(words + to + BLOCK_HEADER_WORDS, words + at + BLOCK_HEADER_WORDS,
                        row->count * sizeof *words);
            }
            words[to] = owner;
            words[to + 1] = row->count;
            row->offset = to + BLOCK_HEADER_WORDS;
            row->capacity = row->count;
            to += BLOCK_HEADER_WORDS + row->count;
            if (order != NULL) {
                order[blocks] = owner;
            }
            blocks++;
        }
        at = next;
    }
    rows->used_words = to;
    rows->garbage_words = 0;
    return blocks;
}

/* Gives the node a block of `capacity` entries at the arena's end. */
static struct status block_append(struct rows *rows, uint32_t node, uint32_t capacity,
                                  struct err *err) {
    size_t start = rows->used_words < FIRST_WORD ? FIRST_WORD : rows->used_words;
    TRY(arena_hold(rows, start + BLOCK_HEADER_WORDS + capacity, err));
    uint32_t *words = arena_words(rows);
    struct row *row = &rows_all(rows)[node];
    if (row->offset != 0) {
        rows->garbage_words += BLOCK_HEADER_WORDS + row->capacity;
        memcpy(words + start + BLOCK_HEADER_WORDS, words + row->offset, row->count * sizeof *words);
    }
    words[start] = node;
    words[start + 1] = capacity;
    row->offset = start + BLOCK_HEADER_WORDS;
    row->capacity = capacity;
    rows->used_words = start + BLOCK_HEADER_WORDS + capacity;
    return status_ok();
}

struct status rows_push(struct rows *rows, struct node_id node, uint32_t entry, struct err *err) {
    assert(node.v < rows->node_count && (entry & ~ROW_ENDED) < rows->node_count);
    struct row *row = &rows_all(rows)[node.v];
    if (row->count == row->capacity) {
        if (row->count > UINT32_MAX / 2) {
            return err_set(err, FAILURE_DATA,
                           "one member has more than %u tie events in one batch: use a smaller "
                           "--batch",
                           row->count);
        }
        if (rows->garbage_words > GARBAGE_FLOOR_WORDS &&
            rows->garbage_words > rows->used_words / 4) {
            (void)arena_squeeze(rows, NULL);
        }
        TRY(block_append(rows, node.v, row->count + row->count / 4 + 4, err));
    }
    arena_words(rows)[row->offset + row->count] = entry;
    row->count++;
    row->ended += (entry & ROW_ENDED) != 0;
    return status_ok();
}

/* Spreads the squeezed blocks, last first, so that each gets `extra` entries of room behind it. */
static void arena_spread(struct rows *rows, const uint32_t *extra, const uint32_t *order,
                         size_t blocks, size_t end) {
    uint32_t *words = arena_words(rows);
    for (size_t i = blocks; i-- > 0;) {
        uint32_t owner = order[i];
        struct row *row = &rows_all(rows)[owner];
        uint32_t capacity = row->count + extra[owner];
        size_t start = end - capacity - BLOCK_HEADER_WORDS;
        memmove(words + start + BLOCK_HEADER_WORDS, words + row->offset,
                row->count * sizeof *words);
        words[start] = owner;
        words[start + 1] = capacity;
        row->offset = start + BLOCK_HEADER_WORDS;
        row->capacity = capacity;
        end = start;
    }
    assert(end == FIRST_WORD);
}

struct status rows_reserve(struct rows *rows, const uint32_t *extra, struct err *err) {
    uint32_t *order = malloc(rows->node_count * sizeof *order + 1);
    if (order == NULL) {
        return err_memory(err, rows->node_count * sizeof *order, "the order of the rows");
    }
    size_t blocks = arena_squeeze(rows, order);
    size_t old_end = FIRST_WORD;
    size_t all_words = FIRST_WORD;
    for (size_t node = 0; node < rows->node_count; node++) {
        const struct row *row = &rows_all(rows)[node];
        if (row->offset != 0) {
            old_end += BLOCK_HEADER_WORDS + (size_t)row->count + extra[node];
        } else if (extra[node] != 0) {
            all_words += BLOCK_HEADER_WORDS + (size_t)extra[node];
        }
    }
    all_words += old_end - FIRST_WORD;
    struct status status =
        pages_grow(&rows->arena, all_words * sizeof(uint32_t), "the adjacency rows", err);
    if (!failed(status)) {
        arena_spread(rows, extra, order, blocks, old_end);
        rows->used_words = old_end;
    }
    for (uint32_t node = 0; node < rows->node_count && !failed(status); node++) {
        if (rows_all(rows)[node].offset == 0 && extra[node] != 0) {
            status = block_append(rows, node, extra[node], err);
        }
    }
    free(order);
    return status;
}

struct status rows_load(struct rows *rows, struct node_id node, const uint32_t *entries,
                        size_t count, struct err *err) {
    struct row *row = &rows_all(rows)[node.v];
    assert(node.v < rows->node_count && row->count == 0 && count < LIMIT_NODES);
    if (count == 0) {
        return status_ok();
    }
    TRY(block_append(rows, node.v, (uint32_t)count, err));
    memcpy(arena_words(rows) + row->offset, entries, count * sizeof *entries);
    row->count = (uint32_t)count;
    return status_ok();
}

/* Blocks without the other member, nearly all, are passed over by a loop that the compiler turns
 * into vector compares. */
bool row_is_connected_to(const uint32_t *entries, uint32_t count, struct node_id other) {
    enum { BLOCK = 32 };
    while (count >= BLOCK) {
        const uint32_t *block = entries + count - BLOCK;
        uint32_t found = 0;
        for (uint32_t i = 0; i < BLOCK; i++) {
            found |= (block[i] & ~ROW_ENDED) == other.v;
        }
        if (found != 0) {
            break;
        }
        count -= BLOCK;
    }
    for (uint32_t i = count; i-- > 0;) {
        if ((entries[i] & ~ROW_ENDED) == other.v) {
            return (entries[i] & ROW_ENDED) == 0;
        }
    }
    return false;
}

void rows_settle(struct rows *rows, struct node_id node, uint64_t *scratch) {
    struct row *row = &rows_all(rows)[node.v];
    if (row->ended == 0) {
        return;
    }
    uint32_t *entries = arena_words(rows) + row->offset;
    for (uint32_t i = row->count; i-- > 0;) { /* only a pair's newest entry may stay unmarked */
        uint32_t other = entries[i] & ~ROW_ENDED;
        uint64_t bit = UINT64_C(1) << (other & 63);
        if ((scratch[other >> 6] & bit) != 0) {
            entries[i] |= ROW_ENDED;
        }
        scratch[other >> 6] |= bit;
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < row->count; i++) {
        uint32_t entry = entries[i];
        scratch[(entry & ~ROW_ENDED) >> 6] &= ~(UINT64_C(1) << (entry & 63));
        if ((entry & ROW_ENDED) == 0) {
            entries[kept++] = entry;
        }
    }
    row->count = kept;
    row->ended = 0;
}
