/* The ties of those who moved: one walk over all ties keeps the sides that can have to do with a
 * move, a few in a hundred, and looks nothing up about the others.
 *
 * A side is kept where its mover has a row of kind `move` whose date ends after the tie's creation:
 * a later tie carries none of the mover's moves, nor could have, however its units fall. People
 * are walked over in groups of neighbouring numbers, whose sides wait together; where the memory is
 * used up, the last groups are given up, for a further walk.
 */
#ifndef TIEFLOW_STAGES_ATTRIBUTION_MOVER_TIES_H
#define TIEFLOW_STAGES_ATTRIBUTION_MOVER_TIES_H

#include "schemas/status.h"
#include "stages/attribution/side.h"
#include "stages/attribution/side_gather.h"
#include "stages/careers/careers.h"
#include "stages/facts/people.h"

#include <stddef.h>
#include <stdint.h>

/* Everything is lent. */
struct mover_ties_inputs {
    const char *const *segment_paths; /* tie segments, in order */
    size_t segment_count;
    const struct people *people;
    const struct careers *careers;
    size_t memory_bytes; /* for sides, 40 bytes each; the first group has what it needs */
    unsigned threads;
    void (*progress)(void *context, uint64_t ties); /* may be NULL; ties read in this walk */
    void *progress_context;
};

struct mover_ties;

/* Memory beside the sides: 1 bit per node, 16 bytes per mover, 31 per ending that concerns one. */
FALLIBLE mover_ties_new(struct mover_ties **ties, const struct mover_ties_inputs *inputs,
                        struct err *err);
void mover_ties_free(struct mover_ties *ties); /* accepts NULL */

/* How many people a group has, but for the last. */
size_t mover_ties_group_people(const struct mover_ties *ties);

/* Ties of a whole walk. */
uint64_t mover_ties_count(const struct mover_ties *ties);

/* Walks over all ties for the people [first, *end), *end as far as the memory allows; `first` is
 * where a group begins. */
FALLIBLE mover_ties_walk(struct mover_ties *ties, size_t first, size_t *end, struct err *err);

/* The sides of one group's people, sorted by mover; one per thread. Zero-initialise. */
struct mover_group {
    size_t first; /* people [first, end) */
    size_t end;
    size_t *begin; /* end - first + 1: of person p from begin[p - first] on */
    struct side *sides;
    size_t side_capacity;
    size_t people_capacity;
};
void mover_group_release(struct mover_group *group);

/* Takes the sides of the group that begins with person `first` and lies in the last walk; once per
 * group, by any thread. `interactions` are left 0. */
FALLIBLE mover_ties_take(struct mover_ties *ties, size_t first, struct mover_group *group,
                         struct err *err);

/* The person of the group, as side_gather_mover. */
FALLIBLE mover_group_mover(struct mover_group *group, size_t person, struct side_scratch *scratch,
                           struct mover *mover, struct err *err);

#endif
