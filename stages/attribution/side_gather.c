/* A counting sort by mover: places are known from the cohort, so every side is written once, where
 * it belongs. Ties come in the order of their making, so a mover's sides are all but sorted: what
 * is left to do is the order of contacts within one instant. The writes go all over the memory of a
 * range, so it has large pages, which stay from range to range.
 */
#include "stages/attribution/side_gather.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define PREFETCH_AHEAD ((size_t)8)

void side_gather_release(struct side_gather *gather) {
    pages_release(&gather->pages);
    free(gather->next);
    *gather = (struct side_gather){0};
}

static void side_add(struct side_gather *gather, uint32_t person, const struct side *side) {
    if (person < gather->first || person >= gather->end) {
        return;
    }
    uint64_t at = gather->next[person - gather->first]++;
    assert(at < gather->side_count);
    gather->sides[at] = *side;
}

/* Asks for the memory that a tie further on will be written to. */
static void side_prefetch(const struct side_gather *gather, const uint32_t *persons, size_t at,
                          size_t count) {
    if (at + 2 * PREFETCH_AHEAD < count) {
        uint32_t person = persons[at + 2 * PREFETCH_AHEAD];
        if (person >= gather->first && person < gather->end) {
            __builtin_prefetch(&gather->next[person - gather->first], 1);
        }
    }
    if (at + PREFETCH_AHEAD < count) {
        uint32_t person = persons[at + PREFETCH_AHEAD];
        if (person >= gather->first && person < gather->end) {
            __builtin_prefetch(&gather->sides[gather->next[person - gather->first]], 1);
        }
    }
}

static struct status visit(void *context, const struct tie_block *block, struct err *err) {
    (void)err;
    struct side_gather *gather = context;
    const struct tie_columns *ties = &block->ties;
    for (size_t i = 0; i < ties->count; i++) {
        side_prefetch(gather, block->from, i, ties->count);
        side_prefetch(gather, block->to, i, ties->count);
        struct side side = {
            .created_ms = ties->created_at_ms[i],
            .ended_ms = block->ended_ms[i],
            .contact = block->to[i],
            .mutual = ties->mutual[i],
            .degree_mover = ties->degree_from[i],
            .degree_contact = ties->degree_to[i],
            .interactions = block->interactions[i],
            .mover_invited = true,
        };
        side_add(gather, block->from[i], &side);
        side.contact = block->from[i];
        side.degree_mover = ties->degree_to[i];
        side.degree_contact = ties->degree_from[i];
        side.mover_invited = false;
        side_add(gather, block->to[i], &side);
    }
    return status_ok();
}

struct status side_gather_fill(struct side_gather *gather, const struct tie_source *source,
                               const uint64_t *side_begin, size_t first, size_t end,
                               struct err *err) {
    size_t count = (size_t)(side_begin[end] - side_begin[first]);
    gather->first = first;
    gather->end = end;
    gather->side_begin = side_begin;
    TRY(pages_grow(&gather->pages, count * sizeof *gather->sides + 1, "the sides of ties", err));
    gather->sides = gather->pages.data;
    gather->side_count = count;
    free(gather->next);
    gather->next = malloc((end - first) * sizeof *gather->next + 1);
    if (gather->next == NULL) {
        return err_memory(err, (end - first) * sizeof *gather->next, "the sides of ties");
    }
    for (size_t person = first; person < end; person++) {
        gather->next[person - first] = side_begin[person] - side_begin[first];
    }
    TRY(tie_walk(source, visit, gather, err));
    /* Once for all: to look at the person's end with every side costs as much as the side. */
    for (size_t person = first; person < end; person++) {
        assert(gather->next[person - first] == side_begin[person + 1] - side_begin[first]);
    }
    return status_ok();
}

void side_scratch_release(struct side_scratch *scratch) {
    free(scratch->sides);
    free(scratch->ended);
    *scratch = (struct side_scratch){0};
}

static struct status scratch_reserve(struct side_scratch *scratch, size_t count, struct err *err) {
    if (count <= scratch->capacity) {
        return status_ok();
    }
    side_scratch_release(scratch);
    size_t capacity = count + count / 2;
    scratch->sides = malloc(capacity * sizeof *scratch->sides);
    scratch->ended = malloc(capacity * sizeof *scratch->ended);
    if (scratch->sides == NULL || scratch->ended == NULL) {
        return err_memory(err, capacity * sizeof *scratch->sides, "a member's sides");
    }
    scratch->capacity = capacity;
    return status_ok();
}

static bool is_after(const struct side *a, const struct side *b) {
    return a->created_ms != b->created_ms ? a->created_ms > b->created_ms : a->contact > b->contact;
}

/* A stable merge sort from the bottom; nothing to do for most movers. */
static void sides_sort(struct side *sides, size_t count, struct side *scratch) {
    size_t sorted = 1;
    while (sorted < count && !is_after(&sides[sorted - 1], &sides[sorted])) {
        sorted++;
    }
    for (size_t width = 1; width < count && sorted < count; width *= 2) {
        for (size_t low = 0; low < count; low += 2 * width) {
            size_t middle = count - low < width ? count : low + width;
            size_t high = count - middle < width ? count : middle + width;
            size_t a = low;
            size_t b = middle;
            for (size_t to = low; to < high; to++) {
                bool takes_b = b < high && (a == middle || is_after(&sides[a], &sides[b]));
                scratch[to] = sides[takes_b ? b++ : a++];
            }
        }
        memcpy(sides, scratch, count * sizeof *sides);
    }
}

static int compare_u64(const void *left, const void *right) {
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

/* Only a contact whose tie has ended can have a later one: ended[0 .. count) are those, as
 * (contact, place among the sides). */
static bool has_earlier(const uint64_t *ended, size_t count, uint32_t contact, size_t place) {
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ended[middle] >> 32 < contact) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < count && ended[low] >> 32 == contact && (uint32_t)ended[low] < place;
}

static void remade_mark(struct side *sides, size_t count, uint64_t *ended) {
    size_t ended_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (sides[i].ended_ms != TIE_OPEN_MS) {
            ended[ended_count++] = (uint64_t)sides[i].contact << 32 | i;
        }
    }
    if (ended_count == 0) {
        return;
    }
    qsort(ended, ended_count, sizeof *ended, compare_u64);
    for (size_t i = 0; i < count; i++) {
        sides[i].is_remade = has_earlier(ended, ended_count, sides[i].contact, i);
    }
}

struct status sides_arrange(struct side *sides, size_t count, struct side_scratch *scratch,
                            struct err *err) {
    assert(count <= UINT32_MAX);
    TRY(scratch_reserve(scratch, count, err));
    if (count != 0) {
        sides_sort(sides, count, scratch->sides);
        remade_mark(sides, count, scratch->ended);
    }
    return status_ok();
}

struct status side_gather_mover(struct side_gather *gather, size_t person,
                                struct side_scratch *scratch, struct mover *mover,
                                struct err *err) {
    assert(person >= gather->first && person < gather->end);
    const uint64_t *begin = gather->side_begin;
    size_t count = (size_t)(begin[person + 1] - begin[person]);
    struct side *sides = gather->sides + (begin[person] - begin[gather->first]);
    TRY(sides_arrange(sides, count, scratch, err));
    *mover = (struct mover){.person = (uint32_t)person, .sides = sides, .count = count};
    return status_ok();
}
