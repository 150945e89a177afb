/* Events are applied one by one, in order, by one thread: each is two appends to cold rows, and
 * what they wait for (the row headers, the rows' ends, the filter's word) is fetched a few events
 * ahead. A second thread gains nothing here (either thread would wait for half of the same lines);
 * the counting behind it is what is shared out.
 */
#include "stages/adjacency/adjacency.h"

#include "schemas/limits.h"

#include <assert.h>
#include <stdlib.h>

/* Bounds of a batch, and which part of the open ties it is. */
enum { BATCH_MIN = 1 << 20, BATCH_MAX = 1 << 28, BATCH_SHARE = 18 };

/* How many events ahead the headers and the rows' ends are fetched. */
enum { AHEAD_HEADERS = 64, AHEAD_ROWS = 32 };

/* A batch is laid out exactly (rows_reserve moves the whole arena) when it is at least this part of
 * the members; and the filter is built when a batch is at least this part of the ties. */
enum { PLAN_SHARE = 4, FILTER_SHARE = 16 };

/* Pairs that wait for their memory while the filter is filled. */
enum { FILTER_QUEUE = 16 };

/* Ended entries in one row, beyond as many as it has current ones, that end a batch. */
enum { CHURN_FLOOR = 1024 };

struct row_view {
    uint32_t seen;
    uint32_t ended;
};

struct instant_view {
    struct row_view from;
    struct row_view to;
};

void adjacency_release(struct adjacency *adjacency) {
    rows_release(&adjacency->rows);
    pair_filter_release(&adjacency->filter);
    pages_release(&adjacency->scratch);
    free(adjacency->unsettled);
    free(adjacency->views);
    *adjacency = (struct adjacency){0};
}

struct status adjacency_settle(struct adjacency *adjacency, struct err *err) {
    size_t scratch_bytes = adjacency->rows.node_count / 8 + sizeof(uint64_t);
    TRY(pages_grow(&adjacency->scratch, scratch_bytes, "a bit per member", err));
    for (size_t i = 0; i < adjacency->unsettled_count; i++) {
        rows_settle(&adjacency->rows, (struct node_id){adjacency->unsettled[i]},
                    adjacency->scratch.data);
    }
    adjacency->unsettled_count = 0;
    adjacency->is_churned = false;
    return status_ok();
}

/* A short queue of pairs on their way into the filter, so that the memory each goes to is fetched
 * while others are added. */
struct filter_queue {
    struct pair_filter *filter;
    struct pair_bits bits[FILTER_QUEUE];
    size_t count; /* ever put in */
};

static void filter_queue_put(struct filter_queue *queue, struct node_id a, struct node_id b) {
    struct pair_bits *place = &queue->bits[queue->count % FILTER_QUEUE];
    if (queue->count >= FILTER_QUEUE) {
        pair_filter_add(queue->filter, *place);
    }
    *place = pair_filter_locate(queue->filter, a, b);
    pair_filter_prefetch(queue->filter, *place);
    queue->count++;
}

static void filter_queue_drain(struct filter_queue *queue) {
    size_t waiting = queue->count < FILTER_QUEUE ? queue->count : FILTER_QUEUE;
    for (size_t i = 0; i < waiting; i++) {
        pair_filter_add(queue->filter, queue->bits[i]);
    }
}

/* Fills a fresh filter from the rows, which are settled. */
static struct status filter_rebuild(struct adjacency *adjacency, uint64_t pairs, struct err *err) {
    TRY(pair_filter_reset(&adjacency->filter, pairs, err));
    const struct rows *rows = &adjacency->rows;
    struct filter_queue queue = {.filter = &adjacency->filter};
    for (uint32_t node = 0; node < rows->node_count; node++) {
        const struct row *row = &rows_all(rows)[node];
        const uint32_t *entries = row_entries(rows, row);
        for (uint32_t i = 0; i < row->count; i++) {
            if (entries[i] > node) {
                filter_queue_put(&queue, (struct node_id){node}, (struct node_id){entries[i]});
            }
        }
    }
    filter_queue_drain(&queue);
    return status_ok();
}

/* Builds the filter where it is missing or too full, if the batch is large enough to pay for it. */
static struct status filter_prepare(struct adjacency *adjacency, size_t events, struct err *err) {
    const struct pair_filter *filter = &adjacency->filter;
    bool fits = filter->word_count != 0 && !pair_filter_is_full(filter, events);
    if (fits || events < adjacency->open_count / FILTER_SHARE) {
        return status_ok();
    }
    return filter_rebuild(adjacency, (adjacency->open_count + events) * 3 / 2, err);
}

/* Announces the batch's entries to the rows, so that they get no slack. Duplicates count too: a few
 * entries of room too many. */
static struct status rows_plan(struct adjacency *adjacency, const struct tie_batch *batch,
                               struct err *err) {
    size_t nodes = adjacency->rows.node_count;
    if (batch->next != 0 || batch->staged < nodes / PLAN_SHARE) {
        return status_ok();
    }
    uint32_t *extra = calloc(nodes, sizeof *extra);
    if (extra == NULL) {
        return err_memory(err, nodes * sizeof *extra, "the plan of a batch");
    }
    for (size_t i = batch->next; i < batch->staged; i++) {
        extra[batch->from[i]]++;
        extra[batch->to[i]]++;
    }
    struct status status = rows_reserve(&adjacency->rows, extra, err);
    free(extra);
    return status;
}

static void prefetch_event(const struct adjacency *adjacency, const struct tie_batch *batch,
                           size_t i) {
    if (i + AHEAD_HEADERS < batch->staged) {
        size_t ahead = i + AHEAD_HEADERS;
        const struct row *rows = rows_all(&adjacency->rows);
        __builtin_prefetch(&rows[batch->from[ahead]], 1);
        __builtin_prefetch(&rows[batch->to[ahead]], 1);
        if (adjacency->filter.word_count != 0) {
            pair_filter_prefetch(&adjacency->filter,
                                 pair_filter_locate(&adjacency->filter,
                                                    (struct node_id){batch->from[ahead]},
                                                    (struct node_id){batch->to[ahead]}));
        }
    }
    if (i + AHEAD_ROWS < batch->staged) {
        size_t ahead = i + AHEAD_ROWS;
        const struct rows *rows = &adjacency->rows;
        const struct row *from = &rows_all(rows)[batch->from[ahead]];
        const struct row *to = &rows_all(rows)[batch->to[ahead]];
        __builtin_prefetch(row_entries(rows, from) + from->count, 1);
        __builtin_prefetch(row_entries(rows, to) + to->count, 1);
    }
}

static bool pair_is_connected(const struct adjacency *adjacency, struct node_id a,
                              struct node_id b) {
    const struct rows *rows = &adjacency->rows;
    const struct row *row_a = &rows_all(rows)[a.v];
    const struct row *row_b = &rows_all(rows)[b.v];
    return row_a->count <= row_b->count
               ? row_is_connected_to(row_entries(rows, row_a), row_a->count, b)
               : row_is_connected_to(row_entries(rows, row_b), row_b->count, a);
}

static struct status entry_push(struct adjacency *adjacency, struct node_id node, uint32_t entry,
                                struct err *err) {
    TRY(rows_push(&adjacency->rows, node, entry, err));
    const struct row *row = &rows_all(&adjacency->rows)[node.v];
    if ((entry & ROW_ENDED) == 0) {
        return status_ok();
    }
    if (row->ended > CHURN_FLOOR && row->ended > row_degree(row)) {
        adjacency->is_churned = true;
    }
    if (row->ended != 1) {
        return status_ok();
    }
    if (adjacency->unsettled_count == adjacency->unsettled_capacity) {
        size_t capacity = adjacency->unsettled_capacity * 2 + 64;
        uint32_t *grown = reallocarray(adjacency->unsettled, capacity, sizeof *grown);
        if (grown == NULL) {
            return err_memory(err, capacity * sizeof *grown, "the list of members with endings");
        }
        adjacency->unsettled = grown;
        adjacency->unsettled_capacity = capacity;
    }
    adjacency->unsettled[adjacency->unsettled_count++] = node.v;
    return status_ok();
}

/* Event i makes a tie that sees `view`: moves it to the batch's next place. */
static struct status tie_make(struct adjacency *adjacency, struct tie_batch *batch, size_t i,
                              const struct instant_view *view, struct err *err) {
    struct node_id from = {batch->from[i]};
    struct node_id to = {batch->to[i]};
    TRY(entry_push(adjacency, from, to.v, err));
    TRY(entry_push(adjacency, to, from.v, err));
    size_t made = batch->count++;
    assert(made <= i);
    batch->created_at_ms[made] = batch->created_at_ms[i];
    batch->from[made] = from.v;
    batch->to[made] = to.v;
    batch->code[made] = batch->code[i];
    batch->seen_from[made] = view->from.seen;
    batch->seen_to[made] = view->to.seen;
    adjacency->tie_count++;
    adjacency->open_count++;
    if ((view->from.ended | view->to.ended) != 0) {
        struct tie_ended_seen seen = {made, view->from.ended, view->to.ended};
        TRY(tie_batch_add_ended_seen(batch, seen, err));
    }
    return status_ok();
}

static struct status tie_end(struct adjacency *adjacency, struct tie_batch *batch, size_t i,
                             struct err *err) {
    struct node_id from = {batch->from[i]};
    struct node_id to = {batch->to[i]};
    TRY(entry_push(adjacency, from, to.v | ROW_ENDED, err));
    TRY(entry_push(adjacency, to, from.v | ROW_ENDED, err));
    adjacency->open_count--;
    struct tie_ending ending = {from.v, to.v, batch->created_at_ms[i], adjacency->tie_count};
    return tie_batch_add_ending(batch, ending, err);
}

static struct status event_apply(struct adjacency *adjacency, struct tie_batch *batch, size_t i,
                                 const struct instant_view *view, struct err *err) {
    struct node_id from = {batch->from[i]};
    struct node_id to = {batch->to[i]};
    bool is_connect = tie_batch_kind(batch->code[i]) == EVENT_CONNECT;
    bool has_filter = adjacency->filter.word_count != 0;
    struct pair_bits bits = {0};
    bool is_connected = true;
    if (has_filter) {
        bits = pair_filter_locate(&adjacency->filter, from, to);
        is_connected = pair_filter_may_hold(&adjacency->filter, bits);
    }
    is_connected = is_connected && pair_is_connected(adjacency, from, to);
    if (is_connect == is_connected) {
        struct tie_rejected rejected = {batch->created_at_ms[i],
                                        is_connect ? QUALITY_DUPLICATE : QUALITY_ORPHAN};
        return tie_batch_add_rejected(batch, rejected, err);
    }
    if (!is_connect) {
        return tie_end(adjacency, batch, i, err);
    }
    if (has_filter) {
        pair_filter_add(&adjacency->filter, bits);
    }
    return tie_make(adjacency, batch, i, view, err);
}

static struct row_view row_look(const struct adjacency *adjacency, uint32_t node) {
    const struct row *row = &rows_all(&adjacency->rows)[node];
    return (struct row_view){row->count, row->ended};
}

/* Applies the events [first, end), which see the rows as they are now. */
static struct status instant_apply(struct adjacency *adjacency, struct tie_batch *batch,
                                   size_t first, size_t end, struct err *err) {
    if (end - first > adjacency->view_capacity) {
        size_t capacity = (end - first) * 2;
        free(adjacency->views);
        adjacency->view_capacity = 0;
        adjacency->views = calloc(capacity, sizeof *adjacency->views);
        if (adjacency->views == NULL) {
            return err_memory(err, capacity * sizeof *adjacency->views, "one instant's events");
        }
        adjacency->view_capacity = capacity;
    }
    for (size_t i = first; i < end; i++) {
        prefetch_event(adjacency, batch, i);
        adjacency->views[i - first] = (struct instant_view){row_look(adjacency, batch->from[i]),
                                                            row_look(adjacency, batch->to[i])};
    }
    for (size_t i = first; i < end; i++) {
        TRY(event_apply(adjacency, batch, i, &adjacency->views[i - first], err));
    }
    return status_ok();
}

size_t adjacency_batch_target(const struct adjacency *adjacency) {
    uint64_t share = adjacency->open_count / BATCH_SHARE;
    share = share < BATCH_MIN ? BATCH_MIN : share;
    return share > BATCH_MAX ? BATCH_MAX : (size_t)share;
}

struct status adjacency_apply(struct adjacency *adjacency, struct tie_batch *batch,
                              size_t node_count, enum simultaneous simultaneous, struct err *err) {
    tie_batch_clear_ties(batch);
    TRY(adjacency_settle(adjacency, err));
    TRY(rows_grow(&adjacency->rows, node_count, err));
    TRY(filter_prepare(adjacency, batch->staged - batch->next, err));
    TRY(rows_plan(adjacency, batch, err));
    while (batch->next < batch->staged && !adjacency->is_churned) {
        size_t first = batch->next;
        size_t end = first + 1;
        if (simultaneous == SIMULTANEOUS_STRICT) {
            while (end < batch->staged &&
                   batch->created_at_ms[end] == batch->created_at_ms[first]) {
                end++;
            }
        }
        TRY(instant_apply(adjacency, batch, first, end, err));
        batch->next = end;
    }
    return status_ok();
}

struct status adjacency_load_row(struct adjacency *adjacency, struct node_id node,
                                 const uint32_t *neighbours, size_t count, size_t node_count,
                                 struct err *err) {
    TRY(rows_grow(&adjacency->rows, node_count, err));
    return rows_load(&adjacency->rows, node, neighbours, count, err);
}
