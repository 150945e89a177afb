/* When a side is at risk: the union of the windows of all spells of the contact (definitions,
 * section 4). */
#ifndef TIEFLOW_STAGES_ATTRIBUTION_EXPOSURE_H
#define TIEFLOW_STAGES_ATTRIBUTION_EXPOSURE_H

#include "schemas/settings.h"
#include "schemas/status.h"
#include "stages/attribution/predicate.h"
#include "stages/attribution/side.h"
#include "stages/careers/careers.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* windows[0 .. count) are disjoint, not empty, ascending. Zero-initialise; reused from side to
 * side. */
struct exposure {
    struct window *windows;
    size_t count;
    size_t capacity;
};
void exposure_release(struct exposure *exposure);

/* The windows of the side without a horizon. */
FALLIBLE exposure_of_side(struct exposure *exposure, const struct careers *careers,
                          const struct attribution_settings *settings, int64_t as_of_ms,
                          uint32_t mover, const struct side *side, struct err *err);

/* Milliseconds of the windows within [from_ms, until_ms]. */
uint64_t exposure_within(const struct exposure *exposure, int64_t from_ms, int64_t until_ms);

/* Whether the instant is in a window. */
bool exposure_holds(const struct exposure *exposure, int64_t at_ms);

#endif
