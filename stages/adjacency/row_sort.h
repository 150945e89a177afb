/* The members of a row in ascending order: rows are lists in order of arrival, files want sets. */
#ifndef TIEFLOW_STAGES_ADJACENCY_ROW_SORT_H
#define TIEFLOW_STAGES_ADJACENCY_ROW_SORT_H

#include <stddef.h>
#include <stdint.h>

/* Sorts a copy of `row`: `a` and `b` have room for `count` values each, and the one that is
 * returned holds them. Linear in `count`. */
const uint32_t *row_sort(const uint32_t *row, size_t count, uint32_t *a, uint32_t *b);

#endif
