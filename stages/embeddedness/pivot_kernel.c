/* Method: see pivot_kernel.h for what is counted, scan.h for how. Here: the order of the work.
 *
 * The nodes are cut into chunks of about as many row entries each, which the threads take one after
 * the other. Of each pivot's row a window of entries is looked through for the events that it owns;
 * then these are counted one by one, while the rows of the next ones are on their way from memory.
 * That way is what a tie costs most: a row of its own, somewhere in gigabytes.
 *
 * Whose an event is tells a look-up of the other member's length, anywhere in memory, for every
 * entry of every row. Its answer is as good as drawn: a branch on it, even one that a compiler made
 * of an && or a ?:, holds everything up until the length has come.
 *
 * Rejected: fetching two lines of a row and leaving the rest to the processor (a third slower than
 * fetching what the event may see); asking for the offsets of a whole window at once, which fill
 * the first cache (a sixth slower); rows asked for 2 or 8 events ahead, or up to 1024 entries of
 * them (no faster); rows asked for into the second cache (no faster). And a flag in every entry
 * that tells whose its event is, set beforehand: 3 to 5 % faster than looking the lengths up as is
 * done here, with 1 billion ties as with 50 million; but it takes a bit of the node numbers, and
 * the lengths of all members before the first row is filled, which slices of a graph with a base do
 * not have.
 */
#include "stages/embeddedness/pivot_kernel.h"

#include "schemas/limits.h"
#include "stages/base/pages.h"
#include "stages/base/workers.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Entries of a chunk: so that its results are written in pieces of more than 64 KiB, and so that
 * every thread gets many chunks. */
enum { CHUNK_MOST = 1 << 17, CHUNK_LEAST = 1 << 8, CHUNKS_PER_THREAD = 64 };

/* Entries of a row that are looked through at a time, and by how many the ranks of their members
 * are asked for ahead. */
enum { WINDOW = 1024, AHEAD_RANKS = 32 };

/* Events ahead whose rows are fetched, and the most of a row that is. */
enum { AHEAD_OFFSETS = 16, AHEAD_ROWS = 4, FETCH_ENTRIES = 256, LINE_ENTRIES = 16 };

/* One event that the pivot owns and whose other member is a peer. */
struct probe {
    struct scan_row row; /* the other member's */
    uint32_t position;   /* of the event in the pivot's row */
    uint32_t seen;       /* entries of the pivot's row that the event sees */
    uint32_t slot;       /* among the pivot's */
};

/* How often a pair was met, of the pairs of one pivot that have several events. */
struct repeats {
    struct pages slots; /* struct repeat */
    uint32_t mask;
};

struct repeat {
    uint32_t node;
    uint32_t met; /* 0: a free slot */
};

/* What belongs to one thread. */
struct lane {
    struct scan scan;
    struct repeats repeats;
    struct arrival_rows rows; /* the pivots' of a chunk, where they come from a file */
    struct pages values;      /* uint32_t per slot of a chunk */
    struct probe probes[WINDOW];
    struct status status;
    struct err err;
};

struct run {
    const struct pivot_job *job;
    struct lane *lanes;
    struct pages starts; /* uint32_t: the first node of every chunk, and the end of the last */
    size_t chunks;
    atomic_bool is_failed;
    atomic_uint_fast64_t done; /* events */
};

/* A pivot at work. */
struct pivot {
    uint32_t node;
    const uint32_t *entries;
    uint32_t base;
    uint32_t count;
    uint32_t owned;
    uint32_t *values; /* its slots */
    uint32_t marked;  /* entries */
    uint32_t instant; /* first entry of the instant that the window has come to */
    uint32_t slot;    /* slots that the window has come by */
};

static struct status repeats_begin(struct repeats *repeats, const struct pivot *pivot,
                                   struct err *err) {
    uint32_t count = 0;
    for (uint32_t i = pivot->base; i < pivot->count; i++) {
        count += pivot->entries[i] / ROW_REPEAT & 1;
    }
    size_t slots = 1;
    while (slots < (size_t)count * 2) {
        slots *= 2;
    }
    repeats->mask = (uint32_t)(slots - 1);
    TRY(pages_grow(&repeats->slots, slots * sizeof(struct repeat), "pairs met again", err));
    memset(repeats->slots.data, 0, slots * sizeof(struct repeat));
    return status_ok();
}

/* The number of an entry among those of the batch about its pair; to be asked for each that is a
 * repeat, in order: the first repeat is the second entry. */
static uint32_t repeats_next(struct repeats *repeats, uint32_t node) {
    struct repeat *slots = repeats->slots.data;
    uint32_t at = node * UINT32_C(0x9e3779b1);
    at = (at ^ at >> 15) & repeats->mask;
    while (slots[at].met != 0 && slots[at].node != node) {
        at = (at + 1) & repeats->mask;
    }
    slots[at].node = node;
    slots[at].met += slots[at].met == 0 ? 2 : 1;
    return slots[at].met;
}

/* Lists the events of a window that the pivot owns and whose other member is a peer. Half of the
 * events are another's in no order, and lengths lie anywhere: so no branch waits for one, and they
 * are asked for ahead. */
static uint32_t window_list(const struct pivot_job *job, struct pivot *pivot, uint32_t first,
                            uint32_t end, struct probe *probes) {
    const struct arrival_rows *peers = job->peers;
    const uint32_t *entries = pivot->entries;
    const uint64_t rank = census_rank(job->census, pivot->node);
    const uint32_t last = pivot->count - 1;
    uint32_t count = 0;
    for (uint32_t i = first; i < end; i++) {
        uint32_t later = last - i < AHEAD_RANKS ? last : i + AHEAD_RANKS;
        census_foresee(job->census, entries[later] & ROW_NODE);
        uint32_t node = entries[i] & ROW_NODE;
        uint32_t is_own = rank > census_rank(job->census, node);
        uint32_t is_peer = node - peers->first < peers->end - peers->first;
        pivot->instant = (entries[i] & ROW_SAME) != 0 ? pivot->instant : i;
        probes[count].position = i;
        probes[count].seen = pivot->instant;
        probes[count].slot = pivot->slot;
        pivot->slot += is_own;
        count += is_own & is_peer;
    }
    return count;
}

/* Asks for what tells where a probe's row is. */
static void probe_foresee(const struct pivot_job *job, const struct pivot *pivot,
                          const struct probe *probe) {
    uint32_t node = pivot->entries[probe->position] & ROW_NODE;
    const uint64_t *offsets = job->peers->offsets.data;
    __builtin_prefetch(&offsets[node - job->peers->first]);
}

/* Finds a probe's row, and asks for the part of it that the event may see, as far as can be told
 * from how much of the batch has passed. */
static void probe_fetch(const struct pivot_job *job, const struct pivot *pivot,
                        struct probe *probe) {
    uint32_t node = pivot->entries[probe->position] & ROW_NODE;
    struct scan_row *row = &probe->row;
    row->entries = arrival_rows_of(job->peers, node, &row->count);
    row->base = census_base(job->census, node);
    float passed = (float)(probe->position - pivot->base) / (float)(pivot->count - pivot->base);
    uint32_t seen = row->base + (uint32_t)((float)(row->count - row->base) * passed);
    for (uint32_t i = 0; i <= seen && i < FETCH_ENTRIES; i += LINE_ENTRIES) {
        __builtin_prefetch(row->entries + i);
    }
}

/* What became of an event that made no tie; RESULT_UNKNOWN for one that did. */
static uint32_t outcome_of(uint32_t entry) {
    return (entry & ROW_REJECTED) != 0 ? RESULT_REJECTED
           : (entry & ROW_ENDED) != 0  ? RESULT_ENDED
                                       : RESULT_UNKNOWN;
}

static void probe_count(const struct pivot_job *job, struct lane *lane, struct pivot *pivot,
                        const struct probe *probe) {
    uint32_t entry = pivot->entries[probe->position];
    uint32_t n = (entry & ROW_REPEAT) == 0 ? 1 : repeats_next(&lane->repeats, entry & ROW_NODE);
    uint32_t value = outcome_of(entry);
    if (value == RESULT_UNKNOWN) {
        scan_mark(&lane->scan, pivot->entries, pivot->marked, probe->seen, job->part);
        pivot->marked = probe->seen;
        value = scan_until(&lane->scan, &probe->row, pivot->node, n);
    }
    pivot->values[probe->slot] = value;
}

/* The pivot's row is marked once for all its events; a row that is scanned is the shorter one. */
static void events_count(const struct pivot_job *job, struct lane *lane, struct pivot *pivot) {
    scan_begin(&lane->scan, pivot->count, pivot->node);
    scan_mark(&lane->scan, pivot->entries, 0, pivot->base, job->part);
    pivot->marked = pivot->base;
    for (uint32_t first = pivot->base; first < pivot->count; first += WINDOW) {
        uint32_t end = pivot->count - first < WINDOW ? pivot->count : first + WINDOW;
        uint32_t count = window_list(job, pivot, first, end, lane->probes);
        for (uint32_t i = 0; i < count + AHEAD_OFFSETS; i++) {
            if (i < count) {
                probe_foresee(job, pivot, &lane->probes[i]);
            }
            if (i >= AHEAD_OFFSETS - AHEAD_ROWS && i - (AHEAD_OFFSETS - AHEAD_ROWS) < count) {
                probe_fetch(job, pivot, &lane->probes[i - (AHEAD_OFFSETS - AHEAD_ROWS)]);
            }
            if (i >= AHEAD_OFFSETS) {
                probe_count(job, lane, pivot, &lane->probes[i - AHEAD_OFFSETS]);
            }
        }
    }
    scan_clear(&lane->scan, pivot->entries, pivot->marked, pivot->node);
}

/* Marking pays where it is shared. A pivot with one event, as most have at night, marks the other
 * member's row, which is the shorter one, and is scanned itself. */
static void event_count(const struct pivot_job *job, struct lane *lane, struct pivot *pivot) {
    struct probe probe;
    uint32_t count = 0;
    for (uint32_t i = pivot->base; i < pivot->count && count == 0; i++) {
        count = window_list(job, pivot, i, i + 1, &probe);
    }
    if (count == 0) {
        return;
    }
    uint32_t entry = pivot->entries[probe.position];
    pivot->values[0] = outcome_of(entry);
    if (pivot->values[0] == RESULT_UNKNOWN) {
        probe_fetch(job, pivot, &probe);
        uint32_t seen = scan_find(&probe.row, pivot->node);
        scan_begin(&lane->scan, seen, pivot->node);
        scan_mark(&lane->scan, probe.row.entries, 0, seen, job->part);
        pivot->values[0] = scan_count(&lane->scan, pivot->entries, probe.seen);
        scan_clear(&lane->scan, probe.row.entries, seen, pivot->node);
    }
}

static struct status pivots_count(const struct pivot_job *job, struct lane *lane, uint32_t first,
                                  uint32_t end, struct err *err) {
    const struct arrival_rows *rows = job->pivots == NULL ? job->peers : &lane->rows;
    uint32_t *values = lane->values.data;
    for (uint32_t node = first; node < end; node++) {
        struct pivot pivot = {.node = node, .owned = census_owned(job->census, node)};
        if (pivot.owned == 0) {
            continue;
        }
        pivot.entries = arrival_rows_of(rows, node, &pivot.count);
        pivot.base = census_base(job->census, node);
        pivot.values = values;
        values += pivot.owned;
        if (arrival_rows_is_signed(rows, node)) {
            TRY(repeats_begin(&lane->repeats, &pivot, err));
        }
        if (pivot.owned == 1) {
            event_count(job, lane, &pivot);
        } else {
            events_count(job, lane, &pivot);
            assert(pivot.slot == pivot.owned);
        }
    }
    return status_ok();
}

static struct status chunk_count(struct run *run, struct lane *lane, size_t chunk,
                                 struct err *err) {
    const struct pivot_job *job = run->job;
    const uint32_t *starts = run->starts.data;
    uint32_t first = starts[chunk];
    uint32_t end = starts[chunk + 1];
    uint64_t slot = results_first(job->results, first);
    size_t slots = (size_t)(results_first(job->results, end) - slot);
    if (slots == 0) {
        return status_ok();
    }
    TRY(pages_grow(&lane->values, slots * sizeof(uint32_t), "the results of a chunk", err));
    if (job->pivots != NULL) { /* other slices have other peers */
        TRY(row_file_read(job->pivots, first, end, &lane->rows, err));
        TRY(results_get(job->results, slot, lane->values.data, slots, err));
    }
    TRY(pivots_count(job, lane, first, end, err));
    TRY(results_put(job->results, slot, lane->values.data, slots, err));
    uint64_t done = atomic_fetch_add(&run->done, slots) + slots;
    if (lane == run->lanes && job->progress != NULL) {
        job->progress(job->progress_context, done);
    }
    return status_ok();
}

static void chunks_count(void *context, unsigned worker, size_t first, size_t end) {
    struct run *run = context;
    struct lane *lane = &run->lanes[worker];
    for (size_t chunk = first; chunk < end && !atomic_load(&run->is_failed); chunk++) {
        lane->status = chunk_count(run, lane, chunk, &lane->err);
        if (failed(lane->status)) {
            atomic_store(&run->is_failed, true);
        }
    }
}

static uint64_t node_weight(const struct census *census, uint32_t node) {
    return (uint64_t)census_base(census, node) + census_entries(census, node) + 1;
}

static struct status chunks_cut(struct run *run, struct err *err) {
    const struct census *census = run->job->census;
    uint64_t total = 0;
    for (size_t node = 0; node < census->node_count; node++) {
        total += node_weight(census, (uint32_t)node);
    }
    uint64_t least = total / ((uint64_t)run->job->threads * CHUNKS_PER_THREAD);
    least = least < CHUNK_LEAST ? CHUNK_LEAST : least > CHUNK_MOST ? CHUNK_MOST : least;
    TRY(pages_grow(&run->starts, (total / least + 2) * sizeof(uint32_t), "pieces of work", err));
    uint32_t *starts = run->starts.data;
    uint64_t weight = 0;
    for (size_t node = 0; node < census->node_count; node++) {
        weight += node_weight(census, (uint32_t)node);
        if (weight >= least) {
            starts[++run->chunks] = (uint32_t)node + 1;
            weight = 0;
        }
    }
    if (weight > 0) {
        starts[++run->chunks] = (uint32_t)census->node_count;
    }
    return status_ok();
}

static struct status lanes_run(struct run *run, struct err *err) {
    const struct pivot_job *job = run->job;
    TRY(chunks_cut(run, err));
    for (unsigned i = 0; i < job->threads; i++) {
        TRY(scan_init(&run->lanes[i].scan, job->census->node_count, job->set, err));
    }
    workers_run(job->threads, run->chunks, 1, chunks_count, run);
    for (unsigned i = 0; i < job->threads; i++) {
        if (failed(run->lanes[i].status)) {
            if (err != NULL) {
                *err = run->lanes[i].err;
            }
            return run->lanes[i].status;
        }
    }
    return status_ok();
}

struct status pivot_kernel_run(const struct pivot_job *job, struct err *err) {
    assert(job->threads >= 1 && job->threads <= LIMIT_THREADS);
    assert(job->part.count >= 1 && job->part.index < job->part.count);
    assert(job->pivots != NULL ||
           (job->peers->first == 0 && job->peers->end == job->census->node_count));
    struct run run = {.job = job, .lanes = calloc(job->threads, sizeof *run.lanes)};
    if (run.lanes == NULL) {
        return err_memory(err, job->threads * sizeof *run.lanes, "the kernel's threads");
    }
    struct status status = lanes_run(&run, err);
    for (unsigned i = 0; i < job->threads; i++) {
        struct lane *lane = &run.lanes[i];
        scan_release(&lane->scan);
        pages_release(&lane->repeats.slots);
        arrival_rows_release(&lane->rows);
        pages_release(&lane->values);
    }
    free(run.lanes);
    pages_release(&run.starts);
    return status;
}
