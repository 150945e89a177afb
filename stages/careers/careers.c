/* One pass over the positions, which are sorted by member as the people are, makes the spells; one
 * over the spells makes the moves. Nothing is kept per record but a company number while it lasts.
 */
#include "stages/careers/careers.h"

#include "stages/careers/companies.h"
#include "stages/careers/mass.h"
#include "stages/careers/moves.h"
#include "stages/careers/spells.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

struct builder {
    struct careers *careers;
    const struct fact_table *table;
    const struct people *people;
    int64_t as_of_ms;
    uint32_t *companies;        /* of every record */
    struct position *positions; /* of one member */
    struct key_item *scratch;   /* two per spell of a member */
};

static int64_t record_at(const struct fact *record) {
    return (int64_t)record->value[POSITION_AT];
}

static size_t member_end(const struct fact_table *table, size_t first) {
    uint64_t member = table->facts[first].value[POSITION_MEMBER];
    size_t end = first + 1;
    while (end < table->count && table->facts[end].value[POSITION_MEMBER] == member) {
        end++;
    }
    return end;
}

/* Room for what the records can become at most. */
static struct status builder_hold(struct builder *builder, struct err *err) {
    struct careers *careers = builder->careers;
    const struct fact_table *table = builder->table;
    size_t starts = 0;
    size_t most = 0;
    for (size_t first = 0, end; first < table->count; first = end) {
        end = member_end(table, first);
        most = end - first > most ? end - first : most;
    }
    for (size_t i = 0; i < table->count; i++) {
        const struct fact *record = &table->facts[i];
        starts += record->value[POSITION_KIND] == POSITION_START &&
                  record_at(record) <= builder->as_of_ms;
    }
    size_t people = builder->people->count;
    careers->person_count = people;
    careers->spells = reallocarray(NULL, starts + 1, sizeof *careers->spells);
    careers->spell_begin = calloc(people + 1, sizeof *careers->spell_begin);
    careers->move_begin = calloc(people + 1, sizeof *careers->move_begin);
    careers->entry = calloc(people + 1, sizeof *careers->entry);
    builder->companies = calloc(table->count + 1, sizeof *builder->companies);
    builder->positions = reallocarray(NULL, most + 1, sizeof *builder->positions);
    builder->scratch = reallocarray(NULL, 2 * most + 1, sizeof *builder->scratch);
    if (careers->spells == NULL || careers->spell_begin == NULL || careers->move_begin == NULL ||
        careers->entry == NULL || builder->companies == NULL || builder->positions == NULL ||
        builder->scratch == NULL) {
        return err_memory(err, 40ULL * starts + 32ULL * people + 4ULL * table->count,
                          "the careers");
    }
    return status_ok();
}

/* The records [first, end) of one member that count, into builder->positions. */
static size_t positions_take(struct builder *builder, size_t first, size_t end) {
    struct careers *careers = builder->careers;
    size_t count = 0;
    for (size_t i = first; i < end; i++) {
        const struct fact *record = &builder->table->facts[i];
        int64_t at_ms = record_at(record);
        uint32_t kind = (uint32_t)record->value[POSITION_KIND];
        if (at_ms > builder->as_of_ms) {
            careers->beyond++;
        } else if (kind == POSITION_END && at_ms <= 0) {
            careers->malformed++;
        } else {
            enum position_precision precision =
                (enum position_precision)record->value[POSITION_PRECISION];
            struct span span = position_span(at_ms, precision);
            builder->positions[count++] = (struct position){span, builder->companies[i], kind};
        }
    }
    return count;
}

static struct status spells_build(struct builder *builder, struct err *err) {
    struct careers *careers = builder->careers;
    const struct fact_table *table = builder->table;
    size_t record = 0;
    uint64_t taken = 0;
    for (uint32_t person = 0; person < careers->person_count; person++) {
        careers->spell_begin[person] = careers->spell_count;
        if (record == table->count ||
            table->facts[record].value[POSITION_MEMBER] != builder->people->ids[person]) {
            continue;
        }
        size_t end = member_end(table, record);
        size_t count = positions_take(builder, record, end);
        careers->spell_count +=
            spells_make(builder->positions, count, person, careers->spells + careers->spell_count,
                        &careers->orphans);
        taken += count;
        record = end;
    }
    assert(record == table->count); /* all their members are people */
    careers->spell_begin[careers->person_count] = careers->spell_count;
    careers->applied = taken - careers->orphans;
    if (careers->spell_count > UINT32_MAX) {
        return err_set(err, FAILURE_DATA, "%zu spells: over this program's limit of %u",
                       careers->spell_count, UINT32_MAX);
    }
    struct spell *kept =
        reallocarray(careers->spells, careers->spell_count + 1, sizeof *careers->spells);
    careers->spells = kept == NULL ? careers->spells : kept;
    return status_ok();
}

static struct status moves_build(struct builder *builder, struct err *err) {
    struct careers *careers = builder->careers;
    for (size_t person = 0; person < careers->person_count; person++) {
        size_t first = careers->spell_begin[person];
        size_t count = careers->spell_begin[person + 1] - first;
        careers->entry[person] = entry_date(careers->spells + first, count);
        careers->move_begin[person] = careers->move_count;
        careers->move_count += moves_count(careers->spells + first, count);
    }
    careers->move_begin[careers->person_count] = careers->move_count;
    careers->moves = reallocarray(NULL, careers->move_count + 1, sizeof *careers->moves);
    if (careers->moves == NULL) {
        return err_memory(err, 32ULL * careers->move_count, "the moves");
    }
    for (size_t person = 0; person < careers->person_count; person++) {
        size_t first = careers->spell_begin[person];
        moves_make(careers->spells + first, careers->spell_begin[person + 1] - first,
                   careers->moves + careers->move_begin[person], builder->scratch);
    }
    return status_ok();
}

/* A counting sort of the spells by company. */
static struct status rosters_build(struct careers *careers, struct err *err) {
    size_t companies = careers->company_count;
    careers->roster_begin = calloc(companies + 2, sizeof *careers->roster_begin);
    careers->roster_spells = calloc(careers->spell_count + 1, sizeof *careers->roster_spells);
    if (careers->roster_begin == NULL || careers->roster_spells == NULL) {
        return err_memory(err, 8ULL * companies + 4ULL * careers->spell_count, "the rosters");
    }
    /* begin[c + 1] is where the next spell of c goes while they are handed out, and the end of c,
     * the beginning of c + 1, when they are. */
    size_t *begin = careers->roster_begin;
    for (size_t i = 0; i < careers->spell_count; i++) {
        begin[careers->spells[i].company + 2]++;
    }
    for (size_t company = 0; company < companies; company++) {
        begin[company + 2] += begin[company + 1];
    }
    for (size_t i = 0; i < careers->spell_count; i++) {
        careers->roster_spells[begin[careers->spells[i].company + 1]++] = (uint32_t)i;
    }
    return status_ok();
}

/* The people of one company, into `people`; returns how many. */
static size_t roster_people(const struct careers *careers, uint32_t company, uint32_t *people) {
    size_t count = 0;
    for (size_t i = careers->roster_begin[company]; i < careers->roster_begin[company + 1]; i++) {
        uint32_t person = careers->spells[careers->roster_spells[i]].person;
        if (count == 0 || people[count - 1] != person) {
            people[count++] = person;
        }
    }
    return count;
}

/* Sets of those companies alone that contacts are looked for at. */
static struct status roster_sets_build(struct careers *careers, struct err *err) {
    size_t companies = careers->company_count;
    size_t most = 0;
    for (size_t company = 0; company < companies; company++) {
        size_t spells = careers->roster_begin[company + 1] - careers->roster_begin[company];
        most = spells > most ? spells : most;
    }
    careers->rosters = calloc(companies + 1, sizeof *careers->rosters);
    uint32_t *people = calloc(most + 1, sizeof *people);
    if (careers->rosters == NULL || people == NULL) {
        free(people);
        return err_memory(err, 8ULL * companies + 4ULL * most, "the rosters");
    }
    struct status status = status_ok();
    for (size_t i = 0; i < careers->move_count && !failed(status); i++) {
        uint32_t company = careers->moves[i].company;
        if (careers->moves[i].kind == MOVE_MOVE && careers->rosters[company] == NULL) {
            size_t count = roster_people(careers, company, people);
            status = node_set_new(&careers->rosters[company], people, count, err);
        }
    }
    free(people);
    return status;
}

static struct status careers_make(struct builder *builder, const struct fact_table *companies,
                                  const struct attribution_settings *settings, struct err *err) {
    struct careers *careers = builder->careers;
    TRY(builder_hold(builder, err));
    TRY(companies_resolve(builder->table, companies, builder->companies, &careers->company_ids,
                          &careers->company_count, err));
    TRY(spells_build(builder, err));
    free(builder->companies);
    builder->companies = NULL;
    TRY(moves_build(builder, err));
    TRY(rosters_build(careers, err));
    TRY(roster_sets_build(careers, err));
    return mass_flag(careers, settings, err);
}

struct status careers_build(struct careers *careers, const struct fact_table *positions,
                            const struct fact_table *companies, const struct people *people,
                            int64_t as_of_ms, const struct attribution_settings *settings,
                            struct err *err) {
    assert(positions->log == FACT_POSITIONS && positions->sorted == positions->count);
    assert(companies->log == FACT_COMPANIES && companies->sorted == companies->count);
    struct builder builder = {
        .careers = careers,
        .table = positions,
        .people = people,
        .as_of_ms = as_of_ms,
    };
    struct status status = careers_make(&builder, companies, settings, err);
    free(builder.companies);
    free(builder.positions);
    free(builder.scratch);
    return status;
}

void careers_release(struct careers *careers) {
    for (size_t company = 0; careers->rosters != NULL && company < careers->company_count;
         company++) {
        node_set_free(careers->rosters[company]);
    }
    free(careers->rosters);
    free(careers->company_ids);
    free(careers->spell_begin);
    free(careers->spells);
    free(careers->move_begin);
    free(careers->moves);
    free(careers->entry);
    free(careers->roster_begin);
    free(careers->roster_spells);
    *careers = (struct careers){0};
}

struct span careers_first_start(const struct careers *careers, uint32_t person, uint32_t company) {
    size_t first = careers->spell_begin[person];
    size_t behind = careers->spell_begin[person + 1];
    size_t end = behind;
    while (first < end) {
        size_t middle = first + (end - first) / 2;
        if (careers->spells[middle].company < company) {
            first = middle + 1;
        } else {
            end = middle;
        }
    }
    bool is_there = first < behind && careers->spells[first].company == company;
    return is_there ? careers->spells[first].start : SPAN_NEVER;
}
