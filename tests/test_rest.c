#include "stages/state/rest.h"

#include "stages/base/files.h"
#include "stages/base/number.h"
#include "tests/night_world.h"
#include "tests/state_testing.h"

#include <stdlib.h>

/* A state of that name, to be written to. */
static struct state state_named(void **folder, const char *name) {
    struct err err;
    char path[SCRATCH_PATH_BYTES];
    struct state state = {0};
    scratch_path(folder, name, path);
    MUST(state_open(&state, path, true, &err));
    return state;
}

static struct generation newest_read(const struct state *state) {
    struct err err;
    struct generation generation = {0};
    MUST(state_read(state, state_newest(state), &generation, &err));
    return generation;
}

/* Random nights: has_tail of the first `nights` by the bits of `tails`, which has no bit 0. */
static void nights_run(struct night_world *world, struct state *state, int nights, unsigned tails,
                       struct night_events events) {
    for (int night = 0; night < nights; night++) {
        struct night_events now = events;
        if (night == 0) { /* something to end, and pairs left to connect */
            now.members += 20;
            now.ties += 60;
            now.endings = 0;
        }
        night_world_run(world, state, night * DAY_MS, now, (tails >> night & 1) != 0, 2);
    }
}

static void the_adjacency_and_its_tail_are_the_graph_of_every_night(void **folder) {
    static const struct night_events kinds[] = {
        {.members = 3, .ties = 20, .endings = 10},
        {.ties = 5, .endings = 40, .flickers = true},
        {.members = 9, .ties = 15},
        {.endings = 7},
        {.members = 2},
        {0},
    };
    for (size_t kind = 0; kind < sizeof kinds / sizeof kinds[0]; kind++) {
        struct night_world world;
        char name[] = {(char)('a' + kind), '\0'};
        struct state state = state_named(folder, name);
        night_world_begin(&world, kind);
        for (int night = 0; night < 6; night++) {
            struct night_events now = kinds[kind];
            now.ties += night == 0 ? 60 : 0;
            now.members += night == 0 ? 30 : 0;
            now.endings = now.endings < world.pair_count / 2 ? now.endings : world.pair_count / 2;
            bool has_tail = night != 0 && night != 3;
            night_world_run(&world, &state, night * DAY_MS, now, has_tail, 2);
            struct generation generation = newest_read(&state);
            assert_int_equal(generation.segment_count, night + 1);
            assert_int_equal(generation.adjacency.segments, night < 3 ? 1 : 4);
            night_world_compare(&world, &state, &generation);
            generation_release(&generation);
        }
        night_world_release(&world);
        state_close(&state);
    }
}

/* Which nodes are asked for, and what came. */
struct question {
    const struct node_scope *scope;
    const struct night_world *world;
    uint32_t next;
};

static struct status answer_check(void *context, struct node_id node, const uint32_t *neighbours,
                                  size_t count, struct err *err) {
    struct question *question = context;
    size_t expected = 0;
    (void)err;
    while (!node_scope_has(question->scope, question->next)) {
        question->next++;
    }
    assert_int_equal(node.v, question->next++);
    for (size_t i = 0; i < 2 * question->world->pair_count; i++) {
        expected += question->world->pairs[i] == node.v;
    }
    assert_int_equal(count, expected);
    for (size_t i = 0; i < count; i++) {
        assert_true(night_world_has(question->world, node.v, neighbours[i]));
        assert_true(i == 0 || neighbours[i - 1] < neighbours[i]);
    }
    return status_ok();
}

static void only_the_nodes_of_the_scope_are_visited_in_order(void **folder) {
    struct err err;
    struct night_world world;
    struct random random;
    struct state state = state_named(folder, "state");
    night_world_begin(&world, 5);
    nights_run(&world, &state, 5, 0x1e, (struct night_events){30, 50, 20, true});
    struct generation generation = newest_read(&state);
    uint32_t members = (uint32_t)generation.members;
    random_seed(&random, 6);
    for (int trial = 0; trial < 200; trial++) {
        uint64_t wanted[8] = {0};
        assert_in_range(members, 1, 64 * 8);
        for (uint32_t node = 0; node < members; node++) {
            bool is_wanted = random_below(&random, 3) < (uint64_t)(trial % 4);
            wanted[node >> 6] |= (uint64_t)is_wanted << (node & 63);
        }
        uint32_t end = (uint32_t)random_below(&random, members + 1);
        struct node_scope scope = {(uint32_t)random_below(&random, end + 1), end,
                                   trial % 5 == 0 ? NULL : wanted};
        struct question question = {&scope, &world, 0};
        MUST(rest_visit(&state, &generation, scope, 1 + (unsigned)trial % 3, answer_check,
                        &question, &err));
        while (question.next < members && !node_scope_has(&scope, question.next)) {
            question.next++;
        }
        assert_true(question.next == members); /* all that are wanted came */
    }
    generation_release(&generation);
    night_world_release(&world);
    state_close(&state);
}

static struct status nothing(void *context, struct node_id node, const uint32_t *neighbours,
                             size_t count, struct err *err) {
    (void)context;
    (void)node;
    (void)neighbours;
    (void)count;
    (void)err;
    return status_ok();
}

static void visit_must_fail(const struct state *state, const struct generation *generation,
                            struct node_scope scope, const char *part) {
    struct err err;
    MUST_FAIL(rest_visit(state, generation, scope, 2, nothing, NULL, &err), FAILURE_DATA, part);
}

static void damage_to_the_file_or_to_any_segment_of_the_tail_is_found(void **folder) {
    struct err err;
    struct night_world world;
    struct state state = state_named(folder, "state");
    night_world_begin(&world, 7);
    nights_run(&world, &state, 3, 0x6, (struct night_events){3, 20, 5, false});
    struct generation generation = newest_read(&state);
    const struct state_file *const files[] = {
        &generation.adjacency.file, &generation.segments[1].file, &generation.segments[2].file};
    uint64_t bit = 2;
    const struct node_scope scopes[] = {{0, (uint32_t)generation.members, NULL}, {1, 2, &bit}};
    for (size_t i = 0; i < 3; i++) {
        char *path;
        struct bytes file = {0};
        MUST(state_path(&state, files[i]->name, &path, &err));
        MUST(file_read_all(path, &file, &err));
        for (size_t at = 0; at < file.count; at++) {
            file.data[at] ^= 1 << 4;
            scratch_put(path, file.data, file.count);
            visit_must_fail(&state, &generation, scopes[at & 1], files[i]->name);
            file.data[at] ^= 1 << 4;
        }
        scratch_put(path, file.data, file.count - 1);
        visit_must_fail(&state, &generation, scopes[0], files[i]->name);
        scratch_put(path, file.data, file.count);
        bytes_release(&file);
        free(path);
    }
    night_world_compare(&world, &state, &generation);
    generation_release(&generation);
    night_world_release(&world);
    state_close(&state);
}

static void files_that_are_sound_but_of_other_nights_are_found(void **folder) {
    struct night_world world;
    struct state state = state_named(folder, "state");
    night_world_begin(&world, 8);
    nights_run(&world, &state, 4, 0xa, (struct night_events){3, 20, 5, false}); /* 0 and 2 anew */
    struct generation generation = newest_read(&state);
    const struct node_scope all = {0, (uint32_t)generation.members, NULL};
    struct rest rest = generation.adjacency;
    generation.adjacency.segments = 3 - 1; /* night 2 stands in the file and in the tail */
    visit_must_fail(&state, &generation, all, "different generations");
    generation.adjacency = rest;
    generation.adjacency.segments = 4; /* the last night in neither */
    visit_must_fail(&state, &generation, all, "different generations");
    generation.adjacency = rest;
    generation.segments[3].ties++;
    visit_must_fail(&state, &generation, all, "different generations");
    generation.segments[3].ties -= 2;
    visit_must_fail(&state, &generation, all, "different generations");
    generation.segments[3].ties++;
    generation.open_ties++;
    visit_must_fail(&state, &generation, all, "different generations");
    generation.open_ties--;
    night_world_compare(&world, &state, &generation);
    generation_release(&generation);
    night_world_release(&world);
    state_close(&state);
}

static void the_file_does_not_depend_on_threads_or_slices(void **folder) {
    struct err err;
    struct night_world world;
    struct bytes expected = {0};
    struct state state = state_named(folder, "state");
    night_world_begin(&world, 9);
    night_world_run(&world, &state, 0, (struct night_events){.members = 70000, .ties = 3000}, false,
                    1);
    struct generation generation = newest_read(&state);
    for (unsigned threads = 1; threads <= 3; threads++) {
        char *next;
        char path[SCRATCH_PATH_BYTES];
        struct bytes got = {0};
        MUST(state_begin(&state, &next, &err));
        night_world_save_rows(&world, &state, &generation, threads);
        scratch_path(folder, "state/.next/adjacency.tff", path);
        MUST(file_read_all(path, threads == 1 ? &expected : &got, &err));
        if (threads != 1) {
            assert_same_bytes(&expected, &got);
        }
        MUST(state_abandon(&state, &err));
        free(next);
    }
    bytes_release(&expected);
    generation_release(&generation);
    night_world_release(&world);
    state_close(&state);
}

static void rows_that_are_not_the_open_ties_are_our_bug(void **folder) {
    struct err err;
    char *next;
    struct night_world world;
    struct state state = state_named(folder, "state");
    night_world_begin(&world, 10);
    struct generation generation = {.members = 1};
    struct rest_writer writer = {0};
    MUST(state_begin(&state, &next, &err));
    free(next);
    MUST(rest_writer_open(&writer, &state, 1, &err));
    MUST_FAIL(rest_writer_finish(&writer, &generation, &err), FAILURE_INTERNAL, "entries");
    generation = (struct generation){.open_ties = 1};
    MUST_FAIL(rest_writer_finish(&writer, &generation, &err), FAILURE_INTERNAL, "entries");
    rest_writer_release(&writer);
    night_world_release(&world);
    state_close(&state);
}

/* A tape of connects between random nodes. */
static struct tape *tape_make(void **folder, struct random *random, size_t count, uint32_t nodes,
                              bool *touched) {
    struct err err;
    struct tape *tape;
    struct tape_block *block = calloc(1, sizeof *block);
    assert_non_null(block);
    MUST(tape_new(&tape, *folder, 1 << 20, &err));
    while (count > 0) {
        block->count = count < 100 ? count : 100;
        for (size_t i = 0; i < block->count; i++) {
            block->from[i] = (uint32_t)random_below(random, nodes);
            block->to[i] = (block->from[i] + 1) % nodes;
            block->code[i] = event_code(EVENT_CONNECT, ORIGIN_UNKNOWN);
            touched[block->from[i]] = true;
            touched[block->to[i]] = true;
        }
        count -= block->count;
        MUST(tape_put(tape, block, &err));
    }
    MUST(tape_end(tape, &err));
    free(block);
    return tape;
}

static void what_a_batch_would_load_is_bounded_by_degrees_and_tail(void **folder) {
    struct err err;
    struct random random;
    struct night_world world;
    struct state state = state_named(folder, "state");
    random_seed(&random, 11);
    night_world_begin(&world, 11);
    const struct night_events events = {.members = 30, .ties = 90, .endings = 20};
    for (int night = 0; night < 3; night++) {
        night_world_run(&world, &state, night * DAY_MS,
                        night == 0 ? (struct night_events){.members = 60, .ties = 300} : events,
                        night != 0, 1);
        struct generation generation = newest_read(&state);
        uint32_t members = (uint32_t)generation.members;
        for (size_t count = 0; count < 200; count += 37) {
            bool touched[256] = {false};
            uint64_t bound;
            uint64_t there = 0;
            struct tape *tape = tape_make(folder, &random, count, members + 5, touched);
            for (size_t i = 0; i < 2 * world.pair_count; i++) {
                there += touched[world.pairs[i]];
            }
            MUST(rest_entries(&state, &generation, tape, &bound, &err));
            assert_in_range(bound, there, 2 * generation.open_ties);
            if (night == 0) { /* the degrees are all there is */
                assert_int_equal(bound, there);
            }
            tape_free(tape);
        }
        generation_release(&generation);
    }
    night_world_release(&world);
    state_close(&state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(the_adjacency_and_its_tail_are_the_graph_of_every_night),
        SCRATCH_TEST(only_the_nodes_of_the_scope_are_visited_in_order),
        SCRATCH_TEST(damage_to_the_file_or_to_any_segment_of_the_tail_is_found),
        SCRATCH_TEST(files_that_are_sound_but_of_other_nights_are_found),
        SCRATCH_TEST(the_file_does_not_depend_on_threads_or_slices),
        SCRATCH_TEST(rows_that_are_not_the_open_ties_are_our_bug),
        SCRATCH_TEST(what_a_batch_would_load_is_bounded_by_degrees_and_tail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
