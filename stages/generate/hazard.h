/* How the rate at which a tie carries a job depends on its embeddedness: the curves to plant.
 */
#ifndef TIEFLOW_STAGES_GENERATE_HAZARD_H
#define TIEFLOW_STAGES_GENERATE_HAZARD_H

#include <stdint.h>

enum hazard_shape {
    HAZARD_NONE,       /* 0 */
    HAZARD_FLAT,       /* 1 */
    HAZARD_FALLING,    /* 1 / (1 + M / 10) */
    HAZARD_INVERTED_U, /* (2x / (1 + x^2))^2 with x = M / 10: 0 at 0, a half near 4 and 24 */
    HAZARD_SHAPES,
};

/* M at which the inverted U has its peak, and the falling curve half its height. */
enum { HAZARD_PEAK = 10 };

/* "none", "flat", "falling", "inverted-u". */
const char *hazard_name(enum hazard_shape shape);

/* Relative to the curve's peak: in [0, 1]. Sums, products and quotients alone, so that it is the
 * same on every machine. */
double hazard_at(enum hazard_shape shape, uint32_t mutual);

#endif
