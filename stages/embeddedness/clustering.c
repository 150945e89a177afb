/* Every open tie is counted once, from its endpoint with the longer row, which is marked once for
 * all of its ties; the other row is scanned whole. Rejected: orienting the ties by degree, which
 * finds each triangle once and not three times, but needs a second copy of the rows.
 *
 * Where not all rows fit into memory, a slice of the nodes at a time is there to be scanned, and
 * the rows to be marked pass by in chunks.
 */
#include "stages/embeddedness/clustering.h"

#include "schemas/limits.h"
#include "stages/base/workers.h"
#include "stages/embeddedness/scan.h"

#include <assert.h>
#include <math.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Nodes per chunk of work; ties of a row that are looked through at a time; ties ahead whose rows
 * are fetched, and the most of a row that is. */
enum { CHUNK_NODES = 512, WINDOW = 1024, AHEAD = 4, FETCH_ENTRIES = 256, LINE_ENTRIES = 16 };

/* What belongs to one thread. */
struct lane {
    struct scan scan;
    struct arrival_rows rows; /* a chunk, where rows come from a file */
    struct status status;
    struct err err;
};

struct count {
    size_t node_count;
    const struct row_file *file;      /* NULL where `peers` are all nodes */
    const struct arrival_rows *peers; /* that are scanned in this pass */
    struct lane *lanes;
    const uint32_t *degrees;
    uint64_t *triangles; /* doubled, until the end */
    atomic_bool is_failed;
};

/* Lists the peers whose ties with `node` are its own to count. */
static uint32_t window_list(const struct count *count, uint32_t node, const uint32_t *entries,
                            uint32_t window, uint32_t list[WINDOW]) {
    const uint32_t *degrees = count->degrees;
    uint32_t first = count->peers->first;
    uint32_t peers = count->peers->end - first;
    uint32_t listed = 0;
    for (uint32_t i = 0; i < window; i++) {
        uint32_t other = entries[i];
        bool is_own =
            (degrees[node] > degrees[other]) | ((degrees[node] == degrees[other]) & (node < other));
        list[listed] = other; /* stays where it is counted */
        listed += is_own & (other - first < peers);
    }
    return listed;
}

static void row_fetch(const struct arrival_rows *rows, uint32_t node) {
    uint32_t count;
    const uint32_t *entries = arrival_rows_of(rows, node, &count);
    for (uint32_t i = 0; i < count && i < FETCH_ENTRIES; i += LINE_ENTRIES) {
        __builtin_prefetch(entries + i);
    }
}

/* The sum of M over the listed ties, which their other members get at once. */
static uint64_t window_count(const struct count *count, const struct scan *scan,
                             const uint32_t *list, uint32_t listed) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < listed; i++) {
        uint32_t degree;
        const uint32_t *entries = arrival_rows_of(count->peers, list[i], &degree);
        if (i + AHEAD < listed) {
            row_fetch(count->peers, list[i + AHEAD]);
        }
        uint32_t mutual = scan_count(scan, entries, degree);
        (void)__atomic_fetch_add(&count->triangles[list[i]], mutual, __ATOMIC_RELAXED);
        sum += mutual;
    }
    return sum;
}

static struct status chunk_count(const struct count *count, struct lane *lane, uint32_t first,
                                 uint32_t end, struct err *err) {
    const struct part all = {0, 1};
    const struct arrival_rows *rows = count->peers;
    struct scan *scan = &lane->scan;
    if (count->file != NULL) {
        TRY(row_file_read(count->file, first, end, &lane->rows, err));
        rows = &lane->rows;
    }
    for (uint32_t node = first; node < end; node++) {
        uint32_t degree;
        uint32_t list[WINDOW];
        uint64_t sum = 0;
        const uint32_t *entries = arrival_rows_of(rows, node, &degree);
        scan_begin(scan, degree, node);
        scan_mark(scan, entries, 0, degree, all);
        for (uint32_t i = 0; i < degree; i += WINDOW) {
            uint32_t window = degree - i < WINDOW ? degree - i : WINDOW;
            uint32_t listed = window_list(count, node, entries + i, window, list);
            sum += window_count(count, scan, list, listed);
        }
        scan_clear(scan, entries, degree, node);
        (void)__atomic_fetch_add(&count->triangles[node], sum, __ATOMIC_RELAXED);
    }
    return status_ok();
}

static void chunks_count(void *context, unsigned worker, size_t first, size_t end) {
    struct count *count = context;
    struct lane *lane = &count->lanes[worker];
    if (!atomic_load(&count->is_failed)) {
        lane->status = chunk_count(count, lane, (uint32_t)first, (uint32_t)end, &lane->err);
        if (failed(lane->status)) {
            atomic_store(&count->is_failed, true);
        }
    }
}

/* One pass over all nodes, for the ties with the peers that are there. */
static struct status peers_count(struct count *count, unsigned threads, struct err *err) {
    workers_run(threads, count->node_count, CHUNK_NODES, chunks_count, count);
    for (unsigned i = 0; i < threads; i++) {
        if (failed(count->lanes[i].status)) {
            if (err != NULL) {
                *err = count->lanes[i].err;
            }
            return count->lanes[i].status;
        }
    }
    return status_ok();
}

/* The end of the slice that begins with `first`: as many nodes as fit, one at least. */
static uint32_t slice_end(const struct count *count, uint32_t first, uint64_t memory_bytes) {
    uint64_t bytes = 0;
    uint32_t end = first;
    while (end < count->node_count) {
        bytes += sizeof(uint64_t) + (uint64_t)count->degrees[end] * sizeof(uint32_t);
        if (bytes > memory_bytes && end > first) {
            break;
        }
        end++;
    }
    return end;
}

/* Reads one slice after the other into `peers`, which are those of `count`. */
static struct status slices_count(struct count *count, struct arrival_rows *peers,
                                  const struct row_file *file, uint64_t memory_bytes,
                                  unsigned threads, struct err *err) {
    struct status status = status_ok();
    for (uint32_t first = 0; first < count->node_count && !failed(status);) {
        uint32_t end = slice_end(count, first, memory_bytes);
        count->file = end - first == count->node_count ? NULL : file;
        status = row_file_read(file, first, end, peers, err);
        if (!failed(status)) {
            status = peers_count(count, threads, err);
        }
        first = end;
    }
    return status;
}

static struct status lanes_begin(struct count *count, enum kernel_set set, unsigned threads,
                                 struct err *err) {
    assert(threads >= 1 && threads <= LIMIT_THREADS);
    memset(count->triangles, 0, count->node_count * sizeof *count->triangles);
    count->lanes = calloc(threads, sizeof *count->lanes);
    if (count->lanes == NULL) {
        return err_memory(err, threads * sizeof *count->lanes, "the kernel's threads");
    }
    for (unsigned i = 0; i < threads; i++) {
        TRY(scan_init(&count->lanes[i].scan, count->node_count, set, err));
    }
    return status_ok();
}

/* Halves the sums, unless the counting has failed. */
static void lanes_end(struct count *count, unsigned threads, struct status status) {
    for (unsigned i = 0; i < threads && count->lanes != NULL; i++) {
        scan_release(&count->lanes[i].scan);
        arrival_rows_release(&count->lanes[i].rows);
    }
    free(count->lanes);
    for (size_t node = 0; node < count->node_count && !failed(status); node++) {
        assert(count->triangles[node] % 2 == 0);
        count->triangles[node] /= 2;
    }
}

struct status triangles_of_rows(const struct arrival_rows *rows, enum kernel_set set,
                                unsigned threads, uint64_t *triangles, uint32_t *degrees,
                                struct err *err) {
    assert(rows->first == 0);
    struct count count = {
        .node_count = rows->end, .peers = rows, .degrees = degrees, .triangles = triangles};
    for (uint32_t node = 0; node < rows->end; node++) {
        (void)arrival_rows_of(rows, node, &degrees[node]);
    }
    struct status status = lanes_begin(&count, set, threads, err);
    if (!failed(status)) {
        status = peers_count(&count, threads, err);
    }
    lanes_end(&count, threads, status);
    return status;
}

struct status triangles_of_file(const struct row_file *file, size_t node_count,
                                uint64_t memory_bytes, enum kernel_set set, unsigned threads,
                                uint64_t *triangles, uint32_t *degrees, struct err *err) {
    struct arrival_rows peers = {0};
    struct count count = {
        .node_count = node_count, .peers = &peers, .degrees = degrees, .triangles = triangles};
    for (uint32_t node = 0; node < node_count; node++) {
        degrees[node] = (uint32_t)row_file_entries(file, node, node + 1);
    }
    struct status status = lanes_begin(&count, set, threads, err);
    if (!failed(status)) {
        status = slices_count(&count, &peers, file, memory_bytes, threads, err);
    }
    arrival_rows_release(&peers);
    lanes_end(&count, threads, status);
    return status;
}

double triangles_clustering(uint64_t triangles, uint32_t degree) {
    if (degree < 2) {
        return NAN;
    }
    return 2.0 * (double)triangles / ((double)degree * (double)(degree - 1));
}
