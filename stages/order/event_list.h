/* A list of events that can be sorted. Invariant: count <= capacity; items is NULL only while
 * capacity is 0. Zero-initialised storage is an empty list. */
#ifndef TIEFLOW_STAGES_ORDER_EVENT_LIST_H
#define TIEFLOW_STAGES_ORDER_EVENT_LIST_H

#include "schemas/event.h"
#include "schemas/status.h"

#include <stddef.h>

struct event_list {
    struct event *items;
    size_t count;
    size_t capacity;
};

void event_list_release(struct event_list *list);

/* Makes room for `capacity` events in all, and no more than that. */
FALLIBLE event_list_reserve(struct event_list *list, size_t capacity, struct err *err);

/* Copies the events to the end; growth is geometric. */
FALLIBLE event_list_add(struct event_list *list, const struct event *events, size_t count,
                        struct err *err);

/* Sorts by event_compare; events that it finds equal keep their order. Takes as much memory again
 * while it works, unless the list is nearly in order. */
FALLIBLE event_list_sort(struct event_list *list, enum simultaneous simultaneous, struct err *err);

/* Whether a comes before b: event_compare, with its usual answer inlined. */
static inline bool event_is_before(const struct event *a, const struct event *b,
                                   enum simultaneous simultaneous) {
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : event_compare(a, b, simultaneous) < 0;
}

#endif
