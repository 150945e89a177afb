/* Nothing is kept per tie: all of it is looked up in what the study has made, once per tie, in the
 * order of the ties. Taking coworkers and reach from the segments of sides instead would mean 16
 * bytes per tie and a sort from the order of movers back into that of the ties.
 */
#include "stages/attribution/tie_facts.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

struct status tie_facts_init(struct tie_facts *facts, const struct tie_facts_inputs *inputs,
                             struct err *err) {
    const struct people *people = inputs->people;
    const struct fact_table *table = inputs->assignments;
    const struct classes *classes = inputs->classes;
    *facts = (struct tie_facts){.inputs = *inputs};
    if (classes->median_union != 0) {
        facts->median = (double)classes->median_mutual / (double)classes->median_union;
    }
    if (table->count == 0) {
        return status_ok();
    }
    facts->begin = malloc((people->count + 1) * sizeof *facts->begin);
    if (facts->begin == NULL) {
        return err_memory(err, people->count * sizeof *facts->begin, "the assignments");
    }
    size_t at = 0;
    for (size_t person = 0; person < people->count; person++) {
        while (at < table->count &&
               table->facts[at].value[ASSIGNMENT_MEMBER] < people->ids[person]) {
            at++;
        }
        facts->begin[person] = at;
    }
    facts->begin[people->count] = table->count;
    return status_ok();
}

void tie_facts_release(struct tie_facts *facts) {
    free(facts->begin);
    *facts = (struct tie_facts){0};
}

static void put_classes(const struct tie_facts *facts, const struct side *side,
                        struct tie_fact *fact) {
    const struct classes *classes = facts->inputs.classes;
    fact->tercile = (uint8_t)mutual_bin(classes, MEASURE_TERCILES, side->mutual);
    fact->log2_bin = (uint8_t)mutual_bin(classes, MEASURE_LOG2, side->mutual);
    fact->above_threshold = mutual_bin(classes, MEASURE_THRESHOLD, side->mutual) != 0;
    fact->above_median = side_strength(side) > facts->median;
    fact->strength_decile = (uint8_t)side_bin(classes, MEASURE_STRENGTH, side);
    fact->interaction_rank =
        classes->has_intensity ? interaction_rank(classes, side->interactions) : NAN;
}

static void put_profiles(const struct profiles *profiles, uint32_t from, uint32_t to,
                         struct tie_fact *fact) {
    const uint32_t *industry_of = profiles->industry.of_person;
    const uint16_t *years = profiles->career_start_year;
    if (industry_of != NULL && industry_of[from] != PROFILE_UNKNOWN &&
        industry_of[to] != PROFILE_UNKNOWN) {
        fact->knows_industries = true;
        fact->is_same_industry = industry_of[from] == industry_of[to];
    }
    if (years != NULL && years[from] != 0 && years[to] != 0) {
        fact->seniority_gap_years = (struct optional_u64){
            .value = (uint64_t)abs((int)years[from] - (int)years[to]), .is_known = true};
    }
    fact->reach = reach_between(profiles, from, to);
}

/* A member's records are in the order of time, then experiment, then variant. */
static void put_assignment(const struct tie_facts *facts, uint32_t person, int64_t created_ms,
                           struct tie_fact *fact) {
    const struct fact_table *table = facts->inputs.assignments;
    uint64_t member = facts->inputs.people->ids[person];
    for (size_t i = facts->begin[person]; i < facts->begin[person + 1]; i++) {
        const uint64_t *value = table->facts[i].value;
        if (value[ASSIGNMENT_MEMBER] != member || (int64_t)value[ASSIGNMENT_AT] > created_ms) {
            break;
        }
        if (!fact->experiment.is_known || value[ASSIGNMENT_EXPERIMENT] < fact->experiment.value) {
            fact->experiment = (struct optional_u64){value[ASSIGNMENT_EXPERIMENT], true};
            fact->variant = (struct optional_u64){value[ASSIGNMENT_VARIANT], true};
        }
    }
}

struct tie_fact tie_facts_find(const struct tie_facts *facts, const struct tie_block *block,
                               size_t i) {
    assert(i < block->ties.count);
    const struct tie_columns *ties = &block->ties;
    uint32_t from = block->from[i];
    uint32_t to = block->to[i];
    const struct side side = {
        .mutual = ties->mutual[i],
        .degree_mover = ties->degree_from[i],
        .degree_contact = ties->degree_to[i],
        .interactions = block->interactions[i],
    };
    struct tie_fact fact = {0};
    put_classes(facts, &side, &fact);
    put_profiles(facts->inputs.profiles, from, to, &fact);
    fact.coworker = coworker_at(facts->inputs.careers, from, to, ties->created_at_ms[i]);
    if (facts->begin != NULL) {
        put_assignment(facts, from, ties->created_at_ms[i], &fact);
    }
    return fact;
}
