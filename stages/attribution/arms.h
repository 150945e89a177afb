/* Arms: outcomes by experiment and variant, and their difference from control (definitions, 6). */
#ifndef TIEFLOW_STAGES_ATTRIBUTION_ARMS_H
#define TIEFLOW_STAGES_ATTRIBUTION_ARMS_H

#include "schemas/status.h"
#include "stages/attribution/attribution.h"

#include <stddef.h>
#include <stdint.h>

/* What is averaged: outcomes and ties by class within the window from the assignment on; and, for
 * balance, what was before it (the whole study less the window). */
enum arm_fact {
    ARM_TRANSMISSIONS,
    ARM_MOVES,
    ARM_MOVES_CARRIED,
    ARM_APPLICATIONS,
    ARM_NEW_TIES,
    ARM_WEAK,
    ARM_MEDIUM,
    ARM_STRONG,
    ARM_ABOVE_THRESHOLD,
    ARM_BEFORE_TIES,
    ARM_BEFORE_MOVES,
    ARM_BEFORE_TRANSMISSIONS,
    ARM_BEFORE_APPLICATIONS,
    ARM_FACTS,
};
const char *arm_fact_name(enum arm_fact fact);
/* "outcome", "ties" or "balance". */
const char *arm_fact_part(enum arm_fact fact);

struct arms;
/* Copies the ids, which ascend: window 1 + e of a member's rows is from experiments[e]. */
FALLIBLE arms_new(struct arms **arms, const uint64_t *experiments, size_t count, struct err *err);
void arms_free(struct arms *arms);

/* Adds the rows of one member: those of the windows, the whole study first. Sums are integers. */
FALLIBLE arms_add(struct arms *arms, const struct member_row *rows, size_t count, struct err *err);

struct arm_row {
    uint64_t experiment;
    uint32_t variant;
    enum arm_fact fact;
    uint64_t members;
    double share; /* of the experiment's members */
    double mean;
    double variance;   /* n - 1 in the denominator; NAN for one member */
    double difference; /* from variant 0, as are the next two; NAN for variant 0 or without it */
    double standard_error; /* Welch */
    double p;              /* two-sided, normal; NAN where the standard error is 0 or NAN */
};

/* Rows in the order (experiment, variant, fact), in new memory that the caller frees. */
FALLIBLE arms_rows(const struct arms *arms, struct arm_row **rows, size_t *count, struct err *err);

#endif
