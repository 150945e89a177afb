/* Careers of many small worlds are compared with a slow reading of definitions.md, section 3: no
 * sorting, every question asked of all records anew, units of time by the C library's calendar.
 */
#include "stages/base/random.h"
#include "stages/careers/careers.h"
#include "tests/facts_testing.h"

#include <stdlib.h>
#include <time.h>

enum { RECORDS_MAX = 64, MEMBERS = 5, COMPANIES = 6, SPELLS_MAX = RECORDS_MAX };

struct record {
    unsigned member;
    unsigned company;
    int64_t at_ms;
    unsigned kind;
    unsigned precision;
};

struct world {
    struct record records[RECORDS_MAX];
    size_t count;
    int canonical[COMPANIES]; /* -1: not in the company table */
    int64_t as_of_ms;
    struct attribution_settings settings;
};

/* --- the slow reading --- */

static struct span slow_unit(const struct record *record) {
    if (record->at_ms <= 0) {
        return SPAN_EVER;
    }
    time_t seconds = (time_t)(record->at_ms / 1000);
    struct tm first;
    assert_non_null(gmtime_r(&seconds, &first));
    first.tm_hour = first.tm_min = first.tm_sec = 0;
    first.tm_mday = record->precision == PRECISION_DAY ? first.tm_mday : 1;
    first.tm_mon = record->precision == PRECISION_YEAR ? 0 : first.tm_mon;
    struct tm next = first;
    next.tm_mday += record->precision == PRECISION_DAY;
    next.tm_mon += record->precision == PRECISION_MONTH;
    next.tm_year += record->precision == PRECISION_YEAR;
    return (struct span){(int64_t)timegm(&first) * 1000, (int64_t)timegm(&next) * 1000};
}

static unsigned slow_canonical(const struct world *world, unsigned company) {
    while (world->canonical[company] >= 0 && world->canonical[company] != (int)company) {
        company = (unsigned)world->canonical[company];
    }
    return company;
}

static bool is_twice(const struct world *world, size_t i) {
    for (size_t j = 0; j < i; j++) {
        if (memcmp(&world->records[i], &world->records[j], sizeof world->records[i]) == 0) {
            return true;
        }
    }
    return false;
}

struct slow {
    struct span units[RECORDS_MAX];  /* of the records */
    unsigned companies[RECORDS_MAX]; /* canonical, of the records */
    bool counts[RECORDS_MAX];        /* neither seen before, nor malformed, nor beyond */
    struct spell spells[SPELLS_MAX]; /* person: member; company: number */
    size_t spell_count;
    struct move moves[SPELLS_MAX];
    size_t move_count;
    struct span entry[MEMBERS];
    uint64_t applied, orphans, malformed, beyond;
};

/* What happens at one instant to the counter of a member at a company: starts, then ends. Returns
 * the counter after it. */
static unsigned slow_instant(const struct world *world, struct slow *slow, unsigned member,
                             unsigned company, int64_t instant_ms, unsigned counter) {
    unsigned starts = 0;
    unsigned ends = 0;
    struct span start = SPAN_NEVER;
    struct span end = SPAN_NEVER;
    for (size_t i = 0; i < world->count; i++) {
        const struct record *record = &world->records[i];
        struct span unit = slow->units[i];
        if (!slow->counts[i] || record->member != member || slow->companies[i] != company) {
            continue;
        }
        if (record->kind == POSITION_START && unit.lo_ms == instant_ms) {
            start = starts == 0 || unit.hi_ms > start.hi_ms ? unit : start;
            starts++;
        }
        if (record->kind == POSITION_END && unit.hi_ms == instant_ms) {
            end = ends == 0 || unit.lo_ms < end.lo_ms ? unit : end;
            ends++;
        }
    }
    if (counter == 0 && starts > 0) {
        slow->spells[slow->spell_count++] = (struct spell){start, SPAN_NEVER, company, member};
    }
    counter += starts;
    slow->applied += starts;
    for (; ends > 0; ends--) {
        if (counter == 0) {
            slow->orphans++;
            continue;
        }
        slow->applied++;
        counter--;
        if (counter == 0) {
            slow->spells[slow->spell_count - 1].end = end;
        }
    }
    return counter;
}

/* The smallest instant behind `after_ms` at which any record starts or ends; INT64_MAX for none. */
static int64_t slow_next_instant(const struct slow *slow, size_t count, int64_t after_ms,
                                 bool is_first) {
    int64_t next_ms = INT64_MAX;
    for (size_t i = 0; i < count; i++) {
        int64_t both[] = {slow->units[i].lo_ms, slow->units[i].hi_ms};
        for (int edge = 0; edge < 2; edge++) {
            if ((is_first || both[edge] > after_ms) && both[edge] < next_ms) {
                next_ms = both[edge];
            }
        }
    }
    return next_ms;
}

static void slow_spells(const struct world *world, struct slow *slow) {
    for (size_t i = 0; i < world->count; i++) {
        const struct record *record = &world->records[i];
        slow->units[i] = slow_unit(record);
        slow->companies[i] = slow_canonical(world, record->company);
        if (is_twice(world, i)) {
            continue;
        }
        bool is_beyond = record->at_ms > world->as_of_ms;
        bool is_malformed = !is_beyond && record->kind == POSITION_END && record->at_ms <= 0;
        slow->beyond += is_beyond;
        slow->malformed += is_malformed;
        slow->counts[i] = !is_beyond && !is_malformed;
    }
    for (unsigned member = 0; member < MEMBERS; member++) {
        for (unsigned company = 0; company < COMPANIES; company++) {
            unsigned counter = 0;
            int64_t instant_ms = slow_next_instant(slow, world->count, 0, true);
            while (instant_ms != INT64_MAX) {
                counter = slow_instant(world, slow, member, company, instant_ms, counter);
                instant_ms = slow_next_instant(slow, world->count, instant_ms, false);
            }
        }
    }
}

/* The member's earliest start, over all records. */
static struct span slow_entry(const struct world *world, const struct slow *slow, unsigned member) {
    struct span entry = SPAN_NEVER;
    for (size_t i = 0; i < world->count; i++) {
        const struct record *record = &world->records[i];
        struct span unit = slow->units[i];
        if (record->member == member && record->kind == POSITION_START &&
            record->at_ms <= world->as_of_ms &&
            (unit.lo_ms < entry.lo_ms || (unit.lo_ms == entry.lo_ms && unit.hi_ms > entry.hi_ms))) {
            entry = unit;
        }
    }
    return entry;
}

/* Whether spell a rather than b is the one that somebody came from. */
static bool slow_is_nearer(const struct spell *a, const struct spell *b) {
    if (a->start.lo_ms != b->start.lo_ms) {
        return a->start.lo_ms > b->start.lo_ms;
    }
    if (a->start.hi_ms != b->start.hi_ms) {
        return a->start.hi_ms > b->start.hi_ms;
    }
    if (a->end.hi_ms != b->end.hi_ms) {
        return a->end.hi_ms > b->end.hi_ms;
    }
    if (a->end.lo_ms != b->end.lo_ms) {
        return a->end.lo_ms > b->end.lo_ms;
    }
    return a->company < b->company;
}

static uint32_t slow_previous(const struct slow *slow, const struct spell *here) {
    const struct spell *best = NULL;
    for (size_t i = 0; i < slow->spell_count; i++) {
        const struct spell *spell = &slow->spells[i];
        if (spell->person == here->person && spell->company != here->company &&
            spell->start.hi_ms <= here->start.lo_ms &&
            (best == NULL || slow_is_nearer(spell, best))) {
            best = spell;
        }
    }
    return best == NULL ? COMPANY_NONE : best->company;
}

static void slow_moves(const struct world *world, struct slow *slow) {
    for (unsigned member = 0; member < MEMBERS; member++) {
        slow->entry[member] = slow_entry(world, slow, member);
    }
    for (size_t i = 0; i < slow->spell_count; i++) {
        const struct spell *spell = &slow->spells[i];
        bool is_first = true;
        for (size_t j = 0; j < slow->spell_count; j++) {
            is_first = is_first && !(slow->spells[j].person == spell->person &&
                                     slow->spells[j].company == spell->company &&
                                     slow->spells[j].start.lo_ms < spell->start.lo_ms);
        }
        if (!is_first || spell->start.lo_ms == INT64_MIN) {
            continue;
        }
        struct span entry = slow->entry[spell->person];
        bool is_entry = memcmp(&entry, &spell->start, sizeof entry) == 0;
        slow->moves[slow->move_count++] = (struct move){
            .at = spell->start,
            .person = spell->person,
            .company = spell->company,
            .previous = slow_previous(slow, spell),
            .kind = entry.hi_ms <= spell->start.lo_ms ? MOVE_MOVE
                    : is_entry                        ? MOVE_ENTRY
                                                      : MOVE_UNDECIDED,
        };
    }
}

static bool is_same_month(int64_t a_ms, int64_t b_ms) {
    time_t a = (time_t)(a_ms / 1000);
    time_t b = (time_t)(b_ms / 1000);
    struct tm tm_a;
    struct tm tm_b;
    gmtime_r(&a, &tm_a);
    gmtime_r(&b, &tm_b);
    return tm_a.tm_year == tm_b.tm_year && tm_a.tm_mon == tm_b.tm_mon;
}

static bool slow_is_mass(const struct world *world, const struct slow *slow,
                         const struct move *move) {
    if (move->kind != MOVE_MOVE || move->previous == COMPANY_NONE) {
        return false;
    }
    const struct record as_month = {.at_ms = move->at.lo_ms + 1, .precision = PRECISION_MONTH};
    int64_t month_ms = slow_unit(&as_month).lo_ms;
    unsigned movers = 0;
    for (size_t i = 0; i < slow->move_count; i++) {
        const struct move *other = &slow->moves[i];
        movers += other->kind == MOVE_MOVE && other->previous == move->previous &&
                  other->company == move->company && is_same_month(other->at.lo_ms, move->at.lo_ms);
    }
    unsigned heads = 0;
    for (unsigned member = 0; member < MEMBERS; member++) {
        bool is_there = false;
        for (size_t i = 0; i < slow->spell_count; i++) {
            const struct spell *spell = &slow->spells[i];
            is_there = is_there || (spell->person == member && spell->company == move->previous &&
                                    spell->start.lo_ms <= month_ms && spell->end.hi_ms > month_ms);
        }
        heads += is_there;
    }
    return movers >= world->settings.mass_movers &&
           (double)movers >= world->settings.mass_share * (double)heads;
}

static struct slow *slow_careers(const struct world *world) {
    struct slow *slow = calloc(1, sizeof *slow);
    assert_non_null(slow);
    slow_spells(world, slow);
    slow_moves(world, slow);
    for (size_t i = 0; i < slow->move_count; i++) {
        slow->moves[i].is_mass = slow_is_mass(world, slow, &slow->moves[i]);
    }
    return slow;
}

/* --- worlds --- */

/* Ids are not the numbers, but in their order. */
static uint64_t member_id_of(unsigned member) {
    return member * 1000 + 3;
}

static uint64_t company_id_of(unsigned company) {
    return company == COMPANIES - 1 ? UINT64_MAX : company * 17;
}

static int64_t random_at(struct random *random, int64_t days) {
    uint64_t dice = random_below(random, 40);
    if (dice < 3) {
        return dice == 0 ? 0 : -(int64_t)random_below(random, 3);
    }
    int64_t base_ms = INT64_C(1583020800000); /* March 1, 2020 */
    int64_t at_ms = base_ms + (int64_t)random_below(random, (uint64_t)days) * 86400000;
    return at_ms + (dice < 20 ? 0 : (int64_t)random_below(random, 86400000));
}

static struct world world_make(uint64_t seed) {
    struct random random;
    random_seed(&random, seed);
    struct world world = {.count = random_below(&random, RECORDS_MAX)};
    static const int64_t ranges[] = {3, 40, 400, 1500};
    int64_t days = ranges[random_below(&random, 4)];
    unsigned members = 1 + (unsigned)random_below(&random, MEMBERS);
    unsigned companies = 1 + (unsigned)random_below(&random, COMPANIES);
    for (size_t i = 0; i < world.count; i++) {
        struct record *record = &world.records[i];
        if (i > 0 && random_below(&random, 10) == 0) {
            *record = world.records[random_below(&random, i)];
            continue;
        }
        memset(record, 0, sizeof *record);
        record->member = (unsigned)random_below(&random, members);
        record->company = (unsigned)random_below(&random, companies);
        record->at_ms = random_at(&random, days);
        record->kind = random_below(&random, 5) < 3 ? POSITION_START : POSITION_END;
        record->precision = (unsigned)random_below(&random, 3);
    }
    /* Canonical companies point up or down, all in one direction: no rings. */
    bool is_up = random_below(&random, 2) == 0;
    for (unsigned company = 0; company < COMPANIES; company++) {
        unsigned other = (unsigned)random_below(&random, COMPANIES);
        bool is_told =
            random_below(&random, 3) == 0 && (is_up ? other >= company : other <= company);
        world.canonical[company] = is_told ? (int)other : -1;
    }
    world.as_of_ms = random_below(&random, 3) == 0 ? random_at(&random, days) : INT64_MAX;
    world.settings = attribution_presets[0];
    world.settings.mass_movers = (uint32_t)random_below(&random, 4);
    world.settings.mass_share = (double)random_below(&random, 11) / 10;
    return world;
}

/* The tables of a world; somebody without positions stands between its members. */
static void world_tables(const struct world *world, struct fact_table tables[FACT_LOGS]) {
    tables_init(tables);
    for (size_t i = 0; i < world->count; i++) {
        const struct record *r = &world->records[i];
        table_add(&tables[FACT_POSITIONS],
                  position_fact(member_id_of(r->member), company_id_of(r->company), r->at_ms,
                                r->kind, r->precision));
    }
    for (unsigned company = 0; company < COMPANIES; company++) {
        if (world->canonical[company] >= 0) {
            table_add(
                &tables[FACT_COMPANIES],
                FACT(company_id_of(company), company_id_of((unsigned)world->canonical[company])));
        } else if (company % 2 == 0) {
            table_add(&tables[FACT_COMPANIES], FACT(company_id_of(company)));
        }
    }
    table_add(&tables[FACT_MEMBERS], FACT(member_id_of(1) + 1));
    tables_finish(tables);
}

/* --- comparison --- */

static void assert_same_span(struct span got, struct span expected) {
    assert_true(got.lo_ms == expected.lo_ms && got.hi_ms == expected.hi_ms);
}

static void assert_same_spells(const struct careers *careers, const struct people *people,
                               const struct slow *slow) {
    assert_int_equal(careers->spell_count, slow->spell_count);
    for (size_t i = 0; i < slow->spell_count; i++) {
        const struct spell *got = &careers->spells[i];
        const struct spell *expected = &slow->spells[i];
        assert_true(people->ids[got->person] == member_id_of(expected->person));
        assert_true(careers->company_ids[got->company] == company_id_of(expected->company));
        assert_same_span(got->start, expected->start);
        assert_same_span(got->end, expected->end);
        assert_true(careers->spell_begin[got->person] <= i &&
                    i < careers->spell_begin[got->person + 1]);
    }
}

static const struct move *slow_move_find(const struct slow *slow, uint64_t member,
                                         uint64_t company) {
    for (size_t i = 0; i < slow->move_count; i++) {
        if (member_id_of(slow->moves[i].person) == member &&
            company_id_of(slow->moves[i].company) == company) {
            return &slow->moves[i];
        }
    }
    fail_msg("a move that is none");
    return NULL;
}

static void assert_same_moves(const struct careers *careers, const struct people *people,
                              const struct slow *slow, bool *has_mass) {
    assert_int_equal(careers->move_count, slow->move_count);
    for (size_t i = 0; i < slow->move_count; i++) {
        const struct move *got = &careers->moves[i];
        const struct move *expected =
            slow_move_find(slow, people->ids[got->person], careers->company_ids[got->company]);
        assert_same_span(got->at, expected->at);
        assert_int_equal(got->kind, expected->kind);
        assert_int_equal(got->is_mass, expected->is_mass);
        *has_mass = *has_mass || got->is_mass;
        assert_int_equal(got->previous == COMPANY_NONE, expected->previous == COMPANY_NONE);
        if (got->previous != COMPANY_NONE) {
            assert_true(careers->company_ids[got->previous] == company_id_of(expected->previous));
        }
        assert_int_equal(got->precision, span_precision(expected->at));
        assert_true(careers->move_begin[got->person] <= i &&
                    i < careers->move_begin[got->person + 1]);
        const struct move *before = got - 1;
        if (i > careers->move_begin[got->person]) {
            assert_true(before->at.lo_ms < got->at.lo_ms ||
                        (before->at.lo_ms == got->at.lo_ms &&
                         (before->at.hi_ms < got->at.hi_ms ||
                          (before->at.hi_ms == got->at.hi_ms && before->company < got->company))));
        }
    }
}

static void assert_rosters(const struct careers *careers) {
    size_t seen = 0;
    for (uint32_t company = 0; company < careers->company_count; company++) {
        for (size_t i = careers->roster_begin[company]; i < careers->roster_begin[company + 1];
             i++, seen++) {
            uint32_t spell = careers->roster_spells[i];
            assert_int_equal(careers->spells[spell].company, company);
            assert_true(i == careers->roster_begin[company] ||
                        careers->roster_spells[i - 1] < spell);
        }
    }
    assert_int_equal(seen, careers->spell_count);
}

/* The set of a company that a move goes to; no other has one. */
static void assert_roster_sets(const struct careers *careers) {
    for (uint32_t company = 0; company < careers->company_count; company++) {
        bool is_target = false;
        for (size_t i = 0; i < careers->move_count; i++) {
            is_target = is_target || (careers->moves[i].kind == MOVE_MOVE &&
                                      careers->moves[i].company == company);
        }
        const struct node_set *set = careers->rosters[company];
        assert_int_equal(set != NULL, is_target);
        for (uint32_t person = 0; is_target && person < careers->person_count; person++) {
            bool was_there = false;
            for (size_t i = 0; i < careers->spell_count; i++) {
                was_there = was_there || (careers->spells[i].person == person &&
                                          careers->spells[i].company == company);
            }
            assert_int_equal(node_set_has(set, person), was_there);
        }
    }
}

static void assert_first_starts(const struct careers *careers) {
    for (uint32_t person = 0; person < careers->person_count; person++) {
        for (uint32_t company = 0; company < careers->company_count; company++) {
            struct span first = SPAN_NEVER;
            for (size_t i = 0; i < careers->spell_count; i++) {
                const struct spell *spell = &careers->spells[i];
                if (spell->person == person && spell->company == company &&
                    spell->start.lo_ms < first.lo_ms) {
                    first = spell->start;
                }
            }
            assert_same_span(careers_first_start(careers, person, company), first);
        }
    }
}

static void assert_same_careers(const struct careers *careers, const struct people *people,
                                const struct slow *slow, bool *has_mass) {
    assert_int_equal(careers->applied, slow->applied);
    assert_int_equal(careers->orphans, slow->orphans);
    assert_int_equal(careers->malformed, slow->malformed);
    assert_int_equal(careers->beyond, slow->beyond);
    assert_int_equal(careers->person_count, people->count);
    assert_same_spells(careers, people, slow);
    assert_same_moves(careers, people, slow, has_mass);
    for (uint32_t person = 0; person < people->count; person++) {
        bool is_stranger = people->ids[person] % 1000 != 3;
        assert_same_span(careers->entry[person],
                         is_stranger ? SPAN_NEVER : slow->entry[people->ids[person] / 1000]);
    }
    for (size_t i = 1; i < careers->company_count; i++) {
        assert_true(careers->company_ids[i - 1] < careers->company_ids[i]);
    }
    assert_rosters(careers);
    assert_roster_sets(careers);
    assert_first_starts(careers);
}

static void careers_build_or_fail(struct careers *careers, struct people *people,
                                  const struct fact_table tables[FACT_LOGS], int64_t as_of_ms,
                                  const struct attribution_settings *settings) {
    struct err err;
    const struct dictionary nobody = {0};
    MUST(people_build(people, &nobody, tables, &err));
    MUST(careers_build(careers, &tables[FACT_POSITIONS], &tables[FACT_COMPANIES], people, as_of_ms,
                       settings, &err));
}

static void careers_are_those_of_the_definitions(void **state) {
    (void)state;
    bool has_mass = false;
    for (uint64_t seed = 0; seed < 4000; seed++) {
        struct world world = world_make(seed);
        struct fact_table tables[FACT_LOGS];
        struct people people = {0};
        struct careers careers = {0};
        world_tables(&world, tables);
        careers_build_or_fail(&careers, &people, tables, world.as_of_ms, &world.settings);
        assert_true(careers.applied + careers.orphans + careers.malformed + careers.beyond ==
                    tables[FACT_POSITIONS].count);
        struct slow *slow = slow_careers(&world);
        assert_same_careers(&careers, &people, slow, &has_mass);
        free(slow);
        careers_release(&careers);
        people_release(&people);
        tables_release(tables);
    }
    assert_true(has_mass);
}

static void no_records_are_careers_of_nobody(void **state) {
    (void)state;
    struct fact_table tables[FACT_LOGS];
    struct people people = {0};
    struct careers careers = {0};
    tables_init(tables);
    careers_build_or_fail(&careers, &people, tables, INT64_MAX, &attribution_presets[0]);
    assert_int_equal(careers.spell_count + careers.move_count + careers.company_count, 0);
    careers_release(&careers);
    people_release(&people);
}

static void a_ring_of_canonical_companies_is_refused_by_name(void **state) {
    (void)state;
    struct err err;
    struct fact_table tables[FACT_LOGS];
    struct people people = {0};
    struct careers careers = {0};
    tables_init(tables);
    table_add(&tables[FACT_COMPANIES], FACT(1, 20));
    table_add(&tables[FACT_COMPANIES], FACT(20, 30));
    table_add(&tables[FACT_COMPANIES], FACT(30, 20));
    tables_finish(tables);
    MUST_FAIL(careers_build(&careers, &tables[FACT_POSITIONS], &tables[FACT_COMPANIES], &people,
                            INT64_MAX, &attribution_presets[0], &err),
              FAILURE_DATA, "20 -> 30 -> 20");
    careers_release(&careers);
    tables_release(tables);
}

/* Everyone's first day is at one firm; every hundredth goes to another in one of the months after.
 */
static void a_firm_of_many_people_has_its_roster_and_its_mass_moves(void **state) {
    (void)state;
    enum { PEOPLE = 200000, EVERY = 100, MONTHS = 10 };
    struct fact_table tables[FACT_LOGS];
    struct people people = {0};
    struct careers careers = {0};
    tables_init(tables);
    for (uint64_t i = 0; i < PEOPLE; i++) {
        table_add(&tables[FACT_POSITIONS], position_fact(i, 9, 1000, POSITION_START, 0));
        if (i % EVERY == 0) {
            uint64_t month = i / EVERY % MONTHS;
            int64_t at_ms = INT64_C(1577836800000) + (int64_t)month * 31 * 86400000;
            table_add(&tables[FACT_POSITIONS], position_fact(i, 10 + month, at_ms, 0, 0));
        }
    }
    tables_finish(tables);
    struct attribution_settings settings = attribution_presets[0];
    settings.mass_share = 1.0 / EVERY / MONTHS;
    careers_build_or_fail(&careers, &people, tables, INT64_MAX, &settings);
    assert_int_equal(careers.roster_begin[1] - careers.roster_begin[0], PEOPLE);
    assert_int_equal(careers.move_count, PEOPLE + PEOPLE / EVERY);
    size_t mass_moves = 0;
    for (size_t i = 0; i < careers.move_count; i++) {
        mass_moves += careers.moves[i].is_mass;
    }
    assert_int_equal(mass_moves, PEOPLE / EVERY);
    careers_release(&careers);
    people_release(&people);
    tables_release(tables);
}

static void a_member_may_have_thousands_of_positions(void **state) {
    (void)state;
    enum { POSITIONS = 20000 };
    struct fact_table tables[FACT_LOGS];
    struct people people = {0};
    struct careers careers = {0};
    tables_init(tables);
    for (uint64_t i = 0; i < POSITIONS; i++) {
        int64_t at_ms = (int64_t)(1 + i * 7919 % POSITIONS) * 86400000;
        table_add(&tables[FACT_POSITIONS], position_fact(5, i, at_ms, POSITION_START, 0));
    }
    tables_finish(tables);
    careers_build_or_fail(&careers, &people, tables, INT64_MAX, &attribution_presets[0]);
    assert_int_equal(careers.move_count, POSITIONS);
    assert_int_equal(careers.moves[0].kind, MOVE_ENTRY);
    assert_int_equal(careers.moves[0].previous, COMPANY_NONE);
    for (size_t i = 1; i < POSITIONS; i++) {
        assert_int_equal(careers.moves[i].kind, MOVE_MOVE);
        assert_int_equal(careers.moves[i].previous, careers.moves[i - 1].company);
    }
    careers_release(&careers);
    people_release(&people);
    tables_release(tables);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(careers_are_those_of_the_definitions),
        cmocka_unit_test(no_records_are_careers_of_nobody),
        cmocka_unit_test(a_ring_of_canonical_companies_is_refused_by_name),
        cmocka_unit_test(a_firm_of_many_people_has_its_roster_and_its_mass_moves),
        cmocka_unit_test(a_member_may_have_thousands_of_positions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
