/* Nearly always the range is one batch: its census is counted first, tells that, and is handed on.
 * Otherwise the range is read once more, event by event, and cut where the churn of the batch so
 * far would go beyond what its entries justify; under STRICT at the last instant's edge before.
 *
 * Rejected: halving until every half is fine (a log in which one pair flickers for ever would be
 * counted a dozen times over).
 */
#include "stages/embeddedness/batch_series.h"

#include <assert.h>
#include <stdlib.h>

/* Churn that is fine: a step of the kernel for each, so CHURN_PER_ENTRY of them cost about what an
 * entry costs otherwise, and CHURN_SMALL some milliseconds. */
static const uint64_t CHURN_PER_ENTRY = 64;
static const uint64_t CHURN_SMALL = 10000000;

/* Entries that are copied at once from the rows before a batch to its own. */
enum { COPY_ENTRIES = 1 << 20 };

struct batch_series {
    struct batch_options options;
    struct batch batch;
    uint64_t *ends; /* of the batches; ends[0 .. count) */
    size_t count;
    size_t capacity;
    size_t next;
    struct pages wanted; /* of the whole range, where it is cut and only the touched are wanted */
    struct row_file
        *before; /* settled rows before the batch; NULL: the base is that of the options */
    struct row_file *made; /* settled rows after it, on their way */
};

void batch_series_free(struct batch_series *series) {
    if (series != NULL) {
        batch_release(&series->batch);
        free(series->ends);
        pages_release(&series->wanted);
        row_file_close(series->before);
        row_file_close(series->made);
        free(series);
    }
}

static uint64_t churn_limit(uint64_t entries) {
    return entries > CHURN_SMALL / CHURN_PER_ENTRY ? entries * CHURN_PER_ENTRY : CHURN_SMALL;
}

static struct status end_add(struct batch_series *series, uint64_t end, struct err *err) {
    if (series->count == series->capacity) {
        size_t capacity = series->capacity * 2 + 16;
        uint64_t *grown = reallocarray(series->ends, capacity, sizeof *grown);
        if (grown == NULL) {
            return err_memory(err, capacity * sizeof *grown, "the ends of batches");
        }
        series->ends = grown;
        series->capacity = capacity;
    }
    series->ends[series->count++] = end;
    return status_ok();
}

/* Disconnects of a node in the batch that is being cut. */
struct disconnects {
    uint64_t batch; /* whose they are: its number + 1 */
    uint64_t count;
};

/* Where the cutting stands. */
struct cutter {
    struct pages disconnects; /* struct disconnects per node */
    uint64_t batch;           /* number of the batch + 1 */
    uint64_t first;           /* its first event */
    uint64_t edge;            /* where it may end: the latest that was seen */
    int64_t at_ms;            /* of the event before */
    uint64_t churn;
    uint64_t open; /* entries of the rows before the batch, about */
    uint64_t made; /* connects of the batch */
    uint64_t ended;
};

static void cutter_restart(struct cutter *cutter, uint64_t first) {
    uint64_t open = cutter->open + 2 * cutter->made;
    cutter->open = open > 2 * cutter->ended ? open - 2 * cutter->ended : 0;
    cutter->batch++;
    cutter->first = first;
    cutter->edge = first;
    cutter->churn = 0;
    cutter->made = 0;
    cutter->ended = 0;
}

/* The number of disconnects is one more: so much is the sum of squares. */
static uint64_t churn_add(struct cutter *cutter, uint32_t node) {
    struct disconnects *disconnects = (struct disconnects *)cutter->disconnects.data + node;
    if (disconnects->batch != cutter->batch) {
        *disconnects = (struct disconnects){cutter->batch, 0};
    }
    return 2 * disconnects->count++ + 1;
}

/* Takes an event into the batch; whether the batch must end at the edge, before it. */
static bool cutter_put(struct cutter *cutter, const struct batch_series *series,
                       const struct tape_block *events, size_t i) {
    uint64_t number = events->first + i;
    bool is_strict = series->options.simultaneous == SIMULTANEOUS_STRICT;
    if (number == cutter->first || !is_strict || events->at_ms[i] != cutter->at_ms) {
        cutter->edge = number;
    }
    cutter->at_ms = events->at_ms[i];
    if (event_code_kind(events->code[i]) == EVENT_CONNECT) {
        cutter->made++;
        return false;
    }
    cutter->ended++;
    cutter->churn += churn_add(cutter, events->from[i]) + churn_add(cutter, events->to[i]);
    uint64_t entries =
        series->options.node_count + cutter->open + 2 * (cutter->made + cutter->ended);
    return cutter->churn > churn_limit(entries) && cutter->edge > cutter->first;
}

static struct status range_cut(struct batch_series *series, struct cutter *cutter,
                               struct tape_block *events, struct err *err) {
    struct tape_range range = series->options.range;
    uint64_t number = range.first;
    cutter->open = series->options.base_entries;
    cutter_restart(cutter, number);
    TRY(pages_grow(&cutter->disconnects, series->options.node_count * sizeof(struct disconnects),
                   "the disconnects of the members", err));
    while (number < range.end) {
        size_t block = (size_t)(number / TAPE_BLOCK_EVENTS);
        TRY(tape_read(series->options.tape, block, events, err));
        size_t i = (size_t)(number - events->first);
        bool is_full = false;
        while (i < events->count && number < range.end && !is_full) {
            is_full = cutter_put(cutter, series, events, i);
            i++;
            number++;
        }
        if (is_full) {
            number = cutter->edge; /* what came after it is counted anew */
            TRY(end_add(series, number, err));
            cutter_restart(cutter, number);
        }
    }
    return end_add(series, range.end, err);
}

static struct status series_cut(struct batch_series *series, struct err *err) {
    struct cutter cutter = {0};
    struct tape_block *events = malloc(sizeof *events);
    if (events == NULL) {
        return err_memory(err, sizeof *events, "a block of events");
    }
    struct status status = range_cut(series, &cutter, events, err);
    pages_release(&cutter.disconnects);
    free(events);
    return status;
}

/* Counts the whole range, and cuts it where that tells so. */
static struct status series_prepare(struct batch_series *series, struct err *err) {
    const struct batch_options *options = &series->options;
    struct census *census = &series->batch.census;
    uint64_t entries = options->base_entries + 2 * (options->range.end - options->range.first);
    TRY(census_count(census, options->tape, options->range, options->node_count, options->threads,
                     err));
    if (census->churn <= churn_limit(options->node_count + entries)) {
        return end_add(series, options->range.end, err);
    }
    TRY(series_cut(series, err));
    if (series->count > 1) {
        if (options->base != NULL && options->after == NULL) {
            TRY(batch_touched(census, &series->wanted, err));
        }
        census_release(census);
    }
    return status_ok();
}

struct status batch_series_new(struct batch_series **series, const struct batch_options *options,
                               struct err *err) {
    *series = calloc(1, sizeof **series);
    if (*series == NULL) {
        return err_memory(err, sizeof **series, "the batches");
    }
    (*series)->options = *options;
    struct status status = series_prepare(*series, err);
    if (failed(status)) {
        batch_series_free(*series);
        *series = NULL;
    }
    return status;
}

/* How many nodes from `first` on hold at most COPY_ENTRIES entries; one at least. */
static uint32_t copy_end(const struct row_file *file, uint32_t first, uint32_t end) {
    uint32_t least = first + 1;
    uint32_t most = end;
    while (least < most) {
        uint32_t middle = least + (most - least + 1) / 2;
        if (row_file_entries(file, first, middle) <= COPY_ENTRIES) {
            least = middle;
        } else {
            most = middle - 1;
        }
    }
    return least;
}

static struct status rows_copy(const uint64_t *wanted, struct census *census,
                               const struct arrival_rows *from, struct arrival_rows *rows,
                               struct err *err) {
    for (uint32_t node = from->first; node < from->end; node++) {
        uint32_t count;
        const uint32_t *neighbours = arrival_rows_of(from, node, &count);
        bool is_wanted = wanted == NULL || (wanted[node >> 6] >> (node & 63) & 1) != 0;
        if (count != 0 && is_wanted) {
            TRY(arrival_rows_base(rows, census, node, neighbours, count, err));
        }
    }
    return status_ok();
}

/* batch_base.load: from the settled rows before. */
static struct status before_load(void *context, const uint64_t *wanted, struct census *census,
                                 struct arrival_rows *rows, struct err *err) {
    const struct batch_series *series = context;
    struct arrival_rows read = {0};
    struct status status = status_ok();
    uint32_t first = rows->first;
    while (first < rows->end && !failed(status)) {
        uint32_t end = copy_end(series->before, first, rows->end);
        status = row_file_read(series->before, first, end, &read, err);
        if (!failed(status)) {
            status = rows_copy(wanted, census, &read, rows, err);
        }
        first = end;
    }
    arrival_rows_release(&read);
    return status;
}

/* batch_after.take: for the batch that follows. */
static struct status made_take(void *context, struct arrival_rows *rows, struct err *err) {
    struct batch_series *series = context;
    return row_file_append(series->made, rows, err);
}

static struct status series_run(struct batch_series *series, struct tape_range range,
                                struct err *err) {
    struct batch_options options = series->options;
    const struct batch_base base = {series, before_load};
    const struct batch_after after = {series, made_take};
    bool is_last = range.end == series->options.range.end;
    options.range = range;
    if (series->before != NULL) {
        options.base = &base;
        /* What came to stand beside the first replay stays. */
        options.memory_bytes -= options.beside_bytes < options.memory_bytes ? options.beside_bytes
                                                                            : options.memory_bytes;
        options.beside_bytes = 0;
        options.base_entries = row_file_entries(series->before, 0, (uint32_t)options.node_count);
    } else if (series->wanted.data != NULL) {
        options.wanted = series->wanted.data;
    }
    if (!is_last) {
        options.after = &after;
        TRY(row_file_open(&series->made, options.scratch_folder, options.node_count, err));
    }
    TRY(batch_run(&series->batch, &options, err));
    row_file_close(series->before);
    series->before = series->made;
    series->made = NULL;
    return status_ok();
}

struct status batch_series_next(struct batch_series *series, const struct batch **batch,
                                struct err *err) {
    *batch = NULL;
    if (series->next == series->count) {
        return status_ok();
    }
    struct tape_range range = series->options.range;
    if (series->next > 0) {
        range.first = series->ends[series->next - 1];
        batch_release(&series->batch);
    }
    range.end = series->ends[series->next];
    TRY(series_run(series, range, err));
    series->next++;
    *batch = &series->batch;
    return status_ok();
}
