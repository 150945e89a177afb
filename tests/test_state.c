#include "stages/state/state.h"

#include "stages/base/number.h"
#include "tests/night_world.h"
#include "tests/state_testing.h"

#include <sys/wait.h>

/* Night n is the n-th day of 2026. */
static int64_t night_ms(int night) {
    int64_t first;
    assert_true(date_parse("2026-01-01", &first));
    return first + (night - 1) * DAY_MS;
}

/* Fills `path` with "state folder/gen-DATE of the night/name". */
static void night_path(void **folder, int night, const char *name, char path[SCRATCH_PATH_BYTES]) {
    char inner[256];
    char generation[STATE_NAME_BYTES];
    state_generation_name(night_ms(night), generation);
    (void)snprintf(inner, sizeof inner, "state/%s/%s", generation, name);
    scratch_path(folder, inner, path);
}

static bool night_has(void **folder, int night, const char *name) {
    char path[SCRATCH_PATH_BYTES];
    night_path(folder, night, name, path);
    return file_exists(path) || folder_exists(path);
}

static struct state state_opened(void **folder, bool for_writing) {
    struct err err;
    char path[SCRATCH_PATH_BYTES];
    struct state state = {0};
    scratch_path(folder, "state", path);
    MUST(state_open(&state, path, for_writing, &err));
    return state;
}

static void graphs_compare(const struct graph *a, const struct graph *b) {
    size_t nodes = dictionary_count(&a->dictionary);
    assert_int_equal(dictionary_count(&b->dictionary), nodes);
    assert_true(a->open_ties == b->open_ties);
    assert_true(a->cohort.total == b->cohort.total);
    assert_true(histogram_sum(&a->cohort) == histogram_sum(&b->cohort));
    for (uint32_t node = 0; node < nodes; node++) {
        struct node_id id = {node};
        assert_true(dictionary_member(&a->dictionary, id).v ==
                    dictionary_member(&b->dictionary, id).v);
    }
}

/* A night of a few events, whose adjacency is written anew. */
static void night_run(struct night_world *world, struct state *state, int night) {
    night_world_run(world, state, night_ms(night),
                    (struct night_events){.members = 20, .ties = 30, .endings = 5}, false, 1);
}

/* A state of three nights with growing graphs; the state is closed. */
static void nights_make(void **folder) {
    struct night_world world;
    struct state state = state_opened(folder, true);
    night_world_begin(&world, 1);
    for (int night = 1; night <= 3; night++) {
        night_run(&world, &state, night);
    }
    night_world_release(&world);
    state_close(&state);
}

static struct generation night_read(const struct state *state, int night) {
    struct err err;
    struct generation generation = {0};
    MUST(state_read(state, night_ms(night), &generation, &err));
    return generation;
}

static struct status no_visit(void *context, struct node_id node, const uint32_t *neighbours,
                              size_t count, struct err *err) {
    (void)context;
    (void)node;
    (void)neighbours;
    (void)count;
    (void)err;
    return status_ok();
}

/* Loads all of a generation's graph. */
static struct status all_load(const struct state *state, const struct generation *generation,
                              struct graph *graph, struct err *err) {
    const struct node_scope all = {0, (uint32_t)generation->members, NULL};
    TRY(state_load_graph(state, generation, graph, err));
    return rest_visit(state, generation, all, 2, no_visit, NULL, err);
}

/* Loads the night's graph, which must fail with this line. */
static void night_must_not_load(void **folder, int night, enum failure failure, const char *part) {
    struct err err;
    struct state state = state_opened(folder, false);
    struct generation generation = night_read(&state, night);
    struct graph graph = {0};
    MUST_FAIL(all_load(&state, &generation, &graph, &err), failure, part);
    graph_release(&graph);
    generation_release(&generation);
    state_close(&state);
}

static void a_folder_that_is_missing_is_made_for_writing_and_refused_for_reading(void **folder) {
    struct err err;
    char path[SCRATCH_PATH_BYTES];
    struct state state = {0};
    scratch_path(folder, "state", path);
    MUST_FAIL(state_open(&state, path, false, &err), FAILURE_IO, "there is no state here");
    assert_non_null(strstr(err.text, path));
    state_close(&state);
    assert_false(folder_exists(path));
    state = state_opened(folder, true);
    assert_true(folder_exists(path));
    assert_int_equal(state.date_count, 0);
    assert_false(state_has(&state, night_ms(1)));
    state_close(&state);
    state = state_opened(folder, false);
    assert_int_equal(state.date_count, 0);
    state_close(&state);
}

static void a_committed_graph_loads_back_equal(void **folder) {
    struct err err;
    struct night_world world;
    struct state state = state_opened(folder, true);
    night_world_begin(&world, 1);
    for (int night = 1; night <= 3; night++) { /* the first one is empty */
        struct night_events events = {0};
        if (night > 1) {
            events = (struct night_events){.members = 1000, .ties = 3000, .endings = 100};
        }
        night_world_run(&world, &state, night_ms(night), events, false, 2);
        assert_true(state_newest(&state) == night_ms(night));
        struct state reading = state_opened(folder, false);
        struct generation generation = night_read(&reading, night);
        struct graph loaded = {0};
        MUST(state_load_graph(&reading, &generation, &loaded, &err));
        graphs_compare(&world.graph, &loaded);
        night_world_compare(&world, &reading, &generation);
        assert_int_equal(generation.segment_count, night);
        for (size_t i = 0; i < generation.segment_count; i++) {
            MUST(state_verify_file(&reading, &generation.segments[i].file, &err));
        }
        graph_release(&loaded);
        generation_release(&generation);
        state_close(&reading);
    }
    night_world_release(&world);
    state_close(&state);
}

static void only_generations_are_listed_in_order_of_date(void **folder) {
    static const char *const others[] = {"state/gen-2025-01-01", "state/gen-2026-13-01",
                                         "state/gen-", "state/tables", "state/gen-2026-01-02.old"};
    struct err err;
    struct night_world world;
    struct state state = state_opened(folder, true);
    night_world_begin(&world, 1);
    night_run(&world, &state, 2);
    night_run(&world, &state, 9);
    night_run(&world, &state, 400);
    state_close(&state);
    night_world_release(&world);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        char path[SCRATCH_PATH_BYTES];
        scratch_path(folder, others[i], path);
        MUST(folder_make(path, &err));
    }
    state = state_opened(folder, false);
    assert_int_equal(state.date_count, 3);
    assert_true(state.dates_ms[0] == night_ms(2) && state.dates_ms[1] == night_ms(9) &&
                state.dates_ms[2] == night_ms(400));
    assert_true(state_has(&state, night_ms(9)) && !state_has(&state, night_ms(3)));
    assert_true(state_newest(&state) == night_ms(400));
    state_close(&state);
}

static void a_night_committed_again_replaces_itself(void **folder) {
    struct err err;
    char *begun;
    nights_make(folder);
    struct state state = state_opened(folder, true);
    struct night_world world; /* another graph, of no tie */
    struct generation generation = {.date_ms = night_ms(3)};
    night_world_begin(&world, 2);
    MUST(state_begin(&state, &begun, &err));
    free(begun);
    night_world_save_rows(&world, &state, &generation, 1);
    MUST(state_commit(&state, &generation, &world.graph, &err));
    generation_release(&generation);
    assert_int_equal(state.date_count, 3);
    generation = night_read(&state, 3);
    struct graph loaded = {0};
    MUST(all_load(&state, &generation, &loaded, &err));
    graphs_compare(&world.graph, &loaded);
    char next[SCRATCH_PATH_BYTES];
    scratch_path(folder, "state/.next", next);
    assert_false(folder_exists(next));
    generation_release(&generation);
    graph_release(&loaded);
    night_world_release(&world);
    state_close(&state);
}

static void what_a_crash_left_goes_when_the_next_writer_opens(void **folder) {
    struct err err;
    char next[SCRATCH_PATH_BYTES];
    char file[SCRATCH_PATH_BYTES];
    scratch_path(folder, "state/.next", next);
    scratch_path(folder, "state/.next/dictionary.tff.tmp", file);
    nights_make(folder);
    MUST(folder_make(next, &err));
    scratch_put_text(file, "half a file");
    struct state state = state_opened(folder, false);
    assert_int_equal(state.date_count, 3);
    state_close(&state);
    assert_true(file_exists(file)); /* a reader may not remove what a writer makes */
    state = state_opened(folder, true);
    assert_int_equal(state.date_count, 3);
    assert_false(folder_exists(next));
    state_close(&state);
}

static void an_abandoned_generation_leaves_nothing(void **folder) {
    struct err err;
    char *next;
    struct state state = state_opened(folder, true);
    MUST(state_begin(&state, &next, &err));
    assert_true(folder_exists(next));
    MUST(state_abandon(&state, &err));
    assert_false(folder_exists(next));
    MUST(state_abandon(&state, &err));
    free(next);
    state_close(&state);
}

static void a_commit_that_cannot_be_written_leaves_the_state_as_it_was(void **folder) {
    struct err err;
    nights_make(folder);
    struct state state = state_opened(folder, true);
    struct generation generation = {.date_ms = night_ms(4)};
    struct generation before = night_read(&state, 3);
    struct graph graph = {0};
    MUST(generation_share_adjacency(&generation, &before, &err));
    MUST_FAIL(state_commit(&state, &generation, &graph, &err), FAILURE_IO, ".next");
    generation_release(&before);
    assert_int_equal(state.date_count, 3);
    assert_false(night_has(folder, 4, ""));
    generation_release(&generation);
    state_close(&state);
}

/* Opens the state in a process of its own; returns the failure's class. */
static int open_elsewhere(void **folder, bool for_writing) {
    char path[SCRATCH_PATH_BYTES];
    scratch_path(folder, "state", path);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct state state = {0};
        struct status status = state_open(&state, path, for_writing, NULL);
        _exit((int)status.failure); /* without closing: as in a crash */
    }
    int code;
    assert_true(waitpid(child, &code, 0) == child && WIFEXITED(code));
    return WEXITSTATUS(code);
}

static void a_second_writer_is_told_to_try_again_and_readers_are_let_in(void **folder) {
    struct err err;
    char path[SCRATCH_PATH_BYTES];
    nights_make(folder);
    struct state state = state_opened(folder, true);
    assert_int_equal(open_elsewhere(folder, true), FAILURE_RETRY);
    assert_int_equal(open_elsewhere(folder, false), FAILURE_NONE);
    struct state second = {0};
    scratch_path(folder, "state", path);
    MUST_FAIL(state_open(&second, path, true, &err), FAILURE_RETRY, "another run");
    state_close(&second);
    assert_int_equal(open_elsewhere(folder, true), FAILURE_RETRY); /* the first holds it still */
    struct state reading = state_opened(folder, false);
    struct generation generation = night_read(&reading, 3);
    struct graph graph = {0};
    MUST(all_load(&reading, &generation, &graph, &err));
    graph_release(&graph);
    generation_release(&generation);
    state_close(&reading);
    state_close(&state);
    assert_int_equal(open_elsewhere(folder, true), FAILURE_NONE);
}

static void a_writer_that_died_holds_no_lock(void **folder) {
    nights_make(folder);
    assert_int_equal(open_elsewhere(folder, true), FAILURE_NONE);
    struct state state = state_opened(folder, true);
    state_close(&state);
}

/* The night's graph files are there, or none of them. */
static void night_must_have_graph(void **folder, int night, bool expected) {
    static const char *const names[] = {"dictionary.tff", "adjacency.tff", "cohort.tff",
                                        "manifest.json"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_int_equal(night_has(folder, night, names[i]), expected);
    }
}

static void pruning_keeps_the_tie_segments_that_newer_generations_name(void **folder) {
    struct err err;
    nights_make(folder);
    char litter[SCRATCH_PATH_BYTES];
    night_path(folder, 1, "litter.tff", litter);
    scratch_put_text(litter, "named by nobody");
    struct state state = state_opened(folder, true);
    MUST(state_prune(&state, 3, &err));
    MUST(state_prune(&state, 100, &err));
    assert_int_equal(state.date_count, 3);
    MUST(state_prune(&state, 1, &err));
    assert_int_equal(state.date_count, 1);
    assert_true(state_newest(&state) == night_ms(3));
    night_must_have_graph(folder, 1, false);
    night_must_have_graph(folder, 2, false);
    night_must_have_graph(folder, 3, true);
    assert_false(file_exists(litter));
    assert_true(night_has(folder, 1, "ties-2026-01-01.tff"));
    assert_true(night_has(folder, 2, "ties-2026-01-02.tff"));
    struct generation generation = night_read(&state, 3);
    struct graph graph = {0};
    MUST(all_load(&state, &generation, &graph, &err));
    for (size_t i = 0; i < generation.segment_count; i++) {
        MUST(state_verify_file(&state, &generation.segments[i].file, &err));
    }
    graph_release(&graph);
    generation_release(&generation);
    state_close(&state);
}

/* The adjacency of an empty graph. */
static void rows_of_nobody_save(const struct state *state, struct generation *generation) {
    struct night_world nobody;
    night_world_begin(&nobody, 1);
    night_world_save_rows(&nobody, state, generation, 1);
    night_world_release(&nobody);
}

static void pruning_drops_segments_and_folders_that_no_kept_generation_names(void **folder) {
    struct err err;
    nights_make(folder);
    struct state state = state_opened(folder, true);
    struct generation generation = {0}; /* night 5 starts from nothing: it names no old segment */
    struct graph graph = {0};
    char *next;
    MUST(state_begin(&state, &next, &err));
    free(next);
    generation.date_ms = night_ms(5);
    rows_of_nobody_save(&state, &generation);
    MUST(state_commit(&state, &generation, &graph, &err));
    generation_release(&generation);
    MUST(state_prune(&state, 2, &err));
    assert_int_equal(state.date_count, 2);
    assert_true(night_has(folder, 1, "ties-2026-01-01.tff")); /* night 3 names it */
    MUST(state_prune(&state, 1, &err));
    assert_false(night_has(folder, 1, ""));
    assert_false(night_has(folder, 2, ""));
    assert_false(night_has(folder, 3, ""));
    night_must_have_graph(folder, 5, true);
    state_close(&state);
}

static void pruning_keeps_the_adjacency_that_newer_generations_share(void **folder) {
    struct err err;
    struct night_world world;
    struct state state = state_opened(folder, true);
    night_world_begin(&world, 3);
    night_run(&world, &state, 1);
    for (int night = 2; night <= 4; night++) {
        const struct night_events events = {.members = 5, .ties = 20, .endings = 9};
        night_world_run(&world, &state, night_ms(night), events, night != 4, 1);
        MUST(state_prune(&state, 1, &err));
        assert_int_equal(night_has(folder, 1, "adjacency.tff"), night != 4);
        assert_false(night_has(folder, 1, "dictionary.tff"));
        assert_int_equal(night_has(folder, night, "adjacency.tff"), night == 4);
        struct generation generation = night_read(&state, night);
        night_world_compare(&world, &state, &generation);
        generation_release(&generation);
    }
    night_world_release(&world);
    state_close(&state);
}

static void pruning_finishes_what_a_crash_in_a_pruning_left(void **folder) {
    struct err err;
    char manifest[SCRATCH_PATH_BYTES];
    nights_make(folder);
    night_path(folder, 1, "manifest.json", manifest);
    assert_int_equal(unlink(manifest), 0); /* the first step; then the machine lost power */
    struct state state = state_opened(folder, true);
    assert_int_equal(state.date_count, 2);
    MUST(state_prune(&state, 2, &err));
    assert_int_equal(state.date_count, 2);
    night_must_have_graph(folder, 1, false);
    night_must_have_graph(folder, 2, true);
    assert_true(night_has(folder, 1, "ties-2026-01-01.tff"));
    state_close(&state);
}

static void pruning_removes_nothing_when_a_kept_manifest_is_damaged(void **folder) {
    struct err err;
    char manifest[SCRATCH_PATH_BYTES];
    nights_make(folder);
    night_path(folder, 3, "manifest.json", manifest);
    scratch_put_text(manifest, "{}");
    struct state state = state_opened(folder, true);
    MUST_FAIL(state_prune(&state, 1, &err), FAILURE_DATA, "gen-2026-01-03");
    state_close(&state);
    night_must_have_graph(folder, 1, true);
    night_must_have_graph(folder, 2, true);
}

/* Commits a night of an empty graph with `count` positions. `shared` is the table of the night
 * before, where that is used; NULL: one of its own. */
static void facts_commit(struct state *state, int night, size_t count, const char *shared) {
    struct err err;
    char *next;
    struct graph graph = {0};
    struct fact_table tables[FACT_LOGS];
    struct generation generation = {.date_ms = night_ms(night), .first_date_ms = night_ms(night)};
    struct fact_history *history = &generation.facts[FACT_POSITIONS];
    for (int log = 0; log < FACT_LOGS; log++) {
        fact_table_init(&tables[log], (enum fact_log)log);
    }
    for (size_t i = 0; i < count; i++) {
        const struct fact position = {.value = {i, 7, 8, POSITION_END, PRECISION_YEAR},
                                      .known = 0x1f};
        MUST(fact_table_add(&tables[FACT_POSITIONS], &position, 1, &err));
    }
    MUST(fact_table_finish(&tables[FACT_POSITIONS], &err));
    *history = (struct fact_history){
        .is_known = true, .read = count + 6, .malformed = 1, .self_loops = 2, .duplicates = 3};
    if (shared != NULL) {
        struct generation before = {0};
        MUST(state_read(state, night_ms(night - 1), &before, &err));
        const struct state_file *file = &before.facts[FACT_POSITIONS].file;
        MUST(state_file_set(&history->file, shared, file->bytes, file->checksum, &err));
        generation_release(&before);
    }
    MUST(state_begin(state, &next, &err));
    MUST(state_save_facts(state, &generation, tables, &err));
    rows_of_nobody_save(state, &generation);
    MUST(state_commit(state, &generation, &graph, &err));
    free(next);
    fact_table_release(&tables[FACT_POSITIONS]);
    generation_release(&generation);
    graph_release(&graph);
}

/* Loads the night's tables; the caller releases that of the positions, the only one. */
static struct status facts_load(void **folder, int night, struct fact_table *positions,
                                struct err *err) {
    struct state state = state_opened(folder, false);
    struct generation generation = night_read(&state, night);
    struct fact_table tables[FACT_LOGS];
    for (int log = 0; log < FACT_LOGS; log++) {
        fact_table_init(&tables[log], (enum fact_log)log);
    }
    struct status status = state_load_facts(&state, &generation, tables, err);
    for (int log = 0; log < FACT_LOGS; log++) {
        assert_true(log == FACT_POSITIONS || tables[log].count == 0);
    }
    *positions = tables[FACT_POSITIONS];
    generation_release(&generation);
    state_close(&state);
    return status;
}

static void tables_of_other_logs_load_back_with_their_counts(void **folder) {
    struct err err;
    struct fact_table positions;
    struct state state = state_opened(folder, true);
    facts_commit(&state, 1, 1000, NULL);
    state_close(&state);
    assert_true(night_has(folder, 1, "facts-positions.tff"));
    assert_false(night_has(folder, 1, "facts-members.tff"));
    MUST(facts_load(folder, 1, &positions, &err));
    assert_int_equal(positions.count, 1000);
    assert_int_equal(positions.duplicates, 3);
    assert_true(positions.facts[999].value[POSITION_AT] == 999);
    assert_int_equal(positions.facts[999].value[POSITION_PRECISION], PRECISION_YEAR);
    fact_table_release(&positions);
}

static void pruning_keeps_the_tables_that_newer_generations_share(void **folder) {
    struct err err;
    struct fact_table positions;
    char table[64];
    char name[STATE_NAME_BYTES];
    state_generation_name(night_ms(1), name);
    (void)snprintf(table, sizeof table, "%s/facts-positions.tff", name);
    struct state state = state_opened(folder, true);
    facts_commit(&state, 1, 10, NULL);
    facts_commit(&state, 2, 10, table);
    MUST(state_prune(&state, 1, &err));
    assert_true(night_has(folder, 1, "facts-positions.tff"));
    assert_false(night_has(folder, 1, "dictionary.tff"));
    assert_false(night_has(folder, 2, "facts-positions.tff"));
    MUST(facts_load(folder, 2, &positions, &err));
    assert_int_equal(positions.count, 10);
    fact_table_release(&positions);
    facts_commit(&state, 3, 11, NULL);
    MUST(state_prune(&state, 1, &err));
    assert_false(night_has(folder, 1, ""));
    state_close(&state);
}

static void a_table_that_is_damaged_or_of_another_night_is_found_out(void **folder) {
    struct err err;
    struct fact_table positions;
    char path[SCRATCH_PATH_BYTES];
    char other[SCRATCH_PATH_BYTES];
    char name[STATE_NAME_BYTES];
    char table[64];
    struct state state = state_opened(folder, true);
    facts_commit(&state, 1, 10, NULL);
    state_generation_name(night_ms(1), name);
    (void)snprintf(table, sizeof table, "%s/facts-positions.tff", name);
    facts_commit(&state, 2, 11, table); /* says 11 of a table of 10 */
    state_close(&state);
    MUST_FAIL(facts_load(folder, 2, &positions, &err), FAILURE_DATA,
              "10 records where the manifest says 11 of 17 read");
    fact_table_release(&positions);
    night_path(folder, 1, "facts-positions.tff", path);
    night_path(folder, 1, "cohort.tff", other);
    assert_int_equal(rename(other, path), 0);
    MUST_FAIL(facts_load(folder, 1, &positions, &err), FAILURE_DATA, path);
    assert_non_null(strstr(err.text, "but the manifest says"));
    fact_table_release(&positions);
}

static void a_damaged_file_is_found_and_named(void **folder) {
    static const char *const names[] = {"dictionary.tff", "adjacency.tff", "cohort.tff"};
    nights_make(folder);
    for (size_t i = 0; i < 3; i++) {
        struct err err;
        struct bytes file = {0};
        char path[SCRATCH_PATH_BYTES];
        char part[64];
        night_path(folder, 2, names[i], path);
        (void)snprintf(part, sizeof part, "gen-2026-01-02/%s", names[i]);
        MUST(file_read_all(path, &file, &err));
        for (size_t at = 0; at < file.count; at++) {
            file.data[at] ^= 1 << 4;
            scratch_put(path, file.data, file.count);
            night_must_not_load(folder, 2, FAILURE_DATA, part);
            file.data[at] ^= 1 << 4;
        }
        scratch_put(path, file.data, file.count - 1);
        night_must_not_load(folder, 2, FAILURE_DATA, part);
        scratch_put(path, "", 0);
        night_must_not_load(folder, 2, FAILURE_DATA, part);
        assert_int_equal(unlink(path), 0);
        night_must_not_load(folder, 2, FAILURE_IO, part);
        scratch_put(path, file.data, file.count);
        bytes_release(&file);
    }
}

static void a_file_that_is_missing_or_of_another_size_is_seen_at_a_look(void **folder) {
    static const char *const names[] = {"3/dictionary.tff", "1/adjacency.tff", "1/degrees.tff",
                                        "3/cohort.tff", "2/ties-2026-01-02.tff"};
    struct err err;
    struct night_world world;
    struct state state = state_opened(folder, true);
    night_world_begin(&world, 1);
    for (int night = 1; night <= 3; night++) {
        night_world_run(&world, &state, night_ms(night),
                        (struct night_events){.members = 20, .ties = 30}, night != 1, 1);
    }
    struct generation generation = night_read(&state, 3);
    MUST(state_look_at_files(&state, &generation, &err));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[SCRATCH_PATH_BYTES];
        struct bytes file = {0};
        night_path(folder, names[i][0] - '0', names[i] + 2, path);
        MUST(file_read_all(path, &file, &err));
        scratch_put(path, file.data, file.count - 1);
        MUST_FAIL(state_look_at_files(&state, &generation, &err), FAILURE_DATA, names[i] + 2);
        assert_int_equal(unlink(path), 0);
        MUST_FAIL(state_look_at_files(&state, &generation, &err), FAILURE_IO, names[i] + 2);
        scratch_put(path, file.data, file.count);
        bytes_release(&file);
    }
    MUST(state_look_at_files(&state, &generation, &err));
    generation_release(&generation);
    night_world_release(&world);
    state_close(&state);
}

static void a_damaged_tie_segment_is_found_and_named(void **folder) {
    struct err err;
    struct bytes file = {0};
    char path[SCRATCH_PATH_BYTES];
    nights_make(folder);
    night_path(folder, 1, "ties-2026-01-01.tff", path);
    MUST(file_read_all(path, &file, &err));
    file.data[file.count / 2] ^= 1;
    scratch_put(path, file.data, file.count);
    bytes_release(&file);
    struct state state = state_opened(folder, false);
    struct generation generation = night_read(&state, 3);
    MUST_FAIL(state_verify_file(&state, &generation.segments[0].file, &err), FAILURE_DATA,
              "gen-2026-01-01/ties-2026-01-01.tff");
    generation_release(&generation);
    state_close(&state);
}

/* Puts the file of night 1 in the place of that of night 3. */
static void files_of_two_generations_are_told_apart_by_their_checksums(void **folder) {
    static const char *const names[] = {"dictionary.tff", "adjacency.tff", "cohort.tff"};
    nights_make(folder);
    for (size_t i = 0; i < 3; i++) {
        struct err err;
        struct bytes kept = {0};
        struct bytes other = {0};
        char path[SCRATCH_PATH_BYTES];
        char part[64];
        night_path(folder, 1, names[i], path);
        MUST(file_read_all(path, &other, &err));
        night_path(folder, 3, names[i], path);
        MUST(file_read_all(path, &kept, &err));
        scratch_put(path, other.data, other.count);
        (void)snprintf(part, sizeof part, "gen-2026-01-03/%s", names[i]);
        night_must_not_load(folder, 3, FAILURE_DATA, part);
        scratch_put(path, kept.data, kept.count);
        bytes_release(&kept);
        bytes_release(&other);
    }
}

/* Changes what night 3's manifest says and keeps everything else. */
static void mixed_generations_must_fail(void **folder, const struct generation *generation) {
    struct err err;
    struct state state = state_opened(folder, false);
    struct graph graph = {0};
    MUST_FAIL(all_load(&state, generation, &graph, &err), FAILURE_DATA, "generation");
    graph_release(&graph);
    state_close(&state);
}

static void a_manifest_that_mixes_two_generations_is_found_out(void **folder) {
    nights_make(folder);
    struct state state = state_opened(folder, false);
    struct generation first = night_read(&state, 1);
    struct generation third = night_read(&state, 3);
    struct generation mixed = third;
    mixed.dictionary = first.dictionary;
    mixed_generations_must_fail(folder, &mixed);
    mixed = third;
    mixed.adjacency.file = first.adjacency.file;
    mixed_generations_must_fail(folder, &mixed);
    mixed = third;
    mixed.adjacency = first.adjacency; /* with the segments behind it, it is the same graph */
    struct graph graph = {0};
    struct err err;
    MUST(all_load(&state, &mixed, &graph, &err));
    graph_release(&graph);
    mixed = third;
    mixed.cohort = first.cohort;
    mixed_generations_must_fail(folder, &mixed);
    mixed = third;
    mixed.members++;
    mixed_generations_must_fail(folder, &mixed);
    mixed = third;
    mixed.ties--;
    mixed_generations_must_fail(folder, &mixed);
    mixed = third;
    mixed.open_ties--;
    mixed_generations_must_fail(folder, &mixed);
    generation_release(&first);
    generation_release(&third);
    state_close(&state);
}

static void a_manifest_of_another_date_is_refused(void **folder) {
    struct err err;
    struct bytes manifest = {0};
    char path[SCRATCH_PATH_BYTES];
    nights_make(folder);
    night_path(folder, 1, "manifest.json", path);
    MUST(file_read_all(path, &manifest, &err));
    night_path(folder, 2, "manifest.json", path);
    scratch_put(path, manifest.data, manifest.count);
    bytes_release(&manifest);
    struct state state = state_opened(folder, false);
    struct generation generation = {0};
    MUST_FAIL(state_read(&state, night_ms(2), &generation, &err), FAILURE_DATA, "gen-2026-01-02");
    generation_release(&generation);
    state_close(&state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(a_folder_that_is_missing_is_made_for_writing_and_refused_for_reading),
        SCRATCH_TEST(a_committed_graph_loads_back_equal),
        SCRATCH_TEST(only_generations_are_listed_in_order_of_date),
        SCRATCH_TEST(a_night_committed_again_replaces_itself),
        SCRATCH_TEST(what_a_crash_left_goes_when_the_next_writer_opens),
        SCRATCH_TEST(an_abandoned_generation_leaves_nothing),
        SCRATCH_TEST(a_commit_that_cannot_be_written_leaves_the_state_as_it_was),
        SCRATCH_TEST(a_second_writer_is_told_to_try_again_and_readers_are_let_in),
        SCRATCH_TEST(a_writer_that_died_holds_no_lock),
        SCRATCH_TEST(pruning_keeps_the_tie_segments_that_newer_generations_name),
        SCRATCH_TEST(pruning_drops_segments_and_folders_that_no_kept_generation_names),
        SCRATCH_TEST(pruning_keeps_the_adjacency_that_newer_generations_share),
        SCRATCH_TEST(pruning_finishes_what_a_crash_in_a_pruning_left),
        SCRATCH_TEST(pruning_removes_nothing_when_a_kept_manifest_is_damaged),
        SCRATCH_TEST(tables_of_other_logs_load_back_with_their_counts),
        SCRATCH_TEST(pruning_keeps_the_tables_that_newer_generations_share),
        SCRATCH_TEST(a_table_that_is_damaged_or_of_another_night_is_found_out),
        SCRATCH_TEST(a_damaged_file_is_found_and_named),
        SCRATCH_TEST(a_file_that_is_missing_or_of_another_size_is_seen_at_a_look),
        SCRATCH_TEST(a_damaged_tie_segment_is_found_and_named),
        SCRATCH_TEST(files_of_two_generations_are_told_apart_by_their_checksums),
        SCRATCH_TEST(a_manifest_that_mixes_two_generations_is_found_out),
        SCRATCH_TEST(a_manifest_of_another_date_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
