/* A random world for tests of the attribution: people, ties with their segments on disk, careers
 * and facts; small, and with every wart. */
#ifndef TIEFLOW_TESTS_ATTRIBUTION_WORLD_H
#define TIEFLOW_TESTS_ATTRIBUTION_WORLD_H

#include "stages/attribution/attribution.h"
#include "stages/base/random.h"

#include <stddef.h>
#include <stdint.h>

enum {
    WORLD_PEOPLE_MAX = 14,
    WORLD_TIES_MAX = 80,
    WORLD_COMPANIES = 4,
    WORLD_VALUES = 4,
    WORLD_SEGMENTS = 3,
    WORLD_PATH_BYTES = 600,
};

/* A tie as it was made; persons, not nodes. */
struct world_tie {
    int64_t created_ms;
    int64_t ended_ms; /* TIE_OPEN_MS */
    uint32_t from;
    uint32_t to;
    uint32_t mutual;
    uint32_t degree_from;
    uint32_t degree_to;
};

struct world {
    struct random random;
    struct attribution_settings settings;
    int64_t as_of_ms;
    struct people people;
    uint64_t ids[WORLD_PEOPLE_MAX];
    uint32_t of_node[WORLD_PEOPLE_MAX];
    uint32_t nodes[WORLD_PEOPLE_MAX];
    struct profiles profiles;
    uint64_t value_ids[4][WORLD_VALUES];
    uint32_t values[4][WORLD_PEOPLE_MAX];
    uint16_t years[WORLD_PEOPLE_MAX];
    uint8_t halves[INDUSTRY_RANKS][WORLD_VALUES];
    struct fact_table facts[FACT_LOGS];
    struct careers careers;
    struct world_tie ties[WORLD_TIES_MAX]; /* in the order of their making */
    size_t tie_count;
    struct tie_ending ended[WORLD_TIES_MAX];
    size_t ended_count;
    struct ending_index endings;
    uint32_t open_degrees[WORLD_PEOPLE_MAX]; /* by node, as are the triangles */
    uint64_t triangles[WORLD_PEOPLE_MAX];
    char paths[WORLD_SEGMENTS][WORLD_PATH_BYTES];
    const char *path_list[WORLD_SEGMENTS];
    struct attribution_inputs inputs; /* one thread, all memory */
};

/* Seeds of one group (seed / WORLD_GROUP) have the same people and ties and differ in all else. */
enum { WORLD_GROUP = 32 };

/* Makes the world of a seed; its segments are files in `folder`. A pointer to it must not move. */
void small_world_make(struct world *world, uint64_t seed, const char *folder);
void small_world_release(struct world *world);

#endif
