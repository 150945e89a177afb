#include "stages/generate/pair_sieve.h"

#include <assert.h>

enum { PAIRS_PER_WORD = 8 };

struct status pair_sieve_init(struct pair_sieve *sieve, uint64_t pairs, struct err *err) {
    assert(pairs <= UINT64_MAX / 2);
    uint64_t word_count = pairs / PAIRS_PER_WORD + 2;
    *sieve = (struct pair_sieve){0};
    TRY(pages_grow(&sieve->words, word_count * sizeof(uint64_t), "the sieve of pairs", err));
    sieve->word_count = word_count;
    return status_ok();
}

void pair_sieve_release(struct pair_sieve *sieve) {
    pages_release(&sieve->words);
    *sieve = (struct pair_sieve){0};
}
