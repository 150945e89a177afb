#include "stages/state/rest.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>

static const char adjacency_name[] = "adjacency.tff";
static const char degrees_name[] = "degrees.tff";

/* A walk over the nodes of a scope. */
struct rest_walk {
    const char *file; /* name of the adjacency */
    const struct tail *tail;
    struct node_scope scope;
    struct bytes now; /* one node's neighbours */
    uint64_t entries; /* of all nodes so far */
    struct status (*visit)(void *context, struct node_id node, const uint32_t *neighbours,
                           size_t count, struct err *err);
    void *context;
};

static struct status node_visit(void *context, struct node_id node, const uint32_t *neighbours,
                                size_t count, struct err *err) {
    struct rest_walk *walk = context;
    if (tail_has(walk->tail, node.v)) {
        struct status status = tail_apply(walk->tail, node.v, neighbours, count, &walk->now, err);
        if (failed(status)) {
            err_prefix(err, "%s", walk->file);
            return status;
        }
        neighbours = (const uint32_t *)(const void *)walk->now.data;
        count = walk->now.count / sizeof *neighbours;
    }
    walk->entries += count;
    return walk->visit(walk->context, node, neighbours, count, err);
}

static struct status file_walk(const struct state *state, const struct generation *generation,
                               struct rest_walk *walk, unsigned threads, struct err *err) {
    const struct rest *adjacency = &generation->adjacency;
    struct input *input;
    TRY(state_file_open(state, &adjacency->file, &input, err));
    uint32_t members = (uint32_t)adjacency->members;
    uint32_t end = walk->scope.end < members ? walk->scope.end : members;
    struct node_scope scope = {
        .first = walk->scope.first < end ? walk->scope.first : end,
        .end = end,
        .wanted = walk->scope.wanted,
    };
    struct status status =
        adjacency_load_nodes(input, members, &scope, threads, node_visit, walk, err);
    if (!failed(status)) {
        status = state_file_check(state, &adjacency->file, input, err);
    }
    input_close(input);
    return status;
}

/* Visits the members that the file does not know. */
static struct status newer_walk(const struct generation *generation, struct rest_walk *walk,
                                struct err *err) {
    uint32_t members = (uint32_t)generation->adjacency.members;
    uint32_t node = walk->scope.first < members ? members : walk->scope.first;
    for (; node < walk->scope.end; node++) {
        if (node_scope_has(&walk->scope, node)) {
            TRY(node_visit(walk, (struct node_id){node}, NULL, 0, err));
        }
    }
    return status_ok();
}

struct status rest_visit(const struct state *state, const struct generation *generation,
                         struct node_scope scope, unsigned threads,
                         struct status (*visit)(void *context, struct node_id node,
                                                const uint32_t *neighbours, size_t count,
                                                struct err *err),
                         void *context, struct err *err) {
    struct tail tail = {0};
    struct rest_walk walk = {
        .file = generation->adjacency.file.name,
        .tail = &tail,
        .scope = scope,
        .visit = visit,
        .context = context,
    };
    struct status status = tail_load(&tail, state, generation, scope, threads, err);
    if (!failed(status)) {
        status = file_walk(state, generation, &walk, threads, err);
    }
    if (!failed(status)) {
        status = newer_walk(generation, &walk, err);
    }
    bool is_whole = scope.first == 0 && scope.end == generation->members && scope.wanted == NULL;
    if (!failed(status) && is_whole && walk.entries != 2 * generation->open_ties) {
        status = err_set(err, FAILURE_DATA,
                         "%s/%s: with the tie segments behind it there are %" PRIu64
                         " sides of ties, and not two for each of the %" PRIu64
                         " open ties of the manifest: files of different generations are mixed",
                         state->folder, generation->adjacency.file.name, walk.entries,
                         generation->open_ties);
    }
    bytes_release(&walk.now);
    tail_release(&tail);
    return status;
}

/* --- how much there is of it --- */

static struct status degrees_read(const struct state *state, const struct rest *adjacency,
                                  struct pages *degrees, struct err *err) {
    struct input *input;
    TRY(state_file_open(state, &adjacency->degrees, &input, err));
    struct status status = degrees_load(degrees, input, (size_t)adjacency->members, err);
    if (!failed(status)) {
        status = state_file_check(state, &adjacency->degrees, input, err);
    }
    input_close(input);
    return status;
}

/* Adds up the degrees of the events' members, each of which is taken once and then is 0. */
static struct status degrees_sum(const struct tape *tape, uint32_t *degrees, uint64_t members,
                                 uint64_t *sum, struct err *err) {
    struct tape_block *block = malloc(sizeof *block);
    struct status status =
        block == NULL ? err_memory(err, sizeof *block, "a block of events") : status_ok();
    for (size_t i = 0; i < tape_blocks(tape) && !failed(status); i++) {
        status = tape_read(tape, i, block, err);
        for (size_t j = 0; !failed(status) && j < 2 * block->count; j++) {
            uint32_t node = j % 2 == 0 ? block->from[j / 2] : block->to[j / 2];
            if (node < members) {
                *sum += degrees[node];
                degrees[node] = 0;
            }
        }
    }
    free(block);
    return status;
}

struct status rest_entries(const struct state *state, const struct generation *generation,
                           const struct tape *tape, uint64_t *entries, struct err *err) {
    const struct rest *adjacency = &generation->adjacency;
    struct pages degrees = {0};
    uint64_t all = 2 * generation->open_ties;
    *entries = all;
    if (adjacency->degrees.name == NULL) {
        return status_ok();
    }
    uint64_t touched = 2 * generation_tail(generation);
    struct status status = degrees_read(state, adjacency, &degrees, err);
    if (!failed(status)) {
        status = degrees_sum(tape, degrees.data, adjacency->members, &touched, err);
    }
    pages_release(&degrees);
    *entries = touched < all ? touched : all;
    return status;
}

/* --- as the base of a batch --- */

struct base_load {
    struct census *census;
    struct arrival_rows *rows;
};

static struct status node_load(void *context, struct node_id node, const uint32_t *neighbours,
                               size_t count, struct err *err) {
    const struct base_load *load = context;
    return count == 0 ? status_ok()
                      : arrival_rows_base(load->rows, load->census, node.v, neighbours, count, err);
}

static struct status base_load(void *context, const uint64_t *wanted, struct census *census,
                               struct arrival_rows *rows, struct err *err) {
    const struct rest_base *base = context;
    struct base_load load = {census, rows};
    uint32_t members = (uint32_t)base->generation->members; /* those before the batch */
    struct node_scope scope = {
        .first = rows->first < members ? rows->first : members,
        .end = rows->end < members ? rows->end : members,
        .wanted = wanted,
    };
    return rest_visit(base->state, base->generation, scope, base->threads, node_load, &load, err);
}

struct batch_base rest_base_of(struct rest_base *base) {
    return (struct batch_base){.context = base, .load = base_load};
}

/* --- written anew --- */

struct status rest_writer_open(struct rest_writer *writer, const struct state *state,
                               unsigned threads, struct err *err) {
    TRY(state_output_open(state, adjacency_name, &writer->output, err));
    TRY(adjacency_writer_new(&writer->rows, writer->output, threads, err));
    TRY(state_output_open(state, degrees_name, &writer->degrees_output, err));
    return degrees_writer_new(&writer->degrees, writer->degrees_output, err);
}

void rest_writer_release(struct rest_writer *writer) {
    adjacency_writer_free(writer->rows);
    output_discard(writer->output);
    degrees_writer_free(writer->degrees);
    output_discard(writer->degrees_output);
    *writer = (struct rest_writer){0};
}

static struct status rows_take(void *context, struct arrival_rows *rows, struct err *err) {
    struct rest_writer *writer = context;
    uint32_t nodes = rows->end - rows->first;
    writer->entries += nodes == 0 ? 0 : ((const uint64_t *)rows->offsets.data)[nodes];
    writer->nodes += nodes;
    TRY(degrees_writer_put(writer->degrees, rows, err));
    return adjacency_writer_put(writer->rows, rows, err);
}

struct batch_after rest_writer_after(struct rest_writer *writer) {
    return (struct batch_after){.context = writer, .take = rows_take};
}

struct status rest_writer_finish(struct rest_writer *writer, struct generation *generation,
                                 struct err *err) {
    if (writer->nodes != generation->members || writer->entries != 2 * generation->open_ties) {
        return err_set(err, FAILURE_INTERNAL,
                       "the rows after the night have %" PRIu64 " entries of %" PRIu64
                       " members, and not two for each of the %" PRIu64 " open ties of %" PRIu64
                       " members",
                       writer->entries, writer->nodes, generation->open_ties, generation->members);
    }
    struct rest *adjacency = &generation->adjacency;
    TRY(adjacency_writer_end(writer->rows, err));
    struct output *output = writer->output;
    writer->output = NULL;
    TRY(state_output_commit(generation->date_ms, adjacency_name, output, &adjacency->file, err));
    TRY(degrees_writer_end(writer->degrees, err));
    output = writer->degrees_output;
    writer->degrees_output = NULL;
    TRY(state_output_commit(generation->date_ms, degrees_name, output, &adjacency->degrees, err));
    adjacency->segments = generation->segment_count;
    adjacency->members = generation->members;
    adjacency->open_ties = generation->open_ties;
    return status_ok();
}
