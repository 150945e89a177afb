/* Every thread counts into an array of its own, and the arrays are added at the end: no counter is
 * shared, and the two random accesses per event are asked for some events ahead.
 *
 * Rejected: atomic counters (a locked addition waits for everything before it), and giving each
 * thread a share of the nodes (every thread would unpack the whole tape).
 */
#include "stages/adjacency/census.h"

#include "schemas/event.h"
#include "stages/base/workers.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* HANDS_MAX bounds the memory; four of them take what one memory gives. */
enum { HANDS_MAX = 4, AHEAD = 32 };

/* A node's counters are added up at least once in so many events, so that none can wrap. */
#define STRETCH_EVENTS (UINT64_C(1) << 31)
#define ENTRIES_END (UINT32_C(1) << 31)

/* What one thread counts. */
struct hand {
    uint32_t *counts;        /* per node; of the first hand those of the census */
    struct pages own_counts; /* of the others */
    struct pages endings;    /* uint32_t per node: disconnects */
    uint64_t disconnects;
    struct tape_block *block;
    uint32_t *pivots; /* of a block */
    struct status status;
    struct err err;
};

/* One walk over the tape. */
struct pass {
    struct census *census;
    const struct tape *tape;
    struct tape_range range;
    size_t first_block;
    struct hand *hands;
    unsigned hand_count;
    void (*count)(struct pass *pass, struct hand *hand, size_t first, size_t end);
};

void census_release(struct census *census) {
    pages_release(&census->base);
    pages_release(&census->entries);
    pages_release(&census->owned);
    *census = (struct census){0};
}

static struct status node_pages(struct pages *pages, size_t node_count, struct err *err) {
    return pages_grow(pages, (node_count + 1) * sizeof(uint32_t), "counters of members", err);
}

static void hands_free(struct hand *hands, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        pages_release(&hands[i].own_counts);
        pages_release(&hands[i].endings);
        free(hands[i].block);
        free(hands[i].pivots);
    }
    free(hands);
}

/* `counts` serves the first hand. */
static struct status hand_ready(struct hand *hand, uint32_t *counts, size_t node_count,
                                struct err *err) {
    hand->block = malloc(sizeof *hand->block);
    hand->pivots = malloc(TAPE_BLOCK_EVENTS * sizeof *hand->pivots);
    if (hand->block == NULL || hand->pivots == NULL) {
        return err_memory(err, sizeof *hand->block, "a block of the tape");
    }
    TRY(node_pages(&hand->endings, node_count, err)); /* takes memory when touched */
    if (counts == NULL) {
        TRY(node_pages(&hand->own_counts, node_count, err));
    }
    hand->counts = counts != NULL ? counts : hand->own_counts.data;
    return status_ok();
}

/* Gives the pass its hands; hands_free whatever the status. */
static struct status hands_ready(struct pass *pass, struct pages *counts, unsigned threads,
                                 struct err *err) {
    size_t node_count = pass->census->node_count;
    TRY(node_pages(counts, node_count, err));
    unsigned wanted = threads < HANDS_MAX ? threads : HANDS_MAX;
    pass->hands = calloc(wanted, sizeof *pass->hands);
    if (pass->hands == NULL) {
        return err_memory(err, wanted * sizeof *pass->hands, "counting members");
    }
    pass->hand_count = wanted;
    for (unsigned i = 0; i < wanted; i++) {
        TRY(hand_ready(&pass->hands[i], i == 0 ? counts->data : NULL, node_count, err));
    }
    return status_ok();
}

static void block_run(void *context, unsigned worker, size_t first, size_t end) {
    struct pass *pass = context;
    struct hand *hand = &pass->hands[worker];
    for (size_t i = first; i < end && !failed(hand->status); i++) {
        hand->status = tape_read(pass->tape, pass->first_block + i, hand->block, &hand->err);
        if (!failed(hand->status)) {
            uint64_t start = hand->block->first;
            uint64_t stop = start + hand->block->count;
            uint64_t low = pass->range.first > start ? pass->range.first : start;
            uint64_t high = pass->range.end < stop ? pass->range.end : stop;
            pass->count(pass, hand, (size_t)(low - start), (size_t)(high - start));
        }
    }
}

/* Counts the events of a stretch, which is not empty. */
static struct status stretch_run(struct pass *pass, struct tape_range stretch, struct err *err) {
    pass->range = stretch;
    pass->first_block = (size_t)(stretch.first / TAPE_BLOCK_EVENTS);
    size_t end_block = (size_t)((stretch.end - 1) / TAPE_BLOCK_EVENTS) + 1;
    workers_run(pass->hand_count, end_block - pass->first_block, 1, block_run, pass);
    for (unsigned i = 0; i < pass->hand_count; i++) {
        if (failed(pass->hands[i].status)) {
            return err_set(err, pass->hands[i].status.failure, "%s", pass->hands[i].err.text);
        }
    }
    return status_ok();
}

/* Adds all hands' counts to the first one's; returns the greatest. */
static uint32_t hands_add(struct pass *pass) {
    size_t node_count = pass->census->node_count;
    uint32_t *sums = pass->hands[0].counts;
    for (unsigned hand = 1; hand < pass->hand_count; hand++) {
        uint32_t *counts = pass->hands[hand].counts;
        for (size_t node = 0; node < node_count; node++) {
            sums[node] += counts[node];
        }
        memset(counts, 0, node_count * sizeof *counts);
    }
    uint32_t greatest = 0;
    for (size_t node = 0; node < node_count; node++) {
        greatest = sums[node] > greatest ? sums[node] : greatest;
    }
    return greatest;
}

static struct status stretches_run(struct pass *pass, struct tape_range range, struct err *err) {
    for (uint64_t first = range.first; first < range.end;) {
        uint64_t end = range.end - first > STRETCH_EVENTS ? first + STRETCH_EVENTS : range.end;
        TRY(stretch_run(pass, (struct tape_range){first, end}, err));
        if (hands_add(pass) >= ENTRIES_END) {
            return err_set(err, FAILURE_DATA,
                           "one member is in %" PRIu32 " or more connection events: no person, or "
                           "a damaged log",
                           ENTRIES_END);
        }
        first = end;
    }
    return status_ok();
}

static void nodes_count(uint32_t *counts, const uint32_t *nodes, size_t count) {
    size_t i = 0;
    for (; i + AHEAD < count; i++) {
        __builtin_prefetch(&counts[nodes[i + AHEAD]], 1);
        counts[nodes[i]]++;
    }
    for (; i < count; i++) {
        counts[nodes[i]]++;
    }
}

static void entries_count(struct pass *pass, struct hand *hand, size_t first, size_t end) {
    const struct tape_block *block = hand->block;
    (void)pass;
    nodes_count(hand->counts, block->from + first, end - first);
    nodes_count(hand->counts, block->to + first, end - first);
    uint32_t *endings = hand->endings.data;
    for (size_t i = first; i < end; i++) {
        if (event_code_kind(block->code[i]) == EVENT_DISCONNECT) {
            endings[block->from[i]]++;
            endings[block->to[i]]++;
            hand->disconnects++;
        }
    }
}

/* Sums up what the hands know of disconnects. */
static void churn_sum(const struct pass *pass) {
    struct census *census = pass->census;
    for (unsigned i = 0; i < pass->hand_count; i++) {
        census->disconnects += pass->hands[i].disconnects;
    }
    for (size_t node = 0; node < census->node_count && census->disconnects != 0; node++) {
        uint64_t endings = 0;
        for (unsigned i = 0; i < pass->hand_count; i++) {
            endings += ((const uint32_t *)pass->hands[i].endings.data)[node];
        }
        uint64_t square = endings * endings;
        census->churn = UINT64_MAX - census->churn < square ? UINT64_MAX : census->churn + square;
    }
}

struct status census_count(struct census *census, const struct tape *tape, struct tape_range range,
                           size_t node_count, unsigned threads, struct err *err) {
    assert(census->entries.data == NULL && range.first <= range.end &&
           range.end <= tape_count(tape));
    census->node_count = node_count;
    census->range = range;
    struct pass pass = {.census = census, .tape = tape, .count = entries_count};
    struct status status = hands_ready(&pass, &census->entries, threads, err);
    if (!failed(status)) {
        status = stretches_run(&pass, range, err);
    }
    if (!failed(status)) {
        churn_sum(&pass);
    }
    hands_free(pass.hands, pass.hand_count);
    return status;
}

struct status census_base_set(struct census *census, uint32_t node, uint32_t neighbours,
                              struct err *err) {
    assert(node < census->node_count);
    TRY(node_pages(&census->base, census->node_count, err));
    ((uint32_t *)census->base.data)[node] = neighbours;
    return status_ok();
}

static void pivots_count(struct pass *pass, struct hand *hand, size_t first, size_t end) {
    const struct census *census = pass->census;
    const uint32_t *from = hand->block->from;
    const uint32_t *to = hand->block->to;
    for (size_t i = first; i < end; i++) {
        size_t later = i + AHEAD < end ? i + AHEAD : i;
        census_foresee(census, from[later]);
        census_foresee(census, to[later]);
        hand->pivots[i - first] = census_is_pivot(census, from[i], to[i]) ? from[i] : to[i];
    }
    nodes_count(hand->counts, hand->pivots, end - first);
}

struct status census_own(struct census *census, const struct tape *tape, unsigned threads,
                         struct err *err) {
    assert(census->entries.data != NULL && census->owned.data == NULL);
    for (size_t node = 0; node < census->node_count; node++) {
        uint32_t length =
            census_base(census, (uint32_t)node) + census_entries(census, (uint32_t)node);
        census->longest = length > census->longest ? length : census->longest;
    }
    struct pass pass = {.census = census, .tape = tape, .count = pivots_count};
    struct status status = hands_ready(&pass, &census->owned, threads, err);
    if (!failed(status)) {
        status = stretches_run(&pass, census->range, err);
    }
    hands_free(pass.hands, pass.hand_count);
    return status;
}
