#include "tests/attribution_oracle.h"

#include "stages/attribution/credit.h"
#include "stages/attribution/predicate.h"
#include "tests/testing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)

/* --- sides --- */

static bool is_pair(const struct world_tie *tie, uint64_t a, uint64_t b) {
    return (tie->from == a && tie->to == b) || (tie->from == b && tie->to == a);
}

static uint32_t interactions_of(const struct world *world, const struct world_tie *tie) {
    const struct fact_table *table = &world->facts[FACT_INTERACTIONS];
    int64_t until_ms = tie->created_ms + world->settings.intensity_days * DAY_MS;
    uint64_t a = world->ids[tie->from];
    uint64_t b = world->ids[tie->to];
    uint64_t count = 0;
    for (size_t i = 0; i < table->count; i++) {
        const uint64_t *value = table->facts[i].value;
        int64_t at_ms = (int64_t)value[INTERACTION_AT];
        bool is_theirs = (value[INTERACTION_FROM] == a && value[INTERACTION_TO] == b) ||
                         (value[INTERACTION_FROM] == b && value[INTERACTION_TO] == a);
        if (is_theirs && at_ms >= tie->created_ms && at_ms < until_ms && at_ms <= world->as_of_ms) {
            count += value[INTERACTION_COUNT];
        }
    }
    return count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
}

static bool comes_before(const struct oracle_side *a, const struct oracle_side *b) {
    if (a->mover != b->mover) {
        return a->mover < b->mover;
    }
    if (a->side.created_ms != b->side.created_ms) {
        return a->side.created_ms < b->side.created_ms;
    }
    return a->side.contact < b->side.contact;
}

static void side_insert(struct attribution_oracle *oracle, struct oracle_side side) {
    size_t at = oracle->side_count++;
    for (; at > 0 && comes_before(&side, &oracle->sides[at - 1]); at--) {
        oracle->sides[at] = oracle->sides[at - 1];
    }
    oracle->sides[at] = side;
}

static void sides_make(struct attribution_oracle *oracle) {
    const struct world *world = oracle->world;
    for (size_t i = 0; i < world->tie_count; i++) {
        const struct world_tie *tie = &world->ties[i];
        struct oracle_side made = {.mover = tie->from,
                                   .side = {
                                       .created_ms = tie->created_ms,
                                       .ended_ms = tie->ended_ms,
                                       .contact = tie->to,
                                       .mutual = tie->mutual,
                                       .degree_mover = tie->degree_from,
                                       .degree_contact = tie->degree_to,
                                       .interactions = interactions_of(world, tie),
                                       .mover_invited = true,
                                   }};
        for (size_t j = 0; j < i; j++) {
            made.side.is_remade =
                made.side.is_remade || is_pair(&world->ties[j], tie->from, tie->to);
        }
        made.is_used = world->settings.ended_ties == ENDED_EXCLUDE || !made.side.is_remade;
        side_insert(oracle, made);
        made.mover = tie->to;
        made.side.contact = tie->from;
        made.side.degree_mover = tie->degree_to;
        made.side.degree_contact = tie->degree_from;
        made.side.mover_invited = false;
        side_insert(oracle, made);
    }
}

/* --- classes --- */

static int compare_doubles(const void *left, const void *right) {
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

static double at_rank(const double *values, size_t count, size_t part, size_t parts) {
    return values[(part * count + parts - 1) / parts - 1];
}

static void classes_make(struct attribution_oracle *oracle) {
    struct err err;
    const struct world *world = oracle->world;
    struct classes *classes = &oracle->classes;
    double strengths[WORLD_TIES_MAX];
    double counts[WORLD_TIES_MAX];
    struct histogram mutual = {0};
    bool is_known = false;
    for (size_t i = 0; i < world->tie_count; i++) {
        const struct world_tie *tie = &world->ties[i];
        struct side side = {.mutual = tie->mutual,
                            .degree_mover = tie->degree_from,
                            .degree_contact = tie->degree_to};
        strengths[i] = side_strength(&side);
        counts[i] = interactions_of(world, tie);
        MUST(histogram_add(&mutual, tie->mutual, 1, &err));
        MUST(histogram_add(&oracle->degrees, tie->degree_from, 1, &err));
        MUST(histogram_add(&oracle->degrees, tie->degree_to, 1, &err));
    }
    for (size_t i = 0; i < world->facts[FACT_INTERACTIONS].count; i++) {
        uint64_t at = world->facts[FACT_INTERACTIONS].facts[i].value[INTERACTION_AT];
        is_known = is_known || (int64_t)at <= world->as_of_ms;
    }
    MUST(classes_set_mutual(classes, &mutual, world->settings.threshold, &err));
    histogram_release(&mutual);
    qsort(strengths, world->tie_count, sizeof strengths[0], compare_doubles);
    qsort(counts, world->tie_count, sizeof counts[0], compare_doubles);
    for (size_t k = 1; k < 10 && world->tie_count != 0; k++) {
        classes->strength_cut[k - 1] = at_rank(strengths, world->tie_count, k, 10);
    }
    uint32_t values[WORLD_TIES_MAX];
    uint64_t ties[WORLD_TIES_MAX];
    size_t runs = 0;
    for (size_t i = 0; i < world->tie_count; i++) {
        if (runs == 0 || values[runs - 1] != (uint32_t)counts[i]) {
            values[runs] = (uint32_t)counts[i];
            ties[runs++] = 0;
        }
        ties[runs - 1]++;
    }
    if (is_known) {
        MUST(classes_set_interactions(classes, values, ties, runs, &err));
    }
}

/* Of the contacts of the member's medium ties from an instant on. */
static double diversity_of(const struct attribution_oracle *oracle, uint32_t person,
                           int64_t from_ms) {
    const uint32_t *industry_of = oracle->world->profiles.industry.of_person;
    uint64_t counts[WORLD_VALUES] = {0};
    uint64_t total = 0;
    for (size_t i = 0; i < oracle->side_count; i++) {
        const struct oracle_side *own = &oracle->sides[i];
        if (industry_of != NULL && own->mover == person && own->side.created_ms >= from_ms &&
            side_bin(&oracle->classes, MEASURE_TERCILES, &own->side) == TERCILE_MEDIUM &&
            industry_of[own->side.contact] != PROFILE_UNKNOWN) {
            counts[industry_of[own->side.contact]]++;
            total++;
        }
    }
    uint64_t squares = 0;
    for (size_t i = 0; i < WORLD_VALUES; i++) {
        squares += counts[i] * counts[i];
    }
    return total == 0 ? (double)NAN : 1.0 - (double)squares / (double)(total * total);
}

static void segments_make(struct attribution_oracle *oracle) {
    struct err err;
    const struct world *world = oracle->world;
    for (uint32_t person = 0; person < world->people.count; person++) {
        oracle->diversity[person] = (float)diversity_of(oracle, person, INT64_MIN);
    }
    struct segment_inputs inputs = {
        .people = &world->people,
        .profiles = &world->profiles,
        .careers = &world->careers,
        .assignments = &world->facts[FACT_ASSIGNMENTS],
        .side_degrees = &oracle->degrees,
        .diversity = world->profiles.industry.of_person == NULL ? NULL : oracle->diversity,
        .as_of_ms = world->as_of_ms,
    };
    MUST(segments_new(&oracle->segments, &inputs, &err));
    for (size_t i = 0; i < oracle->side_count; i++) {
        struct oracle_side *own = &oracle->sides[i];
        own->segment_count =
            segments_of_side(oracle->segments, own->mover, &own->side, own->segments);
    }
    struct chance_inputs chance_inputs = {&world->people, &world->profiles, &world->careers,
                                          &world->settings};
    MUST(chance_new(&oracle->chance, &chance_inputs, &err));
    for (size_t i = 0; i < world->tie_count; i++) {
        const struct world_tie *tie = &world->ties[i];
        chance_tie(oracle->chance, tie->from, tie->to, tie->created_ms, tie->ended_ms);
    }
    MUST(chance_settle(oracle->chance, &err));
    MUST(chance_scratch_new(&oracle->scratch, oracle->chance, &err));
}

/* --- moves --- */

static const struct spell *spells_at(const struct careers *careers, uint32_t person,
                                     uint32_t company, size_t *count) {
    const struct spell *first = NULL;
    *count = 0;
    for (size_t i = 0; i < careers->spell_count; i++) {
        if (careers->spells[i].person == person && careers->spells[i].company == company) {
            first = first == NULL ? &careers->spells[i] : first;
            ++*count;
        }
    }
    return first;
}

/* What one side has to do with one move. */
static enum carried carried_of(const struct attribution_oracle *oracle,
                               const struct oracle_side *own, const struct move *move,
                               const struct spell **earliest) {
    size_t count;
    const struct spell *spells =
        spells_at(&oracle->world->careers, own->side.contact, move->company, &count);
    *earliest = NULL;
    return own->mover == move->person ? side_carries(&oracle->world->settings, &own->side, spells,
                                                     count, move->at, earliest)
                                      : CARRIED_NOT;
}

static bool is_tied(const struct attribution_oracle *oracle, const struct oracle_side *own,
                    const struct move *move) {
    return own->mover == move->person &&
           tie_precedes(&oracle->world->settings, &own->side, move->at);
}

/* The row's counts of contacts, from the best of each contact's ties. */
static void contacts_count(const struct attribution_oracle *oracle, struct move_row *row) {
    for (uint32_t contact = 0; contact < oracle->world->people.count; contact++) {
        enum carried best = CARRIED_NOT;
        bool tied = false;
        for (size_t i = 0; i < oracle->side_count; i++) {
            const struct oracle_side *own = &oracle->sides[i];
            const struct spell *earliest;
            if (own->side.contact == contact) {
                enum carried carried = carried_of(oracle, own, row->move, &earliest);
                best = carried > best ? carried : best;
                tied = tied || is_tied(oracle, own, row->move);
            }
        }
        row->contacts_possible += best >= CARRIED_POSSIBLE;
        row->contacts += best >= CARRIED_COUNTED;
        row->contacts_certain += best >= CARRIED_CERTAIN;
        row->contacts_tied += tied;
    }
}

static struct transmission_row transmission_of(const struct attribution_oracle *oracle,
                                               const struct oracle_side *own,
                                               const struct move *move) {
    const struct attribution_settings *settings = &oracle->world->settings;
    const struct spell *earliest;
    enum carried carried = carried_of(oracle, own, move, &earliest);
    size_t count;
    const struct spell *spells =
        spells_at(&oracle->world->careers, own->side.contact, move->company, &count);
    struct transmission_row row = {.move = move, .side = own->side};
    row.is_certain = carried == CARRIED_CERTAIN;
    row.tenure_ms =
        earliest->start.lo_ms == INT64_MIN ? -1 : move->at.lo_ms - earliest->start.lo_ms;
    for (size_t i = 0; i < count; i++) {
        row.contact_active = row.contact_active ||
                             (spell_carries(settings, own->side.created_ms, &spells[i], move->at) &&
                              spells[i].end.hi_ms > move->at.lo_ms);
    }
    return row;
}

static void credits_deal(struct transmission_row *rows, size_t count) {
    struct eligible eligible[WORLD_PEOPLE_MAX];
    uint32_t credit[CREDIT_RULES][WORLD_PEOPLE_MAX];
    uint32_t *credits[CREDIT_RULES];
    for (size_t k = 0; k < count; k++) {
        eligible[k] = (struct eligible){rows[k].side.created_ms, rows[k].side.mutual,
                                        side_union(&rows[k].side)};
    }
    for (int rule = 0; rule < CREDIT_RULES; rule++) {
        credits[rule] = credit[rule];
    }
    credit_deal(eligible, count, credits);
    for (size_t k = 0; k < count; k++) {
        for (int rule = 0; rule < CREDIT_RULES; rule++) {
            rows[k].credit[rule] = credit[rule][k];
        }
    }
}

static void chance_add(const struct attribution_oracle *oracle, const struct oracle_side *own,
                       const struct move *move, uint64_t *expected, uint64_t *unmatched) {
    struct err err;
    uint64_t share;
    bool is_matched;
    MUST(
        chance_share(oracle->chance, oracle->scratch, move, &own->side, &share, &is_matched, &err));
    *expected += is_matched ? share : 0;
    *unmatched += !is_matched;
}

static void move_make(struct attribution_oracle *oracle, const struct move *move) {
    struct attribution_totals *totals = &oracle->totals;
    struct move_row *row = &oracle->moves[oracle->move_count++];
    *row = (struct move_row){.move = move};
    totals->mass_moves += move->is_mass;
    totals->entries += move->kind == MOVE_ENTRY;
    totals->undecided += move->kind == MOVE_UNDECIDED;
    if (move->kind != MOVE_MOVE) {
        return;
    }
    contacts_count(oracle, row);
    struct transmission_row *first = &oracle->transmissions[oracle->transmission_count];
    uint64_t unmatched = 0;
    for (size_t i = 0; i < oracle->side_count; i++) {
        const struct oracle_side *own = &oracle->sides[i];
        const struct spell *earliest;
        if (is_tied(oracle, own, move)) {
            chance_add(oracle, own, move, &row->expected, &unmatched);
        }
        if (carried_of(oracle, own, move, &earliest) >= CARRIED_COUNTED) {
            oracle->side_of[oracle->transmission_count] = i;
            oracle->transmissions[oracle->transmission_count++] =
                transmission_of(oracle, own, move);
        }
    }
    row->unmatched = (uint32_t)unmatched;
    if (row->contacts != 0) {
        credits_deal(first, row->contacts);
    }
    totals->moves++;
    totals->moves_carried += row->contacts != 0;
    totals->transmissions += row->contacts;
    totals->certain += row->contacts_certain;
    totals->possible += row->contacts_possible;
}

static void placebo_add(struct attribution_oracle *oracle, const struct oracle_side *own,
                        const struct move *move, int64_t span_ms) {
    const struct world *world = oracle->world;
    struct attribution_settings in_any_order = world->settings;
    in_any_order.tie_first = false;
    int64_t lo = move->at.lo_ms;
    int64_t created = own->side.created_ms;
    size_t bin = side_bin(&oracle->classes, MEASURE_TERCILES, &own->side);
    struct placebo_count *joined = &oracle->placebos[PLACEBO_JOINED_AFTER][bin];
    struct placebo_count *tied = &oracle->placebos[PLACEBO_TIE_AFTER][bin];
    const struct spell *earliest;
    bool counted = carried_of(oracle, own, move, &earliest) >= CARRIED_COUNTED;
    size_t count;
    const struct spell *spells =
        spells_at(&world->careers, own->side.contact, move->company, &count);
    bool joins = false;
    bool would = false;
    for (size_t i = 0; i < count; i++) {
        int64_t start = spells[i].start.lo_ms;
        joins = joins || (start >= lo + world->settings.job_days * DAY_MS && start <= lo + span_ms);
        would = would || spell_carries(&in_any_order, created, &spells[i], move->at);
    }
    if (is_tied(oracle, own, move)) {
        joined->pairs++;
        joined->transmissions += counted && earliest->start.lo_ms >= lo - span_ms;
        joined->placebo += joins;
    }
    if (created >= lo - span_ms && created <= lo + span_ms) {
        int64_t least = world->settings.tie_days * DAY_MS;
        tied->pairs++;
        tied->transmissions += counted;
        tied->placebo += would && created >= lo + (least == 0 ? 1 : least);
    }
}

static void placebos_make(struct attribution_oracle *oracle) {
    const struct world *world = oracle->world;
    for (size_t m = 0; m < world->careers.move_count; m++) {
        const struct move *move = &world->careers.moves[m];
        int64_t first = INT64_MAX;
        for (size_t i = 0; i < world->tie_count; i++) {
            first = world->ties[i].created_ms < first ? world->ties[i].created_ms : first;
        }
        if (move->kind != MOVE_MOVE || world->tie_count == 0) {
            continue;
        }
        int64_t before = move->at.lo_ms - first;
        int64_t behind = world->as_of_ms - move->at.lo_ms;
        int64_t span = before < behind ? before : behind;
        for (size_t i = 0; i < oracle->side_count && span > 0; i++) {
            const struct oracle_side *own = &oracle->sides[i];
            if (own->mover == move->person && own->is_used) {
                placebo_add(oracle, own, move, span);
            }
        }
    }
}

/* --- doses --- */

/* What falls within [from, until]. */
static uint64_t exposure_of(const struct attribution_oracle *oracle, const struct oracle_side *own,
                            int64_t from_ms, int64_t until_ms) {
    const struct careers *careers = &oracle->world->careers;
    struct window windows[64];
    size_t count = 0;
    for (size_t i = 0; i < careers->spell_count; i++) {
        const struct spell *spell = &careers->spells[i];
        if (spell->person == own->side.contact) {
            struct window window = side_window(
                &oracle->world->settings, &own->side, spell, careers->entry[own->mover],
                careers_first_start(careers, own->mover, spell->company), oracle->world->as_of_ms,
                until_ms == INT64_MAX ? INT64_MAX : until_ms - own->side.created_ms);
            window.first_ms = window.first_ms > from_ms ? window.first_ms : from_ms;
            if (window.first_ms <= window.last_ms) {
                windows[count++] = window;
            }
        }
    }
    uint64_t sum = 0;
    int64_t reached = INT64_MIN;
    while (count > 0) { /* the earliest of those left */
        size_t least = 0;
        for (size_t i = 1; i < count; i++) {
            least = windows[i].first_ms < windows[least].first_ms ? i : least;
        }
        struct window window = windows[least];
        windows[least] = windows[--count];
        window.first_ms = window.first_ms > reached ? window.first_ms : reached + 1;
        if (window.first_ms <= window.last_ms) {
            sum += (uint64_t)(window.last_ms - window.first_ms) + 1;
            reached = window.last_ms;
        }
    }
    return sum;
}

static bool is_in_segment(const struct oracle_side *own, size_t segment) {
    for (size_t i = 0; i < own->segment_count; i++) {
        if (own->segments[i] == segment) {
            return true;
        }
    }
    return false;
}

/* Adds one side; *transmits and *at_risk tell what it adds to its mover's cluster. */
static void dose_add(const struct attribution_oracle *oracle, const struct oracle_side *own,
                     int64_t from_ms, int64_t until_ms, struct dose *dose, bool *transmits,
                     bool *at_risk) {
    uint64_t exposure = exposure_of(oracle, own, from_ms, until_ms);
    uint64_t expected = 0;
    *at_risk = exposure != 0;
    *transmits = false;
    for (size_t m = 0; m < oracle->move_count; m++) {
        const struct move *move = oracle->moves[m].move;
        bool is_counted = move->kind == MOVE_MOVE && move->person == own->mover &&
                          from_ms <= move->at.lo_ms && move->at.lo_ms <= until_ms;
        if (is_counted && is_tied(oracle, own, move)) {
            dose->pairs++;
            uint64_t unmatched = 0;
            const struct spell *earliest;
            chance_add(oracle, own, move, &expected, &unmatched);
            dose->unmatched += unmatched;
            if (carried_of(oracle, own, move, &earliest) >= CARRIED_COUNTED) {
                dose->unmatched_transmissions += unmatched;
            }
        }
    }
    for (size_t t = 0; t < oracle->transmission_count; t++) {
        const struct transmission_row *row = &oracle->transmissions[t];
        bool is_counted = &oracle->sides[oracle->side_of[t]] == own &&
                          from_ms <= row->move->at.lo_ms && row->move->at.lo_ms <= until_ms;
        if (is_counted) {
            *transmits = true;
            dose->transmissions++;
            for (int rule = 0; rule < CREDIT_RULES; rule++) {
                dose->credit[rule] += row->credit[rule];
            }
        }
    }
    dose->sides++;
    dose->at_risk += *at_risk;
    dose->exposure_ms += exposure;
    dose->transmitting += *transmits;
    dose->expected += expected;
}

struct dose attribution_oracle_dose(const struct attribution_oracle *oracle, enum measure measure,
                                    size_t segment, size_t bin) {
    const struct world *world = oracle->world;
    int64_t horizon_ms = segments_label(oracle->segments, segment)->horizon_ms;
    struct dose dose = {0};
    uint64_t y[WORLD_PEOPLE_MAX] = {0};
    uint64_t n[WORLD_PEOPLE_MAX] = {0};
    for (size_t i = 0; i < oracle->side_count; i++) {
        const struct oracle_side *own = &oracle->sides[i];
        if (!own->is_used || !is_in_segment(own, segment) ||
            side_bin(&oracle->classes, measure, &own->side) != bin) {
            continue;
        }
        int64_t from_ms = measure == MEASURE_INTENSITY
                              ? own->side.created_ms + world->settings.intensity_days * DAY_MS
                              : INT64_MIN;
        int64_t until_ms = horizon_ms == INT64_MAX ? INT64_MAX : own->side.created_ms + horizon_ms;
        bool transmits;
        bool at_risk;
        dose_add(oracle, own, from_ms, until_ms, &dose, &transmits, &at_risk);
        y[own->mover] += transmits;
        n[own->mover] += at_risk;
    }
    for (size_t g = 0; g < world->people.count; g++) {
        dose.sum_yy += y[g] * y[g];
        dose.sum_yn += y[g] * n[g];
        dose.sum_nn += n[g] * n[g];
    }
    return dose;
}

/* --- members --- */

static void member_make(struct attribution_oracle *oracle, uint32_t person, size_t window,
                        int64_t from_ms, uint32_t variant) {
    const struct world *world = oracle->world;
    struct member_row *row = &oracle->members[oracle->member_count++];
    *row = (struct member_row){
        .person = person, .window = (uint32_t)window, .from_ms = from_ms, .diversity = NAN};
    if (window != 0) {
        row->has_variant = true;
        row->experiment = oracle->experiments[window - 1];
        row->variant = variant;
    }
    uint32_t node = world->nodes[person];
    if (node != PERSON_NONE) {
        double degree = row->degree = world->open_degrees[node];
        if (degree >= 2 && world->inputs.triangles != NULL) {
            row->diversity = 1.0 - (double)world->triangles[node] / (degree * (degree - 1) / 2);
        }
    }
    for (size_t i = 0; i < oracle->side_count; i++) {
        const struct oracle_side *own = &oracle->sides[i];
        if (own->mover == person && own->side.created_ms >= from_ms) {
            row->new_ties++;
            row->by_tercile[side_bin(&oracle->classes, MEASURE_TERCILES, &own->side)]++;
            row->above_threshold += own->side.mutual > world->settings.threshold;
            row->by_reach[reach_between(&world->profiles, person, own->side.contact)]++;
        }
    }
    for (size_t m = 0; m < oracle->move_count; m++) {
        const struct move_row *move = &oracle->moves[m];
        if (move->move->person == person && move->move->kind == MOVE_MOVE &&
            move->move->at.lo_ms >= from_ms) {
            row->moves++;
            row->moves_carried += move->contacts != 0;
            row->transmissions += move->contacts;
        }
    }
    for (size_t i = 0; i < world->facts[FACT_APPLICATIONS].count; i++) {
        const uint64_t *value = world->facts[FACT_APPLICATIONS].facts[i].value;
        int64_t at_ms = (int64_t)value[APPLICATION_AT];
        if (value[APPLICATION_MEMBER] == world->ids[person] && at_ms >= from_ms &&
            at_ms <= world->as_of_ms) {
            row->applications += value[APPLICATION_COUNT];
        }
    }
    row->industry_diversity = diversity_of(oracle, person, from_ms);
}

static void members_make(struct attribution_oracle *oracle) {
    const struct world *world = oracle->world;
    const struct fact_table *table = &world->facts[FACT_ASSIGNMENTS];
    for (uint64_t id = 0; id < 20; id++) { /* of experiments */
        for (size_t i = 0; i < table->count; i++) {
            if (table->facts[i].value[ASSIGNMENT_EXPERIMENT] == id &&
                (int64_t)table->facts[i].value[ASSIGNMENT_AT] <= world->as_of_ms) {
                oracle->experiments[oracle->experiment_count++] = id;
                break;
            }
        }
    }
    for (uint32_t person = 0; person < world->people.count; person++) {
        member_make(oracle, person, 0, INT64_MIN, 0);
        for (size_t e = 0; e < oracle->experiment_count; e++) {
            int64_t from_ms = INT64_MAX;
            uint64_t variant = UINT64_MAX;
            for (size_t i = 0; i < table->count; i++) {
                const uint64_t *value = table->facts[i].value;
                int64_t at_ms = (int64_t)value[ASSIGNMENT_AT];
                if (value[ASSIGNMENT_MEMBER] == world->ids[person] &&
                    value[ASSIGNMENT_EXPERIMENT] == oracle->experiments[e] &&
                    at_ms <= world->as_of_ms &&
                    (at_ms < from_ms ||
                     (at_ms == from_ms && value[ASSIGNMENT_VARIANT] < variant))) {
                    from_ms = at_ms;
                    variant = value[ASSIGNMENT_VARIANT];
                }
            }
            if (from_ms != INT64_MAX) {
                member_make(oracle, person, e + 1, from_ms, (uint32_t)variant);
            }
        }
    }
}

void attribution_oracle_make(struct attribution_oracle *oracle, const struct world *world) {
    memset(oracle, 0, sizeof *oracle);
    oracle->world = world;
    sides_make(oracle);
    classes_make(oracle);
    segments_make(oracle);
    for (size_t i = 0; i < world->careers.move_count; i++) {
        move_make(oracle, &world->careers.moves[i]);
    }
    placebos_make(oracle);
    members_make(oracle);
    for (size_t i = 0; i < oracle->side_count; i++) {
        const struct oracle_side *own = &oracle->sides[i];
        oracle->totals.sides += own->is_used;
        oracle->totals.sides_at_risk +=
            own->is_used && exposure_of(oracle, own, INT64_MIN, INT64_MAX) != 0;
    }
    for (size_t i = 0; i < oracle->transmission_count; i++) {
        for (int rule = 0; rule < CREDIT_RULES; rule++) {
            oracle->totals.credit[rule] += oracle->transmissions[i].credit[rule];
        }
    }
}

void attribution_oracle_release(struct attribution_oracle *oracle) {
    classes_release(&oracle->classes);
    histogram_release(&oracle->degrees);
    segments_free(oracle->segments);
    chance_scratch_free(oracle->scratch);
    chance_free(oracle->chance);
}
