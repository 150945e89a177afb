/* The slow, obvious oracle of section 2 of the definitions once more, for events by node and for
 * long logs of few members: whose neighbours a member is stands in a word of bits. */
#ifndef TIEFLOW_TESTS_TAPE_ORACLE_H
#define TIEFLOW_TESTS_TAPE_ORACLE_H

#include "schemas/event.h"
#include "stages/base/random.h"
#include "stages/embeddedness/replay.h"
#include "stages/order/tape.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TAPE_ORACLE_NODES = 64 };

/* Zero-initialised storage is a graph without ties before any event. */
struct tape_oracle {
    uint64_t now[TAPE_ORACLE_NODES];    /* bit w of word v: v and w are connected */
    uint64_t before[TAPE_ORACLE_NODES]; /* the same, as events see it */
    int64_t at_ms;
    bool has_begun;
};

/* What must become of an event. */
struct verdict {
    enum outcome outcome;
    uint32_t mutual; /* 0, as the degrees, where it makes no tie */
    uint32_t degree_from;
    uint32_t degree_to;
};

struct verdict tape_oracle_put(struct tape_oracle *oracle, enum simultaneous simultaneous,
                               const struct tape_block *events, size_t i);

/* Item i of the block must be what the oracle says. */
void tape_oracle_check(struct tape_oracle *oracle, enum simultaneous simultaneous,
                       const struct replay_block *block, size_t i, uint64_t seed);

/* How a random log by node is made. */
struct tape_log {
    size_t count;
    uint32_t nodes;           /* 2 .. TAPE_ORACLE_NODES */
    uint64_t instants;        /* events are spread over so many */
    unsigned ended_percent;   /* disconnects among the events */
    unsigned flicker_percent; /* events of one pair, made and ended in turn */
};

/* Writes a random log to a new tape, in memory, in the order of STRICT within an instant where
 * asked. The caller frees it. */
struct tape *tape_log_write(const struct tape_log *log, enum simultaneous simultaneous,
                            struct random *random);

#endif
