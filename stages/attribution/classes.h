/* Classes of tie strength: cuts drawn from the cohort, and the bins of every measure of the
 * dose-response (definitions, sections 2 and 6).
 */
#ifndef TIEFLOW_STAGES_ATTRIBUTION_CLASSES_H
#define TIEFLOW_STAGES_ATTRIBUTION_CLASSES_H

#include "schemas/status.h"
#include "stages/attribution/side.h"
#include "stages/tie_store/histogram.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum measure {
    MEASURE_EXACT,     /* M itself: one bin per value that occurs */
    MEASURE_LOG2,      /* 0, 1, 2-3, 4-7, ... */
    MEASURE_TERCILES,  /* weak, medium, strong */
    MEASURE_THRESHOLD, /* M <= cut, M > cut */
    MEASURE_WIDTH20,   /* floor(20 M / 35), 35 in the last; larger M in a bin of their own, 20 */
    MEASURE_STRENGTH,  /* deciles of M / union */
    MEASURE_INTENSITY, /* deciles of the mid-rank of interactions; none without interactions */
    MEASURES,
};
const char *measure_name(enum measure measure);

enum { TERCILE_WEAK, TERCILE_MEDIUM, TERCILE_STRONG, TERCILES };

/* Invariants: cuts ascend. A tie of strength x is in the first decile d with x <= strength_cut[d]
 * (equality to the weaker side), the last one where there is none. */
struct classes {
    uint64_t ties;           /* of the cohort */
    uint32_t tercile_cut[2]; /* values of M at ranks ceil(n/3), ceil(2n/3) */
    uint32_t threshold;
    uint32_t *values; /* of M that occur, ascending: the bins of MEASURE_EXACT */
    size_t value_count;
    double strength_cut[9]; /* M/union at ranks ceil(k n / 10), k = 1 .. 9 */
    uint64_t median_mutual; /* the lower median of strength, as M / union of a tie that has it */
    uint64_t median_union;
    bool has_intensity;
    /* Of every number of interactions that occurs: floor(10 * mid-rank / n), at most 9. The
     * mid-rank of a run of equal counts at ranks a .. b is (a + b) / 2. */
    uint32_t *interactions; /* ascending */
    uint8_t *interaction_decile;
    uint64_t *interaction_ties; /* the mass of equal counts */
    double *interaction_rank;   /* mid-rank / n */
    size_t interaction_count;
};

void classes_release(struct classes *classes);

/* Fill a zero-initialised `classes` from the cohort; each of its own part.
 * Terciles, threshold and exact bins, from how many ties have which M. */
FALLIBLE classes_set_mutual(struct classes *classes, const struct histogram *mutual,
                            uint32_t threshold, struct err *err);

/* Intensity: ties[k] ties have counts[k] interactions, counts ascending, no ties[k] 0. Copies. */
FALLIBLE classes_set_interactions(struct classes *classes, const uint32_t *counts,
                                  const uint64_t *ties, size_t count, struct err *err);

/* Number of bins of a measure, and the bin of a tie of the cohort. */
size_t measure_bins(const struct classes *classes, enum measure measure);
size_t side_bin(const struct classes *classes, enum measure measure, const struct side *side);

/* The same for M alone, which is all that the measures before MEASURE_STRENGTH look at. */
size_t mutual_bin(const struct classes *classes, enum measure measure, uint32_t mutual);

/* Mid-rank / n of a number of interactions that a tie of the cohort has. */
double interaction_rank(const struct classes *classes, uint32_t interactions);

/* What a bin holds, for tables: label ("2-3", "weak", "D4"), and least and greatest value. */
enum { BIN_LABEL_BYTES = 32 };
struct bin_label {
    char text[BIN_LABEL_BYTES];
    double low;  /* NANs: nothing of the cohort is in the bin */
    double high; /* INFINITY: without bound */
};
void measure_label(const struct classes *classes, enum measure measure, size_t bin,
                   struct bin_label *label);

#endif
