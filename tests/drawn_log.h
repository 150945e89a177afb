/* A whole log out of a model that hands it out in pieces, and what tests ask of every such log. */
#ifndef TIEFLOW_TESTS_DRAWN_LOG_H
#define TIEFLOW_TESTS_DRAWN_LOG_H

#include "tests/testing.h"

#include "schemas/event.h"
#include "schemas/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Owned by whoever made it: free(events). */
struct drawn_log {
    struct event *events;
    size_t count;
};

typedef struct status (*drawn_next)(void *model, struct event *events, size_t capacity,
                                    size_t *count, struct err *err);

static inline struct drawn_log drawn_log_of(void *model, drawn_next next, size_t capacity) {
    struct err err;
    struct drawn_log log = {0};
    struct event *batch = calloc(capacity, sizeof *batch);
    size_t room = 0;
    size_t count;
    assert_non_null(batch);
    do {
        MUST(next(model, batch, capacity, &count, &err));
        assert_true(count <= capacity);
        if (log.count + count >= room) {
            room = 2 * (log.count + count) + 1;
            log.events = realloc(log.events, room * sizeof *log.events);
            assert_non_null(log.events);
        }
        memcpy(log.events + log.count, batch, count * sizeof *batch);
        log.count += count;
    } while (count > 0);
    MUST(next(model, batch, capacity, &count, &err));
    assert_int_equal(count, 0);
    free(batch);
    return log;
}

static inline void assert_same_log(const struct drawn_log *a, const struct drawn_log *b) {
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        assert_int_equal(a->events[i].at_ms, b->events[i].at_ms);
        assert_int_equal(a->events[i].from.v, b->events[i].from.v);
        assert_int_equal(a->events[i].to.v, b->events[i].to.v);
        assert_int_equal(a->events[i].kind, b->events[i].kind);
        assert_int_equal(a->events[i].origin, b->events[i].origin);
    }
}

static inline void assert_in_time_order(const struct drawn_log *log, int64_t start_ms,
                                        int64_t span_ms) {
    for (size_t i = 0; i < log->count; i++) {
        assert_true(log->events[i].at_ms >= start_ms);
        assert_true(log->events[i].at_ms < start_ms + span_ms);
        assert_true(i == 0 || log->events[i - 1].at_ms <= log->events[i].at_ms);
    }
}

/* A set of pairs of ids below 2^32, exact. */
struct pair_set {
    uint64_t *slots; /* 0: free; open addressing */
    uint64_t mask;
};

static inline struct pair_set pair_set_new(size_t pairs) {
    struct pair_set set = {.mask = 15};
    while (set.mask < 2 * pairs) {
        set.mask = 2 * set.mask + 1;
    }
    set.slots = calloc(set.mask + 1, sizeof *set.slots);
    assert_non_null(set.slots);
    return set;
}

/* False where the pair was there. Pairs are of different ids. */
static inline bool pair_set_add(struct pair_set *set, uint64_t a, uint64_t b) {
    uint64_t key = a < b ? a << 32 | b : b << 32 | a;
    uint64_t slot = key * UINT64_C(0x9e3779b97f4a7c15) >> 20 & set->mask;
    while (set->slots[slot] != 0 && set->slots[slot] != key) {
        slot = (slot + 1) & set->mask;
    }
    bool is_new = set->slots[slot] == 0;
    set->slots[slot] = key;
    return is_new;
}

/* Of a log of nothing but ties among the ids 1..members. */
static inline void assert_pairs_are_tied_once(const struct drawn_log *log, uint64_t members) {
    struct pair_set set = pair_set_new(log->count);
    for (size_t i = 0; i < log->count; i++) {
        const struct event *event = &log->events[i];
        assert_int_equal(event->kind, EVENT_CONNECT);
        assert_true(event->from.v >= 1 && event->from.v <= members);
        assert_true(event->to.v >= 1 && event->to.v <= members);
        assert_true(event->from.v != event->to.v);
        assert_true(pair_set_add(&set, event->from.v, event->to.v));
    }
    free(set.slots);
}

#endif
