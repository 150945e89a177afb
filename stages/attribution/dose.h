/* Dose-response: how often sides transmit, by measure, bin and segment (definitions, section 6).
 *
 * Each thread adds sides to doses of its own, mover by mover; the threads' doses are added up in
 * the end. All are integers, so neither the order of sides nor their threads show.
 */
#ifndef TIEFLOW_STAGES_ATTRIBUTION_DOSE_H
#define TIEFLOW_STAGES_ATTRIBUTION_DOSE_H

#include "schemas/settings.h"
#include "schemas/status.h"
#include "stages/attribution/classes.h"
#include "stages/attribution/side.h"

#include <stddef.h>
#include <stdint.h>

/* One measure, bin and segment. */
struct dose {
    uint64_t sides;
    uint64_t at_risk;
    unsigned __int128 exposure_ms;
    uint64_t transmitting; /* sides with at least one */
    uint64_t transmissions;
    uint64_t credit[CREDIT_RULES];    /* units of 2^-30 */
    uint64_t pairs;                   /* (move, contact) whose tie passes rule 1 */
    uint64_t unmatched;               /* of these, without a cell to compare with */
    uint64_t unmatched_transmissions; /* transmissions by these */
    unsigned __int128 expected;       /* units of 2^-32 */
    /* Over movers g, with y_g sides transmitting and n_g at risk. */
    uint64_t sum_yy;
    uint64_t sum_yn;
    uint64_t sum_nn;
};

/* sqrt(sum over g of (y_g N - Y n_g)^2) / N^2; 0 where nothing is at risk. */
double dose_standard_error(const struct dose *dose);
/* Wilson's 95 % interval of transmitting / at_risk; NANs where nothing is at risk. */
void dose_wilson(const struct dose *dose, double *low, double *high);

/* What one side adds within one horizon. */
struct tally {
    uint64_t exposure_ms; /* 0: not at risk */
    uint32_t transmissions;
    uint32_t pairs;
    uint32_t unmatched;
    uint32_t unmatched_transmissions;
    uint64_t credit[CREDIT_RULES];
    uint64_t expected;
};

/* A thread's doses. Frozen `classes` outlive it. */
struct dose_table;

/* `segments` is how many there are, `horizon_of[segment]` which of a side's tallies counts there
 * (0 for segment 0); lent until freed. */
FALLIBLE dose_table_new(struct dose_table **table, const struct classes *classes, size_t segments,
                        const uint8_t *horizon_of, struct err *err);
void dose_table_free(struct dose_table *table);

/* Adds a side of the mover at hand to its bin of every measure in these segments; segment 0, all
 * sides, must be among them. `tallies` are by horizon; `late` likewise, for MEASURE_INTENSITY (NULL
 * where classes have none). */
void dose_table_add(struct dose_table *table, const struct side *side, const uint16_t *segments,
                    size_t segment_count, const struct tally *tallies, const struct tally *late);

/* Behind the last side of a mover: adds what it has in segment 0 to segments that all of its sides
 * are in too. */
void dose_table_end_mover(struct dose_table *table, const uint16_t *segments, size_t segment_count);

/* Adds `other` to `table`. */
void dose_table_merge(struct dose_table *table, const struct dose_table *other);

/* Moves the doses out, by measure, as [segment * measure_bins + bin], in memory that the caller
 * frees; the table is good for nothing else then. */
void dose_table_take(struct dose_table *table, struct dose *doses[MEASURES]);

#endif
