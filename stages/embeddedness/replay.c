/* Every event needs two members' counters and one result, each at a random place of gigabytes: what
 * it costs is cache misses, so they are asked for ahead of time. An event passes three steps, some
 * events apart: its members' counters are fetched; its pivot is told and the pivot's next slot
 * taken, whose result is fetched; its result is read and the degrees move. Each step sees events in
 * their order, so that slots are taken and degrees change as they happened.
 *
 * All this runs in a thread of its own, some blocks ahead of the caller, who has enough to do with
 * what it is lent.
 *
 * Under STRICT a member remembers its degree before the last instant that changed it, and which
 * instant that was. So an instant may be of any length and span any number of blocks.
 *
 * Rejected: changing the degrees when the instant is over (a log of dates has millions of events in
 * one, which would have to be kept or read twice).
 */
#include "stages/embeddedness/replay.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

/* Events between the steps. RING is a power of two above AHEAD_SLOTS. */
enum { AHEAD_COUNTERS = 32, AHEAD_SLOTS = 16, RING = 32 };

/* Blocks: one is lent, one is settled, and the others wait. */
enum { BLOCKS = 4 };

/* A member on the way through the batch. */
struct counters {
    _Alignas(32) uint64_t slot; /* of its next event as a pivot */
    int64_t changed_at_ms;      /* the last instant that changed the degree; only under STRICT */
    uint32_t degree;
    uint32_t degree_before; /* that instant */
    uint32_t length;        /* of its row: tells the pivot */
};                          /* aligned so that none lies across two cache lines */

/* A block of the tape and what became of its events. */
struct settled {
    struct tape_block events;
    struct replay_block block;
};

struct replay {
    const struct census *census;
    struct results_view results;
    struct tape *tape;
    enum simultaneous simultaneous;
    struct pages counters; /* struct counters per node */
    size_t first_block;    /* of the tape */
    size_t block_count;
    size_t lent; /* blocks handed out; the caller's */
    struct settled blocks[BLOCKS];
    bool is_threaded;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    size_t settled;  /* blocks */
    size_t released; /* blocks that the caller no longer reads */
    bool is_stopping;
    struct status status; /* of the block behind those settled */
    struct err err;
};

uint64_t replay_bytes(size_t node_count) {
    return sizeof(struct replay) + (uint64_t)node_count * sizeof(struct counters);
}

/* Every member as it is before the batch. */
static void counters_fill(struct replay *replay, const struct results *results) {
    struct counters *counters = replay->counters.data;
    for (size_t i = 0; i < replay->census->node_count; i++) {
        uint32_t node = (uint32_t)i;
        uint32_t base = census_base(replay->census, node);
        counters[i] = (struct counters){
            .slot = results_first(results, node),
            .changed_at_ms = INT64_MIN,
            .degree = base,
            .length = base + census_entries(replay->census, node),
        };
    }
}

/* census_is_pivot, from the counters. */
static bool is_pivot(const struct counters *counters, uint32_t a, uint32_t b) {
    uint32_t length_a = counters[a].length;
    uint32_t length_b = counters[b].length;
    return length_a != length_b ? length_a > length_b : a < b;
}

/* A block on its way: what its steps hand on to each other. */
struct passage {
    struct counters *counters;
    struct results_view results;
    struct settled *settled;
    const uint32_t *from; /* of the block's items, as the three that follow */
    const uint32_t *to;
    const int64_t *at_ms;
    const uint8_t *code;
    uint64_t slots[RING]; /* of the items whose result is on its way, by number */
};

static inline void counters_call(const struct passage *passage, size_t i) {
    __builtin_prefetch(&passage->counters[passage->from[i]], 1);
    __builtin_prefetch(&passage->counters[passage->to[i]], 1);
}

static inline void slot_take(struct passage *passage, size_t i) {
    struct counters *counters = passage->counters;
    uint32_t from = passage->from[i];
    uint32_t to = passage->to[i];
    uint64_t slot = counters[is_pivot(counters, from, to) ? from : to].slot++;
    passage->slots[i % RING] = slot;
    results_foresee(&passage->results, slot);
}

static inline uint32_t degree_seen(const struct counters *member, int64_t at_ms, bool is_strict) {
    return is_strict && member->changed_at_ms == at_ms ? member->degree_before : member->degree;
}

static inline void degree_change(struct counters *member, int64_t at_ms, bool is_made,
                                 bool is_strict) {
    if (is_strict && member->changed_at_ms != at_ms) {
        member->changed_at_ms = at_ms;
        member->degree_before = member->degree;
    }
    assert(is_made || member->degree != 0);
    member->degree = is_made ? member->degree + 1 : member->degree - 1;
}

static inline void item_settle(struct passage *passage, size_t i, bool is_strict) {
    struct replay_block *block = &passage->settled->block;
    struct counters *from = &passage->counters[passage->from[i]];
    struct counters *to = &passage->counters[passage->to[i]];
    uint32_t result = results_at(&passage->results, passage->slots[i % RING]);
    int64_t at_ms = passage->at_ms[i];
    bool is_connect = event_code_kind(passage->code[i]) == EVENT_CONNECT;
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
        block->degree_from[i] = degree_seen(from, at_ms, is_strict);
        block->degree_to[i] = degree_seen(to, at_ms, is_strict);
    }
    block->outcome[i] = is_connect ? OUTCOME_TIE : OUTCOME_ENDING;
    degree_change(from, at_ms, is_connect, is_strict);
    degree_change(to, at_ms, is_connect, is_strict);
}

static inline void items_settle(struct passage *passage, bool is_strict) {
    size_t count = passage->settled->block.count;
    for (size_t step = 0; step < count + AHEAD_COUNTERS; step++) {
        if (step < count) {
            counters_call(passage, step);
        }
        size_t taken = step - (AHEAD_COUNTERS - AHEAD_SLOTS); /* huge at first */
        if (taken < count) {
            slot_take(passage, taken);
        }
        if (step >= AHEAD_COUNTERS) {
            item_settle(passage, step - AHEAD_COUNTERS, is_strict);
        }
    }
}

/* Reads and settles the block with that number of the batch; blocks come in order. */
static struct status block_settle(struct replay *replay, size_t number, struct err *err) {
    struct settled *settled = &replay->blocks[number % BLOCKS];
    struct tape_block *events = &settled->events;
    struct tape_range range = replay->census->range;
    tape_forget(replay->tape, replay->first_block + number);
    TRY(tape_read(replay->tape, replay->first_block + number, events, err));
    uint64_t ends_at = events->first + events->count;
    uint64_t first = range.first > events->first ? range.first : events->first;
    uint64_t end = range.end < ends_at ? range.end : ends_at;
    settled->block.events = events;
    settled->block.first = (size_t)(first - events->first);
    settled->block.count = (size_t)(end - first);
    struct passage passage = {
        .counters = replay->counters.data,
        .results = replay->results,
        .settled = settled,
        .from = events->from + settled->block.first,
        .to = events->to + settled->block.first,
        .at_ms = events->at_ms + settled->block.first,
        .code = events->code + settled->block.first,
    };
    if (replay->simultaneous == SIMULTANEOUS_STRICT) {
        items_settle(&passage, true);
    } else {
        items_settle(&passage, false);
    }
    return status_ok();
}

/* ---- the thread ---- */

/* Settles the next block; with the lock held, which is let go meanwhile. */
static void next_settle(struct replay *replay) {
    struct err err;
    size_t number = replay->settled;
    (void)pthread_mutex_unlock(&replay->lock);
    struct status status = block_settle(replay, number, &err);
    (void)pthread_mutex_lock(&replay->lock);
    replay->status = status;
    if (failed(status)) {
        replay->err = err;
    } else {
        replay->settled++;
    }
    (void)pthread_cond_signal(&replay->changed);
}

static void *replay_main(void *argument) {
    struct replay *replay = argument;
    (void)pthread_mutex_lock(&replay->lock);
    while (!replay->is_stopping && !failed(replay->status) &&
           replay->settled < replay->block_count) {
        if (replay->settled - replay->released < BLOCKS) {
            next_settle(replay);
        } else {
            (void)pthread_cond_wait(&replay->changed, &replay->lock);
        }
    }
    (void)pthread_mutex_unlock(&replay->lock);
    return NULL;
}

/* ---- the replay ---- */

/* Which blocks of the tape the batch lies in. */
static void blocks_number(struct replay *replay) {
    struct tape_range range = replay->census->range;
    replay->first_block = (size_t)(range.first / TAPE_BLOCK_EVENTS);
    if (range.first < range.end) {
        size_t last = (size_t)((range.end - 1) / TAPE_BLOCK_EVENTS);
        replay->block_count = last - replay->first_block + 1;
    }
}

struct status replay_new(struct replay **replay, const struct census *census,
                         const struct results *results, struct tape *tape,
                         enum simultaneous simultaneous, struct err *err) {
    *replay = calloc(1, sizeof **replay);
    if (*replay == NULL) {
        return err_memory(err, sizeof **replay, "the replay");
    }
    (*replay)->census = census;
    (*replay)->results = results_view(results);
    (*replay)->tape = tape;
    (*replay)->simultaneous = simultaneous;
    blocks_number(*replay);
    (void)pthread_mutex_init(&(*replay)->lock, NULL); /* cannot fail on Linux */
    (void)pthread_cond_init(&(*replay)->changed, NULL);
    struct status status =
        pages_grow(&(*replay)->counters, census->node_count * sizeof(struct counters),
                   "the degrees of the members", err);
    if (failed(status)) {
        replay_free(*replay);
        *replay = NULL;
        return status;
    }
    counters_fill(*replay, results);
    return status_ok();
}

void replay_free(struct replay *replay) {
    if (replay == NULL) {
        return;
    }
    if (replay->is_threaded) {
        (void)pthread_mutex_lock(&replay->lock);
        replay->is_stopping = true;
        (void)pthread_cond_signal(&replay->changed);
        (void)pthread_mutex_unlock(&replay->lock);
        (void)pthread_join(replay->thread, NULL);
    }
    (void)pthread_cond_destroy(&replay->changed);
    (void)pthread_mutex_destroy(&replay->lock);
    pages_release(&replay->counters);
    free(replay);
}

/* Waits for a block, or settles it where there is no thread. */
static struct status block_await(struct replay *replay, size_t number, struct err *err) {
    (void)pthread_mutex_lock(&replay->lock);
    replay->released = number;
    (void)pthread_cond_signal(&replay->changed);
    while (replay->settled == number && !failed(replay->status)) {
        if (replay->is_threaded) {
            (void)pthread_cond_wait(&replay->changed, &replay->lock);
        } else {
            next_settle(replay);
        }
    }
    struct status status = replay->settled == number ? replay->status : status_ok();
    if (failed(status) && err != NULL) {
        *err = replay->err;
    }
    (void)pthread_mutex_unlock(&replay->lock);
    return status;
}

struct status replay_next(struct replay *replay, const struct replay_block **block,
                          struct err *err) {
    *block = NULL;
    if (replay->lent == replay->block_count) {
        return status_ok();
    }
    if (replay->lent == 0 && replay->block_count > 1) {
        replay->is_threaded = pthread_create(&replay->thread, NULL, replay_main, replay) == 0;
    }
    TRY(block_await(replay, replay->lent, err));
    *block = &replay->blocks[replay->lent % BLOCKS].block;
    replay->lent++;
    return status_ok();
}
