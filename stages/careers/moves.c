/* The previous company is found for all moves of a member in one sweep: spells by the end of their
 * start's unit, moves by the start of theirs, and the best spell so far. That no spell at the
 * move's own company can be the best needs no check: a company's first spell is not before itself,
 * and its others begin later.
 */
#include "stages/careers/moves.h"

#include <stdbool.h>
#include <stdlib.h>

enum { INSERTION_MAX = 24 };

static bool is_first_there(const struct spell *spells, size_t i) {
    return i == 0 || spells[i - 1].company != spells[i].company;
}

static bool is_row(const struct spell *spells, size_t i) {
    return is_first_there(spells, i) && !span_equal(spells[i].start, SPAN_EVER);
}

struct span entry_date(const struct spell *spells, size_t count) {
    struct span entry = SPAN_NEVER;
    for (size_t i = 0; i < count; i++) {
        struct span start = spells[i].start;
        if (start.lo_ms < entry.lo_ms ||
            (start.lo_ms == entry.lo_ms && start.hi_ms > entry.hi_ms)) {
            entry = start;
        }
    }
    return entry;
}

size_t moves_count(const struct spell *spells, size_t count) {
    size_t rows = 0;
    for (size_t i = 0; i < count; i++) {
        rows += is_row(spells, i);
    }
    return rows;
}

static int compare_moves(const void *a, const void *b) {
    const struct move *x = a;
    const struct move *y = b;
    if (x->at.lo_ms != y->at.lo_ms) {
        return x->at.lo_ms < y->at.lo_ms ? -1 : 1;
    }
    if (x->at.hi_ms != y->at.hi_ms) {
        return x->at.hi_ms < y->at.hi_ms ? -1 : 1;
    }
    return (x->company > y->company) - (x->company < y->company);
}

static void moves_sort(struct move *moves, size_t count) {
    if (count > INSERTION_MAX) {
        qsort(moves, count, sizeof *moves, compare_moves);
        return;
    }
    for (size_t i = 1; i < count; i++) {
        struct move move = moves[i];
        size_t at = i;
        for (; at > 0 && compare_moves(&moves[at - 1], &move) > 0; at--) {
            moves[at] = moves[at - 1];
        }
        moves[at] = move;
    }
}

/* Whether a goes before b as the previous company: the latest start, then the latest end, then the
 * smallest id. */
static bool is_nearer(const struct spell *a, const struct spell *b) {
    const int64_t of_a[] = {a->start.lo_ms, a->start.hi_ms, a->end.hi_ms, a->end.lo_ms};
    const int64_t of_b[] = {b->start.lo_ms, b->start.hi_ms, b->end.hi_ms, b->end.lo_ms};
    for (size_t i = 0; i < sizeof of_a / sizeof *of_a; i++) {
        if (of_a[i] != of_b[i]) {
            return of_a[i] > of_b[i];
        }
    }
    return a->company < b->company;
}

static enum move_kind kind_of(struct span at, struct span entry) {
    return span_before(entry, at) ? MOVE_MOVE : span_equal(entry, at) ? MOVE_ENTRY : MOVE_UNDECIDED;
}

void moves_make(const struct spell *spells, size_t count, struct move *moves,
                struct key_item *scratch) {
    struct span entry = entry_date(spells, count);
    size_t made = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t start_end = (uint64_t)spells[i].start.hi_ms ^ UINT64_C(1) << 63;
        scratch[i] = (struct key_item){start_end, i};
        if (is_row(spells, i)) {
            struct span at = spells[i].start;
            moves[made++] = (struct move){
                .at = at,
                .person = spells[i].person,
                .company = spells[i].company,
                .previous = COMPANY_NONE,
                .precision = (uint8_t)span_precision(at),
                .kind = (uint8_t)kind_of(at, entry),
            };
        }
    }
    moves_sort(moves, made);
    key_sort(scratch, scratch + count, count);
    const struct spell *nearest = NULL;
    size_t next = 0;
    for (size_t i = 0; i < made; i++) {
        for (; next < count && span_before(spells[scratch[next].at].start, moves[i].at); next++) {
            const struct spell *spell = &spells[scratch[next].at];
            nearest = nearest == NULL || is_nearer(spell, nearest) ? spell : nearest;
        }
        moves[i].previous = nearest == NULL ? COMPANY_NONE : nearest->company;
    }
}
