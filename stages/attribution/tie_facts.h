/* What a study knows of one tie beside the tie's own numbers: its classes in the cohort, and how
 * its two members stood to each other when it was made. For the table `ties`.
 */
#ifndef TIEFLOW_STAGES_ATTRIBUTION_TIE_FACTS_H
#define TIEFLOW_STAGES_ATTRIBUTION_TIE_FACTS_H

#include "schemas/status.h"
#include "schemas/tables.h"
#include "stages/attribution/classes.h"
#include "stages/attribution/segments.h"
#include "stages/attribution/tie_walk.h"
#include "stages/careers/careers.h"
#include "stages/facts/fact_table.h"
#include "stages/facts/people.h"
#include "stages/facts/profiles.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tie_fact {
    uint8_t tercile;
    uint8_t log2_bin;        /* of MEASURE_LOG2 */
    uint8_t strength_decile; /* 0 .. 9 */
    bool above_threshold;
    bool above_median;       /* M / union is above the cohort's lower median */
    bool knows_industries;   /* of both */
    bool is_same_industry;   /* false where not known */
    enum reach reach;        /* between the profiles: the newest ones */
    enum coworker coworker;  /* at the tie's creation */
    double interaction_rank; /* mid-rank / n; NAN without interactions */
    struct optional_u64 seniority_gap_years;
    /* Of the inviter, made at or before the tie's creation: of the experiment of the smallest id,
     * the earliest; of those at one time, the smallest variant. */
    struct optional_u64 experiment;
    struct optional_u64 variant;
};

/* Everything is lent and outlives the facts. */
struct tie_facts_inputs {
    const struct people *people;
    const struct profiles *profiles;
    const struct careers *careers;
    const struct fact_table *assignments; /* finished */
    const struct classes *classes;        /* of a cohort that the ties belong to */
};

/* Assignments of person p lie in [begin[p], begin[p + 1]); NULL without any record. */
struct tie_facts {
    struct tie_facts_inputs inputs;
    size_t *begin;
    double median;
};

/* Zero-initialise `facts`; release in any case. Memory: 8 bytes per person, with assignments. */
FALLIBLE tie_facts_init(struct tie_facts *facts, const struct tie_facts_inputs *inputs,
                        struct err *err);
void tie_facts_release(struct tie_facts *facts);

/* The facts of tie i of a block. Frozen: may be called by several threads. Cost: searches among the
 * values of the classes, the spells of both members, the assignments of one. */
struct tie_fact tie_facts_find(const struct tie_facts *facts, const struct tie_block *block,
                               size_t i);

#endif
