/* What a made-up member is drawn from, the same in every model of a study: how active, in which
 * group of a kind, and how a tie came about. Integers alone, so that it is the same on every
 * machine. */
#ifndef TIEFLOW_STAGES_GENERATE_MEMBER_DRAWS_H
#define TIEFLOW_STAGES_GENERATE_MEMBER_DRAWS_H

#include "schemas/event.h"
#include "stages/base/random.h"

#include <stdbool.h>
#include <stdint.h>

/* The median activity is 2^ACTIVITY_BITS, the mean twice that. */
enum { ACTIVITY_BITS = 16 };

/* Lognormal with sigma 1.2, rounded to a multiple of 2^-ACTIVITY_BITS of the median; never 0. */
uint32_t activity_draw(struct random *random);

/* The kinds of groups, and per kind: members per group on average, the power k of their sizes
 * (~ rank^-(1 - 1/k)), and how often in GROUP_DRAWS the kind is asked for an alter; what is left of
 * GROUP_DRAWS asks everybody. */
enum drawn_kind { DRAWN_EMPLOYER, DRAWN_PAST_EMPLOYER, DRAWN_SCHOOL, DRAWN_REGION, DRAWN_KINDS };
enum { GROUP_DRAWS = 100 };
struct group_rule {
    uint32_t size;
    uint32_t power;
    uint32_t draws;
};
extern const struct group_rule group_rules[DRAWN_KINDS];

/* A group's number below `count`, the greatest groups first: count * u^power for a uniform u of 32
 * random bits. */
static inline uint32_t group_number(uint32_t bits, uint32_t count, uint32_t power) {
    uint64_t product = bits;
    for (uint32_t i = 1; i < power; i++) {
        product = product * bits >> 32;
    }
    return (uint32_t)(product * count >> 32);
}

/* How a tie came about, from a number below 100. Recommendations come from shared neighbours,
 * imports from address books. */
static inline enum event_origin origin_of_percent(uint64_t percent, bool closing) {
    if (closing) {
        return percent < 60 ? ORIGIN_RECOMMENDED : percent < 92 ? ORIGIN_ORGANIC : ORIGIN_IMPORT;
    }
    return percent < 20 ? ORIGIN_RECOMMENDED : percent < 80 ? ORIGIN_ORGANIC : ORIGIN_IMPORT;
}

#endif
