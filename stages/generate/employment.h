/* Who worked where and when, as the positions log that is being written says: dates are known to a
 * unit, and the rules of a job transmission (definitions, section 4, preset `default`) are applied
 * to them while the world is made.
 *
 * Companies are numbered densely and are canonical: what merged is one. No member has two jobs at
 * one company whose dates meet, so that jobs are spells.
 */
#ifndef TIEFLOW_STAGES_GENERATE_EMPLOYMENT_H
#define TIEFLOW_STAGES_GENERATE_EMPLOYMENT_H

#include "schemas/facts.h"
#include "schemas/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The unit [lo, hi) that holds an instant; what comes before records ends before every date. */
struct date {
    int64_t lo_ms;
    int64_t hi_ms;
};
#define DATE_EVER ((struct date){INT64_MIN, INT64_MIN})
#define DATE_NEVER ((struct date){INT64_MAX, INT64_MAX})

/* DATE_EVER where at_ms <= 0. */
struct date date_of(int64_t at_ms, enum position_precision precision);

#define JOB_NONE UINT32_MAX

struct job {
    uint32_t previous; /* the member's job before this one in the order of adding, or JOB_NONE */
    uint32_t company;
    uint32_t reported; /* as the log names it: another number where the company has merged */
    struct date start;
    struct date end; /* DATE_NEVER while open */
};

struct employment {
    struct job *jobs;
    uint32_t count;
    uint32_t capacity;
    uint32_t *latest;   /* per member: the job added last, or JOB_NONE */
    struct date *entry; /* per member: the earliest start, the coarsest of equal ones */
    uint32_t members;
};

/* Zero-initialise; to be released also when this fails. */
FALLIBLE employment_init(struct employment *employment, uint32_t members, struct err *err);
void employment_release(struct employment *employment);

FALLIBLE employment_start(struct employment *employment, uint32_t member, uint32_t company,
                          uint32_t reported, struct date start, struct err *err);

/* The member's job at the company that was added last, JOB_NONE for none. */
uint32_t employment_find(const struct employment *employment, uint32_t member, uint32_t company);

/* The open job that was added last, JOB_NONE for none. */
uint32_t employment_open(const struct employment *employment, uint32_t member);

/* Whether somebody new to a company can start there at this date: who is employed already, and did
 * not enter the labour market after, or too near for the order to be known. */
bool employment_can_move(const struct employment *employment, uint32_t member, struct date start);

/* Whether the job makes its holder an eligible contact at `start`: begun a year before, not over.
 */
enum { CONTACT_JOB_DAYS = 365 };
bool job_carries(const struct job *job, struct date start);

/* The contact's jobs that could take the mover to their company at `start`; `number` of them are
 * passed over. JOB_NONE where there are not so many. */
uint32_t employment_carrier(const struct employment *employment, uint32_t contact, uint32_t mover,
                            struct date start, uint32_t number);

#endif
