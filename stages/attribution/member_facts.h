/* The rows of `members`: what one member did over the whole study, and from its assignment on in
 * each experiment that it was assigned in.
 */
#ifndef TIEFLOW_STAGES_ATTRIBUTION_MEMBER_FACTS_H
#define TIEFLOW_STAGES_ATTRIBUTION_MEMBER_FACTS_H

#include "schemas/status.h"
#include "stages/attribution/attribution.h"
#include "stages/attribution/carriers.h"
#include "stages/attribution/row_lists.h"

#include <stddef.h>
#include <stdint.h>

/* Ids of the experiments that have an assignment at or before as_of, ascending, in new memory that
 * the caller frees. */
FALLIBLE experiments_find(const struct fact_table *assignments, int64_t as_of_ms,
                          uint64_t **experiments, size_t *count, struct err *err);

/* What all threads read. Lent. */
struct member_inputs {
    const struct attribution_inputs *inputs;
    const struct classes *classes;
    const struct segments *segments;
    const uint64_t *experiments;
    size_t experiment_count;
};

/* One thread's memory. */
struct member_facts {
    const struct member_inputs *inputs;
    struct member_row *windows; /* experiment_count + 1 */
    uint8_t *reach;             /* per side */
    uint32_t *industries;       /* per side */
    size_t side_capacity;
    uint32_t *industry_counts; /* all zero between members */
};
FALLIBLE member_facts_init(struct member_facts *facts, const struct member_inputs *inputs,
                           struct err *err);
void member_facts_release(struct member_facts *facts);

/* Adds the rows of the mover, whose moves `carriers` has found. */
FALLIBLE member_facts_add(struct member_facts *facts, const struct mover *mover,
                          const struct carriers *carriers, struct row_lists *rows, struct err *err);

#endif
