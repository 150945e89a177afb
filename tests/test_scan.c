/* Marks and scans against sets that are kept entry by entry. */
#include "stages/embeddedness/scan.h"

#include "stages/base/random.h"
#include "tests/testing.h"

#include <stdlib.h>
#include <string.h>

enum { NODES = 20000, ROW_MAX = 3000, ENTRY_KINDS = 10 };

/* Rows of members whose numbers leave the same few rests, half of them with every flag. The last
 * member is the one that is looked for. */
static uint32_t row_make(struct random *random, uint32_t *entries) {
    uint32_t count = (uint32_t)random_below(random, random_below(random, 5) == 0 ? ROW_MAX : 200);
    uint32_t step = random_below(random, 2) == 0 ? 1 : 1024;
    bool is_plain = random_below(random, 2) == 0;
    for (uint32_t i = 0; i < count; i++) {
        static const uint32_t flags[ENTRY_KINDS] = {ROW_ENDED, ROW_REJECTED,
                                                    ROW_ENDED | ROW_REJECTED, ROW_REPEAT};
        uint32_t node = (uint32_t)random_below(random, NODES / step - 1) * step;
        entries[i] = node | (is_plain ? 0 : flags[random_below(random, ENTRY_KINDS)]);
    }
    return count;
}

/* What the entries add up to, node by node. */
static void sums_make(int *sums, const uint32_t *entries, uint32_t count) {
    memset(sums, 0, NODES * sizeof *sums);
    for (uint32_t i = 0; i < count; i++) {
        if ((entries[i] & ROW_REJECTED) == 0) {
            sums[entries[i] & ROW_NODE] += (entries[i] & ROW_ENDED) != 0 ? -1 : 1;
        }
    }
}

/* The newest entry that counts decides whether a node is marked. */
static void marks_make(bool *marks, const uint32_t *entries, uint32_t count, struct part part) {
    memset(marks, 0, NODES * sizeof *marks);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t node = entries[i] & ROW_NODE;
        if ((entries[i] & ROW_REJECTED) == 0 && node % part.count == part.index) {
            marks[node] = (entries[i] & ROW_ENDED) == 0;
        }
    }
}

static uint32_t oracle_count(const bool *marks, const uint32_t *entries, uint32_t count) {
    static int sums[NODES];
    int total = 0;
    sums_make(sums, entries, count);
    for (uint32_t node = 0; node < NODES; node++) {
        total += marks[node] ? sums[node] : 0;
    }
    return (uint32_t)total;
}

/* Every set that is here, with and without a filter. */
static void every_scan_must(void (*check)(struct scan *scan)) {
    static const size_t node_counts[] = {NODES, SCAN_UNFILTERED_GATHERED + 1};
    for (enum kernel_set set = KERNEL_AUTO; set < KERNEL_SETS; set++) {
        for (size_t i = 0; i < sizeof node_counts / sizeof node_counts[0]; i++) {
            struct err err;
            struct scan scan = {0};
            if (kernel_set_is_here(set)) {
                MUST(scan_init(&scan, node_counts[i], set, &err));
                assert_int_equal(scan.filter.data != NULL, node_counts[i] != NODES);
                check(&scan);
                scan_release(&scan);
            }
        }
    }
}

static void counts_must_equal_the_sets(struct scan *scan) {
    static uint32_t marked[ROW_MAX];
    static uint32_t scanned[ROW_MAX];
    static bool marks[NODES];
    struct random random;
    random_seed(&random, 1);
    for (int turn = 0; turn < 600; turn++) {
        uint32_t count = row_make(&random, marked);
        uint32_t half = count / 2;
        uint32_t length = row_make(&random, scanned);
        struct part part = {(uint32_t)turn % 2, 1 + (uint32_t)turn % 3};
        part.index = part.index < part.count ? part.index : 0;
        scan_begin(scan, count, NODES - 1);
        scan_mark(scan, marked, 0, half, part);
        marks_make(marks, marked, half, part);
        assert_int_equal(scan_count(scan, scanned, length), oracle_count(marks, scanned, length));
        scan_mark(scan, marked, half, count, part);
        marks_make(marks, marked, count, part);
        assert_int_equal(scan_count(scan, scanned, length), oracle_count(marks, scanned, length));
        scan_clear(scan, marked, count, NODES - 1);
    }
}

static void counts_are_those_of_the_sets(void **state) {
    (void)state;
    every_scan_must(counts_must_equal_the_sets);
}

/* Puts the node that is looked for into a row, at three places of it where there is room, behind
 * some of which lie entries of the same instant; returns how often it is in the batch. */
static uint32_t row_meet(struct random *random, uint32_t *entries, const struct scan_row *row,
                         uint32_t node) {
    uint32_t met = 0;
    for (int i = 0; i < 3; i++) {
        entries[random_below(random, row->count)] = node;
    }
    for (uint32_t i = row->base; i < row->count; i++) {
        entries[i] |= i > row->base && random_below(random, 3) == 0 ? ROW_SAME : 0;
        met += (entries[i] & ROW_NODE) == node;
    }
    return met;
}

/* The entries that the n-th event with the node sees, without those with the node itself. */
static uint32_t oracle_seen(const struct scan_row *row, uint32_t node, uint32_t n, uint32_t *seen) {
    uint32_t count = 0;
    uint32_t instant = 0;
    for (uint32_t i = 0; i < row->count; i++) {
        instant = (row->entries[i] & ROW_SAME) != 0 ? instant : i;
        n -= i >= row->base && (row->entries[i] & ROW_NODE) == node;
        if (n == 0) {
            break;
        }
    }
    for (uint32_t i = 0; i < instant; i++) {
        seen[count] = row->entries[i];
        count += (row->entries[i] & ROW_NODE) != node;
    }
    return count;
}

static void prefixes_must_equal_the_sets(struct scan *scan) {
    static uint32_t marked[ROW_MAX];
    static uint32_t scanned[ROW_MAX];
    static uint32_t seen[ROW_MAX];
    static bool marks[NODES];
    const struct part all = {0, 1};
    struct random random;
    random_seed(&random, 1);
    for (int turn = 0; turn < 600; turn++) {
        uint32_t count = row_make(&random, marked);
        struct scan_row row = {scanned, 0, 1 + row_make(&random, scanned)};
        row.base = (uint32_t)random_below(&random, row.count);
        scanned[row.count - 1] = NODES - 1;
        uint32_t met = row_meet(&random, scanned, &row, NODES - 1);
        scan_begin(scan, count, NODES - 1);
        scan_mark(scan, marked, 0, count, all);
        marks_make(marks, marked, count, all);
        for (uint32_t n = 1; n <= met; n++) {
            uint32_t length = oracle_seen(&row, NODES - 1, n, seen);
            assert_int_equal(scan_until(scan, &row, NODES - 1, n),
                             oracle_count(marks, seen, length));
        }
        scan_clear(scan, marked, count, NODES - 1);
    }
}

static void prefixes_count_like_their_sets(void **state) {
    (void)state;
    every_scan_must(prefixes_must_equal_the_sets);
}

/* Entries 70 and 130 of the row are about the member that is looked for, and so is one of the base;
 * the second has 5 before it of its own instant. */
static void instant_must_end_it(struct scan *scan) {
    enum { COUNT = 200, BASE = 40, NODE = NODES - 1 };
    static uint32_t entries[COUNT];
    const struct part all = {0, 1};
    const struct scan_row row = {entries, BASE, COUNT};
    for (uint32_t i = 0; i < COUNT; i++) {
        entries[i] = i;
    }
    entries[7] = NODE;
    entries[70] = NODE;
    entries[130] = NODE | ROW_REPEAT;
    for (uint32_t i = 126; i <= 130; i++) {
        entries[i] |= ROW_SAME;
    }
    scan_begin(scan, COUNT, NODE);
    for (uint32_t i = 0; i < COUNT; i++) {
        if ((entries[i] & ROW_NODE) != NODE) {
            scan_mark(scan, entries, i, i + 1, all);
        }
    }
    assert_int_equal(scan_until(scan, &row, NODE, 1), 69);
    assert_int_equal(scan_until(scan, &row, NODE, 2), 123);
    assert_int_equal(scan_find(&row, NODE), 70);
}

static void a_scan_stops_where_the_event_s_instant_begins(void **state) {
    (void)state;
    every_scan_must(instant_must_end_it);
}

/* A gather reads three bytes more than the one that it is for. */
static void the_last_byte_of_the_greatest_filter_is_found(void **state) {
    (void)state;
    enum { MANY = 2 * SCAN_UNFILTERED_GATHERED, LAST = MANY - 1 };
    static const uint32_t entries[] = {LAST, LAST - 1, 0, LAST};
    const struct part all = {0, 1};
    for (enum kernel_set set = KERNEL_AUTO; set < KERNEL_SETS; set++) {
        struct err err;
        struct scan scan = {0};
        if (kernel_set_is_here(set)) {
            MUST(scan_init(&scan, MANY, set, &err));
            scan_begin(&scan, MANY, 1);
            scan_mark(&scan, entries, 0, 1, all);
            assert_int_equal(scan_count(&scan, entries, 4), 2);
            scan_release(&scan);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_those_of_the_sets),
        cmocka_unit_test(prefixes_count_like_their_sets),
        cmocka_unit_test(the_last_byte_of_the_greatest_filter_is_found),
        cmocka_unit_test(a_scan_stops_where_the_event_s_instant_begins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
