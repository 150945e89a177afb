/* How many interactions a tie had within a window behind its creation (definitions, section 2). */
#ifndef TIEFLOW_STAGES_ATTRIBUTION_INTENSITY_H
#define TIEFLOW_STAGES_ATTRIBUTION_INTENSITY_H

#include "schemas/status.h"
#include "stages/facts/fact_table.h"
#include "stages/facts/people.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `begin` has person_count + 1 places: records of pairs whose smaller person is p lie in
 * [begin[p], begin[p + 1]). NULL without any record. */
struct intensity {
    const struct fact_table *table;
    const struct people *people;
    size_t *begin;
    int64_t window_ms;
    int64_t as_of_ms;
};

/* Lends the table (finished, of FACT_INTERACTIONS) and the people. Records after as_of_ms and those
 * of strangers do not count. Zero-initialise `intensity`. Memory: 8 bytes per person. */
FALLIBLE intensity_init(struct intensity *intensity, const struct fact_table *table,
                        const struct people *people, int64_t window_ms, int64_t as_of_ms,
                        struct err *err);
void intensity_release(struct intensity *intensity);

/* Whether there is a record that counts. */
bool intensity_is_known(const struct intensity *intensity);

/* Interactions of two people, in both directions, within [from_ms, from_ms + window); held at
 * UINT32_MAX. Cost: a search among one person's records, and the records counted. */
uint32_t intensity_count(const struct intensity *intensity, uint32_t a, uint32_t b,
                         int64_t from_ms);

#endif
