/* bench_triangles LOG FOLDER [THREADS]: how many triangles a graph has, found without anything that
 * tieflow counts with: no dictionary, no rows in order of arrival, no prefixes, no pivots.
 *
 * LOG holds connects alone, each pair once, between members 1 .. 2^32 - 2. Every tie is directed
 * from its member of fewer ties to the one of more (of equal many, the smaller id first), so that
 * each triangle has one member whose ties lead to both others: its out-neighbours are marked, and
 * marked out-neighbours of these are counted (the forward algorithm: Schank and Wagner, 2005;
 * Latapy, 2008). Of an insert-only log under --simultaneous sequence the number is the sum of all
 * mutual connections (definitions, section 2).
 *
 * The pairs wait in a scratch file in FOLDER, 8 bytes each; memory: 4 bytes per tie and 16 per
 * member. Prints one line of JSON, as
 * contenders do.
 */
#include "bench/contender.h"

#include "schemas/limits.h"
#include "stages/base/number.h"
#include "stages/base/pages.h"
#include "stages/base/scratch.h"
#include "stages/base/workers.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_EVENTS = 4096, BLOCK_PAIRS = 1 << 18, CHUNK_MEMBERS = 64, AHEAD = 12 };

struct pair {
    uint32_t a;
    uint32_t b;
};

struct graph {
    struct scratch *pairs;
    uint64_t pair_count;
    uint64_t flushed; /* pairs in the file */
    struct pair block[BLOCK_PAIRS];
    size_t members;       /* the greatest id and one */
    struct pages degrees; /* uint32_t per member */
    struct pages begins;  /* uint64_t per member and one: where its out-neighbours are */
    struct pages outs;    /* uint32_t */
    struct pages marks[LIMIT_THREADS];
    uint64_t triangles[LIMIT_THREADS];
};

static struct status pairs_flush(struct graph *graph, struct err *err) {
    size_t count = (size_t)(graph->pair_count - graph->flushed);
    TRY(scratch_write(graph->pairs, graph->flushed * sizeof(struct pair), graph->block,
                      count * sizeof(struct pair), err));
    graph->flushed = graph->pair_count;
    return status_ok();
}

static struct status pair_take(struct graph *graph, struct member_id a, struct member_id b,
                               struct err *err) {
    uint64_t greater = a.v > b.v ? a.v : b.v;
    if (greater >= UINT32_MAX || a.v == b.v) {
        return err_set(err, FAILURE_DATA, "members %" PRIu64 " and %" PRIu64 " are no pair here",
                       a.v, b.v);
    }
    if (greater >= graph->members) {
        size_t members = (size_t)greater + (size_t)greater / 2 + 1;
        TRY(pages_grow(&graph->degrees, members * sizeof(uint32_t), "the degrees", err));
        graph->members = members;
    }
    uint32_t *degrees = graph->degrees.data;
    degrees[a.v]++;
    degrees[b.v]++;
    graph->block[graph->pair_count - graph->flushed] = (struct pair){(uint32_t)a.v, (uint32_t)b.v};
    graph->pair_count++;
    return graph->pair_count - graph->flushed == BLOCK_PAIRS ? pairs_flush(graph, err)
                                                             : status_ok();
}

static struct status events_take(void *context, const struct event *events, size_t count,
                                 struct err *err) {
    for (size_t i = 0; i < count; i++) {
        if (events[i].kind != EVENT_CONNECT) {
            return err_set(err, FAILURE_DATA, "the log ends ties: its triangles are of no moment");
        }
        TRY(pair_take(context, events[i].from, events[i].to, err));
    }
    return status_ok();
}

/* Directs every pair of a block: a leads to b from here on. */
static void pairs_direct(const struct graph *graph, struct pair *pairs, size_t count) {
    const uint32_t *degrees = graph->degrees.data;
    for (size_t i = 0; i < count; i++) {
        if (i + AHEAD < count) {
            __builtin_prefetch(&degrees[pairs[i + AHEAD].a]);
            __builtin_prefetch(&degrees[pairs[i + AHEAD].b]);
        }
        struct pair pair = pairs[i];
        uint32_t of_a = degrees[pair.a];
        uint32_t of_b = degrees[pair.b];
        if (of_a > of_b || (of_a == of_b && pair.a > pair.b)) {
            pairs[i] = (struct pair){pair.b, pair.a};
        }
    }
}

/* Calls `act` for every block of directed pairs. */
static struct status pairs_each(struct graph *graph,
                                void (*act)(struct graph *graph, const struct pair *pairs,
                                            size_t count),
                                struct err *err) {
    for (uint64_t first = 0; first < graph->pair_count; first += BLOCK_PAIRS) {
        uint64_t left = graph->pair_count - first;
        size_t count = left < BLOCK_PAIRS ? (size_t)left : BLOCK_PAIRS;
        TRY(scratch_read(graph->pairs, first * sizeof(struct pair), graph->block,
                         count * sizeof(struct pair), err));
        pairs_direct(graph, graph->block, count);
        act(graph, graph->block, count);
    }
    return status_ok();
}

static void outs_count(struct graph *graph, const struct pair *pairs, size_t count) {
    uint64_t *begins = graph->begins.data;
    for (size_t i = 0; i < count; i++) {
        if (i + AHEAD < count) {
            __builtin_prefetch(&begins[pairs[i + AHEAD].a], 1);
        }
        begins[pairs[i].a]++;
    }
}

/* begins[v] runs from the end of v's out-neighbours down to their begin. */
static void outs_put(struct graph *graph, const struct pair *pairs, size_t count) {
    uint64_t *begins = graph->begins.data;
    uint32_t *outs = graph->outs.data;
    for (size_t i = 0; i < count; i++) {
        if (i + 2 * (size_t)AHEAD < count) {
            __builtin_prefetch(&begins[pairs[i + 2 * (size_t)AHEAD].a], 1);
        }
        if (i + AHEAD < count) {
            __builtin_prefetch(&outs[begins[pairs[i + AHEAD].a]] - 1, 1);
        }
        outs[--begins[pairs[i].a]] = pairs[i].b;
    }
}

static struct status graph_build(struct graph *graph, struct err *err) {
    TRY(pages_grow(&graph->begins, (graph->members + 1) * sizeof(uint64_t), "the graph", err));
    TRY(pages_grow(&graph->outs, graph->pair_count * sizeof(uint32_t) + 1, "the graph", err));
    TRY(pairs_each(graph, outs_count, err));
    uint64_t *begins = graph->begins.data;
    uint64_t sum = 0;
    for (size_t v = 0; v <= graph->members; v++) {
        sum += begins[v];
        begins[v] = sum;
    }
    return pairs_each(graph, outs_put, err);
}

static uint64_t marked_count(const uint64_t *marks, const uint32_t *outs, uint64_t count) {
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        sum += marks[outs[i] >> 6] >> (outs[i] & 63) & 1;
    }
    return sum;
}

static uint64_t member_count(const struct graph *graph, uint64_t *marks, size_t member) {
    const uint64_t *begins = graph->begins.data;
    const uint32_t *outs = graph->outs.data;
    uint64_t sum = 0;
    for (uint64_t i = begins[member]; i < begins[member + 1]; i++) {
        marks[outs[i] >> 6] |= UINT64_C(1) << (outs[i] & 63);
    }
    for (uint64_t i = begins[member]; i < begins[member + 1]; i++) {
        if (i + 2 * (uint64_t)AHEAD < graph->pair_count) {
            __builtin_prefetch(&begins[outs[i + 2 * (uint64_t)AHEAD]]);
        }
        if (i + AHEAD < graph->pair_count) {
            const uint32_t *ahead = &outs[begins[outs[i + AHEAD]]];
            __builtin_prefetch(ahead);
            __builtin_prefetch(ahead + 16);
        }
        sum += marked_count(marks, &outs[begins[outs[i]]], begins[outs[i] + 1] - begins[outs[i]]);
    }
    for (uint64_t i = begins[member]; i < begins[member + 1]; i++) {
        marks[outs[i] >> 6] = 0;
    }
    return sum;
}

static void members_count(void *context, unsigned worker, size_t first, size_t end) {
    struct graph *graph = context;
    for (size_t member = first; member < end; member++) {
        graph->triangles[worker] += member_count(graph, graph->marks[worker].data, member);
    }
}

static struct status triangles_find(struct graph *graph, const char *log, const char *folder,
                                    unsigned threads, struct err *err) {
    double start = measure_now();
    TRY(scratch_open(&graph->pairs, folder, err));
    TRY(contest_read(log, BLOCK_EVENTS, events_take, graph, err));
    TRY(pairs_flush(graph, err));
    double read = measure_now();
    TRY(graph_build(graph, err));
    double built = measure_now();
    for (unsigned i = 0; i < threads; i++) {
        TRY(pages_grow(&graph->marks[i], graph->members / 8 + 8, "a bit per member", err));
    }
    workers_run(threads, graph->members, CHUNK_MEMBERS, members_count, graph);
    uint64_t triangles = 0;
    for (unsigned i = 0; i < threads; i++) {
        triangles += graph->triangles[i];
    }
    double end = measure_now();
    printf("{\"contender\":\"forward algorithm\",\"ties\":%" PRIu64 ",\"triangles\":%" PRIu64
           ",\"seconds\":%.3f,\"stages\":{\"reading\":%.3f,\"building\":%.3f,\"counting\":%.3f}}\n",
           graph->pair_count, triangles, end - start, read - start, built - read, end - built);
    return status_ok();
}

static void graph_release(struct graph *graph) {
    scratch_close(graph->pairs);
    pages_release(&graph->degrees);
    pages_release(&graph->begins);
    pages_release(&graph->outs);
    for (int i = 0; i < LIMIT_THREADS; i++) {
        pages_release(&graph->marks[i]);
    }
    free(graph);
}

int main(int argc, char **argv) {
    struct err err = {0};
    uint64_t threads = 2;
    if (argc < 3 || (argc > 3 && (!number_parse_u64(argv[3], strlen(argv[3]), &threads) ||
                                  threads == 0 || threads > LIMIT_THREADS))) {
        fputs("usage: bench_triangles LOG FOLDER [THREADS]\n", stderr);
        return FAILURE_USAGE;
    }
    struct graph *graph = calloc(1, sizeof *graph);
    struct status status = graph == NULL
                               ? err_memory(&err, sizeof *graph, "the graph")
                               : triangles_find(graph, argv[1], argv[2], (unsigned)threads, &err);
    if (graph != NULL) {
        graph_release(graph);
    }
    if (failed(status)) {
        fprintf(stderr, "bench_triangles: %s\n", err.text);
    }
    return (int)status.failure;
}
