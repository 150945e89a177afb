/* Method: the pivot kernel. The ties of a batch are grouped by their endpoint with the longer row,
 * the pivot. For each pivot its row is marked in a bitmap, entry by entry, up to what the next tie
 * sees; then the other endpoint's visible prefix is scanned and its marked entries are counted.
 * Marking is shared by all ties of the pivot, and the scan always runs over the shorter row. An
 * ended entry unmarks in the pivot's row and counts -1 in the scanned one; rows without any are
 * scanned by the plain loop.
 *
 * Preconditions: rows are append-only between adjacency_apply and here, so a visible prefix is a
 * prefix still.
 *
 * Papers: marking one neighbourhood and probing the other is the bitmap variant of the edge
 * iterator (Schank and Wagner, 2005; Chiba and Nishizeki, 1985, for the bound by the smaller
 * degree). That an arrival-order prefix is the neighbourhood at that time replaces the timestamps
 * and in-batch corrections of streaming triangle counters.
 *
 * Rejected: sorted rows (insertion costs as much as intersection), hub bitmaps (2.5 MB each at 20 M
 * members against 120 KB of list), collecting hits before counting them (one branch-free add per
 * probe is as cheap when only the count is wanted).
 */
#include "stages/embeddedness/embeddedness.h"

#include "schemas/limits.h"
#include "stages/base/pages.h"
#include "stages/base/workers.h"

#include <assert.h>
#include <stdlib.h>

/* Pivots per chunk of work: small enough that hubs do not leave a thread idle at the end. */
enum { PIVOTS_PER_CHUNK = 32 };

/* How many ties ahead a row's header and its first lines are fetched. */
enum { AHEAD_HEADERS = 8, AHEAD_ROWS = 4, PREFETCH_WORDS = 128, LINE_WORDS = 16 };

struct embeddedness {
    unsigned threads;
    struct pages marks[LIMIT_THREADS]; /* a zero bit per node, between calls */
    struct pages group_of;             /* uint32_t per node: ties of this pivot; 0 between calls */
    struct pages probes;               /* struct probe per tie, grouped by pivot */
    struct pages groups;               /* struct group */
    size_t group_count;
};

/* One tie as its pivot sees it: a copy, so that the counting reads one line and not five. */
struct probe {
    uint32_t other; /* the endpoint that is not the pivot */
    uint32_t seen_other;
    uint32_t seen_pivot;
    uint32_t tie;
};

/* One pivot and its ties, probes[first .. end). */
struct group {
    uint32_t pivot;
    uint32_t first;
    uint32_t end;
};

/* One call's view of the work, shared by the threads and not changed by them. */
struct job {
    struct embeddedness *embeddedness;
    const struct rows *rows;
    struct tie_batch *batch;
    struct part part;
};

struct status embeddedness_new(struct embeddedness **embeddedness, unsigned threads,
                               struct err *err) {
    assert(threads >= 1 && threads <= LIMIT_THREADS);
    *embeddedness = calloc(1, sizeof **embeddedness);
    if (*embeddedness == NULL) {
        return err_memory(err, sizeof **embeddedness, "the kernel");
    }
    (*embeddedness)->threads = threads;
    return status_ok();
}

void embeddedness_free(struct embeddedness *embeddedness) {
    if (embeddedness == NULL) {
        return;
    }
    for (unsigned i = 0; i < embeddedness->threads; i++) {
        pages_release(&embeddedness->marks[i]);
    }
    pages_release(&embeddedness->group_of);
    pages_release(&embeddedness->probes);
    pages_release(&embeddedness->groups);
    free(embeddedness);
}

static uint32_t pivot_of(const struct tie_batch *batch, size_t tie) {
    return batch->seen_from[tie] >= batch->seen_to[tie] ? batch->from[tie] : batch->to[tie];
}

static struct probe probe_of(const struct tie_batch *batch, size_t tie) {
    bool from_is_pivot = batch->seen_from[tie] >= batch->seen_to[tie];
    return (struct probe){
        .other = from_is_pivot ? batch->to[tie] : batch->from[tie],
        .seen_other = from_is_pivot ? batch->seen_to[tie] : batch->seen_from[tie],
        .seen_pivot = from_is_pivot ? batch->seen_from[tie] : batch->seen_to[tie],
        .tie = (uint32_t)tie,
    };
}

/* Sorts the ties by pivot, in event order within each: a counting sort over the pivots present. */
static struct status group_by_pivot(struct embeddedness *embeddedness, size_t node_count,
                                    const struct tie_batch *batch, struct err *err) {
    TRY(pages_grow(&embeddedness->group_of, node_count * sizeof(uint32_t), "the pivots", err));
    TRY(pages_grow(&embeddedness->probes, batch->count * sizeof(struct probe), "the kernel", err));
    uint32_t *group_of = embeddedness->group_of.data;
    struct probe *probes = embeddedness->probes.data;
    size_t group_count = 0;
    for (size_t i = 0; i < batch->count; i++) {
        group_count += group_of[pivot_of(batch, i)]++ == 0;
    }
    TRY(pages_grow(&embeddedness->groups, group_count * sizeof(struct group), "the pivots", err));
    struct group *groups = embeddedness->groups.data;
    uint32_t group = 0;
    uint32_t first = 0;
    for (size_t i = 0; i < batch->count; i++) {
        uint32_t pivot = pivot_of(batch, i);
        uint32_t value = group_of[pivot];
        if ((value & ROW_ENDED) == 0) { /* the pivot's first tie: its count becomes its group */
            groups[group] = (struct group){.pivot = pivot, .first = first, .end = first};
            first += value;
            value = group | ROW_ENDED;
            group_of[pivot] = value;
            group++;
        }
        probes[groups[value & ~ROW_ENDED].end++] = probe_of(batch, i);
    }
    for (size_t i = 0; i < group_count; i++) {
        group_of[groups[i].pivot] = 0;
    }
    embeddedness->group_count = group_count;
    return status_ok();
}

/* Marks (or unmarks, where ended) the entries [first, end) that belong to the part. */
static void marks_apply(uint64_t *marks, const uint32_t *entries, uint32_t first, uint32_t end,
                        struct part part) {
    for (uint32_t i = first; i < end; i++) {
        uint32_t node = entries[i] & ~ROW_ENDED;
        if (part.count != 1 && node % part.count != part.index) {
            continue;
        }
        uint64_t bit = UINT64_C(1) << (node & 63);
        if ((entries[i] & ROW_ENDED) == 0) {
            marks[node >> 6] |= bit;
        } else {
            marks[node >> 6] &= ~bit;
        }
    }
}

static void marks_clear(uint64_t *marks, const uint32_t *entries, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        marks[(entries[i] & ~ROW_ENDED) >> 6] = 0;
    }
}

static uint32_t count_plain(const uint64_t *marks, const uint32_t *entries, uint32_t count) {
    uint32_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += (uint32_t)(marks[entries[i] >> 6] >> (entries[i] & 63)) & 1;
    }
    return sum;
}

static uint32_t count_signed(const uint64_t *marks, const uint32_t *entries, uint32_t count) {
    uint32_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t node = entries[i] & ~ROW_ENDED;
        uint32_t hit = (uint32_t)(marks[node >> 6] >> (node & 63)) & 1;
        sum += (entries[i] & ROW_ENDED) == 0 ? hit : 0 - hit;
    }
    return sum;
}

static uint32_t count_row(const struct rows *rows, const uint64_t *marks, uint32_t node,
                          uint32_t seen) {
    const struct row *row = &rows_all(rows)[node];
    const uint32_t *entries = row_entries(rows, row);
    return row->ended == 0 ? count_plain(marks, entries, seen) : count_signed(marks, entries, seen);
}

/* Fetches what the ties a little further on will need. */
static void prefetch_probe(const struct job *job, size_t position) {
    const struct probe *probes = job->embeddedness->probes.data;
    const struct row *rows = rows_all(job->rows);
    if (position + AHEAD_HEADERS < job->batch->count) {
        __builtin_prefetch(&rows[probes[position + AHEAD_HEADERS].other]);
    }
    if (position + AHEAD_ROWS < job->batch->count) {
        const struct probe *probe = &probes[position + AHEAD_ROWS];
        const uint32_t *entries = row_entries(job->rows, &rows[probe->other]);
        for (uint32_t at = 0; at < probe->seen_other && at < PREFETCH_WORDS; at += LINE_WORDS) {
            __builtin_prefetch(entries + at);
        }
    }
}

/* A pivot with one tie: marking is not shared, and costs more than scanning, so the shorter row is
 * marked and the longer one scanned. */
static void compute_single(const struct job *job, uint64_t *marks, uint32_t pivot,
                           const struct probe *probe) {
    const uint32_t *entries = row_entries(job->rows, &rows_all(job->rows)[probe->other]);
    marks_apply(marks, entries, 0, probe->seen_other, job->part);
    job->batch->mutual[probe->tie] = count_row(job->rows, marks, pivot, probe->seen_pivot);
    marks_clear(marks, entries, probe->seen_other);
}

static void compute_group(const struct job *job, uint64_t *marks, const struct group *group) {
    const struct probe *probes = job->embeddedness->probes.data;
    const uint32_t *entries = row_entries(job->rows, &rows_all(job->rows)[group->pivot]);
    uint32_t marked = 0;
    for (uint32_t position = group->first; position < group->end; position++) {
        const struct probe *probe = &probes[position];
        prefetch_probe(job, position);
        assert(probe->seen_pivot >= marked); /* the ties of a group are in event order */
        marks_apply(marks, entries, marked, probe->seen_pivot, job->part);
        marked = probe->seen_pivot;
        job->batch->mutual[probe->tie] =
            count_row(job->rows, marks, probe->other, probe->seen_other);
    }
    marks_clear(marks, entries, marked);
}

/* Fetches the header of the pivot after next, and the first lines of the next one's row. */
static void prefetch_pivot(const struct job *job, size_t group) {
    const struct group *groups = job->embeddedness->groups.data;
    const struct row *rows = rows_all(job->rows);
    if (group + 2 < job->embeddedness->group_count) {
        __builtin_prefetch(&rows[groups[group + 2].pivot]);
    }
    if (group + 1 < job->embeddedness->group_count) {
        const uint32_t *entries = row_entries(job->rows, &rows[groups[group + 1].pivot]);
        __builtin_prefetch(entries);
        __builtin_prefetch(entries + LINE_WORDS);
    }
}

static void compute_chunk(void *context, unsigned worker, size_t first, size_t end) {
    const struct job *job = context;
    uint64_t *marks = job->embeddedness->marks[worker].data;
    const struct group *groups = job->embeddedness->groups.data;
    const struct probe *probes = job->embeddedness->probes.data;
    for (size_t i = first; i < end; i++) {
        prefetch_pivot(job, i);
        if (groups[i].end - groups[i].first == 1) {
            prefetch_probe(job, groups[i].first);
            compute_single(job, marks, groups[i].pivot, &probes[groups[i].first]);
        } else {
            compute_group(job, marks, &groups[i]);
        }
    }
}

struct status embeddedness_compute(struct embeddedness *embeddedness, const struct rows *rows,
                                   struct tie_batch *batch, struct part part, struct err *err) {
    assert(part.count >= 1 && part.index < part.count && batch->count < ROW_ENDED);
    TRY(group_by_pivot(embeddedness, rows->node_count, batch, err));
    size_t mark_bytes = (rows->node_count + 63) / 64 * sizeof(uint64_t);
    for (unsigned i = 0; i < embeddedness->threads; i++) {
        TRY(pages_grow(&embeddedness->marks[i], mark_bytes, "a bit per member", err));
    }
    struct job job = {embeddedness, rows, batch, part};
    workers_run(embeddedness->threads, embeddedness->group_count, PIVOTS_PER_CHUNK, compute_chunk,
                &job);
    return status_ok();
}
