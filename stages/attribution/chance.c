/* Design. People are put in places, ordered by (industry, region), so that a group of the same
 * industry and region is a range of places, and a cell the places of the range that have a given
 * byte in the month's column. The sizes of the cells of large groups are counted once, small groups
 * are scanned. The roster of every company is kept in the order of places too: who of a group was
 * ever at a company is a range of its roster, and a question costs that range at most once per
 * (company, date), since long ranges are remembered. So a firm of a million people costs a scan of
 * its roster per date, however many move there.
 *
 * A column is a byte per person: first how many ties were made since the column before less those
 * that ended (what does not fit spills into a list), then the decile. Months before the first tie
 * have none.
 *
 * Rejected: four bytes per person and month for the degrees (4.8 GB for 20 M people and 60 months,
 * where this takes 1.2); a count per (company, date, cell) of the whole roster (most of its cells
 * hold no contact of the mover); a table of cells by number (regions times industries is mostly
 * empty).
 */
#include "stages/attribution/chance.h"

#include "schemas/limits.h"
#include "stages/base/number.h"
#include "stages/base/pages.h"
#include "stages/base/random.h"
#include "stages/tie_store/histogram.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    DECILES = 10,
    SPILL = INT8_MAX,
    GROUP_SMALL = 64,           /* people of a group that are counted when asked: a cache line */
    PENDING = 64,               /* ties whose memory is fetched at the same time */
    RANGE_SHORT = 64,           /* entries of a roster that are looked at whenever asked; */
    RANGE_SHORT_ORDERED = 4096, /* more where starts would have to be sorted */
    MEMO_SLOTS = 1 << 20,       /* of 64 bytes, per thread */
    MEMO_STARTS = 1 << 24,      /* of 4 bytes, per thread, unless one range alone has more */
    NOT_COUNTED = UINT32_MAX,   /* a group without a row in `sizes` */
};

#define DAY_EVER INT32_MIN
#define DAY_NEVER INT32_MAX

/* Where a person is: the place, and the group that it is in. */
struct seat {
    uint32_t place;
    uint32_t group;
};

/* What did not fit into the byte of a column. */
struct spill {
    uint32_t place;
    int32_t change;
};

struct month {
    int64_t first_ms;
    struct pages column; /* int8_t per place */
    struct spill *spills;
    size_t spill_count;
    size_t spill_capacity;
};

/* A spell as rules 2 and 3 see it, in days, of which dates of positions are whole numbers: it
 * carries a move at s when from_day <= s <= until_day and, with `tie_first`, the tie was made
 * before start_day began. */
struct roster_entry {
    uint32_t place;
    int32_t from_day;
    int32_t until_day;
    int32_t start_day;
};

/* A tie on its way into the columns. */
struct pending {
    uint32_t people[2];
    size_t months[2]; /* where it is added and where it is taken away */
};

struct chance {
    struct chance_inputs inputs;
    struct month *months; /* ascending */
    size_t month_count;
    size_t month_capacity;
    size_t hint; /* where the last tie's beginning was counted */
    struct pending pending[PENDING];
    size_t pending_count;
    bool is_out_of_memory;
    bool is_settled;
    struct seat *seats;    /* per person */
    uint32_t *group_begin; /* group_count + 1 places */
    uint32_t *size_row;    /* per group: its row of sizes, or NOT_COUNTED */
    size_t group_count;
    size_t size_rows;
    uint32_t *sizes;             /* [(month * size_rows + row) * DECILES + decile - 1] */
    size_t *roster_begin;        /* per company, and the end */
    struct roster_entry *roster; /* of each company by (place, start) */
};

void chance_free(struct chance *chance) {
    if (chance == NULL) {
        return;
    }
    for (size_t i = 0; i < chance->month_count; i++) {
        pages_release(&chance->months[i].column);
        free(chance->months[i].spills);
    }
    free(chance->months);
    free(chance->seats);
    free(chance->group_begin);
    free(chance->size_row);
    free(chance->sizes);
    free(chance->roster_begin);
    free(chance->roster);
    free(chance);
}

/* Zeroed; a byte where there is nothing to hold, so that NULL always means "no memory". */
static void *array_new(size_t count, size_t bytes) {
    return calloc(count + 1, bytes);
}

static struct status no_memory(size_t count, size_t bytes, struct err *err) {
    return err_memory(err, count * bytes, "expectation by chance");
}

/* --- months --- */

/* The first month that begins after the instant: the one in which a change at the instant shows. */
static size_t month_after(const struct chance *chance, int64_t at_ms) {
    size_t low = 0;
    size_t high = chance->month_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (chance->months[middle].first_ms <= at_ms) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool is_month_after(const struct chance *chance, size_t month, int64_t at_ms) {
    return (month == 0 || chance->months[month - 1].first_ms <= at_ms) &&
           (month == chance->month_count || at_ms < chance->months[month].first_ms);
}

static struct status month_add(struct chance *chance, int64_t first_ms, struct err *err) {
    size_t at = month_after(chance, first_ms);
    if (at > 0 && chance->months[at - 1].first_ms == first_ms) {
        return status_ok();
    }
    if (chance->month_count == chance->month_capacity) {
        size_t capacity = chance->month_capacity * 2 + 64;
        struct month *grown = reallocarray(chance->months, capacity, sizeof *grown);
        if (grown == NULL) {
            return err_memory(err, capacity * sizeof *grown, "the months of moves");
        }
        chance->months = grown;
        chance->month_capacity = capacity;
    }
    memmove(&chance->months[at + 1], &chance->months[at],
            (chance->month_count - at) * sizeof *chance->months);
    chance->months[at] = (struct month){.first_ms = first_ms};
    chance->month_count++;
    return status_ok();
}

static struct status months_find(struct chance *chance, struct err *err) {
    const struct careers *careers = chance->inputs.careers;
    struct span month = SPAN_NEVER;
    for (size_t i = 0; i < careers->move_count; i++) {
        const struct move *move = &careers->moves[i];
        bool is_known = month.lo_ms <= move->at.lo_ms && move->at.lo_ms < month.hi_ms;
        if (move->kind == MOVE_MOVE && !is_known) {
            month = month_span(move->at.lo_ms);
            TRY(month_add(chance, month.lo_ms, err));
        }
    }
    return status_ok();
}

/* --- groups and places --- */

static uint32_t value_of(const struct attribute *attribute, uint32_t person) {
    uint32_t value = attribute->of_person == NULL ? PROFILE_UNKNOWN : attribute->of_person[person];
    return value == PROFILE_UNKNOWN ? (uint32_t)attribute->count : value;
}

/* Stable: sorts the people in `from` by the attribute into `to`. */
static struct status sort_by(const struct attribute *attribute, const uint32_t *from, uint32_t *to,
                             size_t people, struct err *err) {
    uint32_t *next = array_new(attribute->count + 1, sizeof *next);
    if (next == NULL) {
        return no_memory(attribute->count, sizeof *next, err);
    }
    for (size_t i = 0; i < people; i++) {
        next[value_of(attribute, from[i]) + 1]++;
    }
    for (size_t value = 0; value < attribute->count; value++) {
        next[value + 1] += next[value];
    }
    for (size_t i = 0; i < people; i++) {
        to[next[value_of(attribute, from[i])]++] = from[i];
    }
    free(next);
    return status_ok();
}

static bool is_same_group(const struct profiles *profiles, uint32_t a, uint32_t b) {
    return value_of(&profiles->industry, a) == value_of(&profiles->industry, b) &&
           value_of(&profiles->region, a) == value_of(&profiles->region, b);
}

/* Numbers the groups of people in the order of their places. */
static void groups_number(struct chance *chance, const uint32_t *person_at) {
    size_t people = chance->inputs.people->count;
    for (size_t place = 0; place < people; place++) {
        uint32_t person = person_at[place];
        if (place == 0 || !is_same_group(chance->inputs.profiles, person_at[place - 1], person)) {
            chance->group_begin[chance->group_count++] = (uint32_t)place;
        }
        chance->seats[person] = (struct seat){(uint32_t)place, (uint32_t)(chance->group_count - 1)};
    }
    chance->group_begin[chance->group_count] = (uint32_t)people;
    for (size_t group = 0; group < chance->group_count; group++) {
        bool is_small = chance->group_begin[group + 1] - chance->group_begin[group] <= GROUP_SMALL;
        chance->size_row[group] = is_small ? NOT_COUNTED : (uint32_t)chance->size_rows++;
    }
}

/* The day that holds the time; DAY_EVER and DAY_NEVER for what lies beyond all dates. */
static int32_t day_of(int64_t at_ms) {
    if (at_ms < LIMIT_TIME_MIN_MS) {
        return DAY_EVER;
    }
    int64_t days = at_ms / DAY_MS - (at_ms % DAY_MS < 0);
    return days < DAY_NEVER ? (int32_t)days : DAY_NEVER;
}

static struct roster_entry roster_entry_of(const struct attribution_settings *settings,
                                           uint32_t place, const struct spell *spell) {
    /* What is before something is so by a millisecond at least. */
    int64_t least_ms = settings->job_days == 0 ? 1 : (int64_t)settings->job_days * DAY_MS;
    int64_t from_ms = time_plus(spell->start.lo_ms, least_ms);
    from_ms = from_ms > spell->start.hi_ms ? from_ms : spell->start.hi_ms;
    bool can_end = settings->alter_active && spell->end.hi_ms != INT64_MAX;
    return (struct roster_entry){
        .place = place,
        .from_day = from_ms == INT64_MIN ? DAY_EVER : day_of(from_ms + DAY_MS - 1),
        .until_day = can_end ? day_of(spell->end.hi_ms - 1) : DAY_NEVER,
        .start_day = day_of(spell->start.lo_ms),
    };
}

/* The rosters in the order of places. */
static struct status rosters_fill(struct chance *chance, const uint32_t *person_at,
                                  struct err *err) {
    const struct careers *careers = chance->inputs.careers;
    chance->roster_begin = array_new(careers->company_count + 1, sizeof *chance->roster_begin);
    chance->roster = array_new(careers->spell_count, sizeof *chance->roster);
    if (chance->roster_begin == NULL || chance->roster == NULL) {
        return no_memory(careers->company_count + careers->spell_count, sizeof(size_t), err);
    }
    size_t *begin = chance->roster_begin;
    for (size_t i = 0; i < careers->spell_count; i++) {
        begin[careers->spells[i].company + 1]++;
    }
    for (size_t company = 0; company < careers->company_count; company++) {
        begin[company + 1] += begin[company];
    }
    for (size_t place = 0; place < chance->inputs.people->count; place++) {
        uint32_t person = person_at[place];
        for (size_t i = careers->spell_begin[person]; i < careers->spell_begin[person + 1]; i++) {
            const struct spell *spell = &careers->spells[i];
            chance->roster[begin[spell->company]++] =
                roster_entry_of(chance->inputs.settings, (uint32_t)place, spell);
        }
    }
    /* Every beginning has run to the next one. */
    memmove(begin + 1, begin, careers->company_count * sizeof *begin);
    begin[0] = 0;
    return status_ok();
}

static struct status places_fill(struct chance *chance, uint32_t *person_at, uint32_t *scratch,
                                 struct err *err) {
    const struct profiles *profiles = chance->inputs.profiles;
    size_t people = chance->inputs.people->count;
    for (uint32_t person = 0; person < people; person++) {
        person_at[person] = person;
    }
    TRY(sort_by(&profiles->region, person_at, scratch, people, err));
    TRY(sort_by(&profiles->industry, scratch, person_at, people, err));
    groups_number(chance, person_at);
    return rosters_fill(chance, person_at, err);
}

static struct status chance_init(struct chance *chance, struct err *err) {
    size_t people = chance->inputs.people->count;
    TRY(months_find(chance, err));
    chance->seats = array_new(people, sizeof *chance->seats);
    chance->group_begin = array_new(people, sizeof *chance->group_begin);
    chance->size_row = array_new(people, sizeof *chance->size_row);
    uint32_t *person_at = array_new(people, sizeof *person_at);
    uint32_t *scratch = array_new(people, sizeof *scratch);
    bool has_memory = chance->seats != NULL && chance->group_begin != NULL &&
                      chance->size_row != NULL && person_at != NULL && scratch != NULL;
    struct status status = has_memory ? places_fill(chance, person_at, scratch, err)
                                      : no_memory(people, 6 * sizeof *person_at, err);
    free(person_at);
    free(scratch);
    return status;
}

struct status chance_new(struct chance **chance, const struct chance_inputs *inputs,
                         struct err *err) {
    *chance = calloc(1, sizeof **chance);
    if (*chance == NULL) {
        return no_memory(1, sizeof **chance, err);
    }
    (*chance)->inputs = *inputs;
    struct status status = chance_init(*chance, err);
    if (failed(status)) {
        chance_free(*chance);
        *chance = NULL;
    }
    return status;
}

/* --- degrees --- */

static struct status spill_add(struct month *month, struct spill spill, struct err *err) {
    if (month->spill_count == month->spill_capacity) {
        size_t capacity = month->spill_capacity * 2 + 64;
        struct spill *grown = reallocarray(month->spills, capacity, sizeof *grown);
        if (grown == NULL) {
            return err_memory(err, capacity * sizeof *grown, "degrees by month");
        }
        month->spills = grown;
        month->spill_capacity = capacity;
    }
    month->spills[month->spill_count++] = spill;
    return status_ok();
}

/* Adds `by`, 1 or -1, to the change of degree up to the month of who is at the place. */
static struct status change_add(struct month *month, uint32_t place, int by, struct err *err) {
    int8_t *change = (int8_t *)month->column.data + place;
    if (*change == by * SPILL) {
        TRY(spill_add(month, (struct spill){place, *change}, err));
        *change = 0;
    }
    *change = (int8_t)(*change + by);
    return status_ok();
}

/* Adds the pending ties. Their places, then their bytes, are fetched for all of them before the
 * first one waits for its own. */
static struct status pending_add(struct chance *chance, struct err *err) {
    struct {
        struct month *month;
        uint32_t place;
        int by;
    } changes[4 * PENDING];
    size_t count = 0;
    for (size_t i = 0; i < 4 * chance->pending_count; i++) {
        const struct pending *pending = &chance->pending[i / 4];
        size_t month = pending->months[i / 2 % 2];
        if (month < chance->month_count) {
            changes[count].month = &chance->months[month];
            changes[count].place = chance->seats[pending->people[i % 2]].place;
            changes[count].by = i / 2 % 2 == 0 ? 1 : -1;
            struct pages *column = &changes[count].month->column;
            TRY(pages_grow(column, chance->inputs.people->count, "degrees by month", err));
            __builtin_prefetch((int8_t *)column->data + changes[count].place, 1);
            count++;
        }
    }
    chance->pending_count = 0;
    for (size_t i = 0; i < count; i++) {
        TRY(change_add(changes[i].month, changes[i].place, changes[i].by, err));
    }
    return status_ok();
}

void chance_prefetch_person(const struct chance *chance, uint32_t person) {
    __builtin_prefetch(&chance->seats[person]);
}

void chance_tie(struct chance *chance, uint32_t a, uint32_t b, int64_t created_ms,
                int64_t ended_ms) {
    assert(!chance->is_settled && created_ms <= ended_ms);
    if (!is_month_after(chance, chance->hint, created_ms)) {
        chance->hint = month_after(chance, created_ms);
    }
    size_t ended = ended_ms == TIE_OPEN_MS ? chance->month_count : month_after(chance, ended_ms);
    chance_prefetch_person(chance, a);
    chance_prefetch_person(chance, b);
    chance->pending[chance->pending_count++] =
        (struct pending){.people = {a, b}, .months = {chance->hint, ended}};
    if (chance->pending_count == PENDING) {
        chance->is_out_of_memory = failed(pending_add(chance, NULL)) || chance->is_out_of_memory;
        chance->pending_count = 0;
    }
}

/* Turns changes into the degrees at the month's first instant. */
static void degrees_move(const struct month *month, uint32_t *degrees, size_t people) {
    const int8_t *changes = month->column.data;
    for (size_t i = 0; i < people; i++) {
        degrees[i] = (uint32_t)((int64_t)degrees[i] + changes[i]);
    }
    for (size_t i = 0; i < month->spill_count; i++) {
        degrees[month->spills[i].place] += (uint32_t)month->spills[i].change;
    }
}

/* cuts[k - 1] is the degree at rank ceil(k n / 10) among those with a tie. */
static struct status cuts_find(const uint32_t *degrees, size_t people, uint32_t cuts[DECILES - 1],
                               struct err *err) {
    uint32_t most = 0;
    for (size_t i = 0; i < people; i++) {
        most = degrees[i] > most ? degrees[i] : most;
    }
    assert(most <= INT32_MAX); /* nobody's ties end that were not made */
    struct histogram histogram = {0};
    TRY(histogram_add(&histogram, most, 0, err));
    for (size_t i = 0; i < people; i++) {
        histogram.counts[degrees[i]]++;
    }
    histogram.total = people - histogram.counts[0];
    histogram.counts[0] = 0;
    for (uint64_t k = 1; k < DECILES; k++) {
        uint64_t rank = (k * histogram.total + DECILES - 1) / DECILES;
        cuts[k - 1] = histogram.total == 0 ? 0 : histogram_at_rank(&histogram, rank);
    }
    histogram_release(&histogram);
    return status_ok();
}

/* Overwrites the column: 0 without a tie, else 1 to 10. */
static void deciles_fill(struct month *month, const uint32_t *degrees, size_t people,
                         const uint32_t cuts[DECILES - 1]) {
    int8_t *deciles = month->column.data;
    for (size_t i = 0; i < people; i++) {
        int decile = degrees[i] > 0;
        for (int k = 0; k < DECILES - 1; k++) {
            decile += degrees[i] > cuts[k];
        }
        deciles[i] = (int8_t)decile;
    }
}

static void sizes_fill(struct chance *chance, size_t month) {
    const int8_t *deciles = chance->months[month].column.data;
    for (size_t group = 0; group < chance->group_count; group++) {
        if (chance->size_row[group] == NOT_COUNTED) {
            continue;
        }
        uint32_t counts[DECILES + 1] = {0};
        for (size_t i = chance->group_begin[group]; i < chance->group_begin[group + 1]; i++) {
            counts[deciles[i]]++;
        }
        size_t row = month * chance->size_rows + chance->size_row[group];
        memcpy(&chance->sizes[row * DECILES], counts + 1, DECILES * sizeof *counts);
    }
}

/* Turns the columns into deciles, month by month. */
static struct status columns_settle(struct chance *chance, uint32_t *degrees, struct err *err) {
    size_t people = chance->inputs.people->count;
    bool has_ties = false;
    for (size_t i = 0; i < chance->month_count; i++) {
        struct month *month = &chance->months[i];
        has_ties = has_ties || month->column.data != NULL;
        if (!has_ties) {
            continue;
        }
        uint32_t cuts[DECILES - 1];
        TRY(pages_grow(&month->column, people, "degrees by month", err));
        degrees_move(month, degrees, people);
        TRY(cuts_find(degrees, people, cuts, err));
        deciles_fill(month, degrees, people, cuts);
        sizes_fill(chance, i);
    }
    return status_ok();
}

struct status chance_settle(struct chance *chance, struct err *err) {
    size_t people = chance->inputs.people->count;
    assert(!chance->is_settled);
    if (chance->is_out_of_memory) {
        return no_memory(people, 1, err);
    }
    TRY(pending_add(chance, err));
    size_t sizes = chance->month_count * chance->size_rows * DECILES;
    uint32_t *degrees = array_new(people, sizeof *degrees);
    chance->sizes = array_new(sizes, sizeof *chance->sizes);
    struct status status = degrees == NULL || chance->sizes == NULL
                               ? no_memory(people + sizes, sizeof *degrees, err)
                               : columns_settle(chance, degrees, err);
    free(degrees);
    chance->is_settled = !failed(status);
    return status;
}

/* --- shares --- */

/* What is remembered of one long range of a roster at one date: of each decile, how many carry a
 * move (with the first in `starts`, where the order of tie and spell matters). */
struct memo {
    int32_t day;
    uint32_t company;
    uint32_t group;
    uint32_t begin[DECILES + 1];
    bool is_used;
};

struct chance_scratch {
    struct memo *memos; /* open addressing */
    size_t memo_count;
    int32_t *starts; /* per memo and decile ascending: the latest start of a spell that carries */
    size_t start_count;
    size_t start_capacity;
    int64_t at_ms; /* the move asked for last, and its month */
    size_t month;
};

struct status chance_scratch_new(struct chance_scratch **scratch, const struct chance *chance,
                                 struct err *err) {
    assert(chance->is_settled);
    *scratch = calloc(1, sizeof **scratch);
    struct memo *memos = calloc(MEMO_SLOTS, sizeof *memos);
    if (*scratch == NULL || memos == NULL) {
        free(*scratch);
        free(memos);
        *scratch = NULL;
        return no_memory(MEMO_SLOTS, sizeof *memos, err);
    }
    (*scratch)->memos = memos;
    (*scratch)->at_ms = INT64_MAX;
    return status_ok();
}

void chance_scratch_free(struct chance_scratch *scratch) {
    if (scratch == NULL) {
        return;
    }
    free(scratch->memos);
    free(scratch->starts);
    free(scratch);
}

/* A question: everything about the move and the contact's cell. */
struct question {
    const struct chance *chance;
    const int8_t *deciles;
    const struct roster_entry *first; /* those of the group who were ever at the company */
    const struct roster_entry *end;
    uint32_t company;
    uint32_t group;
    int32_t day;         /* of the move */
    int32_t created_day; /* of the tie */
    int8_t decile;
};

/* The first entry of a roster at or behind a place. The end is sought from the beginning on, in
 * growing steps, since ranges are short. */
static const struct roster_entry *roster_find(const struct roster_entry *first,
                                              const struct roster_entry *end, uint32_t place) {
    ptrdiff_t step = 1;
    while (step < end - first && first[step].place < place) {
        first += step;
        step *= 2;
    }
    end = step < end - first ? first + step : end;
    while (first < end) {
        const struct roster_entry *middle = first + (end - first) / 2;
        if (middle->place < place) {
            first = middle + 1;
        } else {
            end = middle;
        }
    }
    return first;
}

/* Goes over the entries of one person. Whether one of the spells carries the move of a tie that is
 * older than all, and the latest start of such a spell. */
static const struct roster_entry *person_next(const struct question *question,
                                              const struct roster_entry *entry, bool *carries,
                                              int32_t *start_day) {
    uint32_t place = entry->place;
    *carries = false;
    *start_day = DAY_EVER;
    for (; entry < question->end && entry->place == place; entry++) {
        if (entry->from_day <= question->day && question->day <= entry->until_day) {
            *carries = true;
            *start_day = entry->start_day; /* spells ascend */
        }
    }
    return entry;
}

static uint32_t count_short(const struct question *question) {
    bool is_ordered = question->chance->inputs.settings->tie_first;
    uint32_t count = 0;
    const struct roster_entry *entry = question->first;
    while (entry < question->end) {
        bool carries = false;
        int32_t start_day = DAY_EVER;
        if (question->deciles[entry->place] == question->decile) {
            entry = person_next(question, entry, &carries, &start_day);
        } else {
            entry++;
        }
        count += carries && (!is_ordered || start_day > question->created_day);
    }
    return count;
}

/* The slot of the question's memo, or the free one where it belongs. */
static struct memo *memo_find(struct chance_scratch *scratch, const struct question *question) {
    uint64_t hash = random_mix((uint64_t)(uint32_t)question->day) ^
                    ((uint64_t)question->company << 32 | question->group);
    for (size_t slot = random_mix(hash) % MEMO_SLOTS;; slot = (slot + 1) % MEMO_SLOTS) {
        struct memo *memo = &scratch->memos[slot];
        if (!memo->is_used || (memo->day == question->day && memo->company == question->company &&
                               memo->group == question->group)) {
            return memo;
        }
    }
}

/* Forgets everything when there is no room for one more memo of `starts` starts. */
static struct status memo_room(struct chance_scratch *scratch, size_t starts, struct err *err) {
    if (scratch->memo_count >= MEMO_SLOTS / 2 ||
        (scratch->start_count > 0 && scratch->start_count + starts > MEMO_STARTS)) {
        memset(scratch->memos, 0, MEMO_SLOTS * sizeof *scratch->memos);
        scratch->memo_count = 0;
        scratch->start_count = 0;
    }
    size_t needed = scratch->start_count + starts;
    if (needed > scratch->start_capacity) {
        size_t capacity = needed + needed / 2;
        int32_t *grown = reallocarray(scratch->starts, capacity, sizeof *grown);
        if (grown == NULL) {
            return err_memory(err, capacity * sizeof *grown, "expectation by chance");
        }
        scratch->starts = grown;
        scratch->start_capacity = capacity;
    }
    return status_ok();
}

static int compare_starts(const void *left, const void *right) {
    int32_t a = *(const int32_t *)left;
    int32_t b = *(const int32_t *)right;
    return (a > b) - (a < b);
}

/* Counts the range by decile. */
static void memo_count(struct memo *memo, const struct question *question) {
    for (const struct roster_entry *entry = question->first; entry < question->end;) {
        int8_t decile = question->deciles[entry->place];
        bool carries;
        int32_t start_day;
        entry = person_next(question, entry, &carries, &start_day);
        if (carries && decile > 0) {
            memo->begin[decile]++;
        }
    }
    for (size_t i = 0; i < DECILES; i++) {
        memo->begin[i + 1] += memo->begin[i];
    }
}

/* Puts the starts of a counted range in order, from begin[0] on. */
static void memo_sort(const struct memo *memo, const struct question *question, int32_t *starts) {
    uint32_t next[DECILES];
    memcpy(next, memo->begin, sizeof next);
    for (const struct roster_entry *entry = question->first; entry < question->end;) {
        int8_t decile = question->deciles[entry->place];
        bool carries;
        int32_t start_day;
        entry = person_next(question, entry, &carries, &start_day);
        if (carries && decile > 0) {
            starts[next[decile - 1]++] = start_day;
        }
    }
    for (size_t i = 0; i < DECILES; i++) {
        qsort(starts + memo->begin[i], memo->begin[i + 1] - memo->begin[i], sizeof *starts,
              compare_starts);
    }
}

static struct status memo_fill(struct chance_scratch *scratch, const struct question *question,
                               struct memo **memo, struct err *err) {
    bool is_ordered = question->chance->inputs.settings->tie_first;
    size_t most = is_ordered ? (size_t)(question->end - question->first) : 0;
    TRY(memo_room(scratch, most, err));
    *memo = memo_find(scratch, question);
    **memo = (struct memo){
        .day = question->day,
        .company = question->company,
        .group = question->group,
        .begin = {(uint32_t)scratch->start_count},
        .is_used = true,
    };
    scratch->memo_count++;
    memo_count(*memo, question);
    if (is_ordered) {
        memo_sort(*memo, question, scratch->starts);
        scratch->start_count = (*memo)->begin[DECILES];
    }
    return status_ok();
}

static struct status count_long(struct chance_scratch *scratch, const struct question *question,
                                uint32_t *count, struct err *err) {
    struct memo *memo = memo_find(scratch, question);
    if (!memo->is_used) {
        TRY(memo_fill(scratch, question, &memo, err));
    }
    uint32_t first = memo->begin[question->decile - 1];
    uint32_t end = memo->begin[question->decile];
    if (question->chance->inputs.settings->tie_first) { /* the starts behind the tie */
        uint32_t high = end;
        while (first < high) {
            uint32_t middle = first + (high - first) / 2;
            if (scratch->starts[middle] <= question->created_day) {
                first = middle + 1;
            } else {
                high = middle;
            }
        }
    }
    *count = end - first;
    return status_ok();
}

static uint32_t cell_size(const struct question *question, size_t month) {
    const struct chance *chance = question->chance;
    uint32_t row = chance->size_row[question->group];
    if (row != NOT_COUNTED) {
        return chance
            ->sizes[(month * chance->size_rows + row) * DECILES + (size_t)question->decile - 1];
    }
    uint32_t size = 0;
    for (size_t i = chance->group_begin[question->group];
         i < chance->group_begin[question->group + 1]; i++) {
        size += question->deciles[i] == question->decile;
    }
    return size;
}

/* The month of a move that months_find has seen. */
static size_t month_of(const struct chance *chance, struct chance_scratch *scratch, int64_t at_ms) {
    if (scratch->at_ms != at_ms) {
        int64_t first_ms = month_span(at_ms).lo_ms;
        size_t after = month_after(chance, first_ms);
        assert(after > 0 && chance->months[after - 1].first_ms == first_ms);
        scratch->at_ms = at_ms;
        scratch->month = after - 1;
    }
    return scratch->month;
}

void chance_prefetch_cell(const struct chance *chance, struct chance_scratch *scratch,
                          const struct move *move, uint32_t contact) {
    size_t month = month_of(chance, scratch, move->at.lo_ms);
    struct seat seat = chance->seats[contact];
    const int8_t *deciles = chance->months[month].column.data;
    if (deciles != NULL) {
        __builtin_prefetch(&deciles[seat.place]);
    }
    __builtin_prefetch(&chance->size_row[seat.group]);
    __builtin_prefetch(&chance->group_begin[seat.group]);
}

struct status chance_share(const struct chance *chance, struct chance_scratch *scratch,
                           const struct move *move, const struct side *side, uint64_t *share,
                           bool *is_matched, struct err *err) {
    assert(chance->is_settled && move->kind == MOVE_MOVE && move->at.lo_ms % DAY_MS == 0);
    assert(side->contact != move->person);
    size_t month = month_of(chance, scratch, move->at.lo_ms);
    const int8_t *deciles = chance->months[month].column.data;
    *share = 0;
    *is_matched = false;
    if (deciles == NULL) {
        return status_ok(); /* nobody had a tie */
    }
    struct seat mover = chance->seats[move->person];
    struct seat contact = chance->seats[side->contact];
    int8_t of_mover = deciles[mover.place];
    int8_t of_contact = deciles[contact.place];
    if (of_mover == 0 || of_contact == 0) {
        return status_ok();
    }
    struct question question = {
        .chance = chance,
        .deciles = deciles,
        .company = move->company,
        .group = contact.group,
        .day = day_of(move->at.lo_ms),
        .created_day = day_of(side->created_ms),
        .decile = of_contact,
    };
    /* The mover is taken out of the cell. Its spells at the company start at the move or later, so
     * it is never among those who carry the move. */
    bool has_mover = mover.group == contact.group && of_mover == of_contact;
    uint64_t others = cell_size(&question, month) - has_mover;
    if (others <= 1) {
        return status_ok();
    }
    const struct roster_entry *roster = chance->roster;
    const size_t *begin = &chance->roster_begin[move->company];
    question.first =
        roster_find(roster + begin[0], roster + begin[1], chance->group_begin[question.group]);
    question.end =
        roster_find(question.first, roster + begin[1], chance->group_begin[question.group + 1]);
    uint32_t count = 0;
    if (question.end - question.first <=
        (chance->inputs.settings->tie_first ? RANGE_SHORT_ORDERED : RANGE_SHORT)) {
        count = count_short(&question);
    } else {
        TRY(count_long(scratch, &question, &count, err));
    }
    *share = (uint64_t)count * CHANCE_ONE / others;
    *is_matched = true;
    return status_ok();
}
