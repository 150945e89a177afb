#include "tests/hits_oracle.h"

#include "stages/base/random.h"
#include "tests/testing.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { BLOCK_MAX = 64, OFFSETS = 17, DENSITIES = 6, SLACK = 3, MEMORY_BYTES = 1 << 16 };

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
