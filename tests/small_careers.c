#include "tests/small_careers.h"

#include <assert.h>
#include <stdlib.h>

int64_t small_instant(struct random *random) {
    /* Often the edge of a day, where off-by-one mistakes live. */
    int64_t day = SMALL_BEGIN_MS + (int64_t)random_below(random, SMALL_DAYS) * SMALL_DAY_MS;
    return day + (int64_t)random_below(random, 3) - 1;
}

static int64_t width_make(struct random *random) {
    static const int64_t days[] = {1, 1, 30, 365};
    return days[random_below(random, 4)] * SMALL_DAY_MS;
}

/* The spells of one person at one company: apart from each other, the first perhaps from before
 * records, the last perhaps open. */
static void spells_make(struct careers *careers, struct random *random, uint32_t person,
                        uint32_t company) {
    int64_t day = (int64_t)random_below(random, SMALL_DAYS / 2);
    size_t count = random_below(random, SMALL_SPELLS_MAX + 1);
    for (size_t i = 0; i < count; i++) {
        int64_t start = SMALL_BEGIN_MS + day * SMALL_DAY_MS;
        day += (int64_t)random_below(random, SMALL_DAYS / 2);
        int64_t end = SMALL_BEGIN_MS + day * SMALL_DAY_MS;
        day += 1 + (int64_t)random_below(random, 200);
        struct spell *spell = &careers->spells[careers->spell_count++];
        *spell = (struct spell){
            .start = {start, start + width_make(random)},
            .end = {end - width_make(random), end},
            .company = company,
            .person = person,
        };
        if (i == 0 && random_below(random, 8) == 0) {
            spell->start = SPAN_EVER;
        }
        if (i + 1 == count && random_below(random, 2) == 0) {
            spell->end = SPAN_NEVER;
        }
    }
}

static void moves_make(struct careers *careers, uint32_t person) {
    size_t first = careers->spell_begin[person];
    struct span entry = SPAN_NEVER;
    for (size_t i = first; i < careers->spell_count; i++) {
        struct span start = careers->spells[i].start;
        if (start.lo_ms < entry.lo_ms ||
            (start.lo_ms == entry.lo_ms && start.hi_ms > entry.hi_ms)) {
            entry = start;
        }
    }
    careers->entry[person] = entry;
    for (size_t i = first; i < careers->spell_count; i++) {
        const struct spell *spell = &careers->spells[i];
        bool is_first = i == first || spell[-1].company != spell->company;
        if (is_first && spell->start.hi_ms != INT64_MIN) {
            careers->moves[careers->move_count++] = (struct move){
                .at = spell->start,
                .person = person,
                .company = spell->company,
                .previous = COMPANY_NONE,
                .kind = span_before(entry, spell->start)  ? MOVE_MOVE
                        : span_equal(entry, spell->start) ? MOVE_ENTRY
                                                          : MOVE_UNDECIDED,
            };
        }
    }
}

void small_careers_make(struct careers *careers, struct random *random, size_t people,
                        size_t companies) {
    assert(people <= SMALL_PEOPLE_MAX && companies <= SMALL_COMPANIES_MAX);
    size_t most = people * companies * SMALL_SPELLS_MAX + 1;
    *careers = (struct careers){
        .company_count = companies,
        .person_count = people,
        .spell_begin = calloc(people + 1, sizeof *careers->spell_begin),
        .spells = calloc(most, sizeof *careers->spells),
        .move_begin = calloc(people + 1, sizeof *careers->move_begin),
        .moves = calloc(most, sizeof *careers->moves),
        .entry = calloc(people + 1, sizeof *careers->entry),
    };
    assert(careers->spell_begin != NULL && careers->spells != NULL && careers->move_begin != NULL &&
           careers->moves != NULL && careers->entry != NULL);
    for (uint32_t person = 0; person < people; person++) {
        careers->spell_begin[person] = careers->spell_count;
        careers->move_begin[person] = careers->move_count;
        for (uint32_t company = 0; company < companies; company++) {
            spells_make(careers, random, person, company);
        }
        moves_make(careers, person);
    }
    careers->spell_begin[people] = careers->spell_count;
    careers->move_begin[people] = careers->move_count;
}

void small_careers_free(struct careers *careers) {
    free(careers->spell_begin);
    free(careers->spells);
    free(careers->move_begin);
    free(careers->moves);
    free(careers->entry);
    *careers = (struct careers){0};
}
