/* Every event needs two members' counters and one result, each at a random place of gigabytes: what
 * it costs is cache misses, so they are asked for ahead of time. An event passes three steps, some
 * events apart: its members' counters are fetched; its pivot is told and the pivot's next slot
 * taken, whose result is fetched; its result is read and the degrees move. Each step sees events in
 * their order, so that slots are taken and degrees change as they happened.
 *
 * Under STRICT a member remembers its degree before the last instant that changed it, and which
 * instant that was. So an instant may be of any length and span any number of blocks.
 *
 * Rejected: changing the degrees when the instant is over (a log of dates has millions of events in
 * one, which would have to be kept or read twice).
 */
#include "stages/embeddedness/replay.h"

#include <assert.h>
#include <stdlib.h>

/* Events between the steps. RING is a power of two above AHEAD_SLOTS. */
enum { AHEAD_COUNTERS = 32, AHEAD_SLOTS = 16, RING = 32 };

/* A member on the way through the batch. */
struct counters {
    _Alignas(32) uint64_t slot; /* of its next event as a pivot */
    int64_t changed_at_ms;      /* the last instant that changed the degree; only under STRICT */
    uint32_t degree;
    uint32_t degree_before; /* that instant */
    uint32_t length;        /* of its row: tells the pivot */
};                          /* aligned so that none lies across two cache lines */

struct replay {
    const struct census *census;
    const struct results *results;
    struct tape *tape;
    enum simultaneous simultaneous;
    struct pages counters; /* struct counters per node */
    size_t next;           /* block of the tape */
    uint64_t slots[RING];  /* of the events whose result is on its way, by number in the block */
    struct tape_block events;
    struct replay_block block;
};

uint64_t replay_bytes(size_t node_count) {
    return sizeof(struct replay) + (uint64_t)node_count * sizeof(struct counters);
}

/* Every member as it is before the batch. */
static void counters_fill(struct replay *replay) {
    struct counters *counters = replay->counters.data;
    for (size_t i = 0; i < replay->census->node_count; i++) {
        uint32_t node = (uint32_t)i;
        uint32_t base = census_base(replay->census, node);
        counters[i] = (struct counters){
            .slot = results_first(replay->results, node),
            .changed_at_ms = INT64_MIN,
            .degree = base,
            .length = base + census_entries(replay->census, node),
        };
    }
}

struct status replay_new(struct replay **replay, const struct census *census,
                         const struct results *results, struct tape *tape,
                         enum simultaneous simultaneous, struct err *err) {
    *replay = calloc(1, sizeof **replay);
    if (*replay == NULL) {
        return err_memory(err, sizeof **replay, "the replay");
    }
    **replay = (struct replay){
        .census = census,
        .results = results,
        .tape = tape,
        .simultaneous = simultaneous,
        .next = (size_t)(census->range.first / TAPE_BLOCK_EVENTS),
    };
    struct status status =
        pages_grow(&(*replay)->counters, census->node_count * sizeof(struct counters),
                   "the degrees of the members", err);
    if (failed(status)) {
        replay_free(*replay);
        *replay = NULL;
        return status;
    }
    counters_fill(*replay);
    return status_ok();
}

void replay_free(struct replay *replay) {
    if (replay != NULL) {
        pages_release(&replay->counters);
        free(replay);
    }
}

/* census_is_pivot, from the counters. */
static bool is_pivot(const struct counters *counters, uint32_t a, uint32_t b) {
    uint32_t length_a = counters[a].length;
    uint32_t length_b = counters[b].length;
    return length_a != length_b ? length_a > length_b : a < b;
}

static void slot_take(struct replay *replay, uint32_t from, uint32_t to, size_t i) {
    struct counters *counters = replay->counters.data;
    uint64_t slot = counters[is_pivot(counters, from, to) ? from : to].slot++;
    replay->slots[i % RING] = slot;
    results_foresee(replay->results, slot);
}

static uint32_t degree_seen(const struct counters *member, int64_t at_ms) {
    return member->changed_at_ms == at_ms ? member->degree_before : member->degree;
}

static void degree_change(struct replay *replay, uint32_t node, int64_t at_ms, bool is_made) {
    struct counters *member = (struct counters *)replay->counters.data + node;
    if (replay->simultaneous == SIMULTANEOUS_STRICT && member->changed_at_ms != at_ms) {
        member->changed_at_ms = at_ms;
        member->degree_before = member->degree;
    }
    assert(is_made || member->degree != 0);
    member->degree = is_made ? member->degree + 1 : member->degree - 1;
}

/* Item i of the block: event `at` of the tape's block. */
static void event_settle(struct replay *replay, size_t at, size_t i) {
    const struct tape_block *events = &replay->events;
    const struct counters *counters = replay->counters.data;
    struct replay_block *block = &replay->block;
    uint32_t result = results_at(replay->results, replay->slots[i % RING]);
    uint32_t from = events->from[at];
    uint32_t to = events->to[at];
    int64_t at_ms = events->at_ms[at];
    bool is_connect = event_code_kind(events->code[at]) == EVENT_CONNECT;
    assert(result != RESULT_UNKNOWN);
    assert(result == RESULT_REJECTED || (result == RESULT_ENDED) != is_connect);
    block->mutual[i] = 0;
    block->degree_from[i] = 0;
    block->degree_to[i] = 0;
    if (result == RESULT_REJECTED) {
        block->outcome[i] = is_connect ? OUTCOME_DUPLICATE : OUTCOME_ORPHAN;
        return;
    }
    if (is_connect) {
        block->mutual[i] = result;
        block->degree_from[i] = degree_seen(&counters[from], at_ms);
        block->degree_to[i] = degree_seen(&counters[to], at_ms);
    }
    block->outcome[i] = is_connect ? OUTCOME_TIE : OUTCOME_ENDING;
    degree_change(replay, from, at_ms, is_connect);
    degree_change(replay, to, at_ms, is_connect);
}

/* All items of the block, each step running ahead of the next. */
static void block_settle(struct replay *replay) {
    const struct counters *counters = replay->counters.data;
    size_t count = replay->block.count;
    const uint32_t *from = replay->events.from + replay->block.first;
    const uint32_t *to = replay->events.to + replay->block.first;
    for (size_t step = 0; step < count + AHEAD_COUNTERS; step++) {
        if (step < count) {
            __builtin_prefetch(&counters[from[step]], 1);
            __builtin_prefetch(&counters[to[step]], 1);
        }
        size_t taken = step - (AHEAD_COUNTERS - AHEAD_SLOTS); /* huge at first */
        if (taken < count) {
            slot_take(replay, from[taken], to[taken], taken);
        }
        if (step >= AHEAD_COUNTERS) {
            size_t i = step - AHEAD_COUNTERS;
            event_settle(replay, replay->block.first + i, i);
        }
    }
}

struct status replay_next(struct replay *replay, const struct replay_block **block,
                          struct err *err) {
    struct tape_range range = replay->census->range;
    uint64_t starts_at = (uint64_t)replay->next * TAPE_BLOCK_EVENTS;
    *block = NULL;
    if (range.first == range.end || starts_at >= range.end) {
        return status_ok();
    }
    tape_forget(replay->tape, replay->next);
    TRY(tape_read(replay->tape, replay->next, &replay->events, err));
    assert(replay->events.first == starts_at);
    uint64_t ends_at = starts_at + replay->events.count;
    uint64_t first = range.first > starts_at ? range.first : starts_at;
    uint64_t end = range.end < ends_at ? range.end : ends_at;
    replay->block.events = &replay->events;
    replay->block.first = (size_t)(first - starts_at);
    replay->block.count = (size_t)(end - first);
    block_settle(replay);
    replay->next++;
    *block = &replay->block;
    return status_ok();
}
