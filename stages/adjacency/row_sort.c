/* Radix sort from the lowest digit up, digits just wide enough for the greatest value: narrow ones
 * for short rows, where the counters would cost more than the entries, wide ones for long rows.
 *
 * Rejected: qsort, and marking the values in a bitmap of all nodes (its
 * lines are not in the cache).
 */
#include "stages/adjacency/row_sort.h"

#include <string.h>

enum { INSERTION_MAX = 16, SHORT_MAX = 512, SHORT_BITS = 7, LONG_BITS = 11 };

static void insertion_sort(const uint32_t *row, size_t count, uint32_t *to) {
    for (size_t i = 0; i < count; i++) {
        size_t at = i;
        for (; at > 0 && to[at - 1] > row[i]; at--) {
            to[at] = to[at - 1];
        }
        to[at] = row[i];
    }
}

/* Sorts by the digit of `bits` bits from bit `shift` on; keeps the order of equal ones. */
static void digit_sort(const uint32_t *from, size_t count, unsigned shift, unsigned bits,
                       uint32_t *to) {
    uint32_t cursors[1 << LONG_BITS];
    uint32_t mask = (UINT32_C(1) << bits) - 1;
    memset(cursors, 0, (mask + UINT32_C(1)) * sizeof *cursors);
    for (size_t i = 0; i < count; i++) {
        cursors[from[i] >> shift & mask]++;
    }
    uint32_t sum = 0;
    for (uint32_t digit = 0; digit <= mask; digit++) {
        uint32_t digit_count = cursors[digit];
        cursors[digit] = sum;
        sum += digit_count;
    }
    for (size_t i = 0; i < count; i++) {
        to[cursors[from[i] >> shift & mask]++] = from[i];
    }
}

const uint32_t *row_sort(const uint32_t *row, size_t count, uint32_t *a, uint32_t *b) {
    if (count <= INSERTION_MAX) {
        insertion_sort(row, count, a);
        return a;
    }
    uint32_t all = 1;
    for (size_t i = 0; i < count; i++) {
        all |= row[i];
    }
    unsigned width = 32 - (unsigned)__builtin_clz(all);
    unsigned widest = count <= SHORT_MAX ? SHORT_BITS : LONG_BITS;
    unsigned digits = (width + widest - 1) / widest;
    unsigned bits = (width + digits - 1) / digits;
    for (unsigned digit = 0; digit < digits; digit++) {
        uint32_t *to = digit % 2 == 0 ? a : b;
        digit_sort(row, count, digit * bits, bits, to);
        row = to;
    }
    return row;
}
