/* Slices are cut so that each takes the same memory: what a node weighs is its entries, its offset,
 * and, of those whose rows are wanted from the base, an equal share of what the base may bring.
 *
 * Rows of all slices are made before the first is listed, because only then is every row's length
 * known and with it every pair's pivot.
 *
 * Rejected: slices of pivots as well (a pass for each pair of slices, for marks that are small
 * anyway); deciding pivots by entries alone, without the base (all rows need not be made first, but
 * at night the base is nearly all of a row).
 */
#include "stages/embeddedness/batch.h"

#include "stages/adjacency/row_fill.h"
#include "stages/embeddedness/replay.h"

#include <assert.h>

/* What a node of a slice weighs beside its entries, in entries: its offset. */
enum { OFFSET_ENTRIES = sizeof(uint64_t) / sizeof(uint32_t) };

/* What a thread takes whatever the sizes. */
static const uint64_t THREAD_BYTES = 4 << 20;

/* A batch while it runs. */
struct run {
    struct batch *batch;
    const struct batch_options *options;
    struct pages wanted; /* a bit per node; none: all are */
    struct arrival_rows rows;
    struct row_file *file;                 /* NULL with one slice */
    uint32_t bounds[BATCH_SLICES_MAX + 1]; /* slice s is the nodes [bounds[s], bounds[s + 1]) */
    unsigned listed;                       /* slices */
};

/* Sizes that a plan follows from. */
struct sizes {
    uint64_t nodes;
    uint64_t events;
    uint64_t entries;      /* of all rows */
    uint64_t firsts_bytes; /* of results: beside their slots */
    uint64_t slots_bytes;
    uint64_t fill_bytes; /* of events on their way into rows */
    uint64_t beside_bytes;
    unsigned threads;
    bool has_base;
};

static struct sizes sizes_of(const struct batch_options *options) {
    uint64_t events = options->range.end - options->range.first;
    return (struct sizes){
        .nodes = options->node_count,
        .events = events,
        .entries = 2 * events + options->base_entries,
        .firsts_bytes = (options->node_count + 1) * sizeof(uint64_t),
        .slots_bytes = events * sizeof(uint16_t),
        .fill_bytes = row_fill_bytes(options->range),
        .beside_bytes = options->beside_bytes,
        .threads = options->threads,
        .has_base = options->base != NULL,
    };
}

/* Greatest memory at any time: while rows are made, listed, settled, and when they are gone. */
static uint64_t peak_bytes(const struct sizes *sizes, unsigned slices, bool results_in_memory) {
    uint64_t word = sizeof(uint32_t);
    uint64_t bits = sizes->nodes / 8 + sizeof(uint64_t);
    uint64_t slice_nodes = sizes->nodes / slices + 1;
    uint64_t always = sizes->nodes * word * (sizes->has_base ? 3 : 2) + bits;
    uint64_t rows = sizes->entries / slices * word + slice_nodes * sizeof(uint64_t);
    uint64_t index = slices > 1 ? sizes->nodes * sizeof(uint64_t) : 0;
    uint64_t held = rows + index + sizes->threads * (THREAD_BYTES + 2 * bits);
    uint64_t making = held + sizes->fill_bytes;
    uint64_t listing = held + sizes->firsts_bytes + slice_nodes * word +
                       (results_in_memory ? sizes->slots_bytes : 0);
    uint64_t replaying =
        sizes->firsts_bytes + sizes->slots_bytes + replay_bytes(sizes->nodes) + sizes->beside_bytes;
    uint64_t greatest = making > listing ? making : listing;
    return always + (greatest > replaying ? greatest : replaying);
}

static uint64_t scratch_bytes(const struct sizes *sizes, const struct batch_plan *plan) {
    return (plan->slices > 1 ? sizes->entries * sizeof(uint32_t) : 0) +
           (plan->results_in_memory ? 0 : sizes->slots_bytes);
}

static struct status plan_fit(const struct sizes *sizes, uint64_t memory_bytes,
                              struct batch_plan *plan, struct err *err) {
    uint64_t alone = peak_bytes(sizes, 1, false);
    uint64_t sliced = peak_bytes(sizes, BATCH_SLICES_MAX, false);
    *plan = (struct batch_plan){.least_bytes = alone < sliced ? alone : sliced};
    for (unsigned slices = 1; slices <= BATCH_SLICES_MAX; slices++) {
        if (peak_bytes(sizes, slices, false) <= memory_bytes) {
            plan->slices = slices;
            plan->results_in_memory = peak_bytes(sizes, slices, true) <= memory_bytes;
            plan->memory_bytes = peak_bytes(sizes, slices, plan->results_in_memory);
            plan->scratch_bytes = scratch_bytes(sizes, plan);
            return status_ok();
        }
    }
    return err_set(
        err, FAILURE_USAGE,
        "%llu events of %llu members take at least %llu MiB of memory here, and %llu MiB "
        "are left for them: allow more memory",
        (unsigned long long)sizes->events, (unsigned long long)sizes->nodes,
        (unsigned long long)(plan->least_bytes >> 20) + 1,
        (unsigned long long)(memory_bytes >> 20));
}

struct status batch_plan_make(const struct batch_options *options, struct batch_plan *plan,
                              struct err *err) {
    struct sizes sizes = sizes_of(options);
    return plan_fit(&sizes, options->memory_bytes, plan, err);
}

static void progress_tell(const struct batch_options *options, const char *phase, uint64_t done,
                          uint64_t all) {
    if (options->progress != NULL) {
        options->progress(options->progress_context, phase, done, all);
    }
}

struct status batch_touched(const struct census *census, struct pages *bits, struct err *err) {
    TRY(pages_grow(bits, (census->node_count + 63) / 64 * sizeof(uint64_t), "a bit per member",
                   err));
    uint64_t *words = bits->data;
    for (size_t i = 0; i < census->node_count; i++) {
        words[i >> 6] |= (uint64_t)census_is_touched(census, (uint32_t)i) << (i & 63);
    }
    return status_ok();
}

/* Whose rows the base shall bring: all where somebody wants the graph, else the touched ones. */
static struct status wanted_mark(struct run *run, struct err *err) {
    const struct batch_options *options = run->options;
    bool is_all = options->base == NULL || options->after != NULL;
    return options->wanted != NULL || is_all
               ? status_ok()
               : batch_touched(&run->batch->census, &run->wanted, err);
}

static const uint64_t *run_wanted(const struct run *run) {
    return run->options->wanted != NULL ? run->options->wanted : run->wanted.data;
}

static uint64_t wanted_count(const struct run *run) {
    const uint64_t *bits = run_wanted(run);
    uint64_t count = 0;
    if (bits == NULL) {
        return run->options->node_count;
    }
    for (size_t i = 0; i < (run->options->node_count + 63) / 64; i++) {
        count += (uint64_t)__builtin_popcountll(bits[i]);
    }
    return count;
}

static void slices_cut(struct run *run) {
    const struct census *census = &run->batch->census;
    const uint64_t *bits = run_wanted(run);
    uint64_t wanted = wanted_count(run);
    uint64_t share = wanted == 0 ? 0 : run->options->base_entries / wanted;
    uint64_t nodes = run->options->node_count;
    uint64_t events = census->range.end - census->range.first;
    uint64_t all = nodes * OFFSET_ENTRIES + 2 * events + wanted * share;
    uint64_t weight = 0;
    unsigned slices = run->batch->plan.slices;
    unsigned cut = 1;
    for (uint32_t node = 0; node < nodes; node++) {
        bool has_base = bits == NULL || (bits[node >> 6] >> (node & 63) & 1) != 0;
        weight += OFFSET_ENTRIES + census_entries(census, node) + (has_base ? share : 0);
        while (cut < slices && weight >= all / slices * cut) {
            run->bounds[cut++] = node + 1;
        }
    }
    while (cut <= slices) {
        run->bounds[cut++] = (uint32_t)nodes;
    }
}

/* Makes the rows of [first, end), resolved. */
static struct status slice_make(struct run *run, uint32_t first, uint32_t end, struct err *err) {
    const struct batch_options *options = run->options;
    struct batch *batch = run->batch;
    TRY(arrival_rows_begin(&run->rows, first, end, err));
    if (options->base != NULL) {
        TRY(options->base->load(options->base->context, run_wanted(run), &batch->census, &run->rows,
                                err));
    }
    TRY(arrival_rows_fill(&run->rows, &batch->census, options->tape, options->simultaneous,
                          options->threads, err));
    TRY(arrival_rows_resolve(&run->rows, &batch->census, options->threads, err));
    batch->open_entries += run->rows.open_entries;
    return run->file == NULL ? status_ok() : row_file_append(run->file, &run->rows, err);
}

static struct status rows_make(struct run *run, struct err *err) {
    unsigned slices = run->batch->plan.slices;
    if (slices > 1) {
        TRY(row_file_open(&run->file, run->options->scratch_folder, run->options->node_count, err));
    }
    for (unsigned i = 0; i < slices; i++) {
        progress_tell(run->options, "rows", i, slices);
        TRY(slice_make(run, run->bounds[i], run->bounds[i + 1], err));
    }
    progress_tell(run->options, "rows", slices, slices);
    return status_ok();
}

/* How many bytes results take is known for certain only when the longest row is. */
static struct status results_prepare(struct run *run, struct err *err) {
    struct batch *batch = run->batch;
    struct batch_plan *plan = &batch->plan;
    struct sizes sizes = sizes_of(run->options);
    sizes.slots_bytes = results_bytes(&batch->census) - sizes.firsts_bytes;
    uint64_t memory_bytes = run->options->memory_bytes;
    uint64_t needed = peak_bytes(&sizes, plan->slices, false);
    if (needed > memory_bytes) {
        return err_set(err, FAILURE_USAGE,
                       "a member with %u connections makes the results of %llu events longer: they "
                       "take at least %llu MiB of memory here, and %llu MiB are left for them: "
                       "allow more memory",
                       batch->census.longest, (unsigned long long)sizes.events,
                       (unsigned long long)(needed >> 20) + 1,
                       (unsigned long long)(memory_bytes >> 20));
    }
    plan->results_in_memory =
        plan->results_in_memory && peak_bytes(&sizes, plan->slices, true) <= memory_bytes;
    plan->memory_bytes = peak_bytes(&sizes, plan->slices, plan->results_in_memory);
    plan->scratch_bytes = scratch_bytes(&sizes, plan);
    return results_new(&batch->results, &batch->census,
                       plan->results_in_memory ? NULL : run->options->scratch_folder, err);
}

static void listing_tell(void *context, uint64_t events) {
    const struct run *run = context;
    uint64_t all = run->options->range.end - run->options->range.first;
    unsigned slices = run->batch->plan.slices;
    /* Every slice passes all events by, and finds the results of its share of them. */
    progress_tell(run->options, "embeddedness", (run->listed * all + events) / slices, all);
}

/* Rows are asked for at random, all over the memory, where each small page costs a walk through the
 * tables that tell where it is. They were made while the system kept the tape and the log in
 * whatever memory was free: at 2 billion ties a third of all memory lay in small pages, and
 * counting was a fifth slower for it. */
static void rows_place(const struct run *run) {
    if (!pages_collapse(&run->rows.entries)) {
        tape_uncache(run->options->tape);
        (void)pages_collapse(&run->rows.entries);
    }
}

/* Finds the results of the events whose other member is in [first, end), and hands its rows on. */
static struct status slice_list(struct run *run, uint32_t first, uint32_t end, struct err *err) {
    const struct batch_options *options = run->options;
    if (run->file != NULL) {
        TRY(row_file_read(run->file, first, end, &run->rows, err));
    }
    struct pivot_job job = {
        .census = &run->batch->census,
        .peers = &run->rows,
        .pivots = run->file,
        .results = run->batch->results,
        .part = {0, 1},
        .set = options->set,
        .threads = options->threads,
        .progress = listing_tell,
        .progress_context = run,
    };
    listing_tell(run, 0);
    rows_place(run);
    TRY(pivot_kernel_run(&job, err));
    run->listed++;
    listing_tell(run, 0);
    if (options->after == NULL) {
        return status_ok();
    }
    TRY(arrival_rows_settle(&run->rows, options->threads, err));
    return options->after->take(options->after->context, &run->rows, err);
}

static struct status slices_list(struct run *run, struct err *err) {
    for (unsigned i = 0; i < run->batch->plan.slices; i++) {
        TRY(slice_list(run, run->bounds[i], run->bounds[i + 1], err));
    }
    return status_ok();
}

static struct status census_prepare(struct run *run, struct err *err) {
    const struct batch_options *options = run->options;
    struct census *census = &run->batch->census;
    if (census->entries.data == NULL) {
        TRY(census_count(census, options->tape, options->range, options->node_count,
                         options->threads, err));
    }
    assert(census->node_count == options->node_count);
    assert(census->range.first == options->range.first);
    assert(census->range.end == options->range.end);
    return wanted_mark(run, err);
}

struct status batch_run(struct batch *batch, const struct batch_options *options, struct err *err) {
    struct run run = {.batch = batch, .options = options};
    struct status status;
    TRY_OR(done, status, batch_plan_make(options, &batch->plan, err));
    TRY_OR(done, status, census_prepare(&run, err));
    slices_cut(&run);
    TRY_OR(done, status, rows_make(&run, err));
    TRY_OR(done, status, census_own(&batch->census, options->tape, options->threads, err));
    TRY_OR(done, status, results_prepare(&run, err));
    TRY_OR(done, status, slices_list(&run, err));
    arrival_rows_release(&run.rows);
    TRY_OR(done, status, results_seal(batch->results, options->threads, err));
done:
    arrival_rows_release(&run.rows);
    row_file_close(run.file);
    pages_release(&run.wanted);
    return status;
}

void batch_release(struct batch *batch) {
    results_free(batch->results);
    census_release(&batch->census);
    *batch = (struct batch){0};
}
