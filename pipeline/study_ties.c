/* Columns of a whole block of the walk go to the table at once: there are too many ties to put them
 * cell by cell, as row_block.h does.
 */
#include "pipeline/study_ties.h"

#include "schemas/event.h"
#include "schemas/tie.h"

#include <stdlib.h>

enum { ROWS = TIE_SEGMENT_FRAME_ITEMS, LOG2_BINS = 33 };

/* The columns that are not already columns of the walk. */
struct block_columns {
    uint64_t from[ROWS];
    uint64_t to[ROWS];
    uint64_t in_union[ROWS];
    double strength[ROWS];
    const char *origin[ROWS];
    const char *tercile[ROWS];
    uint8_t above_threshold[ROWS];
    uint8_t above_median[ROWS];
    const char *log2_bin[ROWS];
    uint32_t strength_decile[ROWS];
    struct optional_u64 interactions[ROWS];
    double interaction_rank[ROWS];
    const char *same_industry[ROWS];
    struct optional_u64 seniority_gap_years[ROWS];
    const char *reach[ROWS];
    const char *coworker[ROWS];
    struct optional_u64 experiment[ROWS];
    struct optional_u64 variant[ROWS];
};

struct study_ties {
    struct tee tee;
    struct tie_facts facts;
    struct bin_label terciles[TERCILES];
    struct bin_label log2_bins[LOG2_BINS];
    struct block_columns columns;
};

static void labels_make(struct study_ties *made) {
    const struct classes *classes = made->facts.inputs.classes;
    for (size_t bin = 0; bin < measure_bins(classes, MEASURE_TERCILES); bin++) {
        measure_label(classes, MEASURE_TERCILES, bin, &made->terciles[bin]);
    }
    for (size_t bin = 0; bin < measure_bins(classes, MEASURE_LOG2); bin++) {
        measure_label(classes, MEASURE_LOG2, bin, &made->log2_bins[bin]);
    }
}

static void numbers_put(struct block_columns *columns, const struct tie_block *block, size_t i,
                        const struct people *people) {
    const struct tie_columns *ties = &block->ties;
    const struct tie tie = {
        .from = {people->ids[block->from[i]]},
        .to = {people->ids[block->to[i]]},
        .mutual = ties->mutual[i],
        .degree_from = ties->degree_from[i],
        .degree_to = ties->degree_to[i],
    };
    columns->from[i] = tie.from.v;
    columns->to[i] = tie.to.v;
    columns->in_union[i] = tie_union(&tie);
    columns->strength[i] = tie_strength(&tie);
    columns->origin[i] = event_origin_name(ties->origin[i]);
}

static void facts_put(struct study_ties *made, const struct tie_block *block, size_t i) {
    struct block_columns *columns = &made->columns;
    const struct tie_fact fact = tie_facts_find(&made->facts, block, i);
    columns->tercile[i] = made->terciles[fact.tercile].text;
    columns->above_threshold[i] = fact.above_threshold;
    columns->above_median[i] = fact.above_median;
    columns->log2_bin[i] = made->log2_bins[fact.log2_bin].text;
    columns->strength_decile[i] = (uint32_t)fact.strength_decile + 1;
    columns->interactions[i] = (struct optional_u64){
        .value = block->interactions[i],
        .is_known = made->facts.inputs.classes->has_intensity,
    };
    columns->interaction_rank[i] = fact.interaction_rank;
    columns->same_industry[i] = !fact.knows_industries  ? NULL
                                : fact.is_same_industry ? "same"
                                                        : "different";
    columns->seniority_gap_years[i] = fact.seniority_gap_years;
    columns->reach[i] = fact.reach == REACH_UNKNOWN ? NULL : reach_name(fact.reach);
    columns->coworker[i] = coworker_name(fact.coworker);
    columns->experiment[i] = fact.experiment;
    columns->variant[i] = fact.variant;
}

static struct status block_write(void *context, const struct tie_block *block, struct err *err) {
    struct study_ties *made = context;
    struct block_columns *columns = &made->columns;
    for (size_t i = 0; i < block->ties.count; i++) {
        numbers_put(columns, block, i, made->facts.inputs.people);
        facts_put(made, block, i);
    }
    const union column_values values[] = {
        {.u64 = columns->from},
        {.u64 = columns->to},
        {.time_ms = block->ties.created_at_ms},
        {.time_ms = block->ended_ms},
        {.u32 = block->ties.mutual},
        {.u32 = block->ties.degree_from},
        {.u32 = block->ties.degree_to},
        {.u64 = columns->in_union},
        {.f64 = columns->strength},
        {.text = columns->origin},
        {.text = columns->tercile},
        {.flag = columns->above_threshold},
        {.flag = columns->above_median},
        {.text = columns->log2_bin},
        {.u32 = columns->strength_decile},
        {.optional_u64 = columns->interactions},
        {.f64 = columns->interaction_rank},
        {.text = columns->same_industry},
        {.optional_u64 = columns->seniority_gap_years},
        {.text = columns->reach},
        {.text = columns->coworker},
        {.optional_u64 = columns->experiment},
        {.optional_u64 = columns->variant},
    };
    return tee_append(&made->tee, values, block->ties.count, err);
}

struct status study_ties_publish(struct publisher *publisher, const struct tie_source *source,
                                 const struct tie_facts_inputs *inputs, struct err *err) {
    struct study_ties *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return err_memory(err, sizeof *made, "writing ties");
    }
    struct status status;
    TRY_OR(done, status, tie_facts_init(&made->facts, inputs, err));
    TRY_OR(done, status, tee_open(publisher, &table_ties_of_study, &made->tee, err));
    labels_make(made);
    status = tie_walk(source, block_write, made, err);
    status = tee_close(publisher, &made->tee, status, err);
done:
    tie_facts_release(&made->facts);
    free(made);
    return status;
}
