#include "bench/world_pairs.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

enum { GUIDE_STEP = 64, FEISTEL_ROUNDS = 4, CANDIDATES = 3 };

/* Share of a member's own ties that lead to the neighbourhood. */
static const double near_share = 0.4;
/* Of the logarithm of a member's own ties. */
static const double degree_sigma = 1.0;

double world_normal(struct random *random) {
    double radius = sqrt(-2 * log(1 - random_unit(random)));
    return radius * cos(6.283185307179586 * random_unit(random));
}

/* Greatest distance on the ring at which {i, i + d} has one name. */
static uint64_t distance_max(const struct world_pairs *pairs) {
    return (pairs->members - 1) / 2;
}

/* Deals the list out to members, by shares that are lognormal and cut. */
static struct status shares_deal(struct world_pairs *pairs, struct err *err) {
    size_t count = pairs->members;
    double *weights = malloc(count * sizeof *weights);
    if (weights == NULL) {
        return err_memory(err, count * sizeof *weights, "shares of ties");
    }
    struct random random;
    random_seed(&random, pairs->seed);
    double total = 0;
    double most = 20 * exp(degree_sigma * degree_sigma / 2);
    for (size_t i = 0; i < count; i++) {
        weights[i] = fmin(exp(degree_sigma * world_normal(&random)), most);
        total += weights[i];
    }
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        pairs->begin[i] = (uint32_t)((double)pairs->ties * (sum / total));
        sum += weights[i];
    }
    pairs->begin[count] = (uint32_t)pairs->ties;
    free(weights);
    return status_ok();
}

static void guide_fill(struct world_pairs *pairs) {
    uint32_t member = 0;
    for (uint64_t place = 0; place < pairs->ties; place += GUIDE_STEP) {
        while (pairs->begin[member + 1] <= place) {
            member++;
        }
        pairs->guide[place / GUIDE_STEP] = member;
    }
}

struct status world_pairs_init(struct world_pairs *pairs, uint64_t ties, uint64_t members,
                               uint64_t seed, struct err *err) {
    *pairs = (struct world_pairs){.ties = ties, .members = members, .seed = seed};
    /* A share is at most 20 times the mean, and must leave each of its ties a range to choose from.
     */
    if (members < 10 * (uint64_t)WORLD_CIRCLE || members > UINT32_MAX / 2 || ties > UINT32_MAX ||
        ties < members || ties / members > members / 100) {
        return err_set(err, FAILURE_USAGE,
                       "a world has 10,000 members or more, and at least one and at most "
                       "members / 100 ties for each");
    }
    while ((UINT64_C(1) << 2 * pairs->half_bits) < ties) {
        pairs->half_bits++;
    }
    size_t guide_count = (size_t)(ties / GUIDE_STEP + 1);
    pairs->begin = calloc(members + 1, sizeof *pairs->begin);
    pairs->guide = malloc(guide_count * sizeof *pairs->guide);
    if (pairs->begin == NULL || pairs->guide == NULL) {
        return err_memory(err, (members + guide_count) * 4, "a world");
    }
    TRY(shares_deal(pairs, err));
    guide_fill(pairs);
    return status_ok();
}

void world_pairs_release(struct world_pairs *pairs) {
    free(pairs->begin);
    free(pairs->guide);
    *pairs = (struct world_pairs){0};
}

static uint64_t place_of(const struct world_pairs *pairs, uint64_t n) {
    uint64_t mask = (UINT64_C(1) << pairs->half_bits) - 1;
    do {
        for (uint64_t round = 0; round < FEISTEL_ROUNDS; round++) {
            uint64_t left = n >> pairs->half_bits;
            uint64_t right = n & mask;
            uint64_t mixed = random_mix(right ^ (pairs->seed + round) << 32) & mask;
            n = right << pairs->half_bits | (left ^ mixed);
        }
    } while (n >= pairs->ties);
    return n;
}

static uint64_t own_ties(const struct world_pairs *pairs, uint64_t member) {
    return pairs->begin[member + 1] - pairs->begin[member];
}

/* The member to whom the k-th own tie leads: the best connected of some within a range of
 * distances. The ranges of near ties share [1, WORLD_CIRCLE], those of the others what is left. */
static uint64_t contact_of(const struct world_pairs *pairs, uint64_t member, uint64_t k) {
    uint64_t own = own_ties(pairs, member);
    uint64_t near = (uint64_t)(near_share * (double)own);
    near = near > WORLD_CIRCLE / 2 ? WORLD_CIRCLE / 2 : near;
    bool is_near = k < near;
    uint64_t from = is_near ? 0 : WORLD_CIRCLE;
    uint64_t width = is_near ? WORLD_CIRCLE : distance_max(pairs) - WORLD_CIRCLE;
    uint64_t ranges = is_near ? near : own - near;
    uint64_t range = is_near ? k : k - near;
    uint64_t first = 1 + from + width * range / ranges;
    uint64_t end = 1 + from + width * (range + 1) / ranges;
    struct random random;
    random_seed(&random, random_mix(pairs->seed ^ member << 32) + k);
    uint64_t best = 0;
    uint64_t best_ties = 0;
    for (int i = 0; i < CANDIDATES; i++) {
        uint64_t contact = member + first + random_below(&random, end - first);
        contact -= contact >= pairs->members ? pairs->members : 0;
        uint64_t ties = own_ties(pairs, contact);
        if (i == 0 || ties > best_ties) {
            best = contact;
            best_ties = ties;
        }
    }
    return best;
}

void world_pairs_at(const struct world_pairs *pairs, uint64_t n, uint32_t *from, uint32_t *to) {
    uint64_t place = place_of(pairs, n);
    uint64_t member = pairs->guide[place / GUIDE_STEP];
    while (pairs->begin[member + 1] <= place) {
        member++;
    }
    uint64_t contact = contact_of(pairs, member, place - pairs->begin[member]);
    bool is_turned = (random_mix(place ^ pairs->seed) & 1) != 0;
    *from = (uint32_t)(is_turned ? contact : member);
    *to = (uint32_t)(is_turned ? member : contact);
}
