/* Moves are grouped by sorting. Heads are counted only for firms that have enough movers in a
 * month: one look at each spell of the firm for all its months together, as differences, so that a
 * firm of a million with many such months costs a million steps and not a million per month.
 */
#include "stages/careers/mass.h"

#include "stages/base/number.h"
#include "stages/facts/key_sort.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

/* Moves with a previous company, as key_items of move numbers sorted by (previous company, month,
 * company); a key is the first two, the month by the day of its first instant. */
struct mass {
    struct careers *careers;
    const struct attribution_settings *settings;
    struct key_item *items;
    size_t count;
    int64_t *months_ms; /* first instants that heads are counted at, ascending */
    int64_t *heads;     /* one more than there are months */
};

static uint32_t item_company(const struct mass *mass, size_t i) {
    return mass->careers->moves[mass->items[i].at].company;
}

static int64_t item_month_ms(const struct key_item *item) {
    return (int64_t)(item->key & UINT32_MAX) * DAY_MS;
}

/* The end of the group of moves that starts at `first`. */
static size_t group_end(const struct mass *mass, size_t first, size_t end) {
    size_t at = first + 1;
    while (at < end && mass->items[at].key == mass->items[first].key &&
           item_company(mass, at) == item_company(mass, first)) {
        at++;
    }
    return at;
}

/* The first of the months at or behind the time. */
static size_t month_find(const int64_t *months_ms, size_t count, int64_t at_ms) {
    size_t first = 0;
    size_t end = count;
    while (first < end) {
        size_t middle = first + (end - first) / 2;
        if (months_ms[middle] < at_ms) {
            first = middle + 1;
        } else {
            end = middle;
        }
    }
    return first;
}

/* Spells at one company do not overlap, so each that covers an instant is another person. */
static void heads_count(struct mass *mass, uint32_t company, size_t month_count) {
    const struct careers *careers = mass->careers;
    for (size_t month = 0; month <= month_count; month++) {
        mass->heads[month] = 0;
    }
    for (size_t i = careers->roster_begin[company]; i < careers->roster_begin[company + 1]; i++) {
        const struct spell *spell = &careers->spells[careers->roster_spells[i]];
        size_t from = month_find(mass->months_ms, month_count, spell->start.lo_ms);
        size_t to = month_find(mass->months_ms, month_count, spell->end.hi_ms);
        mass->heads[from]++;
        mass->heads[to]--;
    }
    for (size_t month = 1; month < month_count; month++) {
        mass->heads[month] += mass->heads[month - 1];
    }
}

/* The moves [first, end) all have one previous company. */
static void company_flag(struct mass *mass, size_t first, size_t end) {
    size_t month_count = 0;
    for (size_t group = first, next; group < end; group = next) {
        next = group_end(mass, group, end);
        int64_t month_ms = item_month_ms(&mass->items[group]);
        bool is_new = month_count == 0 || mass->months_ms[month_count - 1] != month_ms;
        if (next - group >= mass->settings->mass_movers && is_new) {
            mass->months_ms[month_count++] = month_ms;
        }
    }
    if (month_count == 0) {
        return;
    }
    heads_count(mass, (uint32_t)(mass->items[first].key >> 32), month_count);
    for (size_t group = first, next; group < end; group = next) {
        next = group_end(mass, group, end);
        size_t movers = next - group;
        if (movers < mass->settings->mass_movers) {
            continue;
        }
        size_t month = month_find(mass->months_ms, month_count, item_month_ms(&mass->items[group]));
        bool is_mass = (double)movers >= mass->settings->mass_share * (double)mass->heads[month];
        for (size_t i = group; i < next; i++) {
            mass->careers->moves[mass->items[i].at].is_mass = is_mass;
        }
    }
}

static bool is_counted(const struct move *move) {
    return move->kind == MOVE_MOVE && move->previous != COMPANY_NONE;
}

/* Takes room for the items and as many again to sort them, and makes them. */
static struct status items_make(struct mass *mass, struct err *err) {
    const struct move *moves = mass->careers->moves;
    size_t move_count = mass->careers->move_count;
    size_t room = 0;
    for (size_t i = 0; i < move_count; i++) {
        room += is_counted(&moves[i]);
    }
    mass->items = reallocarray(NULL, 2 * room + 1, sizeof *mass->items);
    if (mass->items == NULL) {
        return err_memory(err, 32ULL * room, "the mass moves");
    }
    for (size_t i = 0; i < move_count; i++) {
        if (is_counted(&moves[i])) {
            mass->items[mass->count++] = (struct key_item){moves[i].company, i};
        }
    }
    key_sort(mass->items, mass->items + room, mass->count);
    for (size_t i = 0; i < mass->count; i++) {
        const struct move *move = &moves[mass->items[i].at];
        int64_t day = month_span(move->at.lo_ms).lo_ms / DAY_MS;
        assert(day >= 0); /* what is before 1970 is before records */
        mass->items[i].key = (uint64_t)move->previous << 32 | (uint32_t)day;
    }
    key_sort(mass->items, mass->items + room, mass->count);
    return status_ok();
}

/* The most months that one company can be asked for: those with any mover. */
static size_t months_max(const struct mass *mass) {
    size_t most = 0;
    size_t months = 0;
    for (size_t i = 0; i < mass->count; i++) {
        bool is_same = i > 0 && mass->items[i].key >> 32 == mass->items[i - 1].key >> 32;
        months = is_same ? months + (mass->items[i].key != mass->items[i - 1].key) : 1;
        most = months > most ? months : most;
    }
    return most;
}

static struct status mass_run(struct mass *mass, struct err *err) {
    TRY(items_make(mass, err));
    size_t months = months_max(mass);
    mass->months_ms = calloc(months + 1, sizeof *mass->months_ms);
    mass->heads = calloc(months + 1, sizeof *mass->heads);
    if (mass->months_ms == NULL || mass->heads == NULL) {
        return err_memory(err, 16ULL * months, "the mass moves");
    }
    for (size_t first = 0, end; first < mass->count; first = end) {
        for (end = first + 1; end < mass->count; end++) {
            if (mass->items[end].key >> 32 != mass->items[first].key >> 32) {
                break;
            }
        }
        company_flag(mass, first, end);
    }
    return status_ok();
}

struct status mass_flag(struct careers *careers, const struct attribution_settings *settings,
                        struct err *err) {
    struct mass mass = {.careers = careers, .settings = settings};
    struct status status = mass_run(&mass, err);
    free(mass.items);
    free(mass.months_ms);
    free(mass.heads);
    return status;
}
