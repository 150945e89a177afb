/* Drives batches over a tape beside the oracle: the graph before them comes from the oracle, and
 * every event, and the graph after them, must be what it says. */
#ifndef TIEFLOW_TESTS_BATCH_TESTING_H
#define TIEFLOW_TESTS_BATCH_TESTING_H

#include "stages/embeddedness/batch.h"
#include "stages/embeddedness/replay.h"
#include "tests/tape_oracle.h"
#include "tests/testing.h"

#include <stdlib.h>
#include <string.h>

/* The oracle's graph on both sides of a batch, or of a series of them. */
struct ground {
    struct random *random; /* shuffles the neighbours of the base */
    struct tape_oracle oracle;
    uint64_t before[TAPE_ORACLE_NODES];
    uint64_t after[TAPE_ORACLE_NODES]; /* as told by batch_after */
    uint32_t next;                     /* node that batch_after gets next */
    bool takes_over;                   /* the memory of the rows */
};

static inline uint64_t ground_entries(const uint64_t *neighbours) {
    uint64_t entries = 0;
    for (size_t v = 0; v < TAPE_ORACLE_NODES; v++) {
        entries += (uint64_t)__builtin_popcountll(neighbours[v]);
    }
    return entries;
}

/* batch_base.load */
static inline struct status ground_load(void *context, const uint64_t *wanted,
                                        struct census *census, struct arrival_rows *rows,
                                        struct err *err) {
    struct ground *ground = context;
    for (uint32_t v = rows->first; v < rows->end; v++) {
        uint32_t neighbours[TAPE_ORACLE_NODES];
        size_t count = 0;
        if (wanted != NULL && (wanted[v >> 6] >> (v & 63) & 1) == 0) {
            continue;
        }
        for (uint32_t w = 0; w < TAPE_ORACLE_NODES; w++) {
            if ((ground->before[v] >> w & 1) != 0) {
                size_t at = (size_t)random_below(ground->random, count + 1);
                neighbours[count++] = neighbours[at];
                neighbours[at] = w;
            }
        }
        if (count != 0) {
            TRY(arrival_rows_base(rows, census, v, neighbours, count, err));
        }
    }
    return status_ok();
}

/* batch_after.take */
static inline struct status ground_take(void *context, struct arrival_rows *rows, struct err *err) {
    struct ground *ground = context;
    (void)err;
    assert_int_equal(rows->first, ground->next);
    for (uint32_t v = rows->first; v < rows->end; v++) {
        uint32_t count;
        const uint32_t *entries = arrival_rows_of(rows, v, &count);
        for (uint32_t i = 0; i < count; i++) {
            assert_in_range(entries[i], 0, TAPE_ORACLE_NODES - 1);
            assert_int_equal(ground->after[v] >> entries[i] & 1, 0);
            ground->after[v] |= UINT64_C(1) << entries[i];
        }
    }
    ground->next = rows->end;
    if (ground->takes_over) {
        arrival_rows_release(rows);
    }
    return status_ok();
}

/* Replays a batch beside the oracle; `take` may be NULL. */
static inline void ground_replay(struct ground *ground, const struct batch *batch,
                                 struct tape *tape, enum simultaneous simultaneous, uint64_t seed,
                                 void (*take)(void *context, const struct replay_block *block),
                                 void *context) {
    struct err err;
    struct replay *replay;
    uint64_t number = batch->census.range.first;
    MUST(replay_new(&replay, &batch->census, batch->results, tape, simultaneous, &err));
    for (;;) {
        const struct replay_block *block;
        MUST(replay_next(replay, &block, &err));
        if (block == NULL) {
            break;
        }
        assert_int_equal(block->events->first + block->first, number);
        for (size_t i = 0; i < block->count; i++) {
            tape_oracle_check(&ground->oracle, simultaneous, block, i, seed);
        }
        if (take != NULL) {
            take(context, block);
        }
        number += block->count;
    }
    assert_int_equal(number, batch->census.range.end);
    replay_free(replay);
}

#endif
