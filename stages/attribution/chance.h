/* Expected by chance (definitions, section 6): for a move of i to c at s and a contact j whose tie
 * passes rule 1, the share of j's cell whose spells pass rules 2 and 3 for c, without the mover.
 *
 * The cell of j is everybody of the same industry, region and degree decile at the first instant of
 * the calendar month of s, among people who have a tie just before it (degree: as in G(t-), ties
 * made before the instant and not ended before it). Not knowing the industry or the region is a
 * value like any other. A pair is unmatched where the cell holds nobody but j and the mover, or one
 * of the two has no tie at that instant.
 *
 * Memory: a byte per person and month that has a move, from the first tie on; 12 bytes per person
 * and 16 per spell; and per thread up to 64 MB, with `tie_first` 128.
 */
#ifndef TIEFLOW_STAGES_ATTRIBUTION_CHANCE_H
#define TIEFLOW_STAGES_ATTRIBUTION_CHANCE_H

#include "schemas/settings.h"
#include "schemas/status.h"
#include "stages/attribution/side.h"
#include "stages/careers/careers.h"
#include "stages/facts/people.h"
#include "stages/facts/profiles.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Shares are rounded down to multiples of 2^-32, so that their sums do not depend on order. */
#define CHANCE_ONE (UINT64_C(1) << 32)

struct chance_inputs {
    const struct people *people;
    const struct profiles *profiles;
    const struct careers *careers;
    const struct attribution_settings *settings;
};

struct chance;

/* Finds the months that have a `move`. */
FALLIBLE chance_new(struct chance **chance, const struct chance_inputs *inputs, struct err *err);
void chance_free(struct chance *chance);

/* The degrees: every tie's beginning and end, in any order (the counts are differences per month,
 * summed by chance_settle). */
void chance_tie(struct chance *chance, uint32_t a, uint32_t b, int64_t created_ms,
                int64_t ended_ms);

/* Ends the adding: deciles and cell sizes of every month. */
FALLIBLE chance_settle(struct chance *chance, struct err *err);

/* The share for the move and the side (which passes rule 1), in units of 1/CHANCE_ONE; false where
 * unmatched. `scratch` belongs to one thread; asking for the moves of one company and date in a row
 * is cheap. Frozen otherwise. */
struct chance_scratch;
FALLIBLE chance_scratch_new(struct chance_scratch **scratch, const struct chance *chance,
                            struct err *err);
void chance_scratch_free(struct chance_scratch *scratch);
FALLIBLE chance_share(const struct chance *chance, struct chance_scratch *scratch,
                      const struct move *move, const struct side *side, uint64_t *share,
                      bool *is_matched, struct err *err);

/* Ask for the memory that chance_share will read about a contact further on: first of the person,
 * and some contacts later of its cell. They change no result. */
void chance_prefetch_person(const struct chance *chance, uint32_t person);
void chance_prefetch_cell(const struct chance *chance, struct chance_scratch *scratch,
                          const struct move *move, uint32_t contact);

#endif
