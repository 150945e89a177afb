/* What a study says, in a sentence: computed from the curve, and silent where the data are.
 *
 * The rule: of the bins of mutual connections in which at least FINDING_LEAST sides transmitted,
 * the one with the highest rate is held against the first bin (no mutual connections) and against
 * the lowest one behind it. A difference counts where the 95 % intervals lie apart; it stands up to
 * chance where they also do after what chance explains has been taken off each.
 */
#ifndef TIEFLOW_STAGES_REPORT_FINDING_H
#define TIEFLOW_STAGES_REPORT_FINDING_H

#include "stages/report/study_data.h"

#include <stdbool.h>

/* Sides that transmitted, below which a bin's rate is no ground to stand on. */
enum { FINDING_LEAST = 10 };

enum finding_kind {
    FINDING_NO_TIES,
    FINDING_NO_MOVES,
    FINDING_NONE_CARRIED,
    FINDING_TOO_FEW,
    FINDING_NO_DIFFERENCE,
    FINDING_PEAK,  /* rises to the peak, falls behind it: an inverted U */
    FINDING_RISES, /* no fall that could be told from chance */
    FINDING_FALLS, /* from the peak on; no rise before it that could be told */
};

/* Bins are lent from the data; NULL where the kind has none. */
struct finding {
    enum finding_kind kind;
    const struct dose_bin *peak;
    const struct dose_bin *first;   /* the bin of the weakest ties */
    const struct dose_bin *behind;  /* of the bins behind the peak the one whose interval
                    ends lowest; one that carried nothing only where all did not */
    const struct dose_bin *against; /* of the two the one in the headline */
    double ratio; /* of the peak to that one, with its 95 % interval; NAN where that is none */
    double ratio_low;
    double ratio_high;
    bool beats_chance;
};

void finding_make(struct finding *finding, const struct study_data *data);

/* One sentence without its full stop; plain text, bin labels as they are in the data. */
enum { FINDING_TEXT_BYTES = 512 };
void finding_headline(const struct finding *finding, char text[FINDING_TEXT_BYTES]);

/* The interval to quote of a bin: clustered on movers; Wilson's where nothing was transmitted, as
 * the other one has no width there. NANs where nothing is at risk. */
void dose_interval(const struct dose_bin *bin, double *low, double *high);

/* "no mutual connections", "1 mutual connection", "8-15 mutual connections". */
enum { BIN_PHRASE_BYTES = 128 };
const char *bin_phrase(const struct dose_bin *bin, char text[BIN_PHRASE_BYTES]);

#endif
