/* The distinct values of one Parquet page, numbered in the order in which they first come: for
 * columns whose values come again and again (strengths: shares of small numbers).
 */
#ifndef TIEFLOW_STAGES_SINK_PARQUET_DICTIONARY_H
#define TIEFLOW_STAGES_SINK_PARQUET_DICTIONARY_H

#include "schemas/status.h"
#include "stages/base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Used again for page after page. Zero-initialised storage is empty. */
struct parquet_dictionary {
    uint64_t *values; /* the distinct ones */
    size_t count;
    uint32_t *numbers; /* for each value of the page its place in `values` */
    size_t number_capacity;
    uint32_t *slots;   /* hash table: place + 1, 0 where free */
    size_t slot_count; /* in use: a power of 2 */
};
void parquet_dictionary_release(struct parquet_dictionary *dictionary);

/* Replaces the contents by those of `count` values. *pays is false, and the contents are of no use,
 * where more than a quarter of the values are distinct: numbers would save little. */
FALLIBLE parquet_dictionary_fill(struct parquet_dictionary *dictionary, const uint64_t *values,
                                 size_t count, bool *pays, struct err *err);

/* Appends the numbers of all `count` values as RLE_DICTIONARY has them: a byte with the bits of a
 * number, and one bit-packed run. Source: Apache Parquet, Encodings.md. */
FALLIBLE parquet_dictionary_put_numbers(const struct parquet_dictionary *dictionary, size_t count,
                                        struct bytes *out, struct err *err);

#endif
