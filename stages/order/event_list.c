/* A natural merge sort: the stretches that are in order are merged in pairs until one is left. An
 * event that belongs among the last few is put there and ends no stretch, so a log that is sorted
 * by time alone, or nearly, is sorted in one pass. Rejected: qsort, which is neither stable nor
 * quick on what is nearly sorted. */
#include "stages/order/event_list.h"

#include <stdlib.h>
#include <string.h>

enum { NEAR_EVENTS = 16 };

void event_list_release(struct event_list *list) {
    free(list->items);
    *list = (struct event_list){0};
}

struct status event_list_reserve(struct event_list *list, size_t capacity, struct err *err) {
    if (capacity <= list->capacity) {
        return status_ok();
    }
    struct event *grown = reallocarray(list->items, capacity, sizeof *grown);
    if (grown == NULL) {
        return err_memory(err, capacity * sizeof *grown, "a list of events");
    }
    list->items = grown;
    list->capacity = capacity;
    return status_ok();
}

struct status event_list_add(struct event_list *list, const struct event *events, size_t count,
                             struct err *err) {
    if (count > list->capacity - list->count) {
        TRY(event_list_reserve(list, list->capacity + list->capacity / 2 + count + NEAR_EVENTS,
                               err));
    }
    if (count > 0) {
        memcpy(list->items + list->count, events, count * sizeof *events);
        list->count += count;
    }
    return status_ok();
}

/* Moves an event back to its place among those before it, which are in order. */
static void event_insert(struct event *event, const struct event *first,
                         enum simultaneous simultaneous) {
    struct event moved = *event;
    for (; event > first && event_is_before(&moved, event - 1, simultaneous); event--) {
        *event = event[-1];
    }
    *event = moved;
}

/* Cuts the events into stretches in order; their ends go to `ends`, which has room for one per
 * NEAR_EVENTS and one more. Returns how many. */
static size_t stretches_make(struct event *events, size_t count, size_t *ends,
                             enum simultaneous simultaneous) {
    size_t stretches = 0;
    for (size_t first = 0; first < count;) {
        size_t end = first + 1;
        for (; end < count; end++) {
            if (event_is_before(&events[end], &events[end - 1], simultaneous)) {
                if (end - first >= NEAR_EVENTS &&
                    event_is_before(&events[end], &events[end - NEAR_EVENTS], simultaneous)) {
                    break;
                }
                event_insert(&events[end], &events[first], simultaneous);
            }
        }
        ends[stretches++] = end;
        first = end;
    }
    return stretches;
}

/* Merges [first, middle) and [middle, end) to the same place in `to`. */
static void merge(const struct event *from, struct event *to, size_t first, size_t middle,
                  size_t end, enum simultaneous simultaneous) {
    size_t left = first;
    size_t right = middle;
    size_t at = first;
    while (left < middle && right < end) {
        bool take_right = event_is_before(&from[right], &from[left], simultaneous);
        to[at++] = from[take_right ? right : left];
        right += take_right;
        left += !take_right;
    }
    memcpy(to + at, from + left, (middle - left) * sizeof *to);
    at += middle - left;
    memcpy(to + at, from + right, (end - right) * sizeof *to);
}

/* Merges the stretches in pairs; returns how many are left. */
static size_t stretches_merge(const struct event *from, struct event *to, size_t *ends,
                              size_t stretches, enum simultaneous simultaneous) {
    size_t first = 0;
    size_t left = 0;
    for (size_t i = 0; i < stretches; i += 2) {
        size_t middle = ends[i];
        size_t end = i + 1 < stretches ? ends[i + 1] : middle;
        merge(from, to, first, middle, end, simultaneous);
        ends[left++] = end;
        first = end;
    }
    return left;
}

static struct status stretches_merge_all(struct event_list *list, size_t *ends, size_t stretches,
                                         enum simultaneous simultaneous, struct err *err) {
    struct event *other = malloc(list->capacity * sizeof *other);
    if (other == NULL) {
        return err_memory(err, list->capacity * sizeof *other, "sorting events");
    }
    while (stretches > 1) {
        stretches = stretches_merge(list->items, other, ends, stretches, simultaneous);
        struct event *swapped = list->items;
        list->items = other;
        other = swapped;
    }
    free(other);
    return status_ok();
}

struct status event_list_sort(struct event_list *list, enum simultaneous simultaneous,
                              struct err *err) {
    size_t count = list->count;
    if (count < 2) {
        return status_ok();
    }
    size_t *ends = malloc((count / NEAR_EVENTS + 1) * sizeof *ends);
    if (ends == NULL) {
        return err_memory(err, (count / NEAR_EVENTS + 1) * sizeof *ends, "sorting events");
    }
    size_t stretches = stretches_make(list->items, count, ends, simultaneous);
    struct status status =
        stretches > 1 ? stretches_merge_all(list, ends, stretches, simultaneous, err) : status_ok();
    free(ends);
    return status;
}
