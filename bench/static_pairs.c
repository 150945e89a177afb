#include "bench/static_pairs.h"

#include "bench/contender.h"

#include <inttypes.h>
#include <stdlib.h>

enum { BLOCK_EVENTS = 4096 };

struct pairs_reading {
    struct static_pairs *pairs;
    uint64_t members;
};

static struct status ids_grow(uint32_t **ids, size_t capacity, struct err *err) {
    uint32_t *grown = realloc(*ids, capacity * sizeof *grown);
    if (grown == NULL) {
        return err_memory(err, capacity * sizeof *grown, "the pairs");
    }
    *ids = grown;
    return status_ok();
}

static struct status pairs_reserve(struct static_pairs *pairs, size_t more, struct err *err) {
    if (pairs->count + more <= pairs->capacity) {
        return status_ok();
    }
    size_t capacity = pairs->count + more + pairs->capacity / 2;
    TRY(ids_grow(&pairs->from, capacity, err));
    TRY(ids_grow(&pairs->to, capacity, err));
    pairs->capacity = capacity;
    return status_ok();
}

static struct status pairs_take(void *context, const struct event *events, size_t count,
                                struct err *err) {
    struct pairs_reading *reading = context;
    struct static_pairs *pairs = reading->pairs;
    TRY(pairs_reserve(pairs, count, err));
    for (size_t i = 0; i < count; i++) {
        uint64_t from = events[i].from.v - 1;
        uint64_t to = events[i].to.v - 1;
        if (events[i].kind != EVENT_CONNECT || from >= reading->members || to >= reading->members) {
            return err_set(err, FAILURE_DATA,
                           "a static peer takes connects of members 1 to %" PRIu64 " alone",
                           reading->members);
        }
        pairs->from[pairs->count] = (uint32_t)from;
        pairs->to[pairs->count] = (uint32_t)to;
        pairs->count++;
    }
    return status_ok();
}

struct status static_pairs_read(struct static_pairs *pairs, const char *log, uint64_t members,
                                struct err *err) {
    struct pairs_reading reading = {pairs, members};
    return contest_read(log, BLOCK_EVENTS, pairs_take, &reading, err);
}

void static_pairs_release(struct static_pairs *pairs) {
    free(pairs->from);
    free(pairs->to);
    *pairs = (struct static_pairs){0};
}
