/* "Was this pair drawn before?", asked of more pairs than fit the memory.
 *
 * Who draws pairs and wants each at most once asks before taking one: a pair that was added is
 * always held, so no pair is taken twice. One pair in thirty is held by mistake when the sieve is
 * as full as it was made for, fewer before: that pair is never taken, and another one is drawn.
 *
 * A Bloom filter (Bloom, 1970) whose bits for one pair lie in one 64-bit word (Putze, Sanders and
 * Singler, 2007): 4 bits per pair in a byte of memory per pair, one memory access per question.
 */
#ifndef TIEFLOW_STAGES_GENERATE_PAIR_SIEVE_H
#define TIEFLOW_STAGES_GENERATE_PAIR_SIEVE_H

#include "schemas/status.h"
#include "stages/base/pages.h"
#include "stages/base/random.h"

#include <stdbool.h>
#include <stdint.h>

/* Zero-initialised storage is empty and may be released. */
struct pair_sieve {
    struct pages words; /* uint64_t */
    uint64_t word_count;
};

/* Makes room for `pairs` pairs. */
FALLIBLE pair_sieve_init(struct pair_sieve *sieve, uint64_t pairs, struct err *err);
void pair_sieve_release(struct pair_sieve *sieve);

/* Where the pair's bits lie, in either order of its members. */
struct sieve_bits {
    uint64_t word;
    uint64_t mask;
};

static inline struct sieve_bits pair_sieve_locate(const struct pair_sieve *sieve, uint32_t a,
                                                  uint32_t b) {
    uint64_t low = a < b ? a : b;
    uint64_t high = a < b ? b : a;
    uint64_t hash = random_mix(low << 32 | high);
    return (struct sieve_bits){
        .word = (uint64_t)((unsigned __int128)hash * sieve->word_count >> 64),
        .mask = UINT64_C(1) << (hash & 63) | UINT64_C(1) << (hash >> 6 & 63) |
                UINT64_C(1) << (hash >> 12 & 63) | UINT64_C(1) << (hash >> 18 & 63),
    };
}

static inline void pair_sieve_prefetch(const struct pair_sieve *sieve, struct sieve_bits bits) {
    __builtin_prefetch((const uint64_t *)sieve->words.data + bits.word, 1);
}

/* False only for pairs that were never added. */
static inline bool pair_sieve_holds(const struct pair_sieve *sieve, struct sieve_bits bits) {
    const uint64_t *words = sieve->words.data;
    return (words[bits.word] & bits.mask) == bits.mask;
}

static inline void pair_sieve_add(struct pair_sieve *sieve, struct sieve_bits bits) {
    uint64_t *words = sieve->words.data;
    words[bits.word] |= bits.mask;
}

#endif
