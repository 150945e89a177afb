/* A merge of runs. Logs are nearly sorted, or a few sorted files in a row, so the events are cut
 * where they cease to ascend; a run shorter than RUN_EVENTS is sorted together with what follows
 * it, up to that length. A heap over the runs' heads then hands out the sequence. A log that is in
 * order is one run and is lent as it lies. The same runs can one day be spilled to disk instead.
 *
 * Every sort is stable and runs are numbered in the order of adding, so SEQUENCE needs no position
 * in the event. Rejected: one big sort (twice the memory, and slow on logs that are nearly sorted).
 */
#include "stages/order/order.h"

#include "stages/base/pages.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { RUN_EVENTS = 32768 };

struct run {
    size_t at;
    size_t end;
};

struct order {
    enum simultaneous simultaneous;
    struct pages storage; /* of the events: growing neither copies nor takes small pages */
    struct event *events;
    size_t count;
    size_t capacity;
    struct run *runs;
    size_t run_count;
    size_t run_capacity;
    uint32_t *heap; /* run numbers, smallest head first */
    size_t heap_count;
    struct event *lent;
    size_t lent_capacity;
    bool is_finished;
};

struct status order_new(struct order **order, enum simultaneous simultaneous, struct err *err) {
    *order = calloc(1, sizeof **order);
    if (*order == NULL) {
        return err_memory(err, sizeof **order, "the order of events");
    }
    (*order)->simultaneous = simultaneous;
    return status_ok();
}

void order_free(struct order *order) {
    if (order != NULL) {
        pages_release(&order->storage);
        free(order->runs);
        free(order->heap);
        free(order->lent);
        free(order);
    }
}

struct status order_add(struct order *order, const struct event *events, size_t count,
                        struct err *err) {
    assert(!order->is_finished);
    if (count == 0) {
        return status_ok();
    }
    if (count > order->capacity - order->count) {
        size_t capacity = order->capacity + order->capacity / 2 + count + 64;
        TRY(pages_grow(&order->storage, capacity * sizeof *events, "the events of this run", err));
        order->events = order->storage.data;
        order->capacity = order->storage.bytes / sizeof *events;
    }
    memcpy(order->events + order->count, events, count * sizeof *events);
    order->count += count;
    return status_ok();
}

static bool comes_before(const struct order *order, const struct event *a, const struct event *b) {
    return event_compare(a, b, order->simultaneous) < 0;
}

/* The end of the longest stretch from `first` that ascends. */
static size_t ascent_end(const struct order *order, size_t first) {
    size_t end = first + 1;
    while (end < order->count &&
           !comes_before(order, &order->events[end], &order->events[end - 1])) {
        end++;
    }
    return end;
}

/* Stable merge sort of at most RUN_EVENTS events, bottom up, with a buffer of as many. */
static void run_sort(const struct order *order, struct event *events, size_t count,
                     struct event *buffer) {
    struct event *from = events;
    struct event *to = buffer;
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t start = 0; start < count; start += 2 * width) {
            size_t middle = start + width < count ? start + width : count;
            size_t end = start + 2 * width < count ? start + 2 * width : count;
            size_t left = start;
            size_t right = middle;
            for (size_t i = start; i < end; i++) {
                bool take_right = left == middle ||
                                  (right < end && comes_before(order, &from[right], &from[left]));
                to[i] = take_right ? from[right++] : from[left++];
            }
        }
        struct event *swapped = from;
        from = to;
        to = swapped;
    }
    if (from != events) {
        memcpy(events, from, count * sizeof *events);
    }
}

static struct status run_add(struct order *order, size_t first, size_t end, struct err *err) {
    if (order->run_count == order->run_capacity) {
        size_t capacity = order->run_capacity * 2 + 16;
        struct run *grown = reallocarray(order->runs, capacity, sizeof *grown);
        if (grown == NULL) {
            return err_memory(err, capacity * sizeof *grown, "the sorted runs");
        }
        order->runs = grown;
        order->run_capacity = capacity;
    }
    order->runs[order->run_count++] = (struct run){first, end};
    return status_ok();
}

/* Cuts the events into sorted runs. */
static struct status runs_make(struct order *order, struct event *buffer, struct err *err) {
    for (size_t first = 0; first < order->count;) {
        size_t end = ascent_end(order, first);
        if (end - first < RUN_EVENTS && end < order->count) {
            end = order->count - first < RUN_EVENTS ? order->count : first + RUN_EVENTS;
            run_sort(order, order->events + first, end - first, buffer);
        }
        TRY(run_add(order, first, end, err));
        first = end;
    }
    return status_ok();
}

/* Whether run a's head comes before run b's; equal heads keep the order of the runs. */
static bool run_is_first(const struct order *order, uint32_t a, uint32_t b) {
    const struct event *head_a = &order->events[order->runs[a].at];
    const struct event *head_b = &order->events[order->runs[b].at];
    int compared = event_compare(head_a, head_b, order->simultaneous);
    return compared != 0 ? compared < 0 : a < b;
}

static void heap_sift_down(struct order *order, size_t at) {
    uint32_t *heap = order->heap;
    for (;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2; child++) {
            if (child < order->heap_count && run_is_first(order, heap[child], heap[least])) {
                least = child;
            }
        }
        if (least == at) {
            return;
        }
        uint32_t swapped = heap[at];
        heap[at] = heap[least];
        heap[least] = swapped;
        at = least;
    }
}

struct status order_finish(struct order *order, struct err *err) {
    assert(!order->is_finished);
    order->is_finished = true;
    struct event *buffer = malloc(RUN_EVENTS * sizeof *buffer);
    if (buffer == NULL) {
        return err_memory(err, RUN_EVENTS * sizeof *buffer, "sorting");
    }
    struct status status = runs_make(order, buffer, err);
    free(buffer);
    TRY(status);
    order->heap = malloc((order->run_count + 1) * sizeof *order->heap);
    if (order->heap == NULL) {
        return err_memory(err, (order->run_count + 1) * sizeof *order->heap, "sorting");
    }
    for (uint32_t i = 0; i < order->run_count; i++) {
        order->heap[i] = i;
    }
    order->heap_count = order->run_count;
    for (size_t i = order->heap_count; i-- > 0;) {
        heap_sift_down(order, i);
    }
    return status_ok();
}

uint64_t order_count(const struct order *order) {
    return order->count;
}

/* The first event of the sequence that is not yet handed out; NULL behind the last. */
static const struct event *sequence_peek(const struct order *order) {
    return order->heap_count == 0 ? NULL : &order->events[order->runs[order->heap[0]].at];
}

static void sequence_advance(struct order *order) {
    struct run *run = &order->runs[order->heap[0]];
    run->at++;
    if (run->at == run->end) {
        order->heap[0] = order->heap[--order->heap_count];
    }
    heap_sift_down(order, 0);
}

static bool instant_goes_on(const struct order *order, const struct event *last,
                            const struct event *next) {
    return order->simultaneous == SIMULTANEOUS_STRICT && last->at_ms == next->at_ms;
}

/* Lends a stretch of the only run that is left. */
static void lend_in_place(struct order *order, size_t least, const struct event **events,
                          size_t *count) {
    struct run *run = &order->runs[order->heap[0]];
    size_t first = run->at;
    size_t end = run->end - first < least ? run->end : first + least;
    while (end < run->end && end > first &&
           instant_goes_on(order, &order->events[end - 1], &order->events[end])) {
        end++;
    }
    *events = order->events + first;
    *count = end - first;
    run->at = end;
    order->heap_count -= end == run->end;
}

static struct status lent_hold(struct order *order, size_t count, struct err *err) {
    if (count <= order->lent_capacity) {
        return status_ok();
    }
    size_t capacity = order->lent_capacity * 2 + count;
    struct event *grown = reallocarray(order->lent, capacity, sizeof *grown);
    if (grown == NULL) {
        return err_memory(err, capacity * sizeof *grown, "a batch of ordered events");
    }
    order->lent = grown;
    order->lent_capacity = capacity;
    return status_ok();
}

struct status order_next(struct order *order, size_t least, const struct event **events,
                         size_t *count, struct err *err) {
    assert(order->is_finished && least > 0);
    *count = 0;
    if (order->heap_count == 1) {
        lend_in_place(order, least, events, count);
        return status_ok();
    }
    size_t got = 0;
    for (;;) {
        const struct event *next = sequence_peek(order);
        bool is_enough =
            got >= least && (next == NULL || !instant_goes_on(order, &order->lent[got - 1], next));
        if (next == NULL || is_enough) {
            break;
        }
        TRY(lent_hold(order, got + 1, err));
        order->lent[got++] = *next;
        sequence_advance(order);
    }
    *events = order->lent;
    *count = got;
    return status_ok();
}
