#include "stages/attribution/carriers.h"

#include "stages/adjacency/node_set.h"
#include "stages/attribution/predicate.h"
#include "stages/base/number.h"

#include <inttypes.h>
#include <stdlib.h>

#define PREFETCH_AHEAD ((size_t)8)

struct status carriers_init(struct carriers *carriers, const struct carrier_inputs *inputs,
                            struct err *err) {
    *carriers = (struct carriers){.inputs = inputs};
    return inputs->chance == NULL ? status_ok()
                                  : chance_scratch_new(&carriers->scratch, inputs->chance, err);
}

static void sides_release(struct carriers *carriers) {
    free(carriers->by_contact);
    free(carriers->contacts);
    free(carriers->found);
    free(carriers->found_carriers);
    free(carriers->eligible);
    free(carriers->credits);
}

void carriers_release(struct carriers *carriers) {
    chance_scratch_free(carriers->scratch);
    sides_release(carriers);
    free(carriers->moves);
    free(carriers->carried_begin);
    free(carriers->carried);
    free(carriers->pairs);
    *carriers = (struct carriers){0};
}

static struct status sides_reserve(struct carriers *carriers, size_t sides, struct err *err) {
    if (sides <= carriers->side_capacity) {
        return status_ok();
    }
    size_t capacity = sides + sides / 2;
    sides_release(carriers);
    carriers->by_contact = malloc(capacity * sizeof *carriers->by_contact);
    carriers->contacts = malloc(capacity * sizeof *carriers->contacts);
    carriers->found = malloc(capacity * sizeof *carriers->found);
    carriers->found_carriers = malloc(capacity * sizeof *carriers->found_carriers);
    carriers->eligible = malloc(capacity * sizeof *carriers->eligible);
    carriers->credits = malloc(capacity * CREDIT_RULES * sizeof *carriers->credits);
    bool is_made = carriers->by_contact != NULL && carriers->contacts != NULL &&
                   carriers->found != NULL && carriers->found_carriers != NULL &&
                   carriers->eligible != NULL && carriers->credits != NULL;
    carriers->side_capacity = is_made ? capacity : 0;
    return is_made ? status_ok() : err_memory(err, capacity * 80, "a member's contacts");
}

static struct status moves_reserve(struct carriers *carriers, size_t moves, size_t sides,
                                   struct err *err) {
    if (moves > carriers->move_capacity || carriers->carried_begin == NULL) {
        size_t capacity = moves + moves / 2 + 16;
        free(carriers->moves);
        free(carriers->carried_begin);
        carriers->moves = malloc(capacity * sizeof *carriers->moves);
        carriers->carried_begin = malloc((capacity + 1) * sizeof *carriers->carried_begin);
        carriers->move_capacity = capacity;
        if (carriers->moves == NULL || carriers->carried_begin == NULL) {
            carriers->move_capacity = 0;
            return err_memory(err, capacity * sizeof *carriers->moves, "a member's moves");
        }
    }
    if (moves * sides > carriers->pair_capacity) {
        size_t capacity = moves * sides + moves * sides / 2;
        free(carriers->pairs);
        carriers->pairs = malloc(capacity * sizeof *carriers->pairs);
        carriers->pair_capacity = carriers->pairs == NULL ? 0 : capacity;
        if (carriers->pairs == NULL) {
            return err_memory(err, capacity * sizeof *carriers->pairs, "a member's moves");
        }
    }
    return status_ok();
}

static struct status carried_add(struct carriers *carriers, size_t at,
                                 const struct carried_by *carried, struct err *err) {
    if (at == carriers->carried_capacity) {
        size_t capacity = at * 2 + 64;
        struct carried_by *grown = reallocarray(carriers->carried, capacity, sizeof *grown);
        if (grown == NULL) {
            return err_memory(err, capacity * sizeof *grown, "a member's transmissions");
        }
        carriers->carried = grown;
        carriers->carried_capacity = capacity;
    }
    carriers->carried[at] = *carried;
    return status_ok();
}

static int compare_u64(const void *left, const void *right) {
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static void contacts_index(struct carriers *carriers, const struct mover *mover) {
    for (size_t i = 0; i < mover->count; i++) {
        carriers->by_contact[i] = (uint64_t)mover->sides[i].contact << 32 | i;
    }
    if (mover->count > 1) {
        qsort(carriers->by_contact, mover->count, sizeof *carriers->by_contact, compare_u64);
    }
    carriers->contact_count = 0;
    for (size_t i = 0; i < mover->count; i++) {
        uint32_t contact = (uint32_t)(carriers->by_contact[i] >> 32);
        if (i == 0 || carriers->contacts[carriers->contact_count - 1] != contact) {
            carriers->contacts[carriers->contact_count++] = contact;
        }
    }
}

/* --- one move --- */

/* The move at hand. */
struct question {
    const struct mover *mover;
    const struct move *move;
    size_t number;   /* among the mover's moves of the kind `move` */
    int64_t span_ms; /* that placebos compare; not above 0: none */
    struct move_row row;
    size_t carrier_count;
};

/* The contact's spells at the company. */
static const struct spell *spells_at(const struct careers *careers, uint32_t contact,
                                     uint32_t company, size_t *count) {
    size_t low = careers->spell_begin[contact];
    size_t end = careers->spell_begin[contact + 1];
    size_t high = end;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (careers->spells[middle].company < company) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (*count = 0; low + *count < end && careers->spells[low + *count].company == company;) {
        ++*count;
    }
    return careers->spells + low;
}

static struct placebo_count *placebo_of(struct carriers *carriers, enum placebo placebo,
                                        const struct side *side) {
    size_t bin = side_bin(carriers->inputs->classes, MEASURE_TERCILES, side);
    return &carriers->placebos[placebo][bin];
}

static bool is_within(int64_t at_ms, int64_t centre_ms, int64_t span_ms) {
    return centre_ms - span_ms <= at_ms && at_ms <= centre_ms + span_ms;
}

static void pair_prefetch(const struct carriers *carriers, const struct question *question,
                          size_t place) {
    const struct mover *mover = question->mover;
    const struct chance *chance = carriers->inputs->chance;
    if (place + 2 * PREFETCH_AHEAD < mover->count) {
        chance_prefetch_person(chance, mover->sides[place + 2 * PREFETCH_AHEAD].contact);
    }
    if (place + PREFETCH_AHEAD < mover->count) {
        chance_prefetch_cell(chance, carriers->scratch, question->move,
                             mover->sides[place + PREFETCH_AHEAD].contact);
    }
}

/* All sides whose ties pass rule 1, whoever the contacts work for. */
static struct status pairs_find(struct carriers *carriers, struct question *question,
                                struct err *err) {
    const struct carrier_inputs *inputs = carriers->inputs;
    const struct mover *mover = question->mover;
    int64_t at_ms = question->move->at.lo_ms;
    uint64_t *pairs = carriers->pairs + question->number * mover->count;
    for (size_t i = 0; i < mover->count; i++) {
        const struct side *side = &mover->sides[i];
        pair_prefetch(carriers, question, i);
        pairs[i] = PAIR_NONE;
        if (question->span_ms > 0 && tie_is_used(inputs->settings, side) &&
            is_within(side->created_ms, at_ms, question->span_ms)) {
            placebo_of(carriers, PLACEBO_TIE_AFTER, side)->pairs++;
        }
        if (!tie_precedes(inputs->settings, side, question->move->at)) {
            continue;
        }
        uint64_t share;
        bool is_matched;
        TRY(chance_share(inputs->chance, carriers->scratch, question->move, side, &share,
                         &is_matched, err));
        pairs[i] = is_matched ? share : PAIR_UNMATCHED;
        question->row.contacts_tied++;
        question->row.expected += is_matched ? share : 0;
        question->row.unmatched += !is_matched;
        if (question->span_ms > 0) {
            placebo_of(carriers, PLACEBO_JOINED_AFTER, side)->pairs++;
        }
    }
    return status_ok();
}

/* The same where nothing is to be known of them but how many they are. */
static void pairs_count(const struct carriers *carriers, struct question *question) {
    const struct mover *mover = question->mover;
    for (size_t i = 0; i < mover->count; i++) {
        question->row.contacts_tied +=
            tie_precedes(carriers->inputs->settings, &mover->sides[i], question->move->at);
    }
}

/* What the side and the contact's spells at the company add to the placebos. */
static void placebos_add(struct carriers *carriers, const struct question *question,
                         const struct side *side, const struct spell *spells, size_t count,
                         const struct spell *earliest) {
    const struct attribution_settings *settings = carriers->inputs->settings;
    struct span s = question->move->at;
    int64_t span_ms = question->span_ms;
    struct attribution_settings in_any_order = *settings;
    in_any_order.tie_first = false;
    bool joined_after = false;
    bool would_carry = false;
    for (size_t i = 0; i < count; i++) {
        int64_t start_ms = spells[i].start.lo_ms;
        joined_after = joined_after || (s.lo_ms + settings->job_days * DAY_MS <= start_ms &&
                                        start_ms <= s.lo_ms + span_ms);
        would_carry = would_carry || spell_carries(&in_any_order, side->created_ms, &spells[i], s);
    }
    if (tie_precedes(settings, side, s)) {
        struct placebo_count *count_of = placebo_of(carriers, PLACEBO_JOINED_AFTER, side);
        count_of->transmissions += earliest != NULL && s.lo_ms - span_ms <= earliest->start.lo_ms;
        count_of->placebo += joined_after;
    }
    if (tie_is_used(settings, side) && is_within(side->created_ms, s.lo_ms, span_ms)) {
        int64_t least_ms = settings->tie_days == 0 ? 1 : settings->tie_days * DAY_MS;
        struct placebo_count *count_of = placebo_of(carriers, PLACEBO_TIE_AFTER, side);
        count_of->transmissions += earliest != NULL;
        count_of->placebo += would_carry && side->created_ms >= s.lo_ms + least_ms;
    }
}

static bool is_active(const struct attribution_settings *settings, const struct side *side,
                      const struct spell *spells, size_t count, struct span s) {
    for (size_t i = 0; i < count; i++) {
        if (spell_carries(settings, side->created_ms, &spells[i], s) &&
            spells[i].end.hi_ms > s.lo_ms) {
            return true;
        }
    }
    return false;
}

/* Tries all ties with a contact who was ever at the company; they lie in by_contact from *next on,
 * or behind. */
static void contact_try(struct carriers *carriers, struct question *question, uint32_t contact,
                        size_t *next) {
    const struct mover *mover = question->mover;
    const struct attribution_settings *settings = carriers->inputs->settings;
    struct span s = question->move->at;
    size_t count;
    const struct spell *spells =
        spells_at(carriers->inputs->careers, contact, question->move->company, &count);
    while (carriers->by_contact[*next] >> 32 < contact) {
        ++*next;
    }
    enum carried best = CARRIED_NOT;
    for (; *next < mover->count && carriers->by_contact[*next] >> 32 == contact; ++*next) {
        uint32_t place = (uint32_t)carriers->by_contact[*next];
        const struct side *side = &mover->sides[place];
        const struct spell *earliest;
        enum carried carried = side_carries(settings, side, spells, count, s, &earliest);
        best = carried > best ? carried : best;
        if (question->span_ms > 0) {
            placebos_add(carriers, question, side, spells, count, earliest);
        }
        if (carried >= CARRIED_COUNTED) {
            carriers->found_carriers[question->carrier_count++] = (struct carrier){
                .side = place,
                .is_active = is_active(settings, side, spells, count, s),
                .is_certain = carried == CARRIED_CERTAIN,
                .earliest = earliest,
            };
        }
    }
    question->row.contacts += best >= CARRIED_COUNTED;
    question->row.contacts_certain += best == CARRIED_CERTAIN;
    question->row.contacts_possible += best >= CARRIED_POSSIBLE;
}

/* 0 where nobody measures. */
static double seconds_now(const struct carrier_inputs *inputs) {
    return inputs->seconds_now == NULL ? 0 : inputs->seconds_now();
}

static int compare_carriers(const void *left, const void *right) {
    const struct carrier *a = left;
    const struct carrier *b = right;
    return (a->side > b->side) - (a->side < b->side);
}

static void carriers_seek(struct carriers *carriers, struct question *question) {
    double since = seconds_now(carriers->inputs);
    size_t found = node_set_intersect(carriers->inputs->careers->rosters[question->move->company],
                                      carriers->contacts, carriers->contact_count, carriers->found);
    carriers->intersection_seconds += seconds_now(carriers->inputs) - since;
    size_t next = 0;
    for (size_t i = 0; i < found; i++) {
        contact_try(carriers, question, carriers->found[i], &next);
    }
    if (question->carrier_count > 1) {
        qsort(carriers->found_carriers, question->carrier_count, sizeof *carriers->found_carriers,
              compare_carriers);
    }
}

static int64_t tenure_of(const struct spell *spell, struct span s) {
    return spell->start.lo_ms == SPAN_EVER.lo_ms ? -1 : s.lo_ms - spell->start.lo_ms;
}

/* Deals the move out among those found. */
static struct status carriers_credit(struct carriers *carriers, const struct question *question,
                                     struct row_lists *rows, struct err *err) {
    size_t count = question->carrier_count;
    size_t begin = carriers->carried_begin[question->number];
    uint32_t *credits[CREDIT_RULES];
    for (size_t rule = 0; rule < CREDIT_RULES; rule++) {
        credits[rule] = carriers->credits + rule * carriers->side_capacity;
    }
    for (size_t k = 0; k < count; k++) {
        const struct side *side = &question->mover->sides[carriers->found_carriers[k].side];
        carriers->eligible[k] = (struct eligible){side->created_ms, side->mutual, side_union(side)};
    }
    if (count > 0) {
        credit_deal(carriers->eligible, count, credits);
    }
    for (size_t k = 0; k < count; k++) {
        const struct carrier *carrier = &carriers->found_carriers[k];
        struct carried_by carried = {.side = carrier->side};
        struct transmission_row row = {
            .move = question->move,
            .side = question->mover->sides[carrier->side],
            .tenure_ms = tenure_of(carrier->earliest, question->move->at),
            .contact_active = carrier->is_active,
            .is_certain = carrier->is_certain,
        };
        for (int rule = 0; rule < CREDIT_RULES; rule++) {
            carried.credit[rule] = row.credit[rule] = credits[rule][k];
            carriers->totals.credit[rule] += credits[rule][k];
        }
        TRY(carried_add(carriers, begin + k, &carried, err));
        TRY(row_lists_add_transmission(rows, &row, err));
    }
    carriers->carried_begin[question->number + 1] = begin + count;
    return status_ok();
}

static int64_t placebo_span(const struct carrier_inputs *inputs, const struct move *move) {
    if (inputs->first_tie_ms == INT64_MAX) {
        return 0;
    }
    int64_t before = move->at.lo_ms - inputs->first_tie_ms;
    int64_t behind = inputs->as_of_ms - move->at.lo_ms;
    return before < behind ? before : behind;
}

static struct status move_find(struct carriers *carriers, const struct mover *mover,
                               const struct move *move, struct row_lists *rows, struct err *err) {
    struct question question = {
        .mover = mover,
        .move = move,
        .number = carriers->move_count,
        .span_ms = placebo_span(carriers->inputs, move),
        .row = {.move = move},
    };
    carriers->moves[carriers->move_count++] = move;
    if (carriers->inputs->chance != NULL) {
        TRY(pairs_find(carriers, &question, err));
    } else {
        pairs_count(carriers, &question);
    }
    carriers_seek(carriers, &question);
    TRY(carriers_credit(carriers, &question, rows, err));
    if (question.row.contacts != question.carrier_count) {
        return err_set(err, FAILURE_DATA,
                       "member %" PRIu64 " has two ties with one contact at a time: the state's "
                       "ties and endings contradict each other",
                       carriers->inputs->people->ids[mover->person]);
    }
    struct attribution_totals *totals = &carriers->totals;
    totals->moves++;
    totals->moves_carried += question.row.contacts != 0;
    totals->transmissions += question.row.contacts;
    totals->certain += question.row.contacts_certain;
    totals->possible += question.row.contacts_possible;
    return row_lists_add_move(rows, &question.row, err);
}

struct status carriers_find(struct carriers *carriers, const struct mover *mover,
                            struct row_lists *rows, struct err *err) {
    const struct careers *careers = carriers->inputs->careers;
    size_t begin = careers->move_begin[mover->person];
    size_t end = careers->move_begin[mover->person + 1];
    struct attribution_totals *totals = &carriers->totals;
    size_t moves = 0;
    for (size_t i = begin; i < end; i++) {
        moves += careers->moves[i].kind == MOVE_MOVE;
    }
    carriers->move_count = 0;
    TRY(moves_reserve(carriers, moves, carriers->inputs->chance == NULL ? 0 : mover->count, err));
    carriers->carried_begin[0] = 0;
    if (moves > 0) {
        TRY(sides_reserve(carriers, mover->count, err));
        contacts_index(carriers, mover);
    }
    for (size_t i = begin; i < end; i++) {
        const struct move *move = &careers->moves[i];
        totals->mass_moves += move->is_mass;
        if (move->kind == MOVE_MOVE) {
            TRY(move_find(carriers, mover, move, rows, err));
            continue;
        }
        totals->entries += move->kind == MOVE_ENTRY;
        totals->undecided += move->kind == MOVE_UNDECIDED;
        struct move_row row = {.move = move};
        TRY(row_lists_add_move(rows, &row, err));
    }
    return status_ok();
}
