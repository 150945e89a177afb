/* Attribution of one move to its K eligible contacts by the four rules: definitions, section 5. */
#ifndef TIEFLOW_STAGES_ATTRIBUTION_CREDIT_H
#define TIEFLOW_STAGES_ATTRIBUTION_CREDIT_H

#include "schemas/settings.h"

#include <stddef.h>
#include <stdint.h>

/* What the rules look at, in the order (created_ms, contact). */
struct eligible {
    int64_t created_ms;
    uint32_t mutual;
    uint64_t in_union;
};

/* Fills credits[rule][k] in units of 2^-30 for k in [0, count), count >= 1. `each` gives CREDIT_ONE
 * to every one; the sums of the others are CREDIT_ONE exactly, which is asserted. credits[rule] are
 * the caller's arrays. */
void credit_deal(const struct eligible *eligible, size_t count,
                 uint32_t *const credits[CREDIT_RULES]);

#endif
