/* Sixteen entries at a time: their bytes of the filter are gathered, and the positions of those
 * that are set are compressed. In a register, which is stored whole: compressing into memory is
 * microcode on AMD. */
#include "stages/embeddedness/scan_avx512.h"

#if defined(__x86_64__)

#include <immintrin.h>

enum { LANES = 16 };

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
        __mmask16 there = end - i < LANES ? (__mmask16)((1U << (end - i)) - 1) : (__mmask16)0xffff;
        __m512i nodes = _mm512_maskz_loadu_epi32(there, entries + i);
        __m512i bytes = _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), there,
                                                    _mm512_and_si512(nodes, masks), filter, 1);
        __mmask16 set = _mm512_test_epi32_mask(bytes, one);
        _mm512_storeu_si512(hits + count, _mm512_maskz_compress_epi32(set, at));
        count += (uint32_t)__builtin_popcount(set);
        at = _mm512_add_epi32(at, _mm512_set1_epi32(LANES));
    }
    return count;
}

#endif
