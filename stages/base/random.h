/* A seeded stream of random numbers: same seed, same stream, on every machine.
 *
 * xoshiro256** seeded through splitmix64 (Blackman and Vigna, 2018): fast, and good enough for
 * simulation; not for secrets.
 */
#ifndef TIEFLOW_STAGES_BASE_RANDOM_H
#define TIEFLOW_STAGES_BASE_RANDOM_H

#include <stdint.h>

struct random {
    uint64_t state[4];
};

/* One step of splitmix64: also a mixer of 64 bits that is one-to-one. */
static inline uint64_t random_mix(uint64_t x) {
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static inline void random_seed(struct random *random, uint64_t seed) {
    for (int i = 0; i < 4; i++) {
        random->state[i] = random_mix(seed + (uint64_t)i * UINT64_C(0x9e3779b97f4a7c15));
    }
}

static inline uint64_t random_u64(struct random *random) {
    uint64_t *s = random->state;
    uint64_t product = s[1] * 5;
    uint64_t result = (product << 7 | product >> 57) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = s[3] << 45 | s[3] >> 19;
    return result;
}

/* Uniform in [0, bound), bound > 0; the bias of the multiply-shift is below bound / 2^64. */
static inline uint64_t random_below(struct random *random, uint64_t bound) {
    return (uint64_t)((unsigned __int128)random_u64(random) * bound >> 64);
}

/* Uniform in [0, 1) with 53 bits. */
static inline double random_unit(struct random *random) {
    return (double)(random_u64(random) >> 11) * 0x1p-53;
}

/* Exponential with mean 1, by comparisons of uniform numbers alone (von Neumann, 1951), so that it
 * is the same on every machine: the logarithm is not. */
static inline double random_exponential(struct random *random) {
    for (unsigned whole = 0;; whole++) {
        double first = random_unit(random);
        double least = first;
        double next = random_unit(random);
        unsigned run = 1; /* of ever smaller numbers */
        while (next < least) {
            least = next;
            next = random_unit(random);
            run++;
        }
        if (run % 2 == 1) {
            return (double)whole + first;
        }
    }
}

#endif
