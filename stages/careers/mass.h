/* Mass moves: mergers, takeovers and lay-offs that carry a share of one firm to another within a
 * month (definitions, section 3). */
#ifndef TIEFLOW_STAGES_CAREERS_MASS_H
#define TIEFLOW_STAGES_CAREERS_MASS_H

#include "schemas/settings.h"
#include "schemas/status.h"
#include "stages/careers/careers.h"

/* Flags the moves of careers whose spells, moves and rosters are complete. Movers are the `move`s
 * from one previous company to one company whose date begins in one UTC calendar month; they are
 * mass moves where they are at least settings->mass_movers, and at least settings->mass_share of
 * the people with a spell at the previous company at the month's first instant: begun by then
 * (lo(start)), not over by then (hi(end)). */
FALLIBLE mass_flag(struct careers *careers, const struct attribution_settings *settings,
                   struct err *err);

#endif
