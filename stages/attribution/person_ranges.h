/* Ranges of people whose sides fit into memory, so that a pass over all ties can gather them. */
#ifndef TIEFLOW_STAGES_ATTRIBUTION_PERSON_RANGES_H
#define TIEFLOW_STAGES_ATTRIBUTION_PERSON_RANGES_H

#include <stddef.h>
#include <stdint.h>

/* The end of the range that begins at `first`: as many people as have at most `sides_max` sides in
 * all, at least one. `side_begin` are running sums, person_count + 1 of them. */
static inline size_t person_range_end(const uint64_t *side_begin, size_t person_count, size_t first,
                                      uint64_t sides_max) {
    size_t low = first + 1;
    size_t high = person_count;
    while (low < high) {
        size_t middle = low + (high - low + 1) / 2;
        if (side_begin[middle] - side_begin[first] <= sides_max) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    return low;
}

#endif
