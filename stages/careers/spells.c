/* A sort and a sweep. At one instant starts come before ends, and of each the coarsest first: so
 * the first start from zero and the first end of the last instant are those that name the spell.
 */
#include "stages/careers/spells.h"

#include <stdlib.h>

enum { INSERTION_MAX = 24 };

/* When the record takes effect. */
static int64_t position_instant(const struct position *position) {
    return position->kind == POSITION_START ? position->span.lo_ms : position->span.hi_ms;
}

static int compare_times(int64_t a_ms, int64_t b_ms) {
    return (a_ms > b_ms) - (a_ms < b_ms);
}

static int compare_positions(const void *a, const void *b) {
    const struct position *x = a;
    const struct position *y = b;
    if (x->company != y->company) {
        return x->company < y->company ? -1 : 1;
    }
    int by_instant = compare_times(position_instant(x), position_instant(y));
    if (by_instant != 0) {
        return by_instant;
    }
    if (x->kind != y->kind) {
        return x->kind == POSITION_START ? -1 : 1;
    }
    return x->kind == POSITION_START ? compare_times(y->span.hi_ms, x->span.hi_ms)
                                     : compare_times(x->span.lo_ms, y->span.lo_ms);
}

static void positions_sort(struct position *positions, size_t count) {
    if (count > INSERTION_MAX) {
        qsort(positions, count, sizeof *positions, compare_positions);
        return;
    }
    for (size_t i = 1; i < count; i++) {
        struct position position = positions[i];
        size_t at = i;
        for (; at > 0 && compare_positions(&positions[at - 1], &position) > 0; at--) {
            positions[at] = positions[at - 1];
        }
        positions[at] = position;
    }
}

/* The spells at one company. */
static size_t spells_sweep(const struct position *positions, size_t count, uint32_t person,
                           struct spell *spells, uint64_t *orphans) {
    size_t made = 0;
    uint64_t open = 0; /* the counter */
    const struct position *coarsest_end = NULL;
    for (const struct position *p = positions; p < positions + count; p++) {
        if (p->kind == POSITION_START) {
            if (open == 0) {
                spells[made++] = (struct spell){p->span, SPAN_NEVER, p->company, person};
            }
            open++;
            continue;
        }
        if (coarsest_end == NULL || coarsest_end->span.hi_ms != p->span.hi_ms) {
            coarsest_end = p;
        }
        if (open == 0) {
            (*orphans)++;
        } else if (--open == 0) {
            spells[made - 1].end = coarsest_end->span;
        }
    }
    return made;
}

size_t spells_make(struct position *positions, size_t count, uint32_t person, struct spell *spells,
                   uint64_t *orphans) {
    positions_sort(positions, count);
    size_t made = 0;
    for (size_t first = 0; first < count;) {
        size_t end = first + 1;
        while (end < count && positions[end].company == positions[first].company) {
            end++;
        }
        made += spells_sweep(positions + first, end - first, person, spells + made, orphans);
        first = end;
    }
    return made;
}
