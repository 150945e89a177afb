/* Segments are read by several threads at once, each into the part of one list that the manifest
 * sizes; then the list is dealt out to the nodes, for a range of nodes per thread. */
#include "stages/state/tail.h"

#include "schemas/limits.h"
#include "stages/base/workers.h"
#include "stages/tie_store/tie_segment.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A tie that was made or ended. */
struct change {
    uint32_t a;
    uint32_t b_ended; /* the other member << 1 | is an ending */
};

/* A segment of the tail, read by one thread. */
struct piece {
    const struct segment *segment;
    struct change *changes; /* room for all that the manifest says */
    uint64_t count;
    struct status status;
    struct err err;
};

struct tail_making {
    struct tail *tail;
    const struct state *state;
    size_t node_count;
    struct piece *pieces;
    size_t piece_count;
    struct pages list;       /* struct change */
    unsigned parts;          /* of the range of nodes */
    unsigned reader_threads; /* of each segment */
};

void tail_release(struct tail *tail) {
    pages_release(&tail->offsets);
    pages_release(&tail->changes);
    *tail = (struct tail){0};
}

static void change_take(const struct tail_making *making, struct piece *piece, uint32_t from,
                        uint32_t to, uint32_t ended) {
    const struct node_scope *scope = &making->tail->scope;
    if (node_scope_has(scope, from) || node_scope_has(scope, to)) {
        piece->changes[piece->count++] = (struct change){from, to << 1 | ended};
    }
}

/* Takes what the reader hands out; *ties and *endings are what the segment has had so far. */
static struct status frames_take(const struct tail_making *making, struct piece *piece,
                                 struct tie_segment_reader *reader, uint64_t *ties,
                                 uint64_t *endings, struct err *err) {
    for (;;) {
        const struct tie_columns *made;
        const struct tie_ending *ended;
        size_t ended_count;
        uint64_t first_tie;
        TRY(tie_segment_next(reader, making->node_count, &made, &first_tie, &ended, &ended_count,
                             err));
        if (made == NULL && ended == NULL) {
            return status_ok();
        }
        size_t made_count = made == NULL ? 0 : made->count;
        *ties += made_count;
        *endings += ended_count;
        if (*ties > piece->segment->ties || *endings > piece->segment->endings) {
            return status_ok(); /* which the caller finds out */
        }
        for (size_t i = 0; i < made_count; i++) {
            change_take(making, piece, made->from[i], made->to[i], 0);
        }
        for (size_t i = 0; i < ended_count; i++) {
            change_take(making, piece, ended[i].from, ended[i].to, 1);
        }
    }
}

static struct status piece_read(const struct tail_making *making, struct piece *piece,
                                struct err *err) {
    const struct segment *segment = piece->segment;
    struct input *input;
    struct tie_segment_reader *reader;
    uint64_t ties = 0;
    uint64_t endings = 0;
    TRY(state_file_open(making->state, &segment->file, &input, err));
    TRY(tie_segment_reader_new(&reader, input, 1, err));
    struct status status = frames_take(making, piece, reader, &ties, &endings, err);
    if (!failed(status) && (ties != segment->ties || endings != segment->endings)) {
        status = err_set(err, FAILURE_DATA,
                         "%s: the manifest says %" PRIu64 " ties and %" PRIu64
                         " endings, which they are not: files of different generations are mixed",
                         segment->file.name, segment->ties, segment->endings);
    }
    if (!failed(status)) {
        status = state_file_check(making->state, &segment->file, input, err);
    }
    tie_segment_reader_free(reader);
    return status;
}

static void pieces_run(void *context, unsigned worker, size_t first, size_t end) {
    (void)worker;
    const struct tail_making *making = context;
    for (size_t i = first; i < end; i++) {
        struct piece *piece = &making->pieces[i];
        piece->status = piece_read(making, piece, &piece->err);
    }
}

/* Gives every segment its part of the list, and reads them all. */
static struct status pieces_read(struct tail_making *making, const struct generation *generation,
                                 unsigned threads, struct err *err) {
    size_t covered = generation->adjacency.segments;
    TRY(pages_grow(&making->list, (generation_tail(generation) + 1) * sizeof(struct change),
                   "the ties since the adjacency", err));
    struct change *room = making->list.data;
    for (size_t i = 0; i < making->piece_count; i++) {
        struct piece *piece = &making->pieces[i];
        piece->segment = &generation->segments[covered + i];
        piece->changes = room;
        room += piece->segment->ties + piece->segment->endings;
    }
    making->reader_threads = making->piece_count < threads ? threads : 1;
    workers_run(threads, making->piece_count, 1, pieces_run, making);
    for (size_t i = 0; i < making->piece_count; i++) {
        const struct piece *piece = &making->pieces[i];
        if (failed(piece->status)) {
            return err_set(err, piece->status.failure, "%s", piece->err.text);
        }
    }
    return status_ok();
}

/* The nodes of one part of the range. */
static struct node_scope part_scope(const struct tail_making *making, size_t part) {
    const struct node_scope *all = &making->tail->scope;
    uint64_t nodes = all->end - all->first;
    return (struct node_scope){
        .first = all->first + (uint32_t)(nodes * part / making->parts),
        .end = all->first + (uint32_t)(nodes * (part + 1) / making->parts),
        .wanted = all->wanted,
    };
}

/* Counts the changes of the part's nodes, each at the place behind its node's. */
static void parts_count(void *context, unsigned worker, size_t first, size_t end) {
    (void)worker;
    const struct tail_making *making = context;
    for (size_t part = first; part < end; part++) {
        struct node_scope scope = part_scope(making, part);
        uint64_t *counts = (uint64_t *)making->tail->offsets.data + 1;
        for (size_t i = 0; i < making->piece_count; i++) {
            const struct piece *piece = &making->pieces[i];
            for (uint64_t j = 0; j < piece->count; j++) {
                uint32_t a = piece->changes[j].a;
                uint32_t b = piece->changes[j].b_ended >> 1;
                if (node_scope_has(&scope, a)) {
                    counts[a - making->tail->scope.first]++;
                }
                if (node_scope_has(&scope, b)) {
                    counts[b - making->tail->scope.first]++;
                }
            }
        }
    }
}

static int compare_u32(const void *left, const void *right) {
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

/* Puts the changes of the part's nodes at their places, from the end of each node's on, which
 * leaves its offset at its beginning; then in order. */
static void parts_fill(void *context, unsigned worker, size_t first, size_t end) {
    (void)worker;
    const struct tail_making *making = context;
    uint64_t *ends = (uint64_t *)making->tail->offsets.data;
    uint32_t *changes = making->tail->changes.data;
    uint32_t base = making->tail->scope.first;
    for (size_t part = first; part < end; part++) {
        struct node_scope scope = part_scope(making, part);
        for (size_t i = 0; i < making->piece_count; i++) {
            const struct piece *piece = &making->pieces[i];
            for (uint64_t j = 0; j < piece->count; j++) {
                struct change change = piece->changes[j];
                uint32_t b = change.b_ended >> 1;
                if (node_scope_has(&scope, change.a)) {
                    changes[--ends[change.a - base]] = change.b_ended;
                }
                if (node_scope_has(&scope, b)) {
                    changes[--ends[b - base]] = change.a << 1 | (change.b_ended & 1);
                }
            }
        }
    }
}

static void nodes_sort(void *context, unsigned worker, size_t first, size_t end) {
    (void)worker;
    const struct tail_making *making = context;
    const uint64_t *offsets = making->tail->offsets.data;
    uint32_t *changes = making->tail->changes.data;
    for (size_t i = first; i < end; i++) {
        if (offsets[i + 1] - offsets[i] > 1) {
            qsort(changes + offsets[i], offsets[i + 1] - offsets[i], sizeof *changes, compare_u32);
        }
    }
}

/* Deals the list out to the nodes. */
static struct status changes_deal(struct tail_making *making, unsigned threads, struct err *err) {
    struct tail *tail = making->tail;
    size_t nodes = tail->scope.end - tail->scope.first;
    TRY(pages_grow(&tail->offsets, (nodes + 2) * sizeof(uint64_t), "the ties since the adjacency",
                   err));
    making->parts = threads;
    workers_run(threads, making->parts, 1, parts_count, making);
    uint64_t *offsets = tail->offsets.data;
    for (size_t i = 0; i < nodes; i++) {
        offsets[i + 1] += offsets[i];
    }
    memmove(offsets, offsets + 1, nodes * sizeof *offsets); /* the end of each node's */
    TRY(pages_grow(&tail->changes, (offsets[nodes] + 1) * sizeof(uint32_t),
                   "the ties since the adjacency", err));
    workers_run(threads, making->parts, 1, parts_fill, making);
    enum { CHUNK = 4096 };
    workers_run(threads, nodes, CHUNK, nodes_sort, making);
    return status_ok();
}

struct status tail_load(struct tail *tail, const struct state *state,
                        const struct generation *generation, struct node_scope scope,
                        unsigned threads, struct err *err) {
    struct tail_making making = {
        .tail = tail,
        .state = state,
        .node_count = (size_t)generation->members,
        .piece_count = generation->segment_count - generation->adjacency.segments,
    };
    assert(scope.first <= scope.end && scope.end <= generation->members);
    tail->scope = scope;
    making.pieces = calloc(making.piece_count + 1, sizeof *making.pieces);
    if (making.pieces == NULL) {
        return err_memory(err, making.piece_count * sizeof *making.pieces, "the segments");
    }
    struct status status = pieces_read(&making, generation, threads, err);
    if (!failed(status)) {
        status = changes_deal(&making, threads, err);
    }
    tail->scope.wanted = NULL;
    pages_release(&making.list);
    free(making.pieces);
    return status;
}

/* Takes the changes about one member off the front of [*at, end): more were made (1) or ended (-1),
 * or as many (0). Other sums are returned as they are. */
static int64_t pair_take(const uint32_t *changes, uint64_t *at, uint64_t end) {
    uint32_t other = changes[*at] >> 1;
    int64_t sum = 0;
    for (; *at < end && changes[*at] >> 1 == other; ++*at) {
        sum += (changes[*at] & 1) == 0 ? 1 : -1;
    }
    return sum;
}

struct status tail_apply(const struct tail *tail, uint32_t node, const uint32_t *before,
                         size_t count, struct bytes *now, struct err *err) {
    const uint64_t *offsets = (const uint64_t *)tail->offsets.data + (node - tail->scope.first);
    const uint32_t *changes = tail->changes.data;
    now->count = 0;
    TRY(bytes_reserve(now, (count + (offsets[1] - offsets[0]) + 1) * sizeof(uint32_t), err));
    uint32_t *out = (uint32_t *)(void *)now->data;
    size_t made = 0;
    size_t taken = 0;
    for (uint64_t at = offsets[0]; at < offsets[1];) {
        uint32_t other = changes[at] >> 1;
        int64_t sum = pair_take(changes, &at, offsets[1]);
        while (taken < count && before[taken] < other) {
            out[made++] = before[taken++];
        }
        bool was = taken < count && before[taken] == other;
        int64_t is = was + sum;
        if (is < 0 || is > 1) {
            return err_set(err, FAILURE_DATA,
                           "nodes %" PRIu32 " and %" PRIu32
                           " are%s connected in the adjacency, and "
                           "the segments behind it have %" PRId64 " more makings than endings: "
                           "damaged, or files of different generations are mixed",
                           node, other, was ? "" : " not", sum);
        }
        taken += was;
        if (is == 1) {
            out[made++] = other;
        }
    }
    if (count != taken) {
        memcpy(out + made, before + taken, (count - taken) * sizeof *out);
    }
    now->count = (made + count - taken) * sizeof *out;
    return status_ok();
}
