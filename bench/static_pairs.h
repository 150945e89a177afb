/* The ties of an insert-only log as a list of pairs, for peers that count on a finished graph. */
#ifndef TIEFLOW_BENCH_STATIC_PAIRS_H
#define TIEFLOW_BENCH_STATIC_PAIRS_H

#include "schemas/status.h"

#include <stddef.h>
#include <stdint.h>

/* Ids from 1 on, less 1: indices, as libraries count. */
struct static_pairs {
    uint32_t *from;
    uint32_t *to;
    size_t count;
    size_t capacity;
};

/* FAILURE_DATA where the log holds anything but connects of ids 1..members. Zero-initialise, and
 * release in any case. */
FALLIBLE static_pairs_read(struct static_pairs *pairs, const char *log, uint64_t members,
                           struct err *err);
void static_pairs_release(struct static_pairs *pairs);

#endif
