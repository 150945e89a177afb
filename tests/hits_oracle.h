/* The oracle of the modules that collect the hits of a block: the loop that they stand for. */
#ifndef TIEFLOW_TESTS_HITS_ORACLE_H
#define TIEFLOW_TESTS_HITS_ORACLE_H

#include <stdint.h>

typedef uint32_t hits_collect_function(const uint8_t *filter, uint32_t mask,
                                       const uint32_t *entries, uint32_t first, uint32_t end,
                                       uint32_t *hits);

/* Random blocks of every length up to 64, at every offset up to 16, with filters from empty to
 * full. Behind what may be read of entries and filter lies memory that may not. */
void hits_must_equal_the_oracle(hits_collect_function *collect);

#endif
