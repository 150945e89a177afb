/* Every open tie enters the kernel once, from its endpoint with the longer row, and sees both rows
 * whole. Ties go in batches: a pivot's are together but for those at the edge of a batch, so its
 * row is marked once. Rejected: orienting the ties by degree, which finds each triangle once and
 * not three times, but needs a second copy of the rows.
 */
#include "stages/embeddedness/triangles.h"

#include "stages/base/pages.h"
#include "stages/embeddedness/embeddedness.h"

#include <assert.h>
#include <math.h>
#include <string.h>

struct count {
    const struct rows *rows;
    struct embeddedness *embeddedness;
    struct tie_batch batch;
    size_t batch_ties;
    struct pages seen;   /* a zero bit per node, between rows */
    uint64_t *triangles; /* doubled, until the end */
};

static struct status batch_count(struct count *count, struct err *err) {
    struct tie_batch *batch = &count->batch;
    struct part all = {0, 1};
    TRY(embeddedness_compute(count->embeddedness, count->rows, batch, all, err));
    for (size_t i = 0; i < batch->count; i++) {
        count->triangles[batch->from[i]] += batch->mutual[i];
        count->triangles[batch->to[i]] += batch->mutual[i];
    }
    batch->count = 0;
    return status_ok();
}

/* Adds the tie unless it is the other member's to add. */
static struct status tie_add(struct count *count, uint32_t node, uint32_t other, struct err *err) {
    const struct row *rows = rows_all(count->rows);
    struct tie_batch *batch = &count->batch;
    uint32_t seen = rows[node].count;
    uint32_t seen_other = rows[other].count;
    if (seen < seen_other || (seen == seen_other && node < other)) {
        return status_ok();
    }
    size_t at = batch->count++;
    batch->from[at] = node;
    batch->to[at] = other;
    batch->seen_from[at] = seen;
    batch->seen_to[at] = seen_other;
    return batch->count == count->batch_ties ? batch_count(count, err) : status_ok();
}

/* The newest entry about a member tells whether the tie is open: goes from the end, and notes who
 * was seen. */
static struct status unsettled_row_add(struct count *count, uint32_t node, const uint32_t *entries,
                                       uint32_t entry_count, struct err *err) {
    uint64_t *seen = count->seen.data;
    struct status status = status_ok();
    for (uint32_t i = entry_count; i-- > 0 && !failed(status);) {
        uint32_t other = entries[i] & ~ROW_ENDED;
        uint64_t bit = UINT64_C(1) << (other & 63);
        if ((seen[other >> 6] & bit) == 0 && (entries[i] & ROW_ENDED) == 0) {
            status = tie_add(count, node, other, err);
        }
        seen[other >> 6] |= bit;
    }
    for (uint32_t i = 0; i < entry_count; i++) {
        seen[(entries[i] & ~ROW_ENDED) >> 6] = 0;
    }
    return status;
}

static struct status row_add(struct count *count, uint32_t node, struct err *err) {
    const struct row *row = &rows_all(count->rows)[node];
    const uint32_t *entries = row_entries(count->rows, row);
    if (row->ended != 0) {
        return unsettled_row_add(count, node, entries, row->count, err);
    }
    for (uint32_t i = 0; i < row->count; i++) {
        TRY(tie_add(count, node, entries[i], err));
    }
    return status_ok();
}

static struct status rows_add(struct count *count, uint32_t *degrees, struct err *err) {
    size_t nodes = count->rows->node_count;
    TRY(pages_grow(&count->seen, (nodes + 63) / 64 * sizeof(uint64_t), "a bit per member", err));
    TRY(tie_batch_reserve(&count->batch, count->batch_ties, err));
    for (size_t node = 0; node < nodes; node++) {
        degrees[node] = row_degree(&rows_all(count->rows)[node]);
        TRY(row_add(count, (uint32_t)node, err));
    }
    return batch_count(count, err);
}

struct status triangles_count(const struct rows *rows, unsigned threads, size_t batch_ties,
                              uint64_t *triangles, uint32_t *degrees, struct err *err) {
    struct count count = {.rows = rows, .batch_ties = batch_ties, .triangles = triangles};
    assert(batch_ties > 0);
    memset(triangles, 0, rows->node_count * sizeof *triangles);
    TRY(embeddedness_new(&count.embeddedness, threads, err));
    struct status status = rows_add(&count, degrees, err);
    for (size_t node = 0; node < rows->node_count && !failed(status); node++) {
        assert(triangles[node] % 2 == 0);
        triangles[node] /= 2;
    }
    embeddedness_free(count.embeddedness);
    tie_batch_release(&count.batch);
    pages_release(&count.seen);
    return status;
}

double triangles_clustering(uint64_t triangles, uint32_t degree) {
    if (degree < 2) {
        return NAN;
    }
    return 2.0 * (double)triangles / ((double)degree * (double)(degree - 1));
}
