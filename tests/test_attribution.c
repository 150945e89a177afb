/* The whole stage beside a slow oracle, over many small random worlds; and with the threads and the
 * memory that it is given, none of which may show. */
#include "stages/attribution/attribution.h"

#include "tests/attribution_oracle.h"
#include "tests/attribution_world.h"
#include "tests/dose_testing.h"
#include "tests/scratch.h"
#include "tests/testing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The thread sanitizer looks for races, which any few worlds would show. */
#ifdef __SANITIZE_THREAD__
enum { WORLDS = 48 };
#else
enum { WORLDS = 512 };
#endif

/* Copies of all rows. */
struct collected {
    struct move_row moves[ORACLE_MOVES_MAX];
    size_t move_count;
    struct transmission_row transmissions[ORACLE_TRANSMISSIONS_MAX];
    size_t transmission_count;
    struct member_row members[ORACLE_ROWS_MAX];
    size_t member_count;
};

static struct status collect(void *context, const struct attribution_rows *rows, struct err *err) {
    (void)err;
    struct collected *collected = context;
    for (size_t i = 0; i < rows->move_count; i++) {
        collected->moves[collected->move_count++] = rows->moves[i];
    }
    for (size_t i = 0; i < rows->transmission_count; i++) {
        collected->transmissions[collected->transmission_count++] = rows->transmissions[i];
    }
    for (size_t i = 0; i < rows->member_count; i++) {
        collected->members[collected->member_count++] = rows->members[i];
    }
    return status_ok();
}

static void assert_same_moves(const struct collected *got, const struct move_row *moves,
                              size_t count) {
    assert_int_equal(got->move_count, count);
    for (size_t i = 0; i < count; i++) {
        const struct move_row *a = &got->moves[i];
        const struct move_row *b = &moves[i];
        assert_ptr_equal(a->move, b->move);
        assert_int_equal(a->contacts, b->contacts);
        assert_int_equal(a->contacts_certain, b->contacts_certain);
        assert_int_equal(a->contacts_possible, b->contacts_possible);
        assert_int_equal(a->contacts_tied, b->contacts_tied);
        assert_int_equal(a->expected, b->expected);
        assert_int_equal(a->unmatched, b->unmatched);
    }
}

static void assert_same_transmissions(const struct collected *got,
                                      const struct transmission_row *rows, size_t count) {
    assert_int_equal(got->transmission_count, count);
    for (size_t i = 0; i < count; i++) {
        const struct transmission_row *a = &got->transmissions[i];
        const struct transmission_row *b = &rows[i];
        assert_ptr_equal(a->move, b->move);
        assert_int_equal(a->side.contact, b->side.contact);
        assert_int_equal(a->side.created_ms, b->side.created_ms);
        assert_int_equal(a->side.ended_ms, b->side.ended_ms);
        assert_int_equal(a->side.mutual, b->side.mutual);
        assert_int_equal(a->side.degree_mover, b->side.degree_mover);
        assert_int_equal(a->side.degree_contact, b->side.degree_contact);
        assert_int_equal(a->side.interactions, b->side.interactions);
        assert_int_equal(a->side.mover_invited, b->side.mover_invited);
        assert_int_equal(a->side.is_remade, b->side.is_remade);
        assert_int_equal(a->tenure_ms, b->tenure_ms);
        assert_int_equal(a->contact_active, b->contact_active);
        assert_int_equal(a->is_certain, b->is_certain);
        assert_memory_equal(a->credit, b->credit, sizeof a->credit);
    }
}

static void assert_same_double(double a, double b) {
    assert_true(isnan(a) ? isnan(b) : a == b);
}

static void assert_same_members(const struct collected *got, const struct member_row *rows,
                                size_t count) {
    assert_int_equal(got->member_count, count);
    for (size_t i = 0; i < count; i++) {
        const struct member_row *a = &got->members[i];
        const struct member_row *b = &rows[i];
        assert_int_equal(a->person, b->person);
        assert_int_equal(a->window, b->window);
        assert_int_equal(a->from_ms, b->from_ms);
        assert_int_equal(a->degree, b->degree);
        assert_int_equal(a->new_ties, b->new_ties);
        assert_memory_equal(a->by_tercile, b->by_tercile, sizeof a->by_tercile);
        assert_int_equal(a->above_threshold, b->above_threshold);
        assert_int_equal(a->transmissions, b->transmissions);
        assert_int_equal(a->moves, b->moves);
        assert_int_equal(a->moves_carried, b->moves_carried);
        assert_int_equal(a->applications, b->applications);
        assert_memory_equal(a->by_reach, b->by_reach, sizeof a->by_reach);
        assert_same_double(a->diversity, b->diversity);
        assert_same_double(a->industry_diversity, b->industry_diversity);
        assert_int_equal(a->has_variant, b->has_variant);
        assert_int_equal(a->experiment, b->experiment);
        assert_int_equal(a->variant, b->variant);
    }
}

static void assert_same_totals(const struct attribution_totals *a,
                               const struct attribution_totals *b) {
    assert_int_equal(a->sides, b->sides);
    assert_int_equal(a->sides_at_risk, b->sides_at_risk);
    assert_int_equal(a->moves, b->moves);
    assert_int_equal(a->entries, b->entries);
    assert_int_equal(a->undecided, b->undecided);
    assert_int_equal(a->mass_moves, b->mass_moves);
    assert_int_equal(a->moves_carried, b->moves_carried);
    assert_int_equal(a->transmissions, b->transmissions);
    assert_int_equal(a->certain, b->certain);
    assert_int_equal(a->possible, b->possible);
    assert_memory_equal(a->credit, b->credit, sizeof a->credit);
}

static void assert_same_classes(const struct classes *a, const struct classes *b) {
    assert_int_equal(a->ties, b->ties);
    assert_memory_equal(a->tercile_cut, b->tercile_cut, sizeof a->tercile_cut);
    assert_int_equal(a->value_count, b->value_count);
    assert_memory_equal(a->values, b->values, a->value_count * sizeof *a->values);
    for (size_t k = 0; k < 9; k++) {
        assert_true(a->strength_cut[k] == b->strength_cut[k]);
    }
    assert_int_equal(a->has_intensity, b->has_intensity);
    assert_int_equal(a->interaction_count, b->interaction_count);
    for (size_t k = 0; k < a->interaction_count; k++) {
        assert_int_equal(a->interactions[k], b->interactions[k]);
        assert_int_equal(a->interaction_decile[k], b->interaction_decile[k]);
        assert_int_equal(a->interaction_ties[k], b->interaction_ties[k]);
    }
}

static void assert_same_segments(const struct segments *a, const struct segments *b) {
    assert_int_equal(segments_count(a), segments_count(b));
    for (size_t i = 0; i < segments_count(a); i++) {
        assert_int_equal(segments_label(a, i)->kind, segments_label(b, i)->kind);
        assert_string_equal(segments_label(a, i)->value, segments_label(b, i)->value);
    }
}

static void assert_agrees(const struct attribution *attribution, const struct collected *rows,
                          const struct attribution_oracle *oracle) {
    assert_same_classes(&attribution->classes, &oracle->classes);
    assert_same_segments(attribution->segments, oracle->segments);
    assert_same_moves(rows, oracle->moves, oracle->move_count);
    assert_same_transmissions(rows, oracle->transmissions, oracle->transmission_count);
    assert_same_members(rows, oracle->members, oracle->member_count);
    assert_same_totals(&attribution->totals, &oracle->totals);
    assert_int_equal(attribution->experiment_count, oracle->experiment_count);
    assert_memory_equal(attribution->experiments, oracle->experiments,
                        oracle->experiment_count * sizeof(uint64_t));
    for (int p = 0; p < PLACEBOS; p++) {
        for (int bin = 0; bin < TERCILES; bin++) {
            const struct placebo_count *a = &attribution->placebos[p][bin];
            const struct placebo_count *b = &oracle->placebos[p][bin];
            assert_int_equal(a->pairs, b->pairs);
            assert_int_equal(a->transmissions, b->transmissions);
            assert_int_equal(a->placebo, b->placebo);
        }
    }
    for (int measure = 0; measure < MEASURES; measure++) {
        size_t bins = measure_bins(&attribution->classes, (enum measure)measure);
        for (size_t segment = 0; segment < segments_count(attribution->segments); segment++) {
            for (size_t bin = 0; bin < bins; bin++) {
                struct dose dose =
                    attribution_oracle_dose(oracle, (enum measure)measure, segment, bin);
                assert_same_dose(&attribution->doses[measure][segment * bins + bin], &dose);
            }
        }
    }
}

static void run_scope(const struct world *world, enum attribution_scope scope, unsigned threads,
                      size_t memory_bytes, struct attribution *attribution,
                      struct collected *rows) {
    struct err err;
    struct attribution_inputs inputs = world->inputs;
    inputs.scope = scope;
    if (scope == SCOPE_MOVES) { /* what it does not need */
        inputs.endings = NULL;
        inputs.profiles = NULL;
        inputs.open_degrees = NULL;
        inputs.triangles = NULL;
    }
    inputs.threads = threads;
    inputs.memory_bytes = memory_bytes;
    rows->move_count = rows->transmission_count = rows->member_count = 0;
    memset(attribution, 0, sizeof *attribution);
    MUST(attribution_run(attribution, &inputs, collect, rows, &err));
}

static void run(const struct world *world, unsigned threads, size_t memory_bytes,
                struct attribution *attribution, struct collected *rows) {
    run_scope(world, SCOPE_ALL, threads, memory_bytes, attribution, rows);
}

/* The moves alone are as with everything, but for what chance would have done. */
static void assert_moves_agree(const struct world *world, struct attribution_oracle *oracle,
                               unsigned threads, size_t memory_bytes, struct collected *rows) {
    struct attribution attribution;
    run_scope(world, SCOPE_MOVES, threads, memory_bytes, &attribution, rows);
    struct attribution_totals totals = oracle->totals;
    totals.sides = totals.sides_at_risk = 0;
    for (size_t i = 0; i < oracle->move_count; i++) {
        oracle->moves[i].expected = oracle->moves[i].unmatched = 0;
    }
    assert_same_moves(rows, oracle->moves, oracle->move_count);
    assert_same_transmissions(rows, oracle->transmissions, oracle->transmission_count);
    assert_int_equal(rows->member_count, 0);
    assert_same_totals(&attribution.totals, &totals);
    assert_int_equal(attribution.totals.ties, world->tie_count);
    assert_null(attribution.segments);
    attribution_release(&attribution);
}

static void random_worlds_agree_with_the_oracle(void **state) {
    struct world *world = malloc(sizeof *world);
    struct attribution_oracle *oracle = malloc(sizeof *oracle);
    struct collected *rows = malloc(sizeof *rows);
    assert_true(world != NULL && oracle != NULL && rows != NULL);
    uint64_t transmissions = 0;
    uint64_t presets[ATTRIBUTION_PRESETS] = {0};
    for (uint64_t seed = 1; seed <= WORLDS; seed++) {
        small_world_make(world, seed, *state);
        attribution_oracle_make(oracle, world);
        struct attribution attribution;
        size_t memory = seed % 3 == 0 ? 0 : 1 + random_below(&world->random, 3000);
        run(world, seed % 8 == 0 ? 5 : 1 + (unsigned)(seed % 2), memory, &attribution, rows);
        assert_agrees(&attribution, rows, oracle);
        assert_int_equal(attribution.totals.ties, world->tie_count);
        transmissions += attribution.totals.transmissions;
        for (size_t i = 0; i < ATTRIBUTION_PRESETS; i++) {
            bool is_it = strcmp(world->settings.preset, attribution_presets[i].preset) == 0;
            presets[i] += is_it ? attribution.totals.transmissions : 0;
        }
        attribution_release(&attribution);
        assert_moves_agree(world, oracle, seed % 8 == 0 ? 5 : 1 + (unsigned)(seed % 2), memory,
                           rows);
        attribution_oracle_release(oracle);
        small_world_release(world);
    }
    for (size_t i = 0; i < ATTRIBUTION_PRESETS; i++) {
        assert_true(presets[i] > WORLDS / 100);
    }
    assert_true(transmissions > WORLDS / 10);
    free(world);
    free(oracle);
    free(rows);
}

static void threads_and_memory_do_not_show(void **state) {
    struct world *world = malloc(sizeof *world);
    struct attribution_oracle *oracle = malloc(sizeof *oracle);
    struct collected *rows = malloc(sizeof *rows);
    assert_true(world != NULL && oracle != NULL && rows != NULL);
    static const unsigned threads[] = {1, 2, 7};
    static const size_t budgets[] = {1, 2000, 0};
    for (uint64_t group = 1; group <= 3; group++) {
        small_world_make(world, group * WORLD_GROUP + 7, *state);
        attribution_oracle_make(oracle, world);
        for (size_t i = 0; i < 9; i++) {
            struct attribution attribution;
            run(world, threads[i / 3], budgets[i % 3], &attribution, rows);
            assert_agrees(&attribution, rows, oracle);
            attribution_release(&attribution);
        }
        for (size_t i = 0; i < 9; i++) {
            assert_moves_agree(world, oracle, threads[i / 3], budgets[i % 3], rows);
        }
        attribution_oracle_release(oracle);
        small_world_release(world);
    }
    free(world);
    free(oracle);
    free(rows);
}

/* --- failures --- */

static struct status refuse(void *context, const struct attribution_rows *rows, struct err *err) {
    (void)context;
    (void)rows;
    return err_set(err, FAILURE_IO, "the disk is full");
}

static void a_failing_visit_ends_the_run_with_its_error(void **state) {
    struct err err;
    struct world *world = malloc(sizeof *world);
    assert_non_null(world);
    small_world_make(world, 1, *state);
    for (int scope = SCOPE_ALL; scope <= SCOPE_MOVES; scope++) {
        struct attribution attribution = {0};
        world->inputs.scope = (enum attribution_scope)scope;
        MUST_FAIL(attribution_run(&attribution, &world->inputs, refuse, NULL, &err), FAILURE_IO,
                  "the disk is full");
        attribution_release(&attribution);
    }
    small_world_release(world);
    free(world);
}

static void a_missing_segment_is_named(void **state) {
    struct err err;
    struct world *world = malloc(sizeof *world);
    struct collected *rows = calloc(1, sizeof *rows);
    assert_true(world != NULL && rows != NULL);
    small_world_make(world, 1, *state);
    for (size_t i = 0; i < 2 * WORLD_SEGMENTS; i++) {
        size_t missing = i / 2;
        world->inputs.scope = i % 2 == 0 ? SCOPE_ALL : SCOPE_MOVES;
        world->path_list[missing] = "/nonexistent/segment";
        struct attribution attribution = {0};
        MUST_FAIL(attribution_run(&attribution, &world->inputs, collect, rows, &err), FAILURE_IO,
                  "/nonexistent/segment");
        attribution_release(&attribution);
        world->path_list[missing] = world->paths[missing];
    }
    small_world_release(world);
    free(world);
    free(rows);
}

/* Without the endings every re-made tie overlaps its pair's earlier ones. */
static void ties_that_overlap_are_refused(void **state) {
    struct err err;
    struct world *world = malloc(sizeof *world);
    struct collected *rows = malloc(sizeof *rows);
    assert_true(world != NULL && rows != NULL);
    size_t refused = 0;
    for (uint64_t seed = 1; seed < 200 && refused == 0; seed++) {
        small_world_make(world, seed, *state);
        world->settings = attribution_presets[0];
        struct ending_index none = {0};
        MUST(ending_index_finish(&none, &err));
        world->inputs.endings = &none;
        *rows = (struct collected){0};
        struct attribution attribution = {0};
        struct status status = attribution_run(&attribution, &world->inputs, collect, rows, &err);
        if (failed(status)) {
            assert_int_equal(status.failure, FAILURE_DATA);
            assert_non_null(strstr(err.text, "two ties with one contact at a time"));
            refused++;
        }
        attribution_release(&attribution);
        ending_index_release(&none);
        small_world_release(world);
    }
    assert_int_equal(refused, 1);
    free(world);
    free(rows);
}

/* A move that its mover's entry date forbids: careers that contradict themselves. */
static void transmission_outside_is_refused(enum attribution_scope scope, const char *folder) {
    struct err err;
    struct world *world = malloc(sizeof *world);
    struct collected *rows = malloc(sizeof *rows);
    assert_true(world != NULL && rows != NULL);
    size_t refused = 0;
    for (uint64_t seed = 1; seed < 200 && refused == 0; seed++) {
        small_world_make(world, seed, folder);
        world->inputs.scope = scope;
        for (size_t person = 0; person < world->people.count; person++) {
            world->careers.entry[person] = SPAN_NEVER;
        }
        *rows = (struct collected){0};
        struct attribution attribution = {0};
        struct status status = attribution_run(&attribution, &world->inputs, collect, rows, &err);
        if (failed(status)) {
            assert_int_equal(status.failure, FAILURE_DATA);
            assert_non_null(strstr(err.text, "while not at risk"));
            refused++;
        }
        attribution_release(&attribution);
        small_world_release(world);
    }
    assert_int_equal(refused, 1);
    free(world);
    free(rows);
}

static void a_transmission_outside_of_its_windows_is_refused(void **state) {
    transmission_outside_is_refused(SCOPE_ALL, *state);
    transmission_outside_is_refused(SCOPE_MOVES, *state);
}

static void nobody_at_all_gives_no_rows(void **state) {
    (void)state;
    struct err err;
    struct world *world = calloc(1, sizeof *world);
    struct collected *rows = calloc(1, sizeof *rows);
    assert_true(world != NULL && rows != NULL);
    for (int log = 0; log < FACT_LOGS; log++) {
        fact_table_init(&world->facts[log], (enum fact_log)log);
        MUST(fact_table_finish(&world->facts[log], &err));
    }
    world->settings = attribution_presets[0];
    world->people =
        (struct people){.ids = world->ids, .of_node = world->of_node, .nodes = world->nodes};
    MUST(ending_index_finish(&world->endings, &err));
    MUST(careers_build(&world->careers, &world->facts[FACT_POSITIONS],
                       &world->facts[FACT_COMPANIES], &world->people, 0, &world->settings, &err));
    world->inputs = (struct attribution_inputs){
        .endings = &world->endings,
        .people = &world->people,
        .careers = &world->careers,
        .profiles = &world->profiles,
        .facts = world->facts,
        .settings = &world->settings,
        .open_degrees = world->open_degrees,
        .threads = 3,
    };
    for (int scope = SCOPE_ALL; scope <= SCOPE_MOVES; scope++) {
        struct attribution attribution = {0};
        world->inputs.scope = (enum attribution_scope)scope;
        MUST(attribution_run(&attribution, &world->inputs, collect, rows, &err));
        assert_int_equal(rows->move_count + rows->transmission_count + rows->member_count, 0);
        assert_int_equal(attribution.totals.sides, 0);
        attribution_release(&attribution);
    }
    small_world_release(world);
    free(world);
    free(rows);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(random_worlds_agree_with_the_oracle, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(threads_and_memory_do_not_show, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(a_failing_visit_ends_the_run_with_its_error, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(a_missing_segment_is_named, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(ties_that_overlap_are_refused, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(a_transmission_outside_of_its_windows_is_refused,
                                        scratch_make, scratch_remove),
        cmocka_unit_test(nobody_at_all_gives_no_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
