/* The ties of a synthetic world: a list of distinct pairs in random order, computed and not stored.
 *
 * Members stand on a ring. Each has a share of the list, its own ties, which lead forwards by less
 * than half the ring, each by a distance out of a range of its own: so no pair can come twice.
 * Which place in the list a time has is a permutation that is a function (a Feistel network, walked
 * until it stays within the list). Memory: 9 bytes per member.
 */
#ifndef TIEFLOW_BENCH_WORLD_PAIRS_H
#define TIEFLOW_BENCH_WORLD_PAIRS_H

#include "schemas/status.h"
#include "stages/base/random.h"

#include <stddef.h>
#include <stdint.h>

enum { WORLD_CIRCLE = 1000 }; /* the width of a neighbourhood on the ring */

struct world_pairs {
    uint64_t ties;
    uint64_t members;
    uint64_t seed;
    uint32_t *begin; /* members + 1: the list places of member i's own ties */
    uint32_t *guide; /* whose is place 64 g */
    unsigned half_bits;
};

/* FAILURE_USAGE where there is no room for so many pairs. Release in any case. */
FALLIBLE world_pairs_init(struct world_pairs *pairs, uint64_t ties, uint64_t members, uint64_t seed,
                          struct err *err);
void world_pairs_release(struct world_pairs *pairs);

/* The n-th tie in time, n < ties, as members on the ring; `from` invited. */
void world_pairs_at(const struct world_pairs *pairs, uint64_t n, uint32_t *from, uint32_t *to);

/* A standard normal number. */
double world_normal(struct random *random);

#endif
