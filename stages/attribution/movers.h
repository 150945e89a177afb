/* Everything about one mover after another: moves, exposure, doses, the member's rows. One per
 * thread; what threads have summed up is merged in the end.
 */
#ifndef TIEFLOW_STAGES_ATTRIBUTION_MOVERS_H
#define TIEFLOW_STAGES_ATTRIBUTION_MOVERS_H

#include "schemas/status.h"
#include "stages/attribution/attribution.h"
#include "stages/attribution/carriers.h"
#include "stages/attribution/dose.h"
#include "stages/attribution/exposure.h"
#include "stages/attribution/intensity.h"
#include "stages/attribution/member_facts.h"
#include "stages/attribution/row_lists.h"

#include <stddef.h>
#include <stdint.h>

/* What all threads read. Lent. `horizon_of[segment]` is 0 for none, 1 + h for horizon h;
 * `is_of_mover[segment]` whether it is one that all sides of a mover are in or none. With
 * SCOPE_MOVES there are neither classes nor segments nor members. */
struct mover_inputs {
    const struct attribution_inputs *inputs;
    const struct classes *classes;
    const struct segments *segments;
    const struct intensity *intensity; /* with SCOPE_MOVES: of the sides that carry a move */
    struct carrier_inputs carriers;
    struct member_inputs members;
    uint8_t *horizon_of;
    bool *is_of_mover;
};

struct movers {
    const struct mover_inputs *inputs;
    struct carriers carriers;
    struct member_facts members;
    struct exposure exposure;
    struct dose_table *doses;
    size_t *cursor; /* per move of the mover at hand: its next transmission */
    size_t cursor_capacity;
    uint16_t own[SEGMENTS_OF_SIDE_MAX]; /* segments of the mover at hand */
    size_t own_count;
    uint64_t sides;
    uint64_t sides_at_risk;
};

FALLIBLE movers_init(struct movers *movers, const struct mover_inputs *inputs, struct err *err);
void movers_release(struct movers *movers);

/* Evaluates one mover (with SCOPE_MOVES by the sides that mover_ties keeps); adds its rows.
 * FAILURE_DATA where a transmission lies outside of the windows of its side. */
FALLIBLE movers_add(struct movers *movers, const struct mover *mover, struct row_lists *rows,
                    struct err *err);

#endif
