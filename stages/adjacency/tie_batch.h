/* A batch on its way through the kernel, as columns: events go in, new ties come out in place.
 *
 * The caller stages events; the adjacency stage takes them from `next` on and leaves the ties that
 * they make in [0, count), which never overtakes `next`; the embeddedness stage fills `mutual`.
 *
 *   stage            0 ........ staged          created_at_ms, from, to, code
 *   adjacency        0 .. count   next .. staged   + seen_from, seen_to
 *   embeddedness     0 .. count                    + mutual
 *
 * `seen_from` and `seen_to` are how long the two rows were in G(t-): the prefixes that the tie
 * sees. They stay right until adjacency_apply is called again. 29 bytes per event.
 */
#ifndef TIEFLOW_STAGES_ADJACENCY_TIE_BATCH_H
#define TIEFLOW_STAGES_ADJACENCY_TIE_BATCH_H

#include "schemas/event.h"
#include "schemas/quality.h"
#include "schemas/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A tie whose members had ended entries in sight: degree = seen - 2 * ended. Rare, so kept apart,
 * in order of the tie's index. */
struct tie_ended_seen {
    size_t index;
    uint32_t from;
    uint32_t to;
};

/* A tie that ended: its pair, and how many ties had been made in the whole history before it ended,
 * which tells the ties of a pair that was re-made apart. */
struct tie_ending {
    uint32_t from; /* nodes, as in the event */
    uint32_t to;
    int64_t ended_at_ms;
    uint64_t ties_before;
};

/* An event that changed nothing. */
struct tie_rejected {
    int64_t at_ms;
    enum quality_check check; /* QUALITY_DUPLICATE or QUALITY_ORPHAN */
};

struct tie_batch {
    size_t count;
    size_t next;
    size_t staged;
    size_t capacity;
    int64_t *created_at_ms;
    uint32_t *from; /* node ids; never equal to `to` */
    uint32_t *to;
    uint32_t *seen_from;
    uint32_t *seen_to;
    uint32_t *mutual;
    uint8_t *code; /* tie_batch_code */

    struct tie_ended_seen *ended_seen;
    size_t ended_seen_count;
    size_t ended_seen_capacity;

    struct tie_ending *endings; /* in event order */
    size_t ending_count;
    size_t ending_capacity;

    struct tie_rejected *rejected; /* in event order */
    size_t rejected_count;
    size_t rejected_capacity;
};

/* Kind and origin of an event in one byte: the same as in packed frames. */
static inline uint8_t tie_batch_code(unsigned kind, unsigned origin) {
    return (uint8_t)(kind | origin << 1);
}

static inline unsigned tie_batch_kind(uint8_t code) {
    return code & 1;
}

static inline unsigned tie_batch_origin(uint8_t code) {
    return code >> 1;
}

/* Zero-initialised storage is an empty batch. */
void tie_batch_release(struct tie_batch *batch);

/* Empties the batch; keeps its memory. */
void tie_batch_clear(struct tie_batch *batch);

/* Drops what the adjacency stage made and leaves the staged events from `next` on. */
void tie_batch_clear_ties(struct tie_batch *batch);

/* Makes room to stage `extra` more events. */
FALLIBLE tie_batch_reserve(struct tie_batch *batch, size_t extra, struct err *err);

FALLIBLE tie_batch_add_ended_seen(struct tie_batch *batch, struct tie_ended_seen seen,
                                  struct err *err);
FALLIBLE tie_batch_add_ending(struct tie_batch *batch, struct tie_ending ending, struct err *err);
FALLIBLE tie_batch_add_rejected(struct tie_batch *batch, struct tie_rejected rejected,
                                struct err *err);

#endif
