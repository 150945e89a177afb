/* Two blocks take turns: one is read and looked up while the other is visited. Unpacking costs
 * about as much as most visits, so two threads are kept busy; more would need visits that can be
 * split.
 */
#include "stages/attribution/tie_walk.h"

#include "stages/base/stream.h"
#include "stages/base/workers.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { TURNS = 2, TURN_READ = 0, TURN_VISIT = 1, TIES_AHEAD = 16 };

/* What a turn made of it. */
struct outcome {
    struct status status;
    struct err err;
};

struct walk {
    const struct tie_source *source;
    tie_block_visit visit;
    void *context;
    size_t next_segment;
    struct tie_segment_reader *reader; /* NULL between segments */
    struct tie_block *blocks[2];
    size_t reading;  /* which of them is read into; the other is visited */
    bool is_visited; /* the other one has ties */
    bool is_at_end;  /* nothing is left to read */
    struct outcome outcomes[TURNS];
};

static void block_copy(struct tie_block *block, const struct tie_columns *ties) {
    size_t count = ties->count;
    struct tie_columns *to = &block->ties;
    to->count = count;
    memcpy(to->created_at_ms, ties->created_at_ms, count * sizeof *to->created_at_ms);
    memcpy(to->from, ties->from, count * sizeof *to->from);
    memcpy(to->to, ties->to, count * sizeof *to->to);
    memcpy(to->mutual, ties->mutual, count * sizeof *to->mutual);
    memcpy(to->degree_from, ties->degree_from, count * sizeof *to->degree_from);
    memcpy(to->degree_to, ties->degree_to, count * sizeof *to->degree_to);
    memcpy(to->origin, ties->origin, count * sizeof *to->origin);
}

/* What is known of a tie lies anywhere: asked for in time, ties do not wait for each other. */
static void tie_foresee(const struct tie_source *source, uint32_t from, uint32_t to) {
    __builtin_prefetch(&source->people->of_node[from]);
    __builtin_prefetch(&source->people->of_node[to]);
    ending_index_foresee(source->endings, from, to);
}

static void block_look_up(struct tie_block *block, const struct tie_source *source,
                          uint64_t first_tie) {
    const struct tie_columns *ties = &block->ties;
    for (size_t i = 0; i < ties->count; i++) {
        if (i + TIES_AHEAD < ties->count) {
            tie_foresee(source, ties->from[i + TIES_AHEAD], ties->to[i + TIES_AHEAD]);
        }
        block->from[i] = source->people->of_node[ties->from[i]];
        block->to[i] = source->people->of_node[ties->to[i]];
        block->ended_ms[i] =
            ending_index_find(source->endings, ties->from[i], ties->to[i], first_tie + i);
    }
    for (size_t i = 0; i < ties->count; i++) {
        block->interactions[i] = intensity_count(source->intensity, block->from[i], block->to[i],
                                                 ties->created_at_ms[i]);
    }
}

static struct status segment_open(struct walk *walk, struct err *err) {
    struct input *input;
    TRY(input_open(&input, walk->source->segment_paths[walk->next_segment], err));
    walk->next_segment++;
    return tie_segment_reader_new(&walk->reader, input, 1, err);
}

/* The next frame of ties of any segment; none at the end. */
static struct status block_read(struct walk *walk, struct tie_block *block, struct err *err) {
    block->ties.count = 0;
    while (walk->reader != NULL || walk->next_segment < walk->source->segment_count) {
        if (walk->reader == NULL) {
            TRY(segment_open(walk, err));
        }
        const struct tie_columns *ties;
        const struct tie_ending *endings;
        size_t ending_count;
        uint64_t first_tie;
        TRY(tie_segment_next(walk->reader, walk->source->people->node_count, &ties, &first_tie,
                             &endings, &ending_count, err));
        if (ties != NULL) {
            block_copy(block, ties);
            block_look_up(block, walk->source, first_tie);
            return status_ok();
        }
        if (endings == NULL) {
            tie_segment_reader_free(walk->reader);
            walk->reader = NULL;
        }
    }
    walk->is_at_end = true;
    return status_ok();
}

static void turns_take(void *context, unsigned worker, size_t first, size_t end) {
    (void)worker;
    struct walk *walk = context;
    for (size_t turn = first; turn < end; turn++) {
        struct outcome *outcome = &walk->outcomes[turn];
        if (turn == TURN_READ && !walk->is_at_end) {
            outcome->status = block_read(walk, walk->blocks[walk->reading], &outcome->err);
        } else if (turn == TURN_VISIT && walk->is_visited) {
            outcome->status =
                walk->visit(walk->context, walk->blocks[1 - walk->reading], &outcome->err);
        }
    }
}

static struct status blocks_walk(struct walk *walk, struct err *err) {
    const struct tie_source *source = walk->source;
    uint64_t walked = 0;
    do {
        workers_run(source->threads, TURNS, 1, turns_take, walk);
        for (int turn = TURN_VISIT; turn >= TURN_READ; turn--) {
            const struct outcome *outcome = &walk->outcomes[turn];
            if (failed(outcome->status)) {
                return err_set(err, outcome->err.failure, "%s", outcome->err.text);
            }
        }
        if (walk->is_visited && source->progress != NULL) {
            walked += walk->blocks[1 - walk->reading]->ties.count;
            source->progress(source->progress_context, walked);
        }
        walk->is_visited = !walk->is_at_end;
        walk->reading = 1 - walk->reading;
    } while (walk->is_visited);
    return status_ok();
}

struct status tie_walk(const struct tie_source *source, tie_block_visit visit, void *context,
                       struct err *err) {
    struct walk walk = {.source = source, .visit = visit, .context = context};
    for (size_t i = 0; i < 2; i++) {
        walk.blocks[i] = malloc(sizeof *walk.blocks[i]);
    }
    bool has_memory = walk.blocks[0] != NULL && walk.blocks[1] != NULL;
    struct status status = has_memory ? blocks_walk(&walk, err)
                                      : err_memory(err, sizeof *walk.blocks[0], "a block of ties");
    tie_segment_reader_free(walk.reader);
    free(walk.blocks[0]);
    free(walk.blocks[1]);
    return status;
}
