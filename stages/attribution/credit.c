/* Whole numbers all the way: what a division leaves over goes to the first in order, so that the
 * parts of one move are one, exactly, and sums over moves do not depend on the order of adding.
 * Doubles that are rounded at the end would make "sums to the number of moves" a matter of luck.
 */
#include "stages/attribution/credit.h"

#include <assert.h>
#include <math.h>

static double strength_of(const struct eligible *eligible) {
    return eligible->in_union == 0 ? 0.0 : (double)eligible->mutual / (double)eligible->in_union;
}

/* Equal parts for those at `from` and behind it, the rest to the first of them. */
static void deal_equally(size_t from, size_t count, uint32_t *credits) {
    uint64_t sharing = count - from;
    for (size_t k = 0; k < count; k++) {
        credits[k] = k < from ? 0 : (uint32_t)(CREDIT_ONE / sharing);
    }
    credits[from] += (uint32_t)(CREDIT_ONE % sharing);
}

/* The floors add up to CREDIT_ONE at most: roundings of the quotients and of their sum are below
 * a tenth of a unit for a million contacts. */
static void deal_by_strength(const struct eligible *eligible, size_t count, uint32_t *credits) {
    double sum = 0;
    size_t first = count;
    for (size_t k = 0; k < count; k++) {
        double weight = strength_of(&eligible[k]);
        sum += weight;
        first = weight > 0 && first == count ? k : first;
    }
    if (first == count) {
        deal_equally(0, count, credits);
        return;
    }
    uint64_t dealt = 0;
    for (size_t k = 0; k < count; k++) {
        credits[k] = (uint32_t)floor(strength_of(&eligible[k]) / sum * (double)CREDIT_ONE);
        dealt += credits[k];
    }
    assert(dealt <= CREDIT_ONE);
    credits[first] += (uint32_t)(CREDIT_ONE - dealt);
}

void credit_deal(const struct eligible *eligible, size_t count,
                 uint32_t *const credits[CREDIT_RULES]) {
    assert(count >= 1);
    size_t newest = 0;
    for (size_t k = 0; k < count; k++) {
        credits[CREDIT_EACH][k] = CREDIT_ONE;
        newest = eligible[k].created_ms > eligible[newest].created_ms ? k : newest;
    }
    assert(eligible[newest].created_ms == eligible[count - 1].created_ms);
    deal_equally(0, count, credits[CREDIT_EQUAL]);
    deal_equally(newest, count, credits[CREDIT_LAST]);
    deal_by_strength(eligible, count, credits[CREDIT_STRENGTH]);
    for (int rule = CREDIT_EQUAL; rule < CREDIT_RULES; rule++) {
        uint64_t sum = 0;
        for (size_t k = 0; k < count; k++) {
            sum += credits[rule][k];
        }
        assert(sum == CREDIT_ONE);
    }
}
