/* The facts of every tie of random worlds, as a walk hands the ties out, against a look at all
 * ties, all records and all pairs of spells; and the order of assignments. */
#include "stages/attribution/tie_facts.h"

#include "tests/attribution_world.h"
#include "tests/scratch.h"
#include "tests/testing.h"

#include <math.h>
#include <stdlib.h>

enum { WORLDS = 512 };

/* --- the oracle --- */

static double strength_of(const struct world_tie *tie) {
    double in_union = (double)tie->degree_from + tie->degree_to - tie->mutual;
    return in_union == 0.0 ? 0.0 : tie->mutual / in_union;
}

/* Whether a value with so many below it and so many at or below it stands at or behind rank
 * ceil(part n / parts). */
static bool is_behind(size_t up_to, size_t part, size_t parts, size_t n) {
    return up_to >= (part * n + parts - 1) / parts;
}

static void oracle_classes(const struct world *world, const struct world_tie *tie,
                           struct tie_fact *fact) {
    size_t n = world->tie_count;
    size_t weaker = 0; /* ties of less M, and of less strength */
    size_t thinner = 0;
    for (size_t i = 0; i < n; i++) {
        weaker += world->ties[i].mutual < tie->mutual;
        thinner += strength_of(&world->ties[i]) < strength_of(tie);
    }
    /* A tie is above a cut where those below it reach the rank of the cut. */
    fact->tercile = (uint8_t)(is_behind(weaker, 1, 3, n) + is_behind(weaker, 2, 3, n));
    fact->above_median = is_behind(thinner, 1, 2, n);
    for (size_t k = 1; k < 10; k++) {
        fact->strength_decile = (uint8_t)(fact->strength_decile + is_behind(thinner, k, 10, n));
    }
    fact->above_threshold = tie->mutual > world->settings.threshold;
    while (fact->log2_bin < 32 && (UINT64_C(1) << fact->log2_bin) <= tie->mutual) {
        fact->log2_bin++;
    }
}

static bool has_interactions(const struct world *world) {
    const struct fact_table *table = &world->facts[FACT_INTERACTIONS];
    for (size_t i = 0; i < table->count; i++) {
        if ((int64_t)table->facts[i].value[INTERACTION_AT] <= world->as_of_ms) {
            return true;
        }
    }
    return false;
}

static uint64_t interactions_of(const struct world *world, const struct world_tie *tie) {
    const struct fact_table *table = &world->facts[FACT_INTERACTIONS];
    int64_t window_ms = world->settings.intensity_days * INT64_C(86400000);
    uint64_t a = world->ids[tie->from];
    uint64_t b = world->ids[tie->to];
    uint64_t count = 0;
    for (size_t i = 0; i < table->count; i++) {
        const uint64_t *value = table->facts[i].value;
        int64_t at_ms = (int64_t)value[INTERACTION_AT];
        bool is_theirs = (value[INTERACTION_FROM] == a && value[INTERACTION_TO] == b) ||
                         (value[INTERACTION_FROM] == b && value[INTERACTION_TO] == a);
        if (is_theirs && at_ms >= tie->created_ms && at_ms - tie->created_ms < window_ms &&
            at_ms <= world->as_of_ms) {
            count += value[INTERACTION_COUNT];
        }
    }
    return count < UINT32_MAX ? count : UINT32_MAX;
}

static double oracle_rank(const struct world *world, const struct world_tie *tie) {
    size_t below = 0;
    size_t up_to = 0;
    if (!has_interactions(world)) {
        return NAN;
    }
    for (size_t i = 0; i < world->tie_count; i++) {
        uint64_t other = interactions_of(world, &world->ties[i]);
        below += other < interactions_of(world, tie);
        up_to += other <= interactions_of(world, tie);
    }
    return (double)(below + 1 + up_to) / 2.0 / (double)world->tie_count;
}

static void oracle_profiles(const struct world *world, uint32_t a, uint32_t b,
                            struct tie_fact *fact) {
    const struct profiles *profiles = &world->profiles;
    const uint32_t *industry_of = profiles->industry.of_person;
    const uint16_t *years = profiles->career_start_year;
    fact->knows_industries = industry_of != NULL && industry_of[a] != PROFILE_UNKNOWN &&
                             industry_of[b] != PROFILE_UNKNOWN;
    fact->is_same_industry = fact->knows_industries && industry_of[a] == industry_of[b];
    if (years != NULL && years[a] != 0 && years[b] != 0) {
        uint16_t earlier = years[a] < years[b] ? years[a] : years[b];
        uint16_t later = years[a] < years[b] ? years[b] : years[a];
        fact->seniority_gap_years = (struct optional_u64){(uint64_t)(later - earlier), true};
    }
    fact->reach = reach_between(profiles, a, b); /* test_segments has its oracle */
}

/* Every record may be the one: the best of them, whatever their order. */
static void oracle_assignment(const struct fact_table *table, uint64_t member, int64_t at_ms,
                              struct tie_fact *fact) {
    const uint64_t *best = NULL;
    for (size_t i = 0; i < table->count; i++) {
        const uint64_t *value = table->facts[i].value;
        if (value[ASSIGNMENT_MEMBER] != member || (int64_t)value[ASSIGNMENT_AT] > at_ms) {
            continue;
        }
        static const enum assignment_field order[] = {ASSIGNMENT_EXPERIMENT, ASSIGNMENT_AT,
                                                      ASSIGNMENT_VARIANT};
        bool is_better = best == NULL;
        for (size_t k = 0; k < 3 && !is_better && value[order[k]] <= best[order[k]]; k++) {
            is_better = value[order[k]] < best[order[k]];
        }
        best = is_better ? value : best;
    }
    if (best != NULL) {
        fact->experiment = (struct optional_u64){best[ASSIGNMENT_EXPERIMENT], true};
        fact->variant = (struct optional_u64){best[ASSIGNMENT_VARIANT], true};
    }
}

static struct tie_fact oracle_fact(const struct world *world, const struct world_tie *tie) {
    struct tie_fact fact = {0};
    oracle_classes(world, tie, &fact);
    fact.interaction_rank = oracle_rank(world, tie);
    oracle_profiles(world, tie->from, tie->to, &fact);
    /* test_segments has its oracle too */
    fact.coworker = coworker_at(&world->careers, tie->from, tie->to, tie->created_ms);
    oracle_assignment(&world->facts[FACT_ASSIGNMENTS], world->ids[tie->from], tie->created_ms,
                      &fact);
    return fact;
}

/* --- the comparison --- */

static void assert_optional_equal(struct optional_u64 a, struct optional_u64 b) {
    assert_int_equal(a.is_known, b.is_known);
    assert_int_equal(a.value, b.value);
}

static void assert_fact_is(const struct tie_fact *fact, const struct tie_fact *wanted) {
    assert_int_equal(fact->tercile, wanted->tercile);
    assert_int_equal(fact->log2_bin, wanted->log2_bin);
    assert_int_equal(fact->strength_decile, wanted->strength_decile);
    assert_int_equal(fact->above_threshold, wanted->above_threshold);
    assert_int_equal(fact->above_median, wanted->above_median);
    assert_int_equal(fact->knows_industries, wanted->knows_industries);
    assert_int_equal(fact->is_same_industry, wanted->is_same_industry);
    assert_int_equal(fact->reach, wanted->reach);
    assert_int_equal(fact->coworker, wanted->coworker);
    assert_int_equal(isnan(fact->interaction_rank), isnan(wanted->interaction_rank));
    assert_true(isnan(wanted->interaction_rank) ||
                fabs(fact->interaction_rank - wanted->interaction_rank) < 1e-12);
    assert_optional_equal(fact->seniority_gap_years, wanted->seniority_gap_years);
    assert_optional_equal(fact->experiment, wanted->experiment);
    assert_optional_equal(fact->variant, wanted->variant);
}

struct comparison {
    const struct world *world;
    const struct tie_facts *facts;
    size_t next;
};

static struct status block_compare(void *context, const struct tie_block *block, struct err *err) {
    struct comparison *comparison = context;
    (void)err;
    for (size_t i = 0; i < block->ties.count; i++) {
        const struct tie_fact fact = tie_facts_find(comparison->facts, block, i);
        assert_in_range(comparison->next + 1, 1, comparison->world->tie_count);
        const struct tie_fact wanted =
            oracle_fact(comparison->world, &comparison->world->ties[comparison->next++]);
        assert_fact_is(&fact, &wanted);
    }
    return status_ok();
}

static struct status no_rows(void *context, const struct attribution_rows *rows, struct err *err) {
    (void)context;
    (void)rows;
    (void)err;
    return status_ok();
}

static void world_compare(const struct world *world) {
    struct err err;
    struct attribution attribution = {0};
    struct intensity intensity = {0};
    struct tie_facts facts = {0};
    MUST(attribution_run(&attribution, &world->inputs, no_rows, NULL, &err));
    MUST(intensity_init(&intensity, &world->facts[FACT_INTERACTIONS], &world->people,
                        world->settings.intensity_days * INT64_C(86400000), world->as_of_ms, &err));
    const struct tie_facts_inputs inputs = {
        .people = &world->people,
        .profiles = &world->profiles,
        .careers = &world->careers,
        .assignments = &world->facts[FACT_ASSIGNMENTS],
        .classes = &attribution.classes,
    };
    MUST(tie_facts_init(&facts, &inputs, &err));
    const struct tie_source source = {
        .segment_paths = world->path_list,
        .segment_count = WORLD_SEGMENTS,
        .endings = &world->endings,
        .people = &world->people,
        .intensity = &intensity,
        .threads = 1,
    };
    struct comparison comparison = {.world = world, .facts = &facts};
    MUST(tie_walk(&source, block_compare, &comparison, &err));
    assert_int_equal(comparison.next, world->tie_count);
    tie_facts_release(&facts);
    intensity_release(&intensity);
    attribution_release(&attribution);
}

static void every_tie_has_the_facts_that_the_oracle_finds(void **state) {
    static struct world world;
    for (uint64_t seed = 0; seed < WORLDS; seed++) {
        small_world_make(&world, seed, *state);
        world_compare(&world);
        small_world_release(&world);
    }
}

/* --- assignments --- */

enum { PEOPLE = 3 };

/* The assignment of person 1 (id 8) for a tie at `at`. */
static struct tie_fact assigned_at(struct fact *records, size_t count, int64_t at_ms) {
    struct err err;
    uint64_t ids[PEOPLE] = {3, 8, 9};
    size_t spells[PEOPLE + 1] = {0};
    static struct tie_block block;
    struct people people = {.ids = ids, .count = PEOPLE};
    struct profiles profiles = {0};
    struct careers careers = {.spell_begin = spells};
    struct classes classes = {0};
    struct fact_table table;
    struct tie_facts facts = {0};
    fact_table_init(&table, FACT_ASSIGNMENTS);
    MUST(fact_table_add(&table, records, count, &err));
    MUST(fact_table_finish(&table, &err));
    const struct tie_facts_inputs inputs = {&people, &profiles, &careers, &table, &classes};
    MUST(tie_facts_init(&facts, &inputs, &err));
    block.ties.count = 1;
    block.ties.created_at_ms[0] = at_ms;
    block.from[0] = 1;
    block.to[0] = 2;
    struct tie_fact fact = tie_facts_find(&facts, &block, 0);
    tie_facts_release(&facts);
    fact_table_release(&table);
    return fact;
}

static struct fact assignment(int64_t at_ms, uint64_t experiment, uint64_t member,
                              uint64_t variant) {
    return (struct fact){.value = {[ASSIGNMENT_AT] = (uint64_t)at_ms,
                                   [ASSIGNMENT_EXPERIMENT] = experiment,
                                   [ASSIGNMENT_MEMBER] = member,
                                   [ASSIGNMENT_VARIANT] = variant},
                         .known = 0xf};
}

static void assert_assigned(const struct tie_fact *fact, uint64_t experiment, uint64_t variant) {
    assert_true(fact->experiment.is_known && fact->variant.is_known);
    assert_int_equal(fact->experiment.value, experiment);
    assert_int_equal(fact->variant.value, variant);
}

static void
an_assignment_counts_from_its_instant_on_and_the_smallest_experiment_wins(void **state) {
    (void)state;
    struct fact records[] = {
        assignment(100, 7, 8, 2), assignment(100, 7, 8, 1), assignment(150, 7, 8, 0),
        assignment(200, 5, 8, 4), assignment(50, 1, 3, 9),  assignment(50, 1, 9, 9),
    };
    size_t count = sizeof records / sizeof records[0];
    struct tie_fact fact = assigned_at(records, count, 99);
    assert_false(fact.experiment.is_known || fact.variant.is_known);
    fact = assigned_at(records, count, 100);
    assert_assigned(&fact, 7, 1);
    fact = assigned_at(records, count, 199);
    assert_assigned(&fact, 7, 1); /* the earliest stays */
    fact = assigned_at(records, count, 200);
    assert_assigned(&fact, 5, 4);
}

static void without_any_log_nothing_is_known(void **state) {
    (void)state;
    struct tie_fact fact = assigned_at(NULL, 0, 100);
    assert_false(fact.experiment.is_known || fact.variant.is_known);
    assert_false(fact.knows_industries || fact.seniority_gap_years.is_known);
    assert_true(isnan(fact.interaction_rank));
    assert_int_equal(fact.reach, REACH_UNKNOWN);
    assert_int_equal(fact.coworker, COWORKER_NEVER);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_tie_has_the_facts_that_the_oracle_finds, scratch_make,
                                        scratch_remove),
        cmocka_unit_test(an_assignment_counts_from_its_instant_on_and_the_smallest_experiment_wins),
        cmocka_unit_test(without_any_log_nothing_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
