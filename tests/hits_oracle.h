/* The oracle of the inner loops of a scan: the loops that they stand for. */
#ifndef TIEFLOW_TESTS_HITS_ORACLE_H
#define TIEFLOW_TESTS_HITS_ORACLE_H

#include <stdint.h>

typedef uint32_t hits_collect_function(const uint8_t *filter, uint32_t mask,
                                       const uint32_t *entries, uint32_t first, uint32_t end,
                                       uint32_t *hits);

/* Random blocks of every length up to 64, at every offset up to 16, with filters from empty to
 * full. Behind what may be read of entries and filter lies memory that may not. */
void hits_must_equal_the_oracle(hits_collect_function *collect);

typedef uint32_t marks_count_function(const uint64_t *exact, const uint32_t *entries,
                                      uint32_t first, uint32_t end, uint32_t node, uint32_t *at);

/* The same for random rows of every length up to 400, half of them with all flags, and bitmaps from
 * empty to full; the node that is looked for is met at once, later or never. */
void marks_must_equal_the_oracle(marks_count_function *count);

#endif
