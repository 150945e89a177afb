#include "bench/world_facts.h"

#include "bench/world_pairs.h"
#include "stages/base/random.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

enum {
    NEAR_EMPLOYERS = 15,
    INDUSTRIES = 24,
    REGIONS = 50,
    PLACES = 400,
    COUNTRIES = 8,
    VARIANTS = 3,
    MOVES_MAX = 8, /* of one member; what is drawn beyond is dropped */
    JOBS_MAX = MOVES_MAX + 1,
};

static const int64_t day_ms = 86400000;
static const int64_t career_first_ms = INT64_C(631152000000); /* 1990 */

uint64_t world_member_id(uint64_t member) {
    return random_mix(member + 1);
}

struct maker {
    const struct world_facts_options *options;
    struct fact_table *tables;
    struct random random;
};

static struct status fact_put(struct maker *maker, enum fact_log log,
                              const uint64_t values[FACT_FIELDS_MAX], unsigned known,
                              struct err *err) {
    struct fact fact = {.known = (uint8_t)known};
    for (size_t i = 0; i < fact_shapes[log].field_count; i++) {
        fact.value[i] = (known >> i & 1) != 0 ? values[i] : 0;
    }
    return fact_table_add(&maker->tables[log], &fact, 1, err);
}

/* All fields known. */
static struct status fact_put_whole(struct maker *maker, enum fact_log log,
                                    const uint64_t values[FACT_FIELDS_MAX], struct err *err) {
    return fact_put(maker, log, values, (1U << fact_shapes[log].field_count) - 1, err);
}

static bool chance(struct maker *maker, double share) {
    return random_unit(&maker->random) < share;
}

static int64_t time_between(struct maker *maker, int64_t first_ms, int64_t last_ms) {
    return first_ms + (int64_t)random_below(&maker->random, (uint64_t)(last_ms - first_ms));
}

/* An employer of the member's circle or of everybody; numbers from 1. */
static uint64_t employer_draw(struct maker *maker, uint64_t member) {
    uint64_t everybodys = maker->options->members / 100;
    double u = random_unit(&maker->random);
    if (chance(maker, 0.7)) {
        return 1 + everybodys + member / WORLD_CIRCLE * NEAR_EMPLOYERS +
               (uint64_t)(NEAR_EMPLOYERS * u * u);
    }
    return 1 + (uint64_t)((double)everybodys * u * u * u);
}

static struct status position_put(struct maker *maker, int64_t at_ms, uint64_t id, uint64_t company,
                                  enum position_kind kind, struct err *err) {
    double u = random_unit(&maker->random);
    const uint64_t values[FACT_FIELDS_MAX] = {
        [POSITION_AT] = (uint64_t)at_ms,
        [POSITION_MEMBER] = id,
        [POSITION_COMPANY] = company,
        [POSITION_KIND] = kind,
        [POSITION_PRECISION] = u < 0.4   ? PRECISION_DAY
                               : u < 0.9 ? PRECISION_MONTH
                                         : PRECISION_YEAR,
    };
    return fact_put_whole(maker, FACT_POSITIONS, values, err);
}

static int compare_times(const void *a, const void *b) {
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static bool is_among(uint64_t company, const uint64_t *companies, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (companies[i] == company) {
            return true;
        }
    }
    return false;
}

/* Jobs one after the other; the first mostly long before, each move to an employer that is new to
 * the member. Sets when the career began. */
static struct status career_make(struct maker *maker, uint64_t member, size_t moves,
                                 int64_t *began_ms, struct err *err) {
    const struct world_facts_options *options = maker->options;
    uint64_t id = world_member_id(member);
    int64_t starts[JOBS_MAX];
    uint64_t companies[JOBS_MAX];
    bool is_late = moves == 0 && chance(maker, 0.1);
    starts[0] = is_late ? time_between(maker, options->first_ms, options->last_ms)
                        : time_between(maker, career_first_ms, options->first_ms - 366 * day_ms);
    for (size_t i = 1; i <= moves; i++) {
        starts[i] = time_between(maker, options->first_ms, options->last_ms);
    }
    qsort(starts + 1, moves, sizeof *starts, compare_times);
    *began_ms = starts[0];
    for (size_t i = 0; i <= moves; i++) {
        do {
            companies[i] = employer_draw(maker, member);
        } while (is_among(companies[i], companies, i));
        int64_t at_ms = i == 0 && chance(maker, 0.02) ? 0 : starts[i];
        TRY(position_put(maker, at_ms, id, companies[i], POSITION_START, err));
        if (chance(maker, i < moves ? 0.8 : 0.1)) {
            int64_t end_ms =
                i < moves ? starts[i + 1] : time_between(maker, starts[i], options->last_ms);
            TRY(position_put(maker, end_ms, id, companies[i], POSITION_END, err));
        }
    }
    return status_ok();
}

static struct status profile_make(struct maker *maker, uint64_t member, int64_t began_ms,
                                  struct err *err) {
    uint64_t circle = member / WORLD_CIRCLE;
    uint64_t home = random_mix(circle);
    uint64_t industry =
        chance(maker, 0.7) ? home % INDUSTRIES : random_below(&maker->random, INDUSTRIES);
    uint64_t place = home / INDUSTRIES % PLACES;
    const uint64_t values[FACT_FIELDS_MAX] = {
        [MEMBER_ID] = world_member_id(member),
        [MEMBER_INDUSTRY] = 1 + industry,
        [MEMBER_COUNTRY] = 1 + place % COUNTRIES,
        [MEMBER_REGION] = 1 + place % REGIONS,
        [MEMBER_PLACE] = 1 + place,
        [MEMBER_SCHOOL] = 0,
        [MEMBER_CAREER_START_YEAR] = (uint64_t)(1970 + began_ms / (365 * day_ms + day_ms / 4)),
        [MEMBER_GENDER] = 0,
    };
    unsigned known = 1U << MEMBER_ID | 1U << MEMBER_COUNTRY | 1U << MEMBER_CAREER_START_YEAR;
    known |= chance(maker, 0.95) ? 1U << MEMBER_INDUSTRY : 0U;
    known |= chance(maker, 0.9) ? 1U << MEMBER_REGION | 1U << MEMBER_PLACE : 0U;
    return fact_put(maker, FACT_MEMBERS, values, known, err);
}

static struct status others_make(struct maker *maker, uint64_t member, struct err *err) {
    const struct world_facts_options *options = maker->options;
    uint64_t id = world_member_id(member);
    const uint64_t assignment[FACT_FIELDS_MAX] = {
        [ASSIGNMENT_AT] = (uint64_t)time_between(maker, options->first_ms, options->last_ms),
        [ASSIGNMENT_EXPERIMENT] = 1,
        [ASSIGNMENT_MEMBER] = id,
        [ASSIGNMENT_VARIANT] = random_below(&maker->random, VARIANTS),
    };
    TRY(fact_put_whole(maker, FACT_ASSIGNMENTS, assignment, err));
    if (!chance(maker, 0.25)) {
        return status_ok();
    }
    const uint64_t application[FACT_FIELDS_MAX] = {
        [APPLICATION_AT] = (uint64_t)time_between(maker, options->first_ms, options->last_ms),
        [APPLICATION_MEMBER] = id,
        [APPLICATION_COUNT] = 1 + random_below(&maker->random, 9),
    };
    return fact_put_whole(maker, FACT_APPLICATIONS, application, err);
}

/* One in twenty has neither job nor profile. */
static struct status members_make(struct maker *maker, const uint8_t *moves, struct err *err) {
    for (uint64_t member = 0; member < maker->options->members; member++) {
        if (moves[member] == 0 && chance(maker, 0.05)) {
            continue;
        }
        int64_t began_ms;
        TRY(career_make(maker, member, moves[member], &began_ms, err));
        TRY(profile_make(maker, member, began_ms, err));
        TRY(others_make(maker, member, err));
    }
    return status_ok();
}

static struct status industries_make(struct maker *maker, struct err *err) {
    for (uint64_t industry = 1; industry <= INDUSTRIES; industry++) {
        const uint64_t values[FACT_FIELDS_MAX] = {
            [INDUSTRY_ID] = industry,
            [INDUSTRY_NAICS] = 10 + industry,
            [INDUSTRY_IT] = industry,
            [INDUSTRY_SOFTWARE] = industry * 3 % (INDUSTRIES + 1),
            [INDUSTRY_ML] = industry * 7 % (INDUSTRIES + 1),
            [INDUSTRY_AI] = industry * 11 % (INDUSTRIES + 1),
            [INDUSTRY_ROBOTS] = industry * 13 % (INDUSTRIES + 1),
            [INDUSTRY_REMOTE] = industry * 17 % (INDUSTRIES + 1),
        };
        TRY(fact_put(maker, FACT_INDUSTRIES, values, 0xff, err));
    }
    return status_ok();
}

struct status world_facts_make(struct fact_table tables[FACT_LOGS],
                               const struct world_facts_options *options, struct err *err) {
    struct maker maker = {.options = options, .tables = tables};
    random_seed(&maker.random, options->seed);
    uint8_t *moves = calloc(options->members, sizeof *moves);
    if (moves == NULL) {
        return err_memory(err, options->members, "numbers of moves");
    }
    for (uint64_t i = 0; i < options->moves; i++) {
        uint8_t *its = &moves[random_below(&maker.random, options->members)];
        *its = (uint8_t)(*its + (*its < MOVES_MAX));
    }
    struct status status = members_make(&maker, moves, err);
    free(moves);
    TRY(status);
    TRY(industries_make(&maker, err));
    for (int log = 0; log < FACT_LOGS; log++) {
        TRY(fact_table_finish(&tables[log], err));
    }
    return status_ok();
}
