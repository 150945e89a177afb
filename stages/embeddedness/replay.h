/* The replay: a batch's events once more, in their order, each with what became of it.
 *
 * A tie gets its mutual connections from the results and both degrees in G(t-) from counters that
 * run along; under STRICT all events of an instant see the degrees before it.
 *
 * The events are settled in a thread of its own, some blocks ahead of the caller; a batch of one
 * block starts none, and where none can be started the caller does the work.
 *
 * Memory: 32 bytes per node, and 2 MiB.
 */
#ifndef TIEFLOW_STAGES_EMBEDDEDNESS_REPLAY_H
#define TIEFLOW_STAGES_EMBEDDEDNESS_REPLAY_H

#include "schemas/event.h"
#include "schemas/status.h"
#include "stages/adjacency/census.h"
#include "stages/embeddedness/results.h"
#include "stages/order/tape.h"

#include <stddef.h>
#include <stdint.h>

/* What became of an event. */
enum outcome { OUTCOME_TIE, OUTCOME_ENDING, OUTCOME_DUPLICATE, OUTCOME_ORPHAN };

/* One block of the tape, or the part of it that lies in the batch; columns, [0, count). */
struct replay_block {
    const struct tape_block *events; /* replay item i is event events->..[first + i] */
    size_t first;
    size_t count;
    uint8_t outcome[TAPE_BLOCK_EVENTS]; /* enum outcome */
    uint32_t mutual[TAPE_BLOCK_EVENTS]; /* of ties; 0 of all else, as the degrees */
    uint32_t degree_from[TAPE_BLOCK_EVENTS];
    uint32_t degree_to[TAPE_BLOCK_EVENTS];
};

struct replay;

/* Memory that a replay takes. */
uint64_t replay_bytes(size_t node_count);

/* Borrows all until replay_free; the results are sealed. Nobody else reads the tape meanwhile. */
FALLIBLE replay_new(struct replay **replay, const struct census *census,
                    const struct results *results, struct tape *tape,
                    enum simultaneous simultaneous, struct err *err);

/* Accepts NULL. */
void replay_free(struct replay *replay);

/* Lends the next block until the next call; NULL behind the last. Blocks of the tape are forgotten
 * (tape_forget) as the replay goes on. Not called again after it has failed. */
FALLIBLE replay_next(struct replay *replay, const struct replay_block **block, struct err *err);

#endif
