/* One member's spells to moves and entries: definitions, section 3. */
#ifndef TIEFLOW_STAGES_CAREERS_MOVES_H
#define TIEFLOW_STAGES_CAREERS_MOVES_H

#include "stages/careers/careers.h"
#include "stages/facts/key_sort.h"

#include <stddef.h>

/* The entry date: of the earliest starts the coarsest; SPAN_NEVER without spells. (The earliest
 * start record always opens a spell.) */
struct span entry_date(const struct spell *spells, size_t count);

/* How many rows the member has: companies whose first spell does not begin before records. */
size_t moves_count(const struct spell *spells, size_t count);

/* Writes the rows, sorted by (date, company) and without the flag of mass moves. The spells are one
 * member's, sorted by (company, start); `scratch` has room for two items per spell. Cost: a sort.
 */
void moves_make(const struct spell *spells, size_t count, struct move *moves,
                struct key_item *scratch);

#endif
