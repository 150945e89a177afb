/* Blau's index of diversity (1977): the chance that two draws from a group, the same one allowed,
 * are of different kinds: 1 - sum of squared shares.
 */
#ifndef TIEFLOW_STAGES_ATTRIBUTION_BLAU_H
#define TIEFLOW_STAGES_ATTRIBUTION_BLAU_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

/* Of kinds[0 .. count), numbers below the size of `counts`, which is all zero before and after.
 * NAN of nothing. */
static inline double blau_index(const uint32_t *kinds, size_t count, uint32_t *counts) {
    uint64_t squares = 0;
    for (size_t i = 0; i < count; i++) {
        squares += 2 * (uint64_t)counts[kinds[i]]++ + 1;
    }
    for (size_t i = 0; i < count; i++) {
        counts[kinds[i]] = 0;
    }
    return count == 0 ? (double)NAN : 1.0 - (double)squares / ((double)count * (double)count);
}

#endif
