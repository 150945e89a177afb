/* A drawn log replayed on a matrix of who is tied to whom: slow, and plain to see that it is right.
 */
#ifndef TIEFLOW_TESTS_LOG_REPLAY_H
#define TIEFLOW_TESTS_LOG_REPLAY_H

#include "tests/drawn_log.h"

#include <stdint.h>

/* What a log turned out to hold. */
struct log_replay {
    uint64_t ties;
    uint64_t ties_again; /* of pairs that had been tied before */
    uint64_t endings;
    uint64_t duplicates;
    uint64_t orphans;
    uint64_t orphans_again; /* of pairs that had been tied before */
    uint64_t self_loops;
    uint64_t mutual;     /* common neighbours at creation, added up over ties */
    uint64_t embedded;   /* ties that had any */
    uint32_t degree_max; /* of open ties, at any time */
    uint32_t made_max;   /* ties that one member ever made */
};

/* For ids 1..members, anything else fails the test. Memory: a byte for each pair of members. */
struct log_replay log_replay_of(const struct drawn_log *log, uint64_t members);

#endif
