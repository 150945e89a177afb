/* A small world for tests of the state: nights of members, ties and endings made up at random, kept
 * naively beside the state that they are committed to.
 */
#ifndef TIEFLOW_TESTS_NIGHT_WORLD_H
#define TIEFLOW_TESTS_NIGHT_WORLD_H

#include "stages/base/random.h"
#include "stages/state/rest.h"
#include "stages/state/state.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct night_world {
    struct random random;
    struct graph graph; /* without rows */
    uint32_t *pairs;    /* open ties: two nodes each */
    size_t pair_count;
    uint64_t ties; /* ever made */
};

void night_world_begin(struct night_world *world, uint64_t seed);
void night_world_release(struct night_world *world);

/* Whether they are connected now. */
bool night_world_has(const struct night_world *world, uint32_t a, uint32_t b);

/* What happens on one night. */
struct night_events {
    size_t members; /* new ones */
    size_t ties;    /* among all; more than there are pairs left will not do */
    size_t endings;
    bool flickers; /* ties of the night end and are made again on it, too */
};

/* Lets it happen, and commits the night. The adjacency is written anew, or with `has_tail` left as
 * it is in the newest generation, which then is another's. */
void night_world_run(struct night_world *world, struct state *state, int64_t date_ms,
                     struct night_events events, bool has_tail, unsigned threads);

/* Writes the current rows as the generation's adjacency into the begun folder. */
void night_world_save_rows(const struct night_world *world, const struct state *state,
                           struct generation *generation, unsigned threads);

/* The generation's rows at rest are what the world has now. */
void night_world_compare(const struct night_world *world, const struct state *state,
                         const struct generation *generation);

#endif
