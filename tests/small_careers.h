/* Random careers of a few people at a few companies, made directly as the careers stage would leave
 * them, for tests of what reads careers. */
#ifndef TIEFLOW_TESTS_SMALL_CAREERS_H
#define TIEFLOW_TESTS_SMALL_CAREERS_H

#include "stages/base/random.h"
#include "stages/careers/careers.h"

enum { SMALL_PEOPLE_MAX = 4000, SMALL_COMPANIES_MAX = 4, SMALL_SPELLS_MAX = 3 };

#define SMALL_DAY_MS INT64_C(86400000)

/* Dates lie in this many days from 2020-01-01 on, which is SMALL_BEGIN_MS. */
enum { SMALL_DAYS = 1200 };
#define SMALL_BEGIN_MS INT64_C(1577836800000)

/* Fills spells, moves and entry dates of `people` people at `companies` companies; the rosters stay
 * empty. Free with small_careers_free. */
void small_careers_make(struct careers *careers, struct random *random, size_t people,
                        size_t companies);
void small_careers_free(struct careers *careers);

/* An instant of the same days. */
int64_t small_instant(struct random *random);

#endif
