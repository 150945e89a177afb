/* The order stage: events in any order in, one sequence out, on a tape.
 *
 * The sequence is the one of section 2 of the definitions: under STRICT by (at, disconnect before
 * connect, from, to, origin), under SEQUENCE by time, equal times in the order in which they were
 * added. It does not depend on how the events were batched when they were added.
 *
 * Members that the dictionary does not know yet are numbered in the order in which the sequence
 * first names them, `from` before `to`, whatever order they were added in.
 *
 * What is in order already is packed onto the tape as it comes, what is not is sorted in runs that
 * are merged at the end. Adding and packing share two threads.
 */
#ifndef TIEFLOW_STAGES_ORDER_SEQUENCE_H
#define TIEFLOW_STAGES_ORDER_SEQUENCE_H

#include "schemas/event.h"
#include "schemas/status.h"
#include "stages/dictionary/dictionary.h"
#include "stages/order/tape.h"

#include <stddef.h>
#include <stdint.h>

struct sequence_options {
    enum simultaneous simultaneous;
    struct dictionary *dictionary; /* borrowed; final again only after sequence_finish */
    const char *scratch_folder;    /* borrowed; an existing folder */
    /* For sorting and runs, whatever the number of events; beside them stand 4 MiB of buffers, the
     * dictionary, and while runs are merged 4 bytes per new member. 3 MiB at least are used. */
    uint64_t memory_bytes;
    uint64_t tape_memory_bytes; /* of the finished tape; what is beyond it lies on disk */
};

struct sequence;

/* Members that the dictionary has by now keep their nodes. */
FALLIBLE sequence_new(struct sequence **sequence, const struct sequence_options *options,
                      struct err *err);

/* Accepts NULL. */
void sequence_free(struct sequence *sequence);

/* Copies the events; none is a self-loop. */
FALLIBLE sequence_add(struct sequence *sequence, const struct event *events, size_t count,
                      struct err *err);

/* Ends the adding. */
FALLIBLE sequence_finish(struct sequence *sequence, struct err *err);

/* Events added. While events are added it may be ahead of the tape. */
uint64_t sequence_count(const struct sequence *sequence);

/* The finished sequence; lives as long as `sequence`. Not const: readers may forget blocks. */
struct tape *sequence_tape(struct sequence *sequence);

#endif
