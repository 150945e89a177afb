/* The attribution stage: ties, careers and facts to moves with their contacts, transmissions,
 * credits, dose-response and member facts, in one pass.
 *
 * Ties are read from their segments as often as the memory budget asks: each pass gathers the sides
 * of a range of members, sorted, and evaluates these members on several threads. Rows leave in the
 * order of members, whatever the ranges and threads.
 */
#ifndef TIEFLOW_STAGES_ATTRIBUTION_ATTRIBUTION_H
#define TIEFLOW_STAGES_ATTRIBUTION_ATTRIBUTION_H

#include "schemas/settings.h"
#include "schemas/status.h"
#include "stages/attribution/classes.h"
#include "stages/attribution/dose.h"
#include "stages/attribution/segments.h"
#include "stages/careers/careers.h"
#include "stages/facts/fact_table.h"
#include "stages/facts/people.h"
#include "stages/facts/profiles.h"
#include "stages/tie_store/ending_index.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is asked for. Moves, their transmissions and credits need the ties of those who moved alone;
 * everything else looks at every side of every tie. With SCOPE_MOVES there are no rows of members,
 * no classes, segments, doses, placebos nor experiments; nothing is expected by chance; and no
 * sides are counted. */
enum attribution_scope { SCOPE_ALL, SCOPE_MOVES };

/* Everything is lent. Ties created after as_of_ms, and endings after it, are not in the segments.
 */
struct attribution_inputs {
    enum attribution_scope scope;
    const char *const *segment_paths; /* tie segments, in order */
    size_t segment_count;
    const struct ending_index *endings; /* finished; of all of them; for SCOPE_ALL */
    const struct people *people;
    const struct careers *careers;
    const struct profiles *profiles;
    const struct fact_table *facts; /* FACT_LOGS finished tables; empty where there is no log */
    const struct attribution_settings *settings;
    /* Triangles in the graph at as_of that each node is in, NULL where not asked for; and open
     * ties per node. For SCOPE_ALL. */
    const uint64_t *triangles;
    const uint32_t *open_degrees;
    int64_t as_of_ms;
    unsigned threads;
    size_t memory_bytes;                            /* for sides; 0: 8 GiB */
    void (*progress)(void *context, uint64_t ties); /* may be NULL; ties read in this pass */
    void *progress_context;
    double (*seconds_now)(void); /* a clock, where intersections are to be measured; may be NULL */
};

/* One row of each table, in the order of person, then as schemas/tables.h says. */
struct move_row {
    const struct move *move;
    uint32_t contacts; /* K; of a `move` only, as are the next four */
    uint32_t contacts_certain;
    uint32_t contacts_possible;
    uint32_t contacts_tied; /* whose tie passes rule 1 */
    uint64_t expected;      /* units of 2^-32; this and the next with SCOPE_ALL */
    uint32_t unmatched;
};

struct transmission_row {
    const struct move *move;
    struct side side;
    int64_t tenure_ms; /* lo(s) - lo(start of the earliest such spell); -1: before records */
    bool contact_active;
    bool is_certain;
    uint32_t credit[CREDIT_RULES];
};

/* Window 0 is the whole study; window 1 + e is from a member's assignment in experiment e on. */
struct member_row {
    uint32_t person;
    uint32_t window;
    int64_t from_ms; /* ties and moves from here on count; INT64_MIN for the whole study */
    uint32_t degree; /* open ties at as_of */
    uint32_t new_ties;
    uint32_t by_tercile[TERCILES];
    uint32_t above_threshold;
    uint32_t transmissions; /* that the member received as a mover */
    uint32_t moves;
    uint32_t moves_carried; /* with K >= 1 */
    uint64_t applications;
    uint32_t by_reach[REACHES];
    double diversity; /* 1 - local clustering; NAN: fewer than two open ties, or not asked for */
    double industry_diversity; /* Blau index over the medium ties' contacts; NAN: none known */
    bool has_variant;
    uint64_t experiment;
    uint32_t variant;
};

/* The rows of a range of members; lent for the call. */
struct attribution_rows {
    const struct move_row *moves;
    size_t move_count;
    const struct transmission_row *transmissions;
    size_t transmission_count;
    const struct member_row *members;
    size_t member_count;
};
typedef struct status (*attribution_visit)(void *context, const struct attribution_rows *rows,
                                           struct err *err);

/* What would be seen where there is nothing to see. Per bin of the terciles, and compared over
 * equal spans of time around each move: span = the smaller of what lies between the first tie of
 * all and the move, and between the move and as_of. */
enum placebo { PLACEBO_JOINED_AFTER, PLACEBO_TIE_AFTER, PLACEBOS };
struct placebo_count {
    uint64_t pairs;         /* (move, contact) looked at */
    uint64_t transmissions; /* of them, real ones within the span before the move */
    uint64_t placebo;       /* within the span behind it */
};

struct attribution_totals {
    uint64_t ties;
    uint64_t sides;
    uint64_t sides_at_risk;
    uint64_t moves; /* of kind `move` */
    uint64_t entries;
    uint64_t undecided;
    uint64_t mass_moves;
    uint64_t moves_carried; /* K >= 1 */
    uint64_t transmissions;
    uint64_t certain;
    uint64_t possible;
    uint64_t credit[CREDIT_RULES];
};

struct attribution {
    struct classes classes;
    float *diversity; /* of industries, per person; what a kind of segment is drawn from */
    struct segments *segments;
    struct dose *doses[MEASURES]; /* [segment * measure_bins + bin] */
    struct placebo_count placebos[PLACEBOS][TERCILES];
    struct attribution_totals totals;
    uint64_t *experiments; /* ids, ascending */
    size_t experiment_count;
    double intersection_seconds; /* thread time of intersecting contacts with rosters */
};

/* Computes all; rows go to `visit`. FAILURE_DATA where an invariant of section 4 or 5 does not
 * hold. Zero-initialise `attribution`; release in any case. */
FALLIBLE attribution_run(struct attribution *attribution, const struct attribution_inputs *inputs,
                         attribution_visit visit, void *context, struct err *err);
void attribution_release(struct attribution *attribution);

#endif
