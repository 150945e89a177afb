/* The graph at rest: every member's neighbours as of a generation, which are those of its adjacency
 * file, changed by its tail.
 */
#ifndef TIEFLOW_STAGES_STATE_REST_H
#define TIEFLOW_STAGES_STATE_REST_H

#include "schemas/status.h"
#include "stages/adjacency/adjacency_file.h"
#include "stages/embeddedness/batch.h"
#include "stages/order/tape.h"
#include "stages/state/degrees.h"
#include "stages/state/state.h"
#include "stages/state/tail.h"

#include <stddef.h>
#include <stdint.h>

/* Calls `visit` for every node of the scope in order with its neighbours, ascending and lent. Files
 * are checked against the manifest. Of the whole graph it is checked too that both sides of every
 * tie are there, and that they are as many as the manifest says. */
FALLIBLE rest_visit(const struct state *state, const struct generation *generation,
                    struct node_scope scope, unsigned threads,
                    struct status (*visit)(void *context, struct node_id node,
                                           const uint32_t *neighbours, size_t count,
                                           struct err *err),
                    void *context, struct err *err);

/* How many neighbours a batch of these events would load from the generation at most: those of the
 * members that it touches, of members whose degrees are known. */
FALLIBLE rest_entries(const struct state *state, const struct generation *generation,
                      const struct tape *tape, uint64_t *entries, struct err *err);

/* A generation as the base of a batch. */
struct rest_base {
    const struct state *state;
    const struct generation *generation;
    unsigned threads;
};

/* Borrows `base`, which is borrowed as long as the batch runs. */
struct batch_base rest_base_of(struct rest_base *base);

/* An adjacency and its degrees on their way into the begun folder of the state. */
struct rest_writer {
    struct output *output;
    struct adjacency_writer *rows;
    struct output *degrees_output;
    struct degrees_writer *degrees;
    uint64_t entries; /* taken so far */
    uint64_t nodes;
};

/* Zero-initialise; rest_writer_release in any case, which drops what is not finished. */
FALLIBLE rest_writer_open(struct rest_writer *writer, const struct state *state, unsigned threads,
                          struct err *err);
void rest_writer_release(struct rest_writer *writer);

/* The writer as taker of the rows after a batch, whose memory it leaves alone. Borrows it. */
struct batch_after rest_writer_after(struct rest_writer *writer);

/* Ends the files and enters them into the generation, whose segments, members and open ties are
 * complete; FAILURE_INTERNAL where the rows were not as many. */
FALLIBLE rest_writer_finish(struct rest_writer *writer, struct generation *generation,
                            struct err *err);

#endif
