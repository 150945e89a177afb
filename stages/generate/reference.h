/* What a study's members, companies and industries are like: rows of the logs `members`,
 * `companies` and `industries`. Everything is a function of the study's options and a number.
 */
#ifndef TIEFLOW_STAGES_GENERATE_REFERENCE_H
#define TIEFLOW_STAGES_GENERATE_REFERENCE_H

#include "schemas/facts.h"
#include "stages/generate/study.h"

#include <stdbool.h>
#include <stdint.h>

/* Ids of companies and industries count from 1. */
uint64_t reference_company_id(uint32_t company);

/* The company that this one became part of, or itself: of about `merger_share` of the companies,
 * never of the greatest, another greater one that did not merge. */
uint32_t reference_canonical(const struct study *study, uint32_t company, double merger_share);

/* Industry 0 .. STUDY_INDUSTRIES - 1: its rank in each ranking is one of 1 .. STUDY_INDUSTRIES. */
struct fact reference_industry(const struct study *study, uint32_t industry);

struct fact reference_company(const struct study *study, uint32_t company, double merger_share);

/* `career_start_year` is 0 where not known. False for about `unknown_share` of the members, who
 * have no row. */
bool reference_member(const struct study *study, uint32_t member, uint32_t career_start_year,
                      double unknown_share, struct fact *fact);

#endif
