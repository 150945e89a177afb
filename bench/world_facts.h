/* The facts of a synthetic world: careers, profiles, an experiment, applications.
 *
 * Members on the ring (bench/world_pairs.h) whose neighbourhood is the same share their region, for
 * seven in ten members their industry, and 15 employers of their own. Seven jobs in ten are at one
 * of those, the others at the employers of everybody, one for a hundred members, whose sizes fall
 * off as a power.
 */
#ifndef TIEFLOW_BENCH_WORLD_FACTS_H
#define TIEFLOW_BENCH_WORLD_FACTS_H

#include "schemas/status.h"
#include "stages/facts/fact_table.h"

#include <stdint.h>

struct world_facts_options {
    uint64_t members;
    uint64_t moves; /* starts at another employer between first_ms and last_ms */
    uint64_t seed;
    int64_t first_ms;
    int64_t last_ms;
};

/* The outside id of a member on the ring: their order says nothing of the ring's. */
uint64_t world_member_id(uint64_t member);

/* Fills empty tables (by enum fact_log) and finishes them. */
FALLIBLE world_facts_make(struct fact_table tables[FACT_LOGS],
                          const struct world_facts_options *options, struct err *err);

#endif
