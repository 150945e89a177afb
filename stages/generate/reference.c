/* Where a member lives: places are parts of regions, a few regions make a country. */
#include "stages/generate/reference.h"

#include "stages/base/random.h"

#include <assert.h>

enum { PLACES_PER_REGION = 8, REGIONS_PER_COUNTRY = 4 };

/* Kept apart from the study's own streams of the same seed. */
enum { STREAM_MERGERS = 101, STREAM_PLACES, STREAM_GENDERS, STREAM_ROWS, STREAM_RANKS };

/* A number of its own for each (stream, number). */
static uint64_t hash_of(const struct study *study, int stream, uint64_t number) {
    uint64_t key = random_mix(study_options_of(study)->seed + (uint64_t)stream);
    return random_mix(key + number);
}

/* The same in [0, 1). */
static double share_of(const struct study *study, int stream, uint64_t number) {
    return (double)(hash_of(study, stream, number) >> 11) * 0x1p-53;
}

static void fact_set(struct fact *fact, int field, uint64_t value) {
    fact->value[field] = value;
    fact->known |= (uint8_t)(1 << field);
}

uint64_t reference_company_id(uint32_t company) {
    return (uint64_t)company + 1;
}

static bool company_merges(const struct study *study, uint32_t company, double share) {
    return company > 0 && share_of(study, STREAM_MERGERS, company) < share;
}

uint32_t reference_canonical(const struct study *study, uint32_t company, double merger_share) {
    if (!company_merges(study, company, merger_share)) {
        return company;
    }
    uint32_t into = (uint32_t)(hash_of(study, STREAM_MERGERS, ~(uint64_t)company) % company);
    return company_merges(study, into, merger_share) ? company : into;
}

/* The rank of the industry when all are sorted by their hashes of this ranking. */
static uint32_t rank_of(const struct study *study, uint32_t industry, uint32_t ranking) {
    uint64_t own = hash_of(study, STREAM_RANKS + (int)ranking, industry);
    uint32_t rank = 1;
    for (uint32_t i = 0; i < STUDY_INDUSTRIES; i++) {
        uint64_t other = hash_of(study, STREAM_RANKS + (int)ranking, i);
        rank += other < own || (other == own && i < industry);
    }
    return rank;
}

struct fact reference_industry(const struct study *study, uint32_t industry) {
    static const uint8_t naics[STUDY_INDUSTRIES] = {11, 21, 22, 23, 31, 42, 44, 48, 51, 52,
                                                    53, 54, 55, 56, 61, 62, 71, 72, 81, 92};
    assert(industry < STUDY_INDUSTRIES);
    struct fact fact = {0};
    fact_set(&fact, INDUSTRY_ID, (uint64_t)industry + 1);
    fact_set(&fact, INDUSTRY_NAICS, naics[industry]);
    for (uint32_t ranking = 0; ranking < INDUSTRY_RANKS; ranking++) {
        fact_set(&fact, INDUSTRY_IT + (int)ranking, rank_of(study, industry, ranking));
    }
    return fact;
}

struct fact reference_company(const struct study *study, uint32_t company, double merger_share) {
    struct fact fact = {0};
    uint32_t canonical = reference_canonical(study, company, merger_share);
    fact_set(&fact, COMPANY_ID, reference_company_id(company));
    if (canonical != company) {
        fact_set(&fact, COMPANY_CANONICAL, reference_company_id(canonical));
    }
    fact_set(&fact, COMPANY_INDUSTRY, (uint64_t)study_industry_of(study, company) + 1);
    return fact;
}

bool reference_member(const struct study *study, uint32_t member, uint32_t career_start_year,
                      double unknown_share, struct fact *fact) {
    *fact = (struct fact){0};
    if (share_of(study, STREAM_ROWS, member) < unknown_share) {
        return false;
    }
    uint32_t region = study_group_of(study, member, REGION);
    uint32_t countries = study_group_count(study, REGION) / REGIONS_PER_COUNTRY + 1;
    uint32_t employer = study_group_of(study, member, EMPLOYER);
    uint64_t place = hash_of(study, STREAM_PLACES, member) % PLACES_PER_REGION;
    fact_set(fact, MEMBER_ID, study_member_id(study, member));
    fact_set(fact, MEMBER_INDUSTRY, (uint64_t)study_industry_of(study, employer) + 1);
    fact_set(fact, MEMBER_COUNTRY, region % countries + 1);
    fact_set(fact, MEMBER_REGION, (uint64_t)region + 1);
    fact_set(fact, MEMBER_PLACE, (uint64_t)region * PLACES_PER_REGION + place + 1);
    fact_set(fact, MEMBER_SCHOOL, (uint64_t)study_group_of(study, member, SCHOOL) + 1);
    if (career_start_year > 0) {
        fact_set(fact, MEMBER_CAREER_START_YEAR, career_start_year);
    }
    fact_set(fact, MEMBER_GENDER, hash_of(study, STREAM_GENDERS, member) % 4);
    return true;
}
