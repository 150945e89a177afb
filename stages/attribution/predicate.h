/* Rules 1 to 3 of a job transmission, and the windows in which a side is at risk: definitions,
 * section 4. Pure functions of dates.
 */
#ifndef TIEFLOW_STAGES_ATTRIBUTION_PREDICATE_H
#define TIEFLOW_STAGES_ATTRIBUTION_PREDICATE_H

#include "schemas/settings.h"
#include "stages/attribution/side.h"
#include "stages/careers/careers.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether the setting uses the tie at all: with ENDED_INCLUDE re-made ties are not used. */
bool tie_is_used(const struct attribution_settings *settings, const struct side *side);

/* Rule 1, for a move at s. */
bool tie_precedes(const struct attribution_settings *settings, const struct side *side,
                  struct span s);
/* Rules 2 and 3 for a spell of the contact at the move's company; `created_ms` is the tie's. */
bool spell_carries(const struct attribution_settings *settings, int64_t created_ms,
                   const struct spell *spell, struct span s);

/* How sure it is, given that dates are known to a unit only: for some true instants, by the rule as
 * it stands (the count), for all of them. Each implies the one before. */
enum carried { CARRIED_NOT, CARRIED_POSSIBLE, CARRIED_COUNTED, CARRIED_CERTAIN };

/* The best over the contact's spells at the move's company (spells[0 .. count), sorted by start);
 * `earliest` is the first spell that carries under the rule as it stands, NULL below COUNTED. */
enum carried side_carries(const struct attribution_settings *settings, const struct side *side,
                          const struct spell *spells, size_t count, struct span s,
                          const struct spell **earliest);

/* One window [first_ms, last_ms], both ends within; empty where first > last. `horizon_ms` is
 * INT64_MAX for none; `entry` is the mover's entry date; `first_start` the mover's first start at
 * the spell's company (SPAN_NEVER for none). */
struct window {
    int64_t first_ms;
    int64_t last_ms;
};
struct window side_window(const struct attribution_settings *settings, const struct side *side,
                          const struct spell *spell, struct span entry, struct span first_start,
                          int64_t as_of_ms, int64_t horizon_ms);

#endif
