#include "tests/hits_oracle.h"

#include "stages/adjacency/arrival_rows.h"
#include "stages/base/random.h"
#include "tests/testing.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { BLOCK_MAX = 64, OFFSETS = 17, DENSITIES = 6, SLACK = 3, MEMORY_BYTES = 1 << 16 };
enum { MARKS_WORDS = 16, MARKS_NODES = MARKS_WORDS * 64, ROW_MOST = 400 };

/* Memory behind which nothing can be read: a sanitizer does not see what gathers read. */
struct guarded {
    uint8_t *data;
    uint8_t *end;
    size_t page;
};

static void guarded_make(struct guarded *guarded) {
    guarded->page = (size_t)sysconf(_SC_PAGESIZE);
    guarded->data = mmap(NULL, MEMORY_BYTES + guarded->page, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(guarded->data != MAP_FAILED);
    guarded->end = guarded->data + MEMORY_BYTES;
    assert_int_equal(mprotect(guarded->end, guarded->page, PROT_NONE), 0);
}

static void guarded_release(struct guarded *guarded) {
    assert_int_equal(munmap(guarded->data, MEMORY_BYTES + guarded->page), 0);
}

/* One block [first, end) of entries that end where their memory does. */
static void block_must_equal(hits_collect_function *collect, const uint8_t *filter, uint32_t mask,
                             struct guarded *memory, uint32_t first, uint32_t end,
                             struct random *random) {
    uint32_t *entries = (uint32_t *)(void *)memory->end - end;
    uint32_t hits[BLOCK_MAX];
    uint32_t expected[BLOCK_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < end; i++) {
        entries[i] = (uint32_t)random_below(random, UINT64_C(1) << 32);
        entries[i] |= random_below(random, 8) == 0 ? mask : 0; /* the last byte of the filter */
    }
    for (uint32_t i = first; i < end; i++) {
        if (filter[entries[i] & mask] != 0) {
            expected[count++] = i;
        }
    }
    assert_int_equal(collect(filter, mask, entries, first, end, hits), count);
    assert_memory_equal(hits, expected, count * sizeof *hits);
}

void hits_must_equal_the_oracle(hits_collect_function *collect) {
    struct random random;
    struct guarded rows;
    struct guarded filters;
    random_seed(&random, 1);
    guarded_make(&rows);
    guarded_make(&filters);
    for (uint32_t density = 0; density < DENSITIES; density++) {
        uint32_t residues = UINT32_C(1) << (10 + density);
        uint8_t *filter = filters.end - SLACK - residues;
        memset(filter, 0xff, residues + SLACK); /* what lies behind is nobody's hit */
        for (uint32_t i = 0; i < residues; i++) {
            filter[i] = random_below(&random, DENSITIES - 1) < density;
        }
        for (uint32_t first = 0; first < OFFSETS; first++) {
            for (uint32_t length = 0; length <= BLOCK_MAX; length++) {
                block_must_equal(collect, filter, residues - 1, &rows, first, first + length,
                                 &random);
            }
        }
    }
    guarded_release(&rows);
    guarded_release(&filters);
}

/* The loop that marks_count stands for. */
static uint32_t oracle_marks(const uint64_t *exact, const uint32_t *entries, uint32_t first,
                             uint32_t end, uint32_t node, uint32_t *at) {
    uint32_t sum = 0;
    for (*at = first; *at < end && (entries[*at] & ROW_NODE) != node; ++*at) {
        uint32_t other = entries[*at] & ROW_NODE;
        if ((exact[other / 64] >> other % 64 & 1) != 0 && (entries[*at] & ROW_REJECTED) == 0) {
            sum += (entries[*at] & ROW_ENDED) == 0 ? 1 : UINT32_MAX;
        }
    }
    return sum;
}

void marks_must_equal_the_oracle(marks_count_function *count) {
    struct random random;
    struct guarded rows;
    struct guarded marks;
    random_seed(&random, 1);
    guarded_make(&rows);
    guarded_make(&marks);
    uint64_t *exact = (uint64_t *)(void *)marks.end - MARKS_WORDS;
    for (uint32_t turn = 0; turn < DENSITIES * ROW_MOST; turn++) {
        uint32_t end = turn / DENSITIES;
        uint32_t *entries = (uint32_t *)(void *)rows.end - end;
        uint32_t flags = random_below(&random, 2) == 0 ? 0 : ~ROW_NODE;
        for (uint32_t node = 0; node < MARKS_NODES; node++) {
            uint64_t bit = UINT64_C(1) << node % 64;
            bool is_marked = random_below(&random, DENSITIES - 1) < turn % DENSITIES;
            exact[node / 64] = is_marked ? exact[node / 64] | bit : exact[node / 64] & ~bit;
        }
        for (uint32_t i = 0; i < end; i++) {
            entries[i] = (uint32_t)random_below(&random, MARKS_NODES) |
                         ((uint32_t)random_below(&random, UINT64_C(1) << 32) & flags);
        }
        uint32_t node = (uint32_t)random_below(&random, MARKS_NODES + 1);
        node = node == MARKS_NODES ? UINT32_MAX : node;
        for (uint32_t first = 0; first <= end && first < OFFSETS; first++) {
            uint32_t at;
            uint32_t expected_at;
            uint32_t sum = count(exact, entries, first, end, node, &at);
            assert_int_equal(sum, oracle_marks(exact, entries, first, end, node, &expected_at));
            assert_int_equal(at, expected_at);
        }
    }
    guarded_release(&rows);
    guarded_release(&marks);
}
