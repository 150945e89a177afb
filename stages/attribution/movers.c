/* Sides are evaluated one after another: their windows once, then what falls within each horizon,
 * from the mover's few moves. A list of events per side would be the other way; most movers have no
 * move at all, and most others one.
 */
#include "stages/attribution/movers.h"

#include "stages/base/number.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PREFETCH_AHEAD ((size_t)8)

enum { WITH_HORIZONS = HORIZONS + 1, CACHE_LINE_BYTES = 64 };

struct status movers_init(struct movers *movers, const struct mover_inputs *inputs,
                          struct err *err) {
    *movers = (struct movers){.inputs = inputs};
    TRY(carriers_init(&movers->carriers, &inputs->carriers, err));
    if (inputs->inputs->scope == SCOPE_MOVES) {
        return status_ok();
    }
    TRY(member_facts_init(&movers->members, &inputs->members, err));
    return dose_table_new(&movers->doses, inputs->classes, segments_count(inputs->segments),
                          inputs->horizon_of, err);
}

void movers_release(struct movers *movers) {
    carriers_release(&movers->carriers);
    member_facts_release(&movers->members);
    exposure_release(&movers->exposure);
    dose_table_free(movers->doses);
    free(movers->cursor);
    *movers = (struct movers){0};
}

/* The transmission of the move by the side, NULL where there is none. Sides are asked for in
 * ascending order. */
static const struct carried_by *carried_find(struct movers *movers, size_t move, size_t side) {
    const struct carriers *carriers = &movers->carriers;
    size_t *cursor = &movers->cursor[move];
    while (*cursor < carriers->carried_begin[move + 1] && carriers->carried[*cursor].side < side) {
        ++*cursor;
    }
    bool is_it =
        *cursor < carriers->carried_begin[move + 1] && carriers->carried[*cursor].side == side;
    return is_it ? &carriers->carried[*cursor] : NULL;
}

static void pair_add(struct tally *tally, uint64_t pair, const struct carried_by *carried) {
    if (pair == PAIR_NONE) {
        return;
    }
    tally->pairs++;
    tally->unmatched += pair == PAIR_UNMATCHED;
    tally->expected += pair == PAIR_UNMATCHED ? 0 : pair;
    if (carried != NULL) {
        tally->transmissions++;
        tally->unmatched_transmissions += pair == PAIR_UNMATCHED;
        for (int rule = 0; rule < CREDIT_RULES; rule++) {
            tally->credit[rule] += carried->credit[rule];
        }
    }
}

/* What of a side falls within [from, until[h]], by horizon, the whole time first. */
struct stretches {
    int64_t from_ms;
    int64_t until_ms[WITH_HORIZONS]; /* INT64_MIN where the side was not observed for so long */
    struct tally tally[WITH_HORIZONS];
};

static void stretches_open(const struct movers *movers, const struct side *side, int64_t from_ms,
                           struct stretches *stretches) {
    int64_t as_of_ms = movers->inputs->inputs->as_of_ms;
    memset(stretches->tally, 0, sizeof stretches->tally);
    stretches->from_ms = from_ms;
    for (size_t h = 0; h < WITH_HORIZONS; h++) {
        int64_t until_ms =
            h == 0 ? as_of_ms : time_plus(side->created_ms, horizon_days[h - 1] * DAY_MS);
        stretches->until_ms[h] = until_ms <= as_of_ms ? until_ms : INT64_MIN;
        stretches->tally[h].exposure_ms =
            exposure_within(&movers->exposure, from_ms, stretches->until_ms[h]);
    }
}

static void stretches_add(struct stretches *stretches, int64_t at_ms, uint64_t pair,
                          const struct carried_by *carried) {
    for (size_t h = 0; h < WITH_HORIZONS && stretches->from_ms <= at_ms; h++) {
        if (at_ms <= stretches->until_ms[h]) {
            pair_add(&stretches->tally[h], pair, carried);
        }
    }
}

/* The invariant of section 4. */
static struct status carried_check(const struct movers *movers, const struct mover *mover,
                                   const struct side *side, int64_t at_ms, struct err *err) {
    const uint64_t *ids = movers->inputs->inputs->people->ids;
    return exposure_holds(&movers->exposure, at_ms)
               ? status_ok()
               : err_set(err, FAILURE_DATA,
                         "member %" PRIu64 " moved by way of member %" PRIu64 " at %" PRId64
                         " ms while not at risk: a transmission outside of its side's windows",
                         ids[mover->person], ids[side->contact], at_ms);
}

/* Writes the segments that the side does not share with all sides of its mover; the others to
 * movers->own. */
static size_t segments_split(struct movers *movers, uint32_t mover, const struct side *side,
                             uint16_t varying[SEGMENTS_OF_SIDE_MAX]) {
    uint16_t all[SEGMENTS_OF_SIDE_MAX];
    size_t count = segments_of_side(movers->inputs->segments, mover, side, all);
    size_t varying_count = 0;
    movers->own_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (movers->inputs->is_of_mover[all[i]]) {
            movers->own[movers->own_count++] = all[i];
        } else {
            varying[varying_count++] = all[i];
        }
    }
    return varying_count;
}

static struct status side_add(struct movers *movers, const struct mover *mover, size_t place,
                              struct err *err) {
    const struct attribution_inputs *inputs = movers->inputs->inputs;
    const struct carriers *carriers = &movers->carriers;
    const struct side *side = &mover->sides[place];
    TRY(exposure_of_side(&movers->exposure, inputs->careers, inputs->settings, inputs->as_of_ms,
                         mover->person, side, err));
    bool has_late = movers->inputs->classes->has_intensity;
    struct stretches all;
    struct stretches late;
    stretches_open(movers, side, INT64_MIN, &all);
    if (has_late) {
        int64_t window_ms = inputs->settings->intensity_days * DAY_MS;
        stretches_open(movers, side, time_plus(side->created_ms, window_ms), &late);
    }
    for (size_t m = 0; m < carriers->move_count; m++) {
        const struct carried_by *carried = carried_find(movers, m, place);
        int64_t at_ms = carriers->moves[m]->at.lo_ms;
        if (carried != NULL) {
            TRY(carried_check(movers, mover, side, at_ms, err));
        }
        uint64_t pair = carriers->pairs[m * mover->count + place];
        stretches_add(&all, at_ms, pair, carried);
        if (has_late) {
            stretches_add(&late, at_ms, pair, carried);
        }
    }
    uint16_t segments[SEGMENTS_OF_SIDE_MAX];
    size_t count = segments_split(movers, mover->person, side, segments);
    dose_table_add(movers->doses, side, segments, count, all.tally, has_late ? late.tally : NULL);
    movers->sides++;
    movers->sides_at_risk += all.tally[0].exposure_ms != 0;
    return status_ok();
}

/* Asks for the memory that a side further on will read: contacts are anywhere. */
static void side_prefetch(const struct mover_inputs *inputs, const struct mover *mover,
                          size_t place) {
    const struct careers *careers = inputs->inputs->careers;
    if (place + 2 * PREFETCH_AHEAD < mover->count) {
        uint32_t contact = mover->sides[place + 2 * PREFETCH_AHEAD].contact;
        __builtin_prefetch(&careers->spell_begin[contact]);
        __builtin_prefetch(&segments_traits(inputs->segments)[contact]);
    }
    if (place + PREFETCH_AHEAD < mover->count) {
        uint32_t contact = mover->sides[place + PREFETCH_AHEAD].contact;
        const struct spell *spells = careers->spells + careers->spell_begin[contact];
        __builtin_prefetch(spells);
        __builtin_prefetch((const char *)spells + CACHE_LINE_BYTES);
    }
}

static struct status cursors_set(struct movers *movers, struct err *err) {
    size_t count = movers->carriers.move_count;
    if (count > movers->cursor_capacity) {
        size_t *grown = reallocarray(movers->cursor, count * 2, sizeof *grown);
        if (grown == NULL) {
            return err_memory(err, count * 2 * sizeof *grown, "a member's moves");
        }
        movers->cursor = grown;
        movers->cursor_capacity = count * 2;
    }
    for (size_t m = 0; m < count; m++) {
        movers->cursor[m] = movers->carriers.carried_begin[m];
    }
    return status_ok();
}

/* The sides that carry a move, as side_add does all: whether they were at risk then. */
static struct status carried_check_all(struct movers *movers, const struct mover *mover,
                                       struct err *err) {
    const struct attribution_inputs *inputs = movers->inputs->inputs;
    const struct carriers *carriers = &movers->carriers;
    for (size_t m = 0; m < carriers->move_count; m++) {
        for (size_t i = carriers->carried_begin[m]; i < carriers->carried_begin[m + 1]; i++) {
            const struct side *side = &mover->sides[carriers->carried[i].side];
            TRY(exposure_of_side(&movers->exposure, inputs->careers, inputs->settings,
                                 inputs->as_of_ms, mover->person, side, err));
            TRY(carried_check(movers, mover, side, carriers->moves[m]->at.lo_ms, err));
        }
    }
    return status_ok();
}

/* SCOPE_MOVES. Interactions are counted for the sides that are shown. */
static struct status moves_add(struct movers *movers, const struct mover *mover,
                               struct row_lists *rows, struct err *err) {
    size_t first = rows->transmission_count;
    TRY(carriers_find(&movers->carriers, mover, rows, err));
    for (size_t i = first; i < rows->transmission_count; i++) {
        struct side *side = &rows->transmissions[i].side;
        side->interactions = intensity_count(movers->inputs->intensity, mover->person,
                                             side->contact, side->created_ms);
    }
    return carried_check_all(movers, mover, err);
}

struct status movers_add(struct movers *movers, const struct mover *mover, struct row_lists *rows,
                         struct err *err) {
    if (movers->inputs->inputs->scope == SCOPE_MOVES) {
        return moves_add(movers, mover, rows, err);
    }
    TRY(carriers_find(&movers->carriers, mover, rows, err));
    TRY(cursors_set(movers, err));
    movers->own_count = 0;
    for (size_t i = 0; i < mover->count; i++) {
        side_prefetch(movers->inputs, mover, i);
        if (tie_is_used(movers->inputs->inputs->settings, &mover->sides[i])) {
            TRY(side_add(movers, mover, i, err));
        }
    }
    dose_table_end_mover(movers->doses, movers->own, movers->own_count);
    return member_facts_add(&movers->members, mover, &movers->carriers, rows, err);
}
