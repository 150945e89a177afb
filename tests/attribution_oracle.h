/* The attribution of a small world, slowly: every question is asked of all ties, all spells and all
 * movers anew. It leans on the predicate, on credits, bins, segments and chance, which have oracles
 * of their own. */
#ifndef TIEFLOW_TESTS_ATTRIBUTION_ORACLE_H
#define TIEFLOW_TESTS_ATTRIBUTION_ORACLE_H

#include "stages/attribution/attribution.h"
#include "stages/attribution/chance.h"
#include "tests/attribution_world.h"

enum {
    ORACLE_MOVES_MAX = WORLD_PEOPLE_MAX * WORLD_COMPANIES,
    ORACLE_TRANSMISSIONS_MAX = ORACLE_MOVES_MAX * WORLD_PEOPLE_MAX,
    ORACLE_ROWS_MAX = WORLD_PEOPLE_MAX * 5,
    ORACLE_SIDES_MAX = 2 * WORLD_TIES_MAX,
};

struct oracle_side {
    uint32_t mover;
    struct side side;
    bool is_used;
    uint16_t segments[SEGMENTS_OF_SIDE_MAX];
    size_t segment_count;
};

struct attribution_oracle {
    const struct world *world;
    struct oracle_side sides[ORACLE_SIDES_MAX]; /* by (mover, created, contact), then making */
    size_t side_count;
    struct classes classes;
    struct histogram degrees;
    float diversity[WORLD_PEOPLE_MAX];
    struct segments *segments;
    struct chance *chance;
    struct chance_scratch *scratch;
    uint64_t experiments[8];
    size_t experiment_count;
    struct move_row moves[ORACLE_MOVES_MAX];
    size_t move_count;
    struct transmission_row transmissions[ORACLE_TRANSMISSIONS_MAX];
    size_t side_of[ORACLE_TRANSMISSIONS_MAX]; /* by transmission */
    size_t transmission_count;
    struct member_row members[ORACLE_ROWS_MAX];
    size_t member_count;
    struct placebo_count placebos[PLACEBOS][TERCILES];
    struct attribution_totals totals;
};

void attribution_oracle_make(struct attribution_oracle *oracle, const struct world *world);
void attribution_oracle_release(struct attribution_oracle *oracle);

/* One dose. */
struct dose attribution_oracle_dose(const struct attribution_oracle *oracle, enum measure measure,
                                    size_t segment, size_t bin);

#endif
