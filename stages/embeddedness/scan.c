/* Method: marking one neighbourhood and probing the other is the bitmap variant of the edge
 * iterator (Schank and Wagner, 2005; Chiba and Nishizeki, 1985, for the bound by the smaller
 * degree). That a prefix in order of arrival is the neighbourhood at that time stands in place of
 * the timestamps and corrections of streaming triangle counters. Nodes pass a filter before they
 * are looked up, as keys do before a disk is read (Bloom, 1970), here with one hash, the number's
 * rest: a load, an AND and a byte per entry. Positions of hits are written one after the other
 * without a branch. The member that the scan looks for passes the filter as well, so looking for
 * the end of the scan is free.
 *
 * The look-ups of a block in the filter are also made with gathers (scan_avx2.h, scan_avx512.h).
 * What an event costs then, in CPU time of one thread of a Zen 4 that others used as well, medians
 * of alternating runs: with 5 M ties of 50,000 members (8 runs) 236 ns plain, 272 ns AVX2, 243 ns
 * AVX-512; with 20 M ties of 200,000 members (4 runs) 285, 323 and 282 ns. Plain and AVX-512 differ
 * by less than the runs of either do. kernel_set.c decides.
 *
 * Rejected, measured on ties of the generator (130 entries scanned per tie, rows of pivots 920
 * long) on a Zen 4 that others used as well:
 *
 * - to find the place of the event first, 16 entries compared at a time, and then to count: 15 %
 *   slower, since the search waits for memory and has nothing else to do meanwhile;
 * - AVX-512 with 2048 bits in four registers as a filter before this one: 4 % faster, as more than
 * a fifth of the entries pass it at that length, and a page more;
 * - the bitmap of all members alone: 1.8 times slower at 20 M member numbers;
 * - the bitmap alone behind blocks of which a quarter were hits, added up without a branch: no
 *   difference on R-MAT (20 M edges, 128 common neighbours per tie);
 * - 4 or 8 bytes of filter per entry, blocks of 32 or 128 entries: no difference.
 *
 * Where the bitmap lies outside of the second cache, as that of 20 M member numbers, its look-ups
 * took 30 % of the time of a thread behind 16 bytes of filter per entry. 64 bytes save 15 % of all
 * its time; 32 save less, and 128, or 64 up to twice the greatest filter, no more (1 billion ties,
 * a sample of 2.5 million, medians of 5 alternating runs). With 500,000 members, whose bitmap is
 * near, 64 save nothing and 128 cost a tenth, so there it stays at 16. Rejected, measured in the
 * same way: a filter of bits, 128 per entry (as fast as 64 bytes, and 10 % slower where the bitmap
 * is near); asking for words of the bitmap before they are looked up, in the same block or while
 * the next one is filtered (no faster).
 */
#include "stages/embeddedness/scan.h"

#include "stages/embeddedness/scan_avx2.h"
#include "stages/embeddedness/scan_avx512.h"

#include <assert.h>

/* Residues per entry of the neighbourhood, so that few nodes pass by chance; the most of them is
 * what a core's second cache holds beside the rows. The bitmap of a graph of more than NEAR_NODES
 * lies outside of that cache: then fewer still shall pass, and the filter is a larger one. */
enum { FILTER_PER_ENTRY = 16, FILTER_PER_ENTRY_FAR = 64, NEAR_NODES = 1 << 22 };
enum { FILTER_LEAST = 1 << 10, FILTER_MOST = 1 << 19 };

/* A gather for the last byte reads as many bytes behind the filter. */
enum { FILTER_SLACK = 3 };

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

struct status scan_init(struct scan *scan, size_t node_count, enum kernel_set set,
                        struct err *err) {
    assert(kernel_set_is_here(set));
    scan->per_entry = node_count > NEAR_NODES ? FILTER_PER_ENTRY_FAR : FILTER_PER_ENTRY;
    scan->hits_collect = hits_collect;
#if defined(__x86_64__)
    enum kernel_set made = set == KERNEL_AUTO ? kernel_set_best() : set;
    if (made == KERNEL_AVX2) {
        scan->hits_collect = scan_avx2_hits;
    } else if (made == KERNEL_AVX512) {
        scan->hits_collect = scan_avx512_hits;
    }
#endif
    TRY(pages_grow(&scan->exact, (node_count + 63) / 64 * sizeof(uint64_t), "a bit per member",
                   err));
    return pages_grow(&scan->filter, FILTER_MOST + FILTER_SLACK, "the filter of a thread", err);
}

void scan_release(struct scan *scan) {
    pages_release(&scan->exact);
    pages_release(&scan->filter);
}

void scan_begin(struct scan *scan, uint32_t entries, uint32_t node) {
    uint32_t residues = FILTER_LEAST;
    while (residues < FILTER_MOST && residues / scan->per_entry < entries) {
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
        if ((entries[i] & ROW_ENDED) == 0) {
            exact[node >> 6] |= bit;
            filter[node & scan->mask] = 1;
        } else {
            exact[node >> 6] &= ~bit; /* others may need the filter's byte */
        }
    }
}

void scan_clear(struct scan *scan, const uint32_t *entries, uint32_t end, uint32_t node) {
    uint64_t *exact = scan->exact.data;
    uint8_t *filter = scan->filter.data;
    for (uint32_t i = 0; i < end; i++) {
        exact[(entries[i] & ROW_NODE) >> 6] = 0;
        filter[entries[i] & scan->mask] = 0;
    }
    filter[node & scan->mask] = 0;
}

/* What an entry adds to the count: 1 where its node is marked; -1 when it ended; 0 if rejected. */
static uint32_t entry_weight(const struct scan *scan, uint32_t entry) {
    const uint64_t *exact = scan->exact.data;
    uint32_t node = entry & ROW_NODE;
    uint32_t weight = (uint32_t)(exact[node >> 6] >> (node & 63)) & ~(entry / ROW_REJECTED) & 1;
    return (entry & ROW_ENDED) == 0 ? weight : 0 - weight;
}

static uint32_t block_end(uint32_t first, uint32_t end) {
    return end - first < SCAN_BLOCK ? end : first + SCAN_BLOCK;
}

static uint32_t block_hits(const struct scan *scan, const uint32_t *entries, uint32_t first,
                           uint32_t end, uint32_t hits[SCAN_BLOCK]) {
    return scan->hits_collect(scan->filter.data, scan->mask, entries, first, end, hits);
}

uint32_t scan_count(const struct scan *scan, const uint32_t *entries, uint32_t end) {
    uint32_t sum = 0;
    for (uint32_t first = 0; first < end; first = block_end(first, end)) {
        uint32_t hits[SCAN_BLOCK];
        uint32_t count = block_hits(scan, entries, first, block_end(first, end), hits);
        for (uint32_t i = 0; i < count; i++) {
            sum += entry_weight(scan, entries[hits[i]]);
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

uint32_t scan_until(const struct scan *scan, const struct scan_row *row, uint32_t node,
                    uint32_t n) {
    const uint32_t *entries = row->entries;
    uint32_t sum = 0;
    for (uint32_t first = 0;; first = block_end(first, row->count)) {
        assert(first < row->count); /* both rows of a pair have all its events */
        uint32_t hits[SCAN_BLOCK];
        uint32_t count = block_hits(scan, entries, first, block_end(first, row->count), hits);
        for (uint32_t i = 0; i < count; i++) {
            uint32_t at = hits[i];
            if ((entries[at] & ROW_NODE) != node) {
                sum += entry_weight(scan, entries[at]);
            } else if (at >= row->base && --n == 0) {
                for (uint32_t unseen = instant_of(entries, at); unseen < at; unseen++) {
                    sum -= entry_weight(scan, entries[unseen]);
                }
                return sum;
            }
        }
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
