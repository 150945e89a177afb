/* The careers stage: position records to spells, moves and rosters (definitions, section 3).
 *
 * Where a record's `at` falls is its unit of time, UTC. A start with at <= 0 is before records,
 * whatever its precision; an end with at <= 0 is malformed. Per member and canonical company a
 * counter takes one up at the start's lo and one down at the end's hi, starts first at one instant;
 * a spell is a longest stretch above zero. Its `start` is the unit of the record that opened it
 * (the coarsest of several), its `end` that of the record that closed it (likewise).
 *
 * A row of `moves` is the start of the first spell at a company, unless before records: a `move`
 * where the entry date (the earliest start, of several the coarsest) is before it, an `entry` where
 * it is that date, else undecided. The previous company is that of the spell elsewhere that began
 * before it with the latest start (lo, then hi), the latest end (hi, then lo), the smallest id.
 *
 * Every record is counted once: in `beyond`, `malformed`, `orphans` or `applied`.
 */
#ifndef TIEFLOW_STAGES_CAREERS_CAREERS_H
#define TIEFLOW_STAGES_CAREERS_CAREERS_H

#include "schemas/settings.h"
#include "schemas/status.h"
#include "stages/adjacency/node_set.h"
#include "stages/careers/span.h"
#include "stages/facts/fact_table.h"
#include "stages/facts/people.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COMPANY_NONE UINT32_MAX

struct spell {
    struct span start; /* SPAN_EVER: before records */
    struct span end;   /* SPAN_NEVER: open */
    uint32_t company;  /* index among the canonical companies */
    uint32_t person;
};

enum move_kind { MOVE_ENTRY, MOVE_MOVE, MOVE_UNDECIDED };

/* One row of the table `moves`. */
struct move {
    struct span at;
    uint32_t person;
    uint32_t company;
    uint32_t previous; /* company; COMPANY_NONE */
    uint8_t precision; /* enum position_precision, of the record that `at` is from */
    uint8_t kind;      /* enum move_kind */
    bool is_mass;
};

struct careers {
    uint64_t *company_ids; /* canonical, of all records, ascending */
    size_t company_count;
    size_t person_count;
    size_t *spell_begin;  /* person_count + 1: spells of person p are [begin[p], begin[p + 1]) */
    struct spell *spells; /* of each person by (company, start) */
    size_t spell_count;
    size_t *move_begin; /* likewise */
    struct move *moves; /* of each person by (at.lo, at.hi, company) */
    size_t move_count;
    struct span *entry;      /* entry date per person; SPAN_NEVER without any start */
    size_t *roster_begin;    /* company_count + 1 */
    uint32_t *roster_spells; /* index of every spell at the company, ascending */
    /* People with a spell at the company; NULL for a company that no `move` goes to. */
    struct node_set **rosters;
    uint64_t applied;   /* records used */
    uint64_t orphans;   /* ends at zero */
    uint64_t malformed; /* ends before records */
    uint64_t beyond;    /* records with at > as_of, ignored */
};

/* Builds from finished tables; records with at > as_of_ms are ignored. `companies` may be empty: a
 * company without a canonical one is its own; one whose canonical company has one itself belongs to
 * the last of the chain. FAILURE_DATA where canonical companies form a ring. `people` are built
 * from the same positions. Zero-initialise `careers`; release in any case. */
FALLIBLE careers_build(struct careers *careers, const struct fact_table *positions,
                       const struct fact_table *companies, const struct people *people,
                       int64_t as_of_ms, const struct attribution_settings *settings,
                       struct err *err);
void careers_release(struct careers *careers);

/* Start of the person's first spell at the company: SPAN_NEVER where there is none. */
struct span careers_first_start(const struct careers *careers, uint32_t person, uint32_t company);

#endif
