/* What the tests of the census and of rows share: a random log on a tape, and what becomes of it,
 * replayed event by event. */
#ifndef TIEFLOW_TESTS_ROW_TESTING_H
#define TIEFLOW_TESTS_ROW_TESTING_H

#include "schemas/event.h"
#include "stages/adjacency/arrival_rows.h"
#include "stages/base/random.h"
#include "stages/order/tape.h"
#include "tests/testing.h"

#include <stdlib.h>
#include <string.h>

struct row_event {
    int64_t at_ms;
    uint32_t from;
    uint32_t to;
    uint8_t kind;
};

/* How a random log is made. */
struct row_world {
    uint64_t seed;
    uint32_t nodes;
    uint64_t events;
    unsigned disconnects_of_100; /* events */
    unsigned same_of_100;        /* events of the instant of the one before */
    uint32_t hubs;               /* half of the events have one of so many nodes; 0: none */
    uint32_t base_pairs;         /* at most so many pairs are connected beforehand */
    uint64_t tape_bytes;         /* of the tape in memory; 0: all of it */
};

/* A log, and the neighbours before it: [node * nodes + other]. */
struct row_log {
    struct row_world world;
    struct row_event *events;
    struct tape *tape;
    uint8_t *base; /* NULL without any */
};

static inline void row_log_tape(struct row_log *log) {
    struct err err;
    struct tape_block *block = malloc(sizeof *block);
    assert_non_null(block);
    uint64_t tape_bytes = log->world.tape_bytes != 0 ? log->world.tape_bytes : UINT64_C(1) << 30;
    MUST(tape_new(&log->tape, ".", tape_bytes, &err));
    for (uint64_t i = 0; i < log->world.events; i += block->count) {
        uint64_t left = log->world.events - i;
        block->count = left < TAPE_BLOCK_EVENTS ? (size_t)left : TAPE_BLOCK_EVENTS;
        for (size_t j = 0; j < block->count; j++) {
            const struct row_event *event = &log->events[i + j];
            block->at_ms[j] = event->at_ms;
            block->from[j] = event->from;
            block->to[j] = event->to;
            block->code[j] = event_code(event->kind, j % EVENT_ORIGINS);
        }
        MUST(tape_put(log->tape, block, &err));
    }
    MUST(tape_end(log->tape, &err));
    free(block);
}

static inline struct row_log row_log_make(struct row_world world) {
    struct random random;
    random_seed(&random, world.seed);
    struct row_log log = {.world = world};
    log.events = calloc(world.events + 1, sizeof *log.events);
    assert_non_null(log.events);
    int64_t at_ms = INT64_C(1500000000000);
    for (uint64_t i = 0; i < world.events; i++) {
        struct row_event *event = &log.events[i];
        bool has_hub = world.hubs != 0 && random_below(&random, 2) == 0;
        at_ms += random_below(&random, 100) >= world.same_of_100;
        event->at_ms = at_ms;
        event->from = (uint32_t)random_below(&random, has_hub ? world.hubs : world.nodes);
        event->to = (uint32_t)random_below(&random, world.nodes - 1);
        event->to += event->to >= event->from;
        event->kind = random_below(&random, 100) < world.disconnects_of_100 ? EVENT_DISCONNECT
                                                                            : EVENT_CONNECT;
    }
    if (world.base_pairs != 0) {
        log.base = calloc((size_t)world.nodes * world.nodes, 1);
        assert_non_null(log.base);
    }
    for (uint32_t i = 0; i < world.base_pairs; i++) {
        uint32_t a = (uint32_t)random_below(&random, world.nodes);
        uint32_t b = (uint32_t)random_below(&random, world.nodes);
        log.base[(size_t)a * world.nodes + b] = log.base[(size_t)b * world.nodes + a] = a != b;
    }
    row_log_tape(&log);
    return log;
}

static inline void row_log_free(struct row_log *log) {
    free(log->events);
    free(log->base);
    tape_free(log->tape);
}

/* A list of entries. Zero-initialised storage is empty. */
struct row_list {
    uint32_t *entries;
    uint32_t count;
    uint32_t capacity;
};

static inline void row_list_push(struct row_list *list, uint32_t entry) {
    if (list->count == list->capacity) {
        list->capacity = list->capacity * 2 + 4;
        list->entries = realloc(list->entries, list->capacity * sizeof *list->entries);
        assert_non_null(list->entries);
    }
    list->entries[list->count++] = entry;
}

static inline void row_lists_free(struct row_list *lists, uint32_t nodes) {
    for (uint32_t i = 0; i < nodes; i++) {
        free(lists[i].entries);
    }
    free(lists);
}

/* The neighbours of a node before the log, in an order that is not ascending. */
static inline struct row_list row_log_base(const struct row_log *log, uint32_t node) {
    struct row_list list = {0};
    for (uint32_t i = log->world.nodes; i-- > 0 && log->base != NULL;) {
        if (log->base[(size_t)node * log->world.nodes + i] != 0) {
            row_list_push(&list, i);
        }
    }
    return list;
}

/* Gives rows and census the base of the rows' range. */
static inline void row_log_load_base(const struct row_log *log, struct census *census,
                                     struct arrival_rows *rows) {
    struct err err;
    for (uint32_t node = rows->first; node < rows->end; node++) {
        struct row_list base = row_log_base(log, node);
        if (base.count != 0) {
            MUST(arrival_rows_base(rows, census, node, base.entries, base.count, &err));
        }
        free(base.entries);
    }
}

#endif
