/* "Was this pair added?", answered no at the price of one memory access.
 *
 * Nearly every tie has no ending, and finding that out by a search would cost many. The filter
 * answers `false` only for pairs that were never added; `true` means "look". It never affects a
 * result, only how often one looks.
 *
 * A Bloom filter (Bloom, 1970) whose bits for one pair lie in one 64-bit word (Putze, Sanders and
 * Singler, 2007): 3 bits per pair, at least 5 bits of memory per pair, about one false "look" in
 * ten when full.
 */
#ifndef TIEFLOW_STAGES_TIE_STORE_PAIR_FILTER_H
#define TIEFLOW_STAGES_TIE_STORE_PAIR_FILTER_H

#include "schemas/ids.h"
#include "schemas/status.h"
#include "stages/base/pages.h"
#include "stages/base/random.h"

#include <stddef.h>
#include <stdint.h>

struct pair_filter {
    struct pages words; /* uint64_t */
    uint64_t word_count;
    uint64_t pair_count;
};

/* Zero-initialised storage is an empty filter that must be rebuilt before the first add. */
void pair_filter_release(struct pair_filter *filter);

/* Drops all pairs and makes room for `pairs` of them. */
FALLIBLE pair_filter_reset(struct pair_filter *filter, uint64_t pairs, struct err *err);

/* Where the pair's bits lie, in either order of its members. */
struct pair_bits {
    uint64_t word;
    uint64_t mask;
};

static inline struct pair_bits pair_filter_locate(const struct pair_filter *filter,
                                                  struct node_id a, struct node_id b) {
    uint64_t low = a.v < b.v ? a.v : b.v;
    uint64_t high = a.v < b.v ? b.v : a.v;
    uint64_t hash = random_mix(low << 32 | high);
    struct pair_bits bits = {
        .word = (uint64_t)((unsigned __int128)hash * filter->word_count >> 64),
        .mask = UINT64_C(1) << (hash & 63) | UINT64_C(1) << (hash >> 6 & 63) |
                UINT64_C(1) << (hash >> 12 & 63),
    };
    return bits;
}

static inline void pair_filter_prefetch(const struct pair_filter *filter, struct pair_bits bits) {
    __builtin_prefetch((const uint64_t *)filter->words.data + bits.word, 1);
}

/* True when the pair may have been added. */
static inline bool pair_filter_may_hold(const struct pair_filter *filter, struct pair_bits bits) {
    const uint64_t *words = filter->words.data;
    return (words[bits.word] & bits.mask) == bits.mask;
}

static inline void pair_filter_add(struct pair_filter *filter, struct pair_bits bits) {
    uint64_t *words = filter->words.data;
    words[bits.word] |= bits.mask;
    filter->pair_count++;
}

/* True when `extra` more pairs would be more than it was made for: time to reset and add anew. */
static inline bool pair_filter_is_full(const struct pair_filter *filter, uint64_t extra) {
    return filter->pair_count + extra > filter->word_count * 64 / 5;
}

#endif
