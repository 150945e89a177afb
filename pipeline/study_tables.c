#include "pipeline/study_tables.h"

#include "pipeline/row_block.h"
#include "stages/attribution/arms.h"
#include "stages/attribution/chance.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Of the normal distribution, for 95 %. */
static const double quantile_95 = 1.959963984540054;

enum { WINDOW_BYTES = 32, ROW_TABLES = 4 };

struct study_tables {
    struct publisher *publisher;
    struct study_names names;
    /* Tables that rows go to while they are computed. */
    struct row_block moves;
    struct row_block transmissions;
    struct row_block attributions;
    struct row_block members;
    char (*windows)[WINDOW_BYTES]; /* names of the members' windows */
    struct arms *arms;
};

static const char *precision_name(uint8_t precision) {
    return fact_shapes[FACT_POSITIONS].fields[POSITION_PRECISION].choices[precision];
}

static const char *move_kind_name(uint8_t kind) {
    static const char *const names[] = {"entry", "move", "undecided"};
    assert(kind <= MOVE_UNDECIDED);
    return names[kind];
}

static double credit_value(uint64_t credit) {
    return (double)credit / CREDIT_ONE;
}

static double chance_value(unsigned __int128 expected) {
    return (double)expected / (double)CHANCE_ONE;
}

/* --- rows --- */

static struct status move_put(struct study_tables *tables, const struct move_row *row,
                              struct err *err) {
    struct row_block *block = &tables->moves;
    const struct careers *careers = tables->names.careers;
    const struct move *move = row->move;
    bool is_move = move->kind == MOVE_MOVE;
    bool knows_chance = is_move && tables->names.scope == SCOPE_ALL;
    bool has_previous = move->previous != COMPANY_NONE;
    row_put_u64(block, tables->names.people->ids[move->person]);
    row_put_u64(block, careers->company_ids[move->company]);
    row_put_time(block, move->at.lo_ms);
    row_put_text(block, precision_name(move->precision));
    row_put_text(block, move_kind_name(move->kind));
    row_put_known_u64(block, has_previous, has_previous ? careers->company_ids[move->previous] : 0);
    row_put_known_u64(block, is_move, row->contacts);
    row_put_known_u64(block, is_move, row->contacts_certain);
    row_put_known_u64(block, is_move, row->contacts_possible);
    row_put_known_u64(block, is_move, row->contacts_tied);
    row_put_f64(block, knows_chance ? chance_value(row->expected) : NAN);
    row_put_known_u64(block, knows_chance, row->unmatched);
    row_put_flag(block, move->is_mass);
    return row_end(block, err);
}

static struct status credits_put(struct study_tables *tables, const struct transmission_row *row,
                                 struct err *err) {
    struct row_block *block = &tables->attributions;
    for (int rule = 0; rule < CREDIT_RULES; rule++) {
        row_put_u64(block, tables->names.people->ids[row->move->person]);
        row_put_u64(block, tables->names.careers->company_ids[row->move->company]);
        row_put_time(block, row->move->at.lo_ms);
        row_put_u64(block, tables->names.people->ids[row->side.contact]);
        row_put_text(block, credit_rule_name((enum credit_rule)rule));
        row_put_f64(block, credit_value(row->credit[rule]));
        TRY(row_end(block, err));
    }
    return status_ok();
}

static struct status transmission_put(struct study_tables *tables,
                                      const struct transmission_row *row, struct err *err) {
    struct row_block *block = &tables->transmissions;
    const struct side *side = &row->side;
    row_put_u64(block, tables->names.people->ids[row->move->person]);
    row_put_u64(block, tables->names.people->ids[side->contact]);
    row_put_u64(block, tables->names.careers->company_ids[row->move->company]);
    row_put_time(block, row->move->at.lo_ms);
    row_put_time(block, side->created_ms);
    row_put_u64(block, (uint64_t)(row->move->at.lo_ms - side->created_ms));
    row_put_known_u64(block, row->tenure_ms >= 0, (uint64_t)row->tenure_ms);
    row_put_u32(block, side->mutual);
    row_put_u64(block, side_union(side));
    row_put_f64(block, side_strength(side));
    row_put_known_u64(block, tables->names.has_interactions, side->interactions);
    row_put_flag(block, row->contact_active);
    row_put_flag(block, side->mover_invited);
    row_put_flag(block, row->is_certain);
    TRY(row_end(block, err));
    return credits_put(tables, row, err);
}

static struct status member_put(struct study_tables *tables, const struct member_row *row,
                                struct err *err) {
    struct row_block *block = &tables->members;
    row_put_u64(block, tables->names.people->ids[row->person]);
    row_put_text(block, tables->windows[row->window]);
    row_put_time(block, row->from_ms == INT64_MIN ? COLUMN_TIME_NULL : row->from_ms);
    row_put_u32(block, row->degree);
    row_put_u32(block, row->new_ties);
    for (int tercile = 0; tercile < TERCILES; tercile++) {
        row_put_u32(block, row->by_tercile[tercile]);
    }
    row_put_u32(block, row->above_threshold);
    row_put_u32(block, row->transmissions);
    row_put_u32(block, row->moves);
    row_put_u32(block, row->moves_carried);
    row_put_u64(block, row->applications);
    row_put_f64(block, row->diversity);
    row_put_f64(block, row->industry_diversity);
    for (int reach = 0; reach < REACHES; reach++) {
        row_put_u32(block, row->by_reach[reach]);
    }
    row_put_known_u64(block, row->has_variant, row->experiment);
    row_put_known_u64(block, row->has_variant, row->variant);
    return row_end(block, err);
}

/* What needs the experiments, which the attribution knows once rows come. */
static struct status windows_make(struct study_tables *tables, struct err *err) {
    const struct attribution *attribution = tables->names.attribution;
    size_t count = attribution->experiment_count + 1;
    tables->windows = calloc(count, sizeof *tables->windows);
    if (tables->windows == NULL) {
        return err_memory(err, count * sizeof *tables->windows, "the windows of members");
    }
    (void)snprintf(tables->windows[0], WINDOW_BYTES, "study");
    for (size_t i = 1; i < count; i++) {
        (void)snprintf(tables->windows[i], WINDOW_BYTES, "experiment %" PRIu64,
                       attribution->experiments[i - 1]);
    }
    return arms_new(&tables->arms, attribution->experiments, attribution->experiment_count, err);
}

static struct status members_put(struct study_tables *tables, const struct attribution_rows *rows,
                                 struct err *err) {
    for (size_t i = 0; i < rows->member_count;) {
        size_t end = i + 1;
        while (end < rows->member_count && rows->members[end].person == rows->members[i].person) {
            end++;
        }
        TRY(arms_add(tables->arms, &rows->members[i], end - i, err));
        for (; i < end; i++) {
            TRY(member_put(tables, &rows->members[i], err));
        }
    }
    return status_ok();
}

struct status study_tables_visit(void *context, const struct attribution_rows *rows,
                                 struct err *err) {
    struct study_tables *tables = context;
    if (tables->windows == NULL && tables->names.scope == SCOPE_ALL) {
        TRY(windows_make(tables, err));
    }
    for (size_t i = 0; i < rows->move_count; i++) {
        TRY(move_put(tables, &rows->moves[i], err));
    }
    for (size_t i = 0; i < rows->transmission_count; i++) {
        TRY(transmission_put(tables, &rows->transmissions[i], err));
    }
    return members_put(tables, rows, err);
}

/* --- sums --- */

static void dose_put(struct row_block *block, const struct dose *dose, uint64_t transmissions) {
    double low;
    double high;
    dose_wilson(dose, &low, &high);
    double rate = dose->at_risk == 0 ? NAN : (double)dose->transmitting / (double)dose->at_risk;
    double error = dose->at_risk == 0 ? NAN : dose_standard_error(dose);
    double expected = chance_value(dose->expected);
    row_put_u64(block, dose->sides);
    row_put_u64(block, dose->at_risk);
    row_put_f64(block, (double)dose->exposure_ms);
    row_put_u64(block, dose->transmitting);
    row_put_u64(block, dose->transmissions);
    row_put_f64(block, rate);
    row_put_f64(block, low);
    row_put_f64(block, high);
    row_put_f64(block, error);
    row_put_f64(block, isnan(rate) ? NAN : fmax(0.0, rate - quantile_95 * error));
    row_put_f64(block, isnan(rate) ? NAN : fmin(1.0, rate + quantile_95 * error));
    for (int rule = 0; rule < CREDIT_RULES; rule++) {
        row_put_f64(block, credit_value(dose->credit[rule]));
    }
    row_put_f64(block, expected);
    row_put_f64(block, (double)(dose->transmissions - dose->unmatched_transmissions) - expected);
    row_put_u64(block, dose->pairs);
    row_put_u64(block, dose->unmatched);
    row_put_u64(block, dose->unmatched_transmissions);
    row_put_f64(block,
                transmissions == 0 ? NAN : (double)dose->transmissions / (double)transmissions);
}

/* The rows of one measure and segment: bins that have a side. */
static struct status doses_put(struct row_block *block, const struct attribution *attribution,
                               enum measure measure, size_t segment, const struct bin_label *labels,
                               struct err *err) {
    size_t bins = measure_bins(&attribution->classes, measure);
    const struct dose *doses = attribution->doses[measure] + segment * bins;
    const struct segment_label *of = segments_label(attribution->segments, segment);
    uint64_t transmissions = 0;
    for (size_t bin = 0; bin < bins; bin++) {
        transmissions += doses[bin].transmissions;
    }
    for (size_t bin = 0; bin < bins; bin++) {
        if (doses[bin].sides == 0) {
            continue;
        }
        row_put_text(block, measure_name(measure));
        row_put_u32(block, (uint32_t)bin);
        row_put_text(block, labels[bin].text);
        row_put_f64(block, labels[bin].low);
        row_put_f64(block, isinf(labels[bin].high) ? NAN : labels[bin].high);
        row_put_text(block, segment_kind_name(of->kind));
        row_put_text(block, of->value);
        dose_put(block, &doses[bin], transmissions);
        TRY(row_end(block, err));
    }
    return status_ok();
}

struct measure_labels {
    struct bin_label *of[MEASURES];
};

static void labels_release(struct measure_labels *labels) {
    for (int measure = 0; measure < MEASURES; measure++) {
        free(labels->of[measure]);
    }
}

static struct status labels_make(struct measure_labels *labels, const struct classes *classes,
                                 struct err *err) {
    for (int measure = 0; measure < MEASURES; measure++) {
        size_t bins = measure_bins(classes, (enum measure)measure);
        labels->of[measure] = calloc(bins + 1, sizeof(struct bin_label));
        if (labels->of[measure] == NULL) {
            return err_memory(err, bins * sizeof(struct bin_label), "labels of bins");
        }
        for (size_t bin = 0; bin < bins; bin++) {
            measure_label(classes, (enum measure)measure, bin, &labels->of[measure][bin]);
        }
    }
    return status_ok();
}

/* All sides into one table, the segments, which begin with number 1, into another. */
static struct status dose_table_publish(struct study_tables *tables, const struct table *table,
                                        size_t first, size_t end,
                                        const struct measure_labels *labels, struct err *err) {
    const struct attribution *attribution = tables->names.attribution;
    struct row_block block;
    struct status status;
    TRY_OR(done, status, row_block_open(&block, tables->publisher, table, err));
    for (size_t segment = first; segment < end; segment++) {
        for (int measure = 0; measure < MEASURES; measure++) {
            TRY_OR(done, status,
                   doses_put(&block, attribution, (enum measure)measure, segment,
                             labels->of[measure], err));
        }
    }
done:
    return row_block_close(&block, tables->publisher, status, err);
}

static struct status arms_put(struct study_tables *tables, struct row_block *block,
                              struct err *err) {
    struct arm_row *rows;
    size_t count;
    TRY(arms_rows(tables->arms, &rows, &count, err));
    struct status status = status_ok();
    for (size_t i = 0; i < count && !failed(status); i++) {
        const struct arm_row *row = &rows[i];
        row_put_u64(block, row->experiment);
        row_put_u64(block, row->variant);
        row_put_text(block, arm_fact_part(row->fact));
        row_put_text(block, arm_fact_name(row->fact));
        row_put_u64(block, row->members);
        row_put_f64(block, row->share);
        row_put_f64(block, row->mean);
        row_put_f64(block, row->variance);
        row_put_f64(block, row->difference);
        row_put_f64(block, row->standard_error);
        row_put_f64(block, row->p);
        status = row_end(block, err);
    }
    free(rows);
    return status;
}

static struct status arms_publish(struct study_tables *tables, struct err *err) {
    struct row_block block;
    struct status status = row_block_open(&block, tables->publisher, &table_arms, err);
    if (!failed(status) && tables->arms != NULL) { /* no member, no arms */
        status = arms_put(tables, &block, err);
    }
    return row_block_close(&block, tables->publisher, status, err);
}

static struct status placebos_publish(struct study_tables *tables,
                                      const struct measure_labels *labels, struct err *err) {
    static const char *const names[PLACEBOS] = {"joined_after", "tie_after"};
    struct row_block block;
    struct status status = row_block_open(&block, tables->publisher, &table_placebos, err);
    for (int i = 0; i < PLACEBOS * TERCILES && !failed(status); i++) {
        int tercile = i % TERCILES;
        const struct placebo_count *count =
            &tables->names.attribution->placebos[i / TERCILES][tercile];
        row_put_text(&block, names[i / TERCILES]);
        row_put_text(&block, measure_name(MEASURE_TERCILES));
        row_put_u32(&block, (uint32_t)tercile);
        row_put_text(&block, labels->of[MEASURE_TERCILES][tercile].text);
        row_put_u64(&block, count->pairs);
        row_put_u64(&block, count->transmissions);
        row_put_u64(&block, count->placebo);
        status = row_end(&block, err);
    }
    return row_block_close(&block, tables->publisher, status, err);
}

struct status study_tables_sums(struct study_tables *tables, struct err *err) {
    const struct attribution *attribution = tables->names.attribution;
    struct measure_labels labels = {0};
    struct status status;
    size_t segments = segments_count(attribution->segments);
    TRY_OR(done, status, labels_make(&labels, &attribution->classes, err));
    TRY_OR(done, status, dose_table_publish(tables, &table_dose_response, 0, 1, &labels, err));
    TRY_OR(done, status, dose_table_publish(tables, &table_segments, 1, segments, &labels, err));
    TRY_OR(done, status, arms_publish(tables, err));
    status = placebos_publish(tables, &labels, err);
done:
    labels_release(&labels);
    return status;
}

/* --- lifecycle --- */

struct status study_tables_open(struct study_tables **tables, struct publisher *publisher,
                                const struct study_names *names, struct err *err) {
    *tables = calloc(1, sizeof **tables);
    if (*tables == NULL) {
        return err_memory(err, sizeof **tables, "the tables of a study");
    }
    struct study_tables *made = *tables;
    made->publisher = publisher;
    made->names = *names;
    TRY(row_block_open(&made->moves, publisher, &table_moves, err));
    TRY(row_block_open(&made->transmissions, publisher, &table_transmissions, err));
    TRY(row_block_open(&made->attributions, publisher, &table_attributions, err));
    return names->scope == SCOPE_MOVES
               ? status_ok()
               : row_block_open(&made->members, publisher, &table_members, err);
}

struct status study_tables_close(struct study_tables *tables, struct status status,
                                 struct err *err) {
    if (tables == NULL) {
        return status;
    }
    struct row_block *blocks[ROW_TABLES] = {&tables->moves, &tables->transmissions,
                                            &tables->attributions, &tables->members};
    for (int i = 0; i < ROW_TABLES; i++) {
        if (blocks[i]->table != NULL) { /* it was opened */
            status = row_block_close(blocks[i], tables->publisher, status, err);
        }
    }
    free(tables->windows);
    arms_free(tables->arms);
    free(tables);
    return status;
}
