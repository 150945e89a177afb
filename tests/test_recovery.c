#include "stages/state/recovery.h"

#include "stages/base/checksum.h"
#include "stages/base/number.h"
#include "tests/night_world.h"
#include "tests/state_testing.h"

enum { NIGHTS = 4 };

/* Night n is the n-th day of 1970; three of them share the adjacency of the second. */
static struct state nights_make(void **folder) {
    struct err err;
    char path[SCRATCH_PATH_BYTES];
    struct night_world world;
    struct state state = {0};
    scratch_path(folder, "state", path);
    MUST(state_open(&state, path, true, &err));
    night_world_begin(&world, 1);
    for (int night = 1; night <= NIGHTS; night++) {
        night_world_run(&world, &state, (night - 1) * DAY_MS,
                        (struct night_events){.members = 20, .ties = 30, .endings = 5}, night > 2,
                        1);
    }
    night_world_release(&world);
    return state;
}

static void night_path(void **folder, int night, const char *name, char path[SCRATCH_PATH_BYTES]) {
    char inner[64];
    (void)snprintf(inner, sizeof inner, "state/gen-1970-01-0%d/%s", night, name);
    scratch_path(folder, inner, path);
}

/* Turns one bit in the middle of the file, which leaves its size; another time turns it back. */
static void bit_turn(void **folder, int night, const char *name) {
    struct err err;
    struct bytes file = {0};
    char path[SCRATCH_PATH_BYTES];
    night_path(folder, night, name, path);
    MUST(file_read_all(path, &file, &err));
    file.data[file.count / 2] ^= 4;
    scratch_put(path, file.data, file.count);
    bytes_release(&file);
}

/* The newest whole generation must be this night's; 0: none. */
static struct recovery must_find(const struct state *state, int night, const char *named) {
    struct err err;
    struct recovery recovery;
    MUST(recovery_find(state, &recovery, &err));
    assert_int_equal(recovery.is_found, night != 0);
    assert_int_equal(recovery.is_newest, night == NIGHTS);
    if (night != 0) {
        assert_true(recovery.date_ms == (night - 1) * DAY_MS);
    }
    if (strstr(recovery.text, named) == NULL) {
        fail_msg("\"%s\" without \"%s\"", recovery.text, named);
    }
    return recovery;
}

static void a_whole_state_has_its_newest_generation(void **folder) {
    struct state state = nights_make(folder);
    struct recovery recovery = must_find(&state, NIGHTS, "");
    assert_string_equal(recovery.text, "");
    state_close(&state);
}

static void the_newest_generation_that_does_without_the_damaged_file_is_found(void **folder) {
    static const struct {
        int night;
        const char *name;
        int found;
    } cases[] = {
        {4, "dictionary.tff", 3}, {4, "cohort.tff", 3},          {4, "ties-1970-01-04.tff", 3},
        {4, "manifest.json", 3},  {3, "ties-1970-01-03.tff", 2}, {2, "adjacency.tff", 1},
        {2, "degrees.tff", 1},    {2, "ties-1970-01-02.tff", 1}, {1, "ties-1970-01-01.tff", 0},
        {3, "dictionary.tff", 4}, {1, "adjacency.tff", 4},       {2, "manifest.json", 4},
    };
    struct state state = nights_make(folder);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bit_turn(folder, cases[i].night, cases[i].name);
        (void)must_find(&state, cases[i].found, cases[i].found == NIGHTS ? "" : cases[i].name);
        bit_turn(folder, cases[i].night, cases[i].name);
    }
    bit_turn(folder, 4, "cohort.tff");
    bit_turn(folder, 3, "manifest.json");
    (void)must_find(&state, 2, "gen-1970-01-04/cohort.tff");
    state_close(&state);
}

static void a_file_that_is_missing_or_cut_is_damage_too(void **folder) {
    struct state state = nights_make(folder);
    char path[SCRATCH_PATH_BYTES];
    night_path(folder, 3, "ties-1970-01-03.tff", path);
    scratch_put(path, "TFF1", 4);
    (void)must_find(&state, 2, "ties-1970-01-03.tff: 4 bytes");
    assert_int_equal(unlink(path), 0);
    (void)must_find(&state, 2, "ties-1970-01-03.tff: the file is missing");
    state_close(&state);
}

static void a_state_of_a_newer_program_is_not_judged(void **folder) {
    static const char text[] = "{\n  \"tieflow_state\": 9";
    struct err err;
    struct recovery recovery;
    char path[SCRATCH_PATH_BYTES];
    char whole[128];
    char digits[CHECKSUM_TEXT_BYTES];
    struct state state = nights_make(folder);
    checksum_format(checksum_of(text, sizeof text - 1, 0), digits);
    (void)snprintf(whole, sizeof whole, "%s,\n  \"xxh64\": \"%s\"\n}\n", text, digits);
    night_path(folder, 4, "manifest.json", path);
    scratch_put_text(path, whole);
    MUST_FAIL(recovery_find(&state, &recovery, &err), FAILURE_CONFIG, "a newer tieflow");
    state_close(&state);
}

/* What cannot be looked at may be sound. */
static void file_that_cannot_be_looked_at_is_no_damage(void **folder) {
    struct err err;
    struct recovery recovery;
    char path[SCRATCH_PATH_BYTES];
    struct state state = nights_make(folder);
    night_path(folder, 4, "cohort.tff", path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("cohort.tff", path), 0); /* a loop */
    MUST_FAIL(recovery_find(&state, &recovery, &err), FAILURE_IO, "cohort.tff");
    state_close(&state);
}

static void damaged_generations_are_set_aside_and_keep_what_they_have(void **folder) {
    struct err err;
    char path[SCRATCH_PATH_BYTES];
    int64_t aside_ms;
    struct state state = nights_make(folder);
    struct generation aside = {0};
    bit_turn(folder, 4, "cohort.tff");
    bit_turn(folder, 3, "cohort.tff");
    assert_false(state_has_aside(&state, &aside_ms));
    struct recovery recovery = must_find(&state, 2, "gen-1970-01-04/cohort.tff");
    MUST(recovery_set_aside(&state, &recovery, &err));
    assert_int_equal(state.date_count, 2);
    assert_int_equal(state.aside_count, 2);
    assert_true(state_newest(&state) == DAY_MS);
    assert_true(state_has_aside(&state, &aside_ms) && aside_ms == 2 * DAY_MS);
    MUST(state_read_aside(&state, aside_ms, &aside, &err));
    assert_true(aside.date_ms == aside_ms);
    generation_release(&aside);
    MUST(state_prune(&state, 1, &err)); /* they are newer than what is kept */
    night_path(folder, 4, "dictionary.tff", path);
    assert_true(file_exists(path));
    assert_int_equal(state.aside_count, 2);
    state_close(&state);
}

/* Makes the promised generation again, with the dictionary and the cohort that the newest one has,
 * and all else as it is promised. */
static struct status night_restore(struct state *state, const struct generation *promised,
                                   struct err *err) {
    char *next;
    struct graph graph = {0};
    struct generation made = {0};
    TRY(state_begin(state, &next, err));
    free(next);
    made.date_ms = promised->date_ms;
    struct status status = generation_share_adjacency(&made, promised, err);
    for (size_t i = 0; i < promised->segment_count && !failed(status); i++) {
        status = generation_add_segment(&made, &promised->segments[i], err);
    }
    struct generation newest = {0};
    if (!failed(status)) {
        status = state_read(state, state_newest(state), &newest, err);
    }
    if (!failed(status)) {
        status = state_load_graph(state, &newest, &graph, err);
    }
    if (!failed(status)) {
        status = state_restore(state, &made, promised, &graph, err);
    }
    graph_release(&graph);
    generation_release(&newest);
    generation_release(&made);
    return status;
}

static void a_generation_takes_its_place_again_only_as_it_was(void **folder) {
    struct err err;
    int64_t aside_ms;
    struct state state = nights_make(folder);
    struct generation promised = {0};
    bit_turn(folder, 4, "cohort.tff");
    struct recovery recovery = must_find(&state, 3, "cohort.tff");
    MUST(recovery_set_aside(&state, &recovery, &err));
    MUST(state_read_aside(&state, 3 * DAY_MS, &promised, &err));
    MUST_FAIL(night_restore(&state, &promised, &err), FAILURE_DATA, "it is not what it was");
    assert_int_equal(state.date_count, 3);
    MUST(state_abandon(&state, &err));
    /* A promise that night 3's dictionary and cohort keep. */
    struct generation third = {0};
    MUST(state_read(&state, 2 * DAY_MS, &third, &err));
    promised.dictionary.bytes = third.dictionary.bytes;
    promised.dictionary.checksum = third.dictionary.checksum;
    promised.cohort.bytes = third.cohort.bytes;
    promised.cohort.checksum = third.cohort.checksum;
    MUST(night_restore(&state, &promised, &err));
    assert_int_equal(state.date_count, 4);
    assert_false(state_has_aside(&state, &aside_ms));
    generation_release(&third);
    generation_release(&promised);
    state_close(&state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(a_whole_state_has_its_newest_generation),
        SCRATCH_TEST(the_newest_generation_that_does_without_the_damaged_file_is_found),
        SCRATCH_TEST(a_file_that_is_missing_or_cut_is_damage_too),
        SCRATCH_TEST(a_state_of_a_newer_program_is_not_judged),
        SCRATCH_TEST(file_that_cannot_be_looked_at_is_no_damage),
        SCRATCH_TEST(damaged_generations_are_set_aside_and_keep_what_they_have),
        SCRATCH_TEST(a_generation_takes_its_place_again_only_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
