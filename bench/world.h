/* A synthetic study for the benchmark of the attribution: ties, careers and facts, made fast.
 *
 * Nothing in it is to be recovered; it only has the shapes that cost time. Members stand on a ring,
 * in circles of 1000 who share a region, mostly an industry, and 15 small employers beside those of
 * everybody; 40 % of a member's ties lead to the neighbourhood. What follows:
 *
 *   degrees       lognormal out of one side, towards those who have many on the other
 *   employers     the largest of all has about 1 % of everybody, the smallest nobody
 *   mutual        drawn, not counted: lognormal with the study's mean, a third at most 1, cut by
 * the degrees, which are counted ties          over five years, 1 % of them end; no pair is made
 * twice careers       most began before these years; `moves` starts elsewhere fall into them, 80 %
 * with an end of the job before facts         profile, one assignment to one of three variants, and
 * a few applications
 *
 * All is a function of the options.
 */
#ifndef TIEFLOW_BENCH_WORLD_H
#define TIEFLOW_BENCH_WORLD_H

#include "schemas/status.h"
#include "stages/dictionary/dictionary.h"
#include "stages/facts/fact_table.h"

#include <stddef.h>
#include <stdint.h>

struct world_options {
    uint64_t ties;
    uint64_t members; /* at least 10,000, and at most ties */
    uint64_t moves;   /* asked for; the moves that come out are 1 to 2 % fewer */
    uint64_t seed;
};

struct world {
    struct world_options options;
    char *segment_path; /* all ties and their endings; removed by the release */
    struct dictionary dictionary;
    struct fact_table tables[FACT_LOGS]; /* finished */
    uint32_t *open_degrees;              /* per node */
    uint64_t endings;
    uint64_t segment_bytes;
    int64_t as_of_ms;
};

/* Makes the world, its segment as a file in the folder. Release in any case. FAILURE_USAGE for
 * options out of range. */
FALLIBLE world_make(struct world *world, const struct world_options *options, const char *folder,
                    struct err *err);
void world_release(struct world *world);

#endif
