/* The numbers below a count in random order, without a table: number i stands at shuffle_of(i).
 *
 * Rounds of what is one-to-one on numbers of so many bits (adding a key, multiplying by an odd
 * number, folding the upper half onto the lower), repeated until the number is below the count:
 * fewer than two times on average.
 */
#ifndef TIEFLOW_STAGES_GENERATE_SHUFFLE_H
#define TIEFLOW_STAGES_GENERATE_SHUFFLE_H

#include "stages/base/random.h"

#include <stdint.h>

struct shuffle {
    uint32_t count;
    uint32_t mask; /* the least 2^bits - 1 that is not below count - 1 */
    unsigned fold;
    uint32_t key[3];
};

/* `count` at least 1. */
static inline struct shuffle shuffle_make(uint32_t count, uint64_t seed) {
    struct shuffle shuffle = {.count = count};
    unsigned bits = 1;
    while (bits < 32 && (count - 1) >> bits != 0) {
        bits++;
    }
    shuffle.mask = (uint32_t)((UINT64_C(1) << bits) - 1);
    shuffle.fold = (bits + 1) / 2;
    for (unsigned i = 0; i < 3; i++) {
        shuffle.key[i] = (uint32_t)(random_mix(seed + i) >> 32);
    }
    return shuffle;
}

/* `i` below the count; one-to-one onto the numbers below the count. */
static inline uint32_t shuffle_of(const struct shuffle *shuffle, uint32_t i) {
    do {
        for (unsigned round = 0; round < 3; round++) {
            i = (i + shuffle->key[round]) & shuffle->mask;
            i ^= i >> shuffle->fold;
            i = i * UINT32_C(0x9e3779b1) & shuffle->mask;
            i ^= i >> shuffle->fold;
        }
    } while (i >= shuffle->count);
    return i;
}

#endif
