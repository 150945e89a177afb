#include "stages/generate/member_draws.h"

#include <assert.h>

enum { ACTIVITY_SPREAD = 113457 }; /* sigma 1.2 in powers of two: 2^16 * 1.2 / ln 2 */

const struct group_rule group_rules[DRAWN_KINDS] = {
    [DRAWN_EMPLOYER] = {30, 3, 40},
    [DRAWN_PAST_EMPLOYER] = {60, 3, 15},
    [DRAWN_SCHOOL] = {300, 2, 10},
    [DRAWN_REGION] = {5000, 2, 20},
};

/* The normal number is the sum of twelve uniform ones of 16 bits, which ends at 6 standard
 * deviations; the exponential is straight lines between powers of two (6 % off at most). */
uint32_t activity_draw(struct random *random) {
    int64_t normal = -6 * INT64_C(65536);
    for (int i = 0; i < 3; i++) {
        uint64_t bits = random_u64(random);
        normal += (int64_t)((bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) +
                            (bits >> 48));
    }
    int64_t exponent = normal * ACTIVITY_SPREAD / 65536 + ACTIVITY_BITS * INT64_C(65536);
    assert(exponent >= 0 && exponent < 31 * INT64_C(65536));
    uint64_t straight = 65536 + (uint64_t)exponent % 65536;
    return (uint32_t)(straight << (exponent / 65536) >> 16);
}
