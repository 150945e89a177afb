/* Eight entries at a time. hits: their bytes of the filter are gathered, the bits of those that are
 * set become a list of lanes by two bit permutations (pdep, pext), and all eight lanes are stored,
 * of which only the hits are kept. marks: their words of the bitmap are gathered, the bit of each
 * is shifted to where the sign is, and the signs are counted. */
#include "stages/embeddedness/scan_avx2.h"

#if defined(__x86_64__)

#include "stages/adjacency/arrival_rows.h"
#include "stages/embeddedness/scan.h"

#include <immintrin.h>

enum { LANES = 8 };

/* The numbers of the lanes whose bits are set, in order, and zeros behind them. */
__attribute__((target("avx2,bmi2,popcnt"))) static inline __m256i lanes_of(uint32_t bits) {
    uint64_t bytes = _pdep_u64(bits, UINT64_C(0x0101010101010101)) * 0xff;
    uint64_t lanes = _pext_u64(UINT64_C(0x0706050403020100), bytes);
    return _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)lanes));
}

__attribute__((target("avx2,bmi2,popcnt"))) uint32_t
scan_avx2_hits(const uint8_t *filter, uint32_t mask, const uint32_t *entries, uint32_t first,
               uint32_t end, uint32_t *hits) {
    const __m256i masks = _mm256_set1_epi32((int)mask);
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    uint32_t count = 0;
    for (uint32_t i = first; i < end; i += LANES) {
        __m256i there = _mm256_cmpgt_epi32(_mm256_set1_epi32((int)(end - i)), lane);
        __m256i nodes = _mm256_maskload_epi32((const int *)(entries + i), there);
        __m256i bytes = _mm256_mask_i32gather_epi32(_mm256_setzero_si256(), (const int *)filter,
                                                    _mm256_and_si256(nodes, masks), there, 1);
        __m256 signs = _mm256_castsi256_ps(_mm256_slli_epi32(bytes, 31)); /* bit 0 is the sign */
        uint32_t bits = (uint32_t)_mm256_movemask_ps(signs);
        __m256i at = _mm256_add_epi32(lanes_of(bits), _mm256_set1_epi32((int)i));
        _mm256_storeu_si256((__m256i *)(hits + count), at);
        count += (uint32_t)__builtin_popcount(bits);
    }
    return count;
}

/* A bit per lane: its sign. */
__attribute__((target("avx2"))) static inline uint32_t signs_of(__m256i lanes) {
    return (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(lanes));
}

/* A bit per lane: whether the flag, a single bit, is set. */
__attribute__((target("avx2"))) static inline uint32_t flags_of(__m256i lanes, uint32_t flag) {
    __m256i flags = _mm256_set1_epi32((int)flag);
    return signs_of(_mm256_cmpeq_epi32(_mm256_and_si256(lanes, flags), flags));
}

__attribute__((target("avx2,popcnt"))) uint32_t scan_avx2_marks(const uint64_t *exact,
                                                                const uint32_t *entries,
                                                                uint32_t first, uint32_t end,
                                                                uint32_t node, uint32_t *at) {
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256i sign = _mm256_set1_epi32(31);
    uint32_t sum = 0;
    for (uint32_t i = first; i < end; i += LANES) {
        if (end - i > SCAN_AHEAD) {
            __builtin_prefetch(entries + i + SCAN_AHEAD);
        }
        __m256i there = _mm256_cmpgt_epi32(_mm256_set1_epi32((int)(end - i)), lane);
        __m256i row = _mm256_maskload_epi32((const int *)(entries + i), there);
        __m256i nodes = _mm256_and_si256(row, _mm256_set1_epi32((int)ROW_NODE));
        __m256i words = _mm256_mask_i32gather_epi32(_mm256_setzero_si256(), (const int *)exact,
                                                    _mm256_srli_epi32(nodes, 5), there, 4);
        uint32_t set = signs_of(_mm256_sllv_epi32(words, _mm256_andnot_si256(nodes, sign)));
        set &= ~flags_of(row, ROW_REJECTED);
        uint32_t ended = set & flags_of(row, ROW_ENDED);
        __m256i same = _mm256_cmpeq_epi32(nodes, _mm256_set1_epi32((int)node));
        uint32_t found = signs_of(_mm256_and_si256(same, there));
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
