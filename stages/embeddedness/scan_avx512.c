/* Sixteen entries at a time. hits: their bytes of the filter are gathered, and the positions of
 * those that are set are compressed. In a register, which is stored whole: compressing into memory
 * is microcode on AMD. marks: their words of the bitmap are gathered and tested, and the mask of
 * those that are set is counted. */
#include "stages/embeddedness/scan_avx512.h"

#if defined(__x86_64__)

#include "stages/adjacency/arrival_rows.h"
#include "stages/embeddedness/scan.h"

#include <immintrin.h>

enum { LANES = 16 };

/* The lanes that are in the row: `left` of them, or all. */
__attribute__((target("avx512f"))) static inline __mmask16 lanes_there(uint32_t left) {
    return left < LANES ? (__mmask16)((1U << left) - 1) : (__mmask16)0xffff;
}

/* Four bytes each, so many bytes or words behind `from`; zero in lanes that are not there. Without
 * optimisation gcc's gathers are macros that hand the mask on as a short. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion"
__attribute__((target("avx512f"))) static inline __m512i at_bytes(__mmask16 there, __m512i at,
                                                                  const uint8_t *from) {
    return _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), there, at, from, 1);
}

__attribute__((target("avx512f"))) static inline __m512i at_words(__mmask16 there, __m512i at,
                                                                  const uint64_t *from) {
    return _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), there, at, from, 4);
}
#pragma GCC diagnostic pop

__attribute__((target("avx512f,popcnt"))) uint32_t
scan_avx512_hits(const uint8_t *filter, uint32_t mask, const uint32_t *entries, uint32_t first,
                 uint32_t end, uint32_t *hits) {
    const __m512i masks = _mm512_set1_epi32((int)mask);
    const __m512i one = _mm512_set1_epi32(1);
    __m512i at =
        _mm512_add_epi32(_mm512_set1_epi32((int)first),
                         _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
    uint32_t count = 0;
    for (uint32_t i = first; i < end; i += LANES) {
        __mmask16 there = lanes_there(end - i);
        __m512i nodes = _mm512_maskz_loadu_epi32(there, entries + i);
        __m512i bytes = at_bytes(there, _mm512_and_si512(nodes, masks), filter);
        __mmask16 set = _mm512_test_epi32_mask(bytes, one);
        _mm512_storeu_si512(hits + count, _mm512_maskz_compress_epi32(set, at));
        count += (uint32_t)__builtin_popcount(set);
        at = _mm512_add_epi32(at, _mm512_set1_epi32(LANES));
    }
    return count;
}

__attribute__((target("avx512f,popcnt"))) uint32_t scan_avx512_marks(const uint64_t *exact,
                                                                     const uint32_t *entries,
                                                                     uint32_t first, uint32_t end,
                                                                     uint32_t node, uint32_t *at) {
    const __m512i one = _mm512_set1_epi32(1);
    uint32_t sum = 0;
    for (uint32_t i = first; i < end; i += LANES) {
        if (end - i > SCAN_AHEAD) {
            __builtin_prefetch(entries + i + SCAN_AHEAD);
        }
        __mmask16 there = lanes_there(end - i);
        __m512i row = _mm512_maskz_loadu_epi32(there, entries + i);
        __m512i nodes = _mm512_and_si512(row, _mm512_set1_epi32((int)ROW_NODE));
        __m512i words = at_words(there, _mm512_srli_epi32(nodes, 5), exact);
        uint32_t set = _mm512_test_epi32_mask(words, _mm512_rolv_epi32(one, nodes));
        set &= _mm512_testn_epi32_mask(row, _mm512_set1_epi32((int)ROW_REJECTED));
        uint32_t ended = set & _mm512_test_epi32_mask(row, _mm512_set1_epi32((int)ROW_ENDED));
        uint32_t found = _mm512_mask_cmpeq_epi32_mask(there, nodes, _mm512_set1_epi32((int)node));
        if (found != 0) {
            uint32_t before = (found & -found) - 1;
            *at = i + (uint32_t)__builtin_ctz(found);
            return sum + (uint32_t)__builtin_popcount(set & before) -
                   2 * (uint32_t)__builtin_popcount(ended & before);
        }
        sum += (uint32_t)__builtin_popcount(set) - 2 * (uint32_t)__builtin_popcount(ended);
    }
    *at = end;
    return sum;
}

#endif
