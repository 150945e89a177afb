/* The first look at all ties: how many sides everybody has, and the distributions that classes and
 * segments are cut from.
 */
#ifndef TIEFLOW_STAGES_ATTRIBUTION_COHORT_H
#define TIEFLOW_STAGES_ATTRIBUTION_COHORT_H

#include "schemas/status.h"
#include "stages/attribution/chance.h"
#include "stages/attribution/classes.h"
#include "stages/attribution/strength_cuts.h"
#include "stages/attribution/tie_walk.h"
#include "stages/tie_store/histogram.h"

#include <stddef.h>
#include <stdint.h>

struct cohort {
    uint64_t *side_begin; /* person_count + 1: the sides of person p are [begin[p], begin[p + 1]) */
    size_t person_count;
    struct histogram degrees; /* of the mover, over sides */
    int64_t first_tie_ms;     /* INT64_MAX without ties */
};

/* Walks over all ties, twice: fills the cohort and the classes (both zero-initialised) and hands
 * every tie to `chance`, which is not settled. `diversity` (person_count floats, or NULL for not
 * asked) becomes the Blau index of the industries of everybody's medium ties' contacts, NAN where
 * none is known; `industry_of` is theirs, PROFILE_UNKNOWN allowed. Working memory for it: up to
 * `memory_bytes`; where that does not do for all, further walks. */
struct cohort_inputs {
    const struct tie_source *source;
    uint32_t threshold;
    struct chance *chance;
    const uint32_t *industry_of;
    size_t industry_count;
    size_t memory_bytes;
};
FALLIBLE cohort_study(struct cohort *cohort, struct classes *classes, float *diversity,
                      const struct cohort_inputs *inputs, struct err *err);
void cohort_release(struct cohort *cohort);

#endif
