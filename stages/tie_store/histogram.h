/* How many ties have how many mutual connections: the cohort that class cuts are drawn from.
 *
 * The file is one frame of kind FRAME_HISTOGRAM: 4 n bytes of values (those with a count,
 * ascending) and 8 n bytes of counts, as byte planes; `first` and `last` are the first and last
 * value.
 */
#ifndef TIEFLOW_STAGES_TIE_STORE_HISTOGRAM_H
#define TIEFLOW_STAGES_TIE_STORE_HISTOGRAM_H

#include "schemas/status.h"
#include "stages/base/stream.h"

#include <stddef.h>
#include <stdint.h>

struct histogram {
    uint64_t *counts; /* by value, 0 .. size-1 */
    size_t size;
    uint64_t total;
};

/* Zero-initialised storage is an empty histogram. */
void histogram_release(struct histogram *histogram);

FALLIBLE histogram_add(struct histogram *histogram, uint32_t value, uint64_t count,
                       struct err *err);

/* Adds every one of `count` values once. */
FALLIBLE histogram_add_each(struct histogram *histogram, const uint32_t *values, size_t count,
                            struct err *err);

/* Adds all of `other`. */
FALLIBLE histogram_merge(struct histogram *histogram, const struct histogram *other,
                         struct err *err);

/* The value at rank r, 1 <= r <= total, in ascending order. */
uint32_t histogram_at_rank(const struct histogram *histogram, uint64_t rank);

/* Arithmetic mean; 0 for none. */
double histogram_mean(const struct histogram *histogram);

/* Sum of all values: beyond 2^64 only for impossible graphs. */
uint64_t histogram_sum(const struct histogram *histogram);

/* How many have a value of at most `value`. */
uint64_t histogram_count_to(const struct histogram *histogram, uint32_t value);

FALLIBLE histogram_save(const struct histogram *histogram, struct output *output, struct err *err);

/* Reads a whole file, of the ties of `members` members, into an empty histogram. FAILURE_DATA for
 * anything but one histogram whose values ascend and have counts, and for values that so few
 * members or ties cannot have: a tie with m mutual connections comes after 2 m others. */
FALLIBLE histogram_load(struct histogram *histogram, uint64_t members, struct input *input,
                        struct err *err);

#endif
