/* The moves of one member and the contacts who may have carried each: candidates are N(i) ∩
 * roster(c), then the rules; credits; what chance would have carried; placebos.
 */
#ifndef TIEFLOW_STAGES_ATTRIBUTION_CARRIERS_H
#define TIEFLOW_STAGES_ATTRIBUTION_CARRIERS_H

#include "schemas/status.h"
#include "stages/attribution/attribution.h"
#include "stages/attribution/chance.h"
#include "stages/attribution/credit.h"
#include "stages/attribution/row_lists.h"

#include <stddef.h>
#include <stdint.h>

/* What all threads read. Lent. */
struct carrier_inputs {
    const struct people *people;
    const struct careers *careers;
    const struct attribution_settings *settings;
    const struct classes *classes;
    const struct chance *chance; /* NULL: nothing is expected, there are no pairs */
    int64_t first_tie_ms;        /* of all ties; INT64_MAX without any: there are no placebos */
    int64_t as_of_ms;
    double (*seconds_now)(void); /* may be NULL */
};

/* A transmission of the mover: by which side, and its row. */
struct carried_by {
    uint32_t side; /* place among the mover's sides */
    uint32_t credit[CREDIT_RULES];
};

/* What is known of a pair of a move and a side, in units of 1/CHANCE_ONE. */
#define PAIR_NONE UINT64_MAX            /* the tie does not pass rule 1 */
#define PAIR_UNMATCHED (UINT64_MAX - 1) /* it does, and nobody is there to compare with */

/* A contact who carries the move at hand. */
struct carrier {
    uint32_t side;
    bool is_active;
    bool is_certain;
    const struct spell *earliest;
};

/* One thread's results for the mover it is at, and its sums. */
struct carriers {
    const struct carrier_inputs *inputs;
    struct chance_scratch *scratch;
    const struct move **moves; /* of kind `move` */
    size_t move_count;
    size_t *carried_begin;      /* move_count + 1 */
    struct carried_by *carried; /* of each move by side */
    uint64_t *pairs;            /* [move * sides + side]; none without chance */

    uint64_t *by_contact; /* (contact, place among the sides), ascending */
    uint32_t *contacts;   /* each once, ascending */
    uint32_t *found;      /* of them, who was ever at the company */
    size_t contact_count;
    struct carrier *found_carriers;
    struct eligible *eligible;
    uint32_t *credits; /* of rule r from r * side_capacity on */
    size_t side_capacity;
    size_t move_capacity;
    size_t carried_capacity;
    size_t pair_capacity;

    struct attribution_totals totals; /* all but sides */
    struct placebo_count placebos[PLACEBOS][TERCILES];
    double intersection_seconds;
};

/* `inputs` are lent. */
FALLIBLE carriers_init(struct carriers *carriers, const struct carrier_inputs *inputs,
                       struct err *err);
void carriers_release(struct carriers *carriers);

/* Goes through the mover's moves; adds their rows and those of their transmissions. */
FALLIBLE carriers_find(struct carriers *carriers, const struct mover *mover, struct row_lists *rows,
                       struct err *err);

#endif
