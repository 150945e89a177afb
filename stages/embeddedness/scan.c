/* Method: marking one neighbourhood and probing the other is the bitmap variant of the edge
 * iterator (Schank and Wagner, 2005; Chiba and Nishizeki, 1985, for the bound by the smaller
 * degree). That a prefix in order of arrival is the neighbourhood at that time stands in place of
 * the timestamps and corrections of streaming triangle counters.
 *
 * Looking every entry up in the bitmap costs the same however many of them are marked. The end of
 * the scan is looked for among the same entries at the same time. With gathers (scan_avx2.h,
 * scan_avx512.h) that is a bit more than a cycle per entry, and what ended or was rejected costs a
 * few operations per sixteen; one after the other, blocks without such entries have a loop of their
 * own.
 *
 * In front of a bitmap that no cache of a core holds, nodes pass a filter, as keys do before a disk
 * is read (Bloom, 1970), here with one hash, the number's rest: a load, an AND and a byte per
 * entry. Positions of hits are written one after the other without a branch. The member that the
 * scan looks for passes the filter as well, so looking for the end of the scan is free. Each hit is
 * looked up, which is dear where half of the entries are hits.
 *
 * Measured with nothing but the kernel, in ns of CPU time of one thread of a Zen 4 that others used
 * as well, medians of 3 alternating runs. R-MAT: 50 M ties of 452,336 members, per tie 656 entries
 * scanned (half of all in rows longer than 4096 entries), 195 hits. Generated: 50 M ties of
 * 495,807 members, 125 entries, 3 hits. The greater numbers of nodes are those, spread;
 * from 2^24 on with two such threads at once.
 *
 *   NODES   GRAPH       FILTER   BITMAP: PLAIN   AVX-512, NOT AHEAD   AVX-512
 *   2^19    R-MAT         1043             755                  615       527
 *   2^22    R-MAT         1172             935                  732       655
 *   2^19    generated      298             293                  230       236
 *   2^21    generated      289             298                  239       245
 *   2^22    generated      315             341                  267       269
 *   2^24    generated      389             497                  349       344
 *   2^25    generated      435             712                  402       397
 *   2^26    generated      454             840                  470       490
 *
 * AVX2 takes as long as AVX-512. Entries are asked for SCAN_AHEAD before their turn, as the
 * fetching of rows by the callers ends before long rows do; 128 ahead are 4 to 7 % slower on R-MAT,
 * 320 4 %, 384 8 %, 512 18 %. To find the ends of the scans alone takes two thirds of the time,
 * since that is waiting for rows: little is left to gain by counting.
 *
 * Rejected on the same graphs, at 2^19 nodes:
 *
 * - the filter with a byte for each node, which is exact, added up in blocks without a branch (the
 *   member that is looked for has a byte greater than 64 others together): 1.15 times the time of
 *   AVX-512 on R-MAT, 1.4 times on the other, as 512 KiB do not stay in the first cache and 64 KiB
 *   of bits nearly do; with weights for entries that ended or were rejected 1.6 and 1.7 times;
 * - bits one after the other behind a comparison with AVX-512: 1.17 and 1.1 times the time of the
 *   plain loop; by bit test and addition with carry, in assembler: 0.95 and 1.02 times.
 *
 * The look-ups of a block in the filter are also made with gathers. What an event costs then, as
 * above: with 5 M ties of 50,000 members (8 runs) 236 ns plain, 272 ns AVX2, 243 ns AVX-512; with
 * 20 M ties of 200,000 members (4 runs) 285, 323 and 282 ns.
 *
 * Rejected with filters, on ties of the generator (130 entries scanned per tie, rows of pivots 920
 * long):
 *
 * - to find the place of the event first, 16 entries compared at a time, and then to count: 15 %
 *   slower, since the search waits for memory and has nothing else to do meanwhile;
 * - AVX-512 with 2048 bits in four registers as a filter before this one: 4 % faster, as more than
 *   a fifth of the entries pass it at that length, and a page more;
 * - 4 or 8 bytes of filter per entry, blocks of 32 or 128 entries: no difference.
 *
 * Where the bitmap lies outside of the second cache, as that of 20 M member numbers, its look-ups
 * took 30 % of the time of a thread behind 16 bytes of filter per entry. 64 bytes save 15 % of all
 * its time; 32 save less, and 128, or 64 up to twice the greatest filter, no more (1 billion ties,
 * a sample of 2.5 million, medians of 5 alternating runs); the first two tables are of filters of
 * 16. Rejected, measured in the same way: a filter of bits, 128 per entry (as fast as 64 bytes);
 * asking for words of the bitmap before they are looked up, in the same block or while the next one
 * is filtered (no faster).
 */
#include "stages/embeddedness/scan.h"

#include "stages/embeddedness/scan_avx2.h"
#include "stages/embeddedness/scan_avx512.h"

#include <assert.h>

/* Residues per entry of the neighbourhood, so that few nodes pass by chance and are looked up in a
 * bitmap that no cache holds; the most of them is what a core's second cache holds beside the rows.
 */
enum { FILTER_PER_ENTRY = 64, FILTER_LEAST = 1 << 10, FILTER_MOST = 1 << 19 };

/* A gather for the last byte reads as many bytes behind the filter. */
enum { FILTER_SLACK = 3 };

/* No node: greater than any. */
static const uint32_t NOBODY = UINT32_MAX;

/* What an entry adds to the count: 1 where its node is marked; -1 when it ended; 0 if rejected. */
static inline uint32_t entry_weight(const uint64_t *exact, uint32_t entry) {
    uint32_t node = entry & ROW_NODE;
    uint32_t weight = (uint32_t)(exact[node >> 6] >> (node & 63)) & ~(entry / ROW_REJECTED) & 1;
    return (entry & ROW_ENDED) == 0 ? weight : 0 - weight;
}

static uint32_t block_end(uint32_t first, uint32_t end) {
    return end - first < SCAN_BLOCK ? end : first + SCAN_BLOCK;
}

static uint32_t hits_collect(const uint8_t *filter, uint32_t mask, const uint32_t *entries,
                             uint32_t first, uint32_t end, uint32_t *hits) {
    uint32_t count = 0;
#pragma GCC unroll 4
    for (uint32_t i = first; i < end; i++) {
        hits[count] = i; /* stays when it is a hit */
        count += filter[entries[i] & mask];
    }
    return count;
}

/* Whether a whole block has but entries that count 1, none of them about `node`. */
static bool block_is_simple(const uint32_t *entries, uint32_t node) {
    uint32_t flags = 0;
    uint32_t found = 0;
    for (uint32_t i = 0; i < SCAN_BLOCK; i++) {
        flags |= entries[i];
        found |= (entries[i] & ROW_NODE) == node;
    }
    return ((flags & (ROW_ENDED | ROW_REJECTED)) | found) == 0;
}

/* The marked nodes of such a block. */
static uint32_t block_count(const uint64_t *exact, const uint32_t *entries) {
    uint32_t sum = 0;
#pragma GCC unroll 8
    for (uint32_t i = 0; i < SCAN_BLOCK; i++) {
        uint32_t node = entries[i] & ROW_NODE;
        sum += (uint32_t)(exact[node >> 6] >> (node & 63)) & 1;
    }
    return sum;
}

static void block_fetch(const uint32_t *entries) {
    enum { LINE_ENTRIES = 16 };
    for (uint32_t i = 0; i < SCAN_BLOCK; i += LINE_ENTRIES) {
        __builtin_prefetch(entries + i);
    }
}

static uint32_t marks_count(const uint64_t *exact, const uint32_t *entries, uint32_t first,
                            uint32_t end, uint32_t node, uint32_t *at) {
    uint32_t sum = 0;
    uint32_t i = first;
    while (i < end) {
        if (end - i >= SCAN_AHEAD + SCAN_BLOCK) {
            block_fetch(entries + i + SCAN_AHEAD);
        }
        if (end - i >= SCAN_BLOCK && block_is_simple(entries + i, node)) {
            sum += block_count(exact, entries + i);
            i += SCAN_BLOCK;
            continue;
        }
        for (uint32_t stop = block_end(i, end); i < stop; i++) {
            if ((entries[i] & ROW_NODE) == node) {
                *at = i;
                return sum;
            }
            sum += entry_weight(exact, entries[i]);
        }
    }
    *at = end;
    return sum;
}

struct status scan_init(struct scan *scan, size_t node_count, enum kernel_set set,
                        struct err *err) {
    assert(kernel_set_is_here(set));
    scan->hits_collect = hits_collect;
    scan->marks_count = marks_count;
    size_t unfiltered = SCAN_UNFILTERED_PLAIN;
#if defined(__x86_64__)
    enum kernel_set made = set == KERNEL_AUTO ? kernel_set_best() : set;
    if (made == KERNEL_AVX2) {
        scan->hits_collect = scan_avx2_hits;
        scan->marks_count = scan_avx2_marks;
        unfiltered = SCAN_UNFILTERED_GATHERED;
    } else if (made == KERNEL_AVX512) {
        scan->hits_collect = scan_avx512_hits;
        scan->marks_count = scan_avx512_marks;
        unfiltered = SCAN_UNFILTERED_GATHERED;
    }
#endif
    TRY(pages_grow(&scan->exact, (node_count + 63) / 64 * sizeof(uint64_t), "a bit per member",
                   err));
    if (node_count > unfiltered) {
        TRY(pages_grow(&scan->filter, FILTER_MOST + FILTER_SLACK, "the filter of a thread", err));
    }
    return status_ok();
}

void scan_release(struct scan *scan) {
    pages_release(&scan->exact);
    pages_release(&scan->filter);
}

void scan_begin(struct scan *scan, uint32_t entries, uint32_t node) {
    if (scan->filter.data == NULL) {
        return;
    }
    uint32_t residues = FILTER_LEAST;
    while (residues < FILTER_MOST && residues / FILTER_PER_ENTRY < entries) {
        residues *= 2;
    }
    scan->mask = residues - 1;
    ((uint8_t *)scan->filter.data)[node & scan->mask] = 1;
}

void scan_mark(struct scan *scan, const uint32_t *entries, uint32_t first, uint32_t end,
               struct part part) {
    uint64_t *exact = scan->exact.data;
    uint8_t *filter = scan->filter.data;
    for (uint32_t i = first; i < end; i++) {
        uint32_t node = entries[i] & ROW_NODE;
        if ((entries[i] & ROW_REJECTED) != 0 ||
            (part.count != 1 && node % part.count != part.index)) {
            continue;
        }
        uint64_t bit = UINT64_C(1) << (node & 63);
        if ((entries[i] & ROW_ENDED) != 0) {
            exact[node >> 6] &= ~bit; /* others may need the filter's byte */
            continue;
        }
        exact[node >> 6] |= bit;
        if (filter != NULL) {
            filter[node & scan->mask] = 1;
        }
    }
}

void scan_clear(struct scan *scan, const uint32_t *entries, uint32_t end, uint32_t node) {
    uint64_t *exact = scan->exact.data;
    uint8_t *filter = scan->filter.data;
    for (uint32_t i = 0; i < end; i++) {
        exact[(entries[i] & ROW_NODE) >> 6] = 0;
    }
    if (filter == NULL) {
        return;
    }
    for (uint32_t i = 0; i < end; i++) {
        filter[entries[i] & scan->mask] = 0;
    }
    filter[node & scan->mask] = 0;
}

static uint32_t block_hits(const struct scan *scan, const uint32_t *entries, uint32_t first,
                           uint32_t end, uint32_t hits[SCAN_BLOCK]) {
    return scan->hits_collect(scan->filter.data, scan->mask, entries, first, end, hits);
}

uint32_t scan_count(const struct scan *scan, const uint32_t *entries, uint32_t end) {
    const uint64_t *exact = scan->exact.data;
    uint32_t sum = 0;
    if (scan->filter.data == NULL) {
        return scan->marks_count(exact, entries, 0, end, NOBODY, &end);
    }
    for (uint32_t first = 0; first < end; first = block_end(first, end)) {
        uint32_t hits[SCAN_BLOCK];
        uint32_t count = block_hits(scan, entries, first, block_end(first, end), hits);
        for (uint32_t i = 0; i < count; i++) {
            sum += entry_weight(exact, entries[hits[i]]);
        }
    }
    return sum;
}

/* The first entry of the instant of entry `at`. */
static uint32_t instant_of(const uint32_t *entries, uint32_t at) {
    while ((entries[at] & ROW_SAME) != 0) {
        at--;
    }
    return at;
}

/* The sum of an instant's entries before entry `at`. */
static uint32_t instant_sum(const uint64_t *exact, const uint32_t *entries, uint32_t at) {
    uint32_t sum = 0;
    for (uint32_t i = instant_of(entries, at); i < at; i++) {
        sum += entry_weight(exact, entries[i]);
    }
    return sum;
}

static uint32_t until_filtered(const struct scan *scan, const struct scan_row *row, uint32_t node,
                               uint32_t n) {
    const uint64_t *exact = scan->exact.data;
    const uint32_t *entries = row->entries;
    uint32_t sum = 0;
    for (uint32_t first = 0;; first = block_end(first, row->count)) {
        assert(first < row->count); /* both rows of a pair have all its events */
        uint32_t hits[SCAN_BLOCK];
        uint32_t count = block_hits(scan, entries, first, block_end(first, row->count), hits);
        for (uint32_t i = 0; i < count; i++) {
            uint32_t at = hits[i];
            if ((entries[at] & ROW_NODE) != node) {
                sum += entry_weight(exact, entries[at]);
            } else if (at >= row->base && --n == 0) {
                return sum - instant_sum(exact, entries, at);
            }
        }
    }
}

uint32_t scan_until(const struct scan *scan, const struct scan_row *row, uint32_t node,
                    uint32_t n) {
    const uint64_t *exact = scan->exact.data;
    uint32_t sum = 0;
    if (scan->filter.data != NULL) {
        return until_filtered(scan, row, node, n);
    }
    for (uint32_t first = 0;;) {
        uint32_t at;
        sum += scan->marks_count(exact, row->entries, first, row->count, node, &at);
        assert(at < row->count); /* both rows of a pair have all its events */
        if (at >= row->base && --n == 0) {
            return sum - instant_sum(exact, row->entries, at);
        }
        first = at + 1;
    }
}

uint32_t scan_find(const struct scan_row *row, uint32_t node) {
    uint32_t at = row->base;
    while ((row->entries[at] & ROW_NODE) != node) {
        at++;
        assert(at < row->count); /* both rows of a pair have all its events */
    }
    return instant_of(row->entries, at);
}
