/* Pairs of members and an instant for each: a hash table of the few pairs to which something has
 * happened.
 *
 * Invariant: at most three quarters of the slots are taken. Zero-initialised storage is empty.
 */
#ifndef TIEFLOW_STAGES_GENERATE_PAIR_TIMES_H
#define TIEFLOW_STAGES_GENERATE_PAIR_TIMES_H

#include "schemas/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pair_times {
    struct pair_time *slots; /* a power of two of them; owned */
    size_t slot_count;
    size_t count;
};

void pair_times_release(struct pair_times *times);

/* Sets the pair's instant, in place of one it has. a and b differ; their order does not matter. */
FALLIBLE pair_times_set(struct pair_times *times, uint32_t a, uint32_t b, int64_t at_ms,
                        struct err *err);

/* False where the pair has none. */
bool pair_times_get(const struct pair_times *times, uint32_t a, uint32_t b, int64_t *at_ms);

#endif
