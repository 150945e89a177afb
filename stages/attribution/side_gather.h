/* The sides of a range of people, gathered in one pass over all ties and sorted by mover. */
#ifndef TIEFLOW_STAGES_ATTRIBUTION_SIDE_GATHER_H
#define TIEFLOW_STAGES_ATTRIBUTION_SIDE_GATHER_H

#include "schemas/status.h"
#include "stages/attribution/side.h"
#include "stages/attribution/tie_walk.h"
#include "stages/base/pages.h"

#include <stddef.h>
#include <stdint.h>

struct side_gather {
    size_t first; /* people [first, end) */
    size_t end;
    const uint64_t *side_begin; /* lent: running sums over all people */
    struct pages pages;
    struct side *sides; /* in the pages: of person p from side_begin[p] - side_begin[first] on */
    size_t side_count;
    uint64_t *next; /* per person of the range */
};

/* Gathers the sides of people [first, end), each one's in the order of their making, in place of
 * those gathered before. Zero-initialise; memory: 40 bytes per side of the largest range.
 * `side_begin` are those of this source (cohort). */
FALLIBLE side_gather_fill(struct side_gather *gather, const struct tie_source *source,
                          const uint64_t *side_begin, size_t first, size_t end, struct err *err);
void side_gather_release(struct side_gather *gather);

/* What arranging needs beside the sides: one per thread. Zero-initialise. */
struct side_scratch {
    struct side *sides;
    uint64_t *ended;
    size_t capacity;
};
void side_scratch_release(struct side_scratch *scratch);

/* Sorts the sides of one mover, which are in the order of their making, by (created, contact), ties
 * of one pair in the order of their making, and marks the re-made ones. */
FALLIBLE sides_arrange(struct side *sides, size_t count, struct side_scratch *scratch,
                       struct err *err);

/* Arranges the person's sides; to be called once per person, by any thread. They are lent until the
 * release. */
FALLIBLE side_gather_mover(struct side_gather *gather, size_t person, struct side_scratch *scratch,
                           struct mover *mover, struct err *err);

#endif
