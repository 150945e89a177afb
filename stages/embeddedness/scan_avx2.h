/* The inner loops of a scan with AVX2: the same results as those of scan.c. x86-64 only. */
#ifndef TIEFLOW_STAGES_EMBEDDEDNESS_SCAN_AVX2_H
#define TIEFLOW_STAGES_EMBEDDEDNESS_SCAN_AVX2_H

#include <stdint.h>

#if defined(__x86_64__)

/* Writes down the positions i in [first, end) where filter[entries[i] & mask], a byte of 0 or 1, is
 * 1; returns how many. `filter` is readable for 3 bytes behind filter[mask]; `hits` has room for as
 * many as there are positions, rounded up to 8. To be called where kernel_set.h says that
 * KERNEL_AVX2 is here. */
uint32_t scan_avx2_hits(const uint8_t *filter, uint32_t mask, const uint32_t *entries,
                        uint32_t first, uint32_t end, uint32_t *hits);

/* See marks_count of scan.h. To be called where KERNEL_AVX2 is here. */
uint32_t scan_avx2_marks(const uint64_t *exact, const uint32_t *entries, uint32_t first,
                         uint32_t end, uint32_t node, uint32_t *at);

#endif

#endif
