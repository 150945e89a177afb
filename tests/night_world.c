#include "tests/night_world.h"

#include "stages/base/number.h"
#include "stages/tie_store/tie_segment.h"
#include "tests/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void night_world_begin(struct night_world *world, uint64_t seed) {
    *world = (struct night_world){0};
    random_seed(&world->random, seed);
}

void night_world_release(struct night_world *world) {
    graph_release(&world->graph);
    free(world->pairs);
    *world = (struct night_world){0};
}

/* Index of the pair among the open ties; their number where it is none. */
static size_t pair_find(const struct night_world *world, uint32_t a, uint32_t b) {
    for (size_t i = 0; i < world->pair_count; i++) {
        const uint32_t *pair = world->pairs + 2 * i;
        if ((pair[0] == a && pair[1] == b) || (pair[0] == b && pair[1] == a)) {
            return i;
        }
    }
    return world->pair_count;
}

bool night_world_has(const struct night_world *world, uint32_t a, uint32_t b) {
    return pair_find(world, a, b) < world->pair_count;
}

static void tie_make(struct night_world *world, struct tie_segment_writer *writer, uint32_t a,
                     uint32_t b) {
    struct err err;
    uint32_t *grown = reallocarray(world->pairs, world->pair_count + 1, 2 * sizeof *grown);
    assert_non_null(grown);
    world->pairs = grown;
    grown[2 * world->pair_count] = a;
    grown[2 * world->pair_count + 1] = b;
    world->pair_count++;
    world->ties++;
    world->graph.open_ties++;
    MUST(histogram_add(&world->graph.cohort, 0, 1, &err));
    MUST(tie_segment_put_tie(writer, &(struct stored_tie){.from = a, .to = b}, &err));
}

/* Ends the open tie of that index; tells its pair. */
static void tie_end(struct night_world *world, struct tie_segment_writer *writer, size_t index,
                    uint32_t pair[2]) {
    struct err err;
    uint32_t *at = world->pairs + 2 * index;
    bool turned = random_below(&world->random, 2) == 1; /* an ending may name them either way */
    pair[0] = at[turned];
    pair[1] = at[!turned];
    world->pair_count--;
    memmove(at, world->pairs + 2 * world->pair_count, 2 * sizeof *at);
    world->graph.open_ties--;
    const struct tie_ending ending = {.from = pair[0], .to = pair[1], .ties_before = world->ties};
    MUST(tie_segment_put_ending(writer, &ending, &err));
}

static void new_tie_make(struct night_world *world, struct tie_segment_writer *writer) {
    size_t nodes = dictionary_count(&world->graph.dictionary);
    for (;;) {
        uint32_t a = (uint32_t)random_below(&world->random, nodes);
        uint32_t b = (uint32_t)random_below(&world->random, nodes);
        if (a != b && !night_world_has(world, a, b)) {
            tie_make(world, writer, a, b);
            return;
        }
    }
}

static void events_happen(struct night_world *world, struct tie_segment_writer *writer,
                          struct night_events events) {
    struct err err;
    for (size_t i = 0; i < events.members; i++) {
        struct member_id member = {random_u64(&world->random)};
        struct node_id node;
        MUST(dictionary_resolve(&world->graph.dictionary, &member, 1, &node, &err));
    }
    for (size_t i = 0; i < events.ties; i++) {
        new_tie_make(world, writer);
    }
    for (size_t i = 0; i < events.endings; i++) {
        uint32_t pair[2];
        tie_end(world, writer, random_below(&world->random, world->pair_count), pair);
        for (size_t again = random_below(&world->random, 4); events.flickers && again > 0;
             again--) {
            if (night_world_has(world, pair[0], pair[1])) {
                tie_end(world, writer, pair_find(world, pair[0], pair[1]), pair);
            } else {
                tie_make(world, writer, pair[0], pair[1]);
            }
        }
    }
}

/* Lets the events happen into the night's segment, in the begun folder, and adds that to the
 * generation. */
static void segment_write(struct night_world *world, const struct state *state,
                          struct generation *generation, struct night_events events) {
    struct err err;
    char name[64];
    char date[DATE_TEXT_BYTES];
    struct output *output;
    struct tie_segment_writer *writer;
    struct segment segment = {.date_ms = generation->date_ms, .first_tie = world->ties};
    uint64_t open_before = world->graph.open_ties;
    date_format(generation->date_ms, date);
    (void)snprintf(name, sizeof name, "ties-%s.tff", date);
    MUST(state_output_open(state, name, &output, &err));
    MUST(tie_segment_writer_new(&writer, output, segment.first_tie, 1, &err));
    events_happen(world, writer, events);
    MUST(tie_segment_end(writer, &err));
    tie_segment_writer_free(writer);
    segment.ties = world->ties - segment.first_tie;
    segment.endings = open_before + segment.ties - world->graph.open_ties;
    MUST(state_output_commit(generation->date_ms, name, output, &segment.file, &err));
    MUST(generation_add_segment(generation, &segment, &err));
    free(segment.file.name);
}

static int compare_u32(const void *left, const void *right) {
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

/* The neighbours of every node, ascending. */
static void rows_make(const struct night_world *world, struct arrival_rows *rows) {
    struct err err;
    size_t nodes = dictionary_count(&world->graph.dictionary);
    *rows = (struct arrival_rows){.end = (uint32_t)nodes};
    MUST(pages_grow(&rows->offsets, (nodes + 1) * sizeof(uint64_t), "rows", &err));
    MUST(pages_grow(&rows->entries, (2 * world->pair_count + 1) * sizeof(uint32_t), "rows", &err));
    MUST(pages_grow(&rows->signed_nodes, (nodes / 64 + 1) * sizeof(uint64_t), "rows", &err));
    uint64_t *offsets = rows->offsets.data;
    uint32_t *entries = rows->entries.data;
    for (size_t i = 0; i < 2 * world->pair_count; i++) {
        offsets[world->pairs[i]]++;
    }
    for (size_t node = 0; node < nodes; node++) {
        offsets[node] += node == 0 ? 0 : offsets[node - 1];
    }
    offsets[nodes] = 2 * world->pair_count;
    for (size_t i = 0; i < 2 * world->pair_count; i++) {
        entries[--offsets[world->pairs[i]]] = world->pairs[i ^ 1];
    }
    for (size_t node = 0; node < nodes; node++) {
        if (offsets[node] != offsets[node + 1]) {
            qsort(entries + offsets[node], offsets[node + 1] - offsets[node], sizeof *entries,
                  compare_u32);
        }
    }
}

void night_world_save_rows(const struct night_world *world, const struct state *state,
                           struct generation *generation, unsigned threads) {
    struct err err;
    struct arrival_rows rows;
    struct rest_writer writer = {0};
    rows_make(world, &rows);
    MUST(rest_writer_open(&writer, state, threads, &err));
    const struct batch_after after = rest_writer_after(&writer);
    MUST(after.take(after.context, &rows, &err));
    MUST(rest_writer_finish(&writer, generation, &err));
    rest_writer_release(&writer);
    arrival_rows_release(&rows);
}

void night_world_run(struct night_world *world, struct state *state, int64_t date_ms,
                     struct night_events events, bool has_tail, unsigned threads) {
    struct err err;
    char *next;
    struct generation generation = {.date_ms = date_ms, .first_date_ms = date_ms};
    struct generation newest = {0};
    if (state->date_count > 0) {
        MUST(state_read(state, state_newest(state), &newest, &err));
        for (size_t i = 0; i < newest.segment_count; i++) {
            MUST(generation_add_segment(&generation, &newest.segments[i], &err));
        }
    }
    MUST(state_begin(state, &next, &err));
    free(next);
    segment_write(world, state, &generation, events);
    generation.members = dictionary_count(&world->graph.dictionary);
    generation.ties = world->ties;
    generation.open_ties = world->graph.open_ties;
    if (has_tail) {
        MUST(generation_share_adjacency(&generation, &newest, &err));
    } else {
        night_world_save_rows(world, state, &generation, threads);
    }
    MUST(state_commit(state, &generation, &world->graph, &err));
    generation_release(&newest);
    generation_release(&generation);
}

struct comparison {
    struct arrival_rows rows;
    uint32_t next;
};

static struct status node_compare(void *context, struct node_id node, const uint32_t *neighbours,
                                  size_t count, struct err *err) {
    struct comparison *comparison = context;
    uint32_t expected;
    const uint32_t *row = arrival_rows_of(&comparison->rows, node.v, &expected);
    (void)err;
    assert_int_equal(node.v, comparison->next++);
    assert_int_equal(count, expected);
    if (count != 0) {
        assert_memory_equal(neighbours, row, count * sizeof *row);
    }
    return status_ok();
}

void night_world_compare(const struct night_world *world, const struct state *state,
                         const struct generation *generation) {
    struct err err;
    struct comparison comparison = {0};
    rows_make(world, &comparison.rows);
    const struct node_scope all = {0, (uint32_t)generation->members, NULL};
    MUST(rest_visit(state, generation, all, 2, node_compare, &comparison, &err));
    assert_int_equal(comparison.next, dictionary_count(&world->graph.dictionary));
    arrival_rows_release(&comparison.rows);
}
