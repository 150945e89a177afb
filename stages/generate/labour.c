/* The model
 *
 * Members' first employers are the groups of the study, so that coworkers tie. Before the study
 * begins a member has entered the labour market some time within forty years, mostly left a past
 * employer (the study's group of that name) for the present one, and may hold a second job. One in
 * twelve enters during the study, one in thirty has no career on file.
 *
 * Time goes from one event of the study to the next. In between everything else happens at rates
 * that are constant there, as one Poisson process: what is left of an exponential number is used up
 * at the rate of the moment, and where it is used up a draw by the rates says what happens.
 *
 * Planted moves are made by thinning: candidates come at the peak's rate times the number of all
 * sides there ever were; one of the sides is drawn, and the candidate is dropped unless the curve
 * accepts it and the tie holds and its side is at risk. Rejected: to keep the set of sides at
 * risk, which changes with the mere passing of time.
 *
 * The precision of a move's date is drawn first, and the rules are asked about the date as it will
 * be reported: a year's first instant may be long before the move, and before the tie.
 *
 * A mover leaves most jobs on the spot, some later, a few never. Chance moves lead where a random
 * member works (so that companies draw by their size), with homophily more often a member of the
 * mover's industry and region; at times into no job, and at times to a company of before.
 *
 * Doubles are added, multiplied, divided and compared, never handed to exp, log or pow: see
 * study.c.
 */
#include "stages/generate/labour.h"

#include "schemas/limits.h"
#include "stages/base/number.h"
#include "stages/base/random.h"
#include "stages/generate/employment.h"
#include "stages/generate/pair_times.h"
#include "stages/generate/reference.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    BATCH_STEPS = 4096, /* events, or members, per batch */
    TIE_DAYS = 30,      /* least age of the tie: preset `default` */
    CAREER_YEARS = 40,  /* of the oldest */
    NO_CAREER_ONE_IN = 30,
    ENTRANT_ONE_IN = 12, /* enters during the study */
    PAST_JOB_PERCENT = 80,
    SECOND_JOB_PERCENT = 5,
    YEAR_ONE_IN = 5,          /* of the dates that are coarse */
    LEAVE_PERCENT = 75,       /* jobs that end with a move; */
    LEAVE_LATER_PERCENT = 20, /* those that end later; the rest go on */
    LATER_DAYS = 90,          /* at most */
    QUIT_ONE_IN = 8,          /* chance moves that lead into no job */
    REHIRE_ONE_IN = 4,        /* chances to go back that are taken */
    COMPANY_TRIES = 8,
    WART_EARLY_DAYS = 400, /* how long before its start a mistaken end is */
    INTERACTION_KINDS = 5,
    BUSY_SHIFT = 10, /* common neighbours at which a tie is half as lively as can be */
};

#define YEAR_MS (365 * DAY_MS)
#define CAREERS_END_MAX_MS (LIMIT_TIME_MAX_MS - 2 * YEAR_MS)

/* Row per tie made, in the order of making. */
struct tie {
    uint32_t a;
    uint32_t b;
    uint32_t mutual;
    int64_t created_ms;
};

/* Something that is to happen to a member: a job ends, or, with JOB_NONE, the first one begins. */
struct due {
    int64_t at_ms;
    uint32_t member;
    uint32_t job;
};

/* A position from before the study, kept to be sorted. */
struct record {
    int64_t at_ms;
    uint32_t member;
    uint32_t reported;
    uint8_t kind;
    uint8_t precision;
};

/* A change of the graph in the instant at hand. */
struct change {
    uint32_t a;
    uint32_t b;
    bool made;
};

enum process { HAZARD, CHANCE, INTERACTION, APPLICATION, PROCESSES };

struct labour {
    struct labour_options options;
    struct study *study;
    struct random random;
    struct employment employment;
    struct labour_batch batch;
    struct labour_truth truth;

    uint32_t prepared;      /* members whose careers up to the start are drawn */
    struct record *records; /* of those careers, not in the log yet from `record_at` on */
    size_t record_count;
    size_t record_capacity;
    size_t record_at;
    bool records_are_sorted;

    struct tie *ties;
    size_t tie_count;
    size_t tie_capacity;
    struct pair_times ended; /* the latest end of every pair that was ever parted */
    struct change *changes;  /* since changes_ms */
    size_t change_count;
    size_t change_capacity;
    int64_t changes_ms;

    struct due *dues; /* a heap, the earliest first */
    size_t due_count;
    size_t due_capacity;
    double now_ms;
    double patience; /* what is left until the process happens, at rate 1 */
    bool is_over;
};

const struct fact_shape planted_shape = {
    "planted",
    (const struct fact_field[]){
        {"at", FACT_TIME, true, false, 0, NULL},
        {"mover", FACT_ID, true, false, 0, NULL},
        {"contact", FACT_ID, true, false, 0, NULL},
        {"company", FACT_ID, true, false, 0, NULL},
        {"mutual", FACT_NUMBER, true, false, 0, NULL},
    },
    5,
    0,
};

/* ---- options ---- */

struct labour_options labour_defaults(uint64_t ties, double mean_degree) {
    struct labour_options options = {
        .study = study_defaults(ties, mean_degree),
        .hazard = HAZARD_INVERTED_U,
        .hazard_per_year = 0.00125,
        .moves_per_year = 0.02,
        .coarse_share = 0.3,
        .merger_share = 0.01,
        .unknown_share = 0.02,
        .interactions_per_year = 1.0,
        .applications_per_year = 0.5,
    };
    options.study.employer_skew = 2;
    options.study.regions = 6;
    options.study.homophily = 0.25;
    options.study.variants = 4;
    options.study.variant_closure = 0.5;
    options.study.ids_are_random = false;
    return options;
}

double labour_hazard(const struct labour_options *options, uint32_t mutual) {
    return options->hazard_per_year * hazard_at(options->hazard, mutual);
}

static struct status number_check(const char *name, double number, double most, struct err *err) {
    if (!(number >= 0.0 && number <= most)) {
        return err_set(err, FAILURE_USAGE, "careers: %s is %g; give a number from 0 to %g", name,
                       number, most);
    }
    return status_ok();
}

static struct status options_check(const struct labour_options *options, struct err *err) {
    const double rate_max = 1000.0;
    const struct study_options *study = &options->study;
    if (study->start_ms <= 0 || study->start_ms > CAREERS_END_MAX_MS ||
        study->span_ms > CAREERS_END_MAX_MS - study->start_ms) {
        return err_set(err, FAILURE_USAGE,
                       "careers: give a start after 1970-01-01 and an end before the year 9998: "
                       "earlier dates are before records, and later ones have no year to end in");
    }
    TRY(number_check("the hazard's rate", options->hazard_per_year, rate_max, err));
    TRY(number_check("the rate of chance moves", options->moves_per_year, rate_max, err));
    TRY(number_check("the rate of interactions", options->interactions_per_year, rate_max, err));
    TRY(number_check("the rate of applications", options->applications_per_year, rate_max, err));
    TRY(number_check("the share of coarse dates", options->coarse_share, 1.0, err));
    TRY(number_check("the share of unknown members", options->unknown_share, 1.0, err));
    return number_check("the share of mergers", options->merger_share, 1.0, err);
}

/* ---- arrays that grow ---- */

/* Makes room for one more item in the array at `array`. */
static struct status array_reserve(void *array, size_t *capacity, size_t count, size_t item_bytes,
                                   const char *what, struct err *err) {
    if (count < *capacity) {
        return status_ok();
    }
    void *items;
    memcpy(&items, array, sizeof items);
    size_t wanted = *capacity + *capacity / 4 + 64;
    items = realloc(items, wanted * item_bytes);
    if (items == NULL) {
        return err_memory(err, wanted * item_bytes, what);
    }
    memcpy(array, &items, sizeof items);
    *capacity = wanted;
    return status_ok();
}

/* Adds a record with all of `field_count` fields known. */
static struct status fact_put(struct fact_list *list, const uint64_t *values, size_t field_count,
                              struct err *err) {
    assert(field_count <= FACT_FIELDS_MAX);
    TRY(array_reserve(&list->facts, &list->capacity, list->count, sizeof *list->facts, "records",
                      err));
    struct fact *fact = &list->facts[list->count++];
    *fact = (struct fact){.known = (uint8_t)((1U << field_count) - 1)};
    memcpy(fact->value, values, field_count * sizeof *values);
    return status_ok();
}

static struct status fact_copy(struct fact_list *list, const struct fact *fact, struct err *err) {
    TRY(array_reserve(&list->facts, &list->capacity, list->count, sizeof *list->facts, "records",
                      err));
    list->facts[list->count++] = *fact;
    return status_ok();
}

static void batch_clear(struct labour_batch *batch) {
    batch->event_count = 0;
    batch->planted.count = 0;
    for (int log = 0; log < FACT_LOGS; log++) {
        batch->facts[log].count = 0;
    }
}

/* ---- draws ---- */

static bool draw_share(struct labour *labour, double share) {
    return share > 0.0 && random_unit(&labour->random) < share;
}

static bool draw_percent(struct labour *labour, uint32_t percent) {
    return random_below(&labour->random, 100) < percent;
}

static bool draw_one_in(struct labour *labour, uint32_t number) {
    return random_below(&labour->random, number) == 0;
}

static enum position_precision precision_draw(struct labour *labour) {
    if (!draw_share(labour, labour->options.coarse_share)) {
        return PRECISION_DAY;
    }
    return draw_one_in(labour, YEAR_ONE_IN) ? PRECISION_YEAR : PRECISION_MONTH;
}

static uint32_t member_draw(struct labour *labour) {
    return (uint32_t)random_below(&labour->random, labour->employment.members);
}

/* Small numbers, mostly 1. */
static uint64_t count_draw(struct labour *labour) {
    uint64_t count = 1;
    while (count < 100 && draw_one_in(labour, 3)) {
        count++;
    }
    return count;
}

/* ---- positions ---- */

/* One record, and at times a second one that repeats it. */
static struct status position_put(struct labour *labour, const struct record *record,
                                  struct err *err) {
    const uint64_t values[] = {
        [POSITION_AT] = (uint64_t)record->at_ms,
        [POSITION_MEMBER] = study_member_id(labour->study, record->member),
        [POSITION_COMPANY] = reference_company_id(record->reported),
        [POSITION_KIND] = record->kind,
        [POSITION_PRECISION] = record->precision,
    };
    int times = draw_share(labour, labour->options.study.wart_share) ? 2 : 1;
    for (int i = 0; i < times; i++) {
        TRY(fact_put(&labour->batch.facts[FACT_POSITIONS], values, POSITION_PRECISION + 1, err));
    }
    return status_ok();
}

static int64_t now_of(const struct labour *labour) {
    return (int64_t)floor(labour->now_ms);
}

static uint32_t canonical_of(const struct labour *labour, uint32_t company) {
    return reference_canonical(labour->study, company, labour->options.merger_share);
}

/* The member begins a job now. */
static struct status job_begin(struct labour *labour, uint32_t member, uint32_t reported,
                               enum position_precision precision, struct err *err) {
    int64_t at_ms = now_of(labour);
    TRY(position_put(labour,
                     &(struct record){at_ms, member, reported, POSITION_START, (uint8_t)precision},
                     err));
    return employment_start(&labour->employment, member, canonical_of(labour, reported), reported,
                            date_of(at_ms, precision), err);
}

/* The member's job ends now, unless it has ended before. */
static struct status job_end(struct labour *labour, uint32_t member, uint32_t number,
                             struct err *err) {
    struct job *job = &labour->employment.jobs[number];
    if (job->end.lo_ms != DATE_NEVER.lo_ms) {
        return status_ok();
    }
    int64_t at_ms = now_of(labour);
    enum position_precision precision = precision_draw(labour);
    job->end = date_of(at_ms, precision);
    return position_put(
        labour, &(struct record){at_ms, member, job->reported, POSITION_END, (uint8_t)precision},
        err);
}

/* ---- what is due ---- */

static bool due_before(const struct due *a, const struct due *b) {
    return a->at_ms != b->at_ms
               ? a->at_ms < b->at_ms
               : (a->member != b->member ? a->member < b->member : a->job < b->job);
}

static struct status due_put(struct labour *labour, struct due due, struct err *err) {
    TRY(array_reserve(&labour->dues, &labour->due_capacity, labour->due_count, sizeof *labour->dues,
                      "careers", err));
    size_t at = labour->due_count++;
    while (at > 0 && due_before(&due, &labour->dues[(at - 1) / 2])) {
        labour->dues[at] = labour->dues[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    labour->dues[at] = due;
    return status_ok();
}

static struct due due_take(struct labour *labour) {
    struct due first = labour->dues[0];
    struct due last = labour->dues[--labour->due_count];
    size_t at = 0;
    for (size_t child = 1; child < labour->due_count; child = 2 * at + 1) {
        if (child + 1 < labour->due_count &&
            due_before(&labour->dues[child + 1], &labour->dues[child])) {
            child++;
        }
        if (!due_before(&labour->dues[child], &last)) {
            break;
        }
        labour->dues[at] = labour->dues[child];
        at = child;
    }
    if (labour->due_count > 0) {
        labour->dues[at] = last;
    }
    return first;
}

static struct status due_run(struct labour *labour, struct err *err) {
    struct due due = due_take(labour);
    labour->now_ms = (double)due.at_ms > labour->now_ms ? (double)due.at_ms : labour->now_ms;
    if (due.job != JOB_NONE) {
        return job_end(labour, due.member, due.job, err);
    }
    uint32_t employer = study_group_of(labour->study, due.member, EMPLOYER);
    return job_begin(labour, due.member, employer, precision_draw(labour), err);
}

/* ---- careers up to the start ---- */

static int64_t start_of(const struct labour *labour) {
    return labour->options.study.start_ms;
}

static int64_t end_of(const struct labour *labour) {
    return labour->options.study.start_ms + labour->options.study.span_ms;
}

static struct status record_keep(struct labour *labour, struct record record, struct err *err) {
    TRY(array_reserve(&labour->records, &labour->record_capacity, labour->record_count,
                      sizeof *labour->records, "careers", err));
    labour->records[labour->record_count++] = record;
    return status_ok();
}

/* A job of the past; `end_ms` is INT64_MAX where it goes on. */
static struct status past_job(struct labour *labour, uint32_t member, uint32_t reported,
                              int64_t start_ms, int64_t end_ms, struct err *err) {
    enum position_precision precision = precision_draw(labour);
    struct date start = date_of(start_ms, precision);
    TRY(record_keep(labour,
                    (struct record){start_ms, member, reported, POSITION_START, (uint8_t)precision},
                    err));
    TRY(employment_start(&labour->employment, member, canonical_of(labour, reported), reported,
                         start, err));
    if (end_ms == INT64_MAX) {
        return status_ok();
    }
    precision = precision_draw(labour);
    struct date end = date_of(end_ms, precision);
    int64_t early_ms = start_ms - WART_EARLY_DAYS * DAY_MS;
    if (draw_share(labour, labour->options.study.wart_share) && early_ms > 0 &&
        date_of(early_ms, PRECISION_DAY).hi_ms < start.lo_ms) {
        end_ms = early_ms; /* reported as an end before the start: the job never ends */
        precision = PRECISION_DAY;
    } else if (end_ms > 0) {
        labour->employment.jobs[labour->employment.count - 1].end = end;
    }
    return record_keep(
        labour, (struct record){end_ms, member, reported, POSITION_END, (uint8_t)precision}, err);
}

/* Records that mean nothing: an end of what never began, an end before records. */
static struct status odd_records(struct labour *labour, uint32_t member, int64_t begin_ms,
                                 struct err *err) {
    uint32_t other = study_group_of(labour->study, member_draw(labour), EMPLOYER);
    uint32_t canonical = canonical_of(labour, other);
    int64_t early_ms = begin_ms - WART_EARLY_DAYS * DAY_MS * 2;
    if (early_ms > 0 && employment_find(&labour->employment, member, canonical) == JOB_NONE) {
        TRY(record_keep(
            labour, (struct record){early_ms, member, other, POSITION_END, PRECISION_DAY}, err));
    }
    return record_keep(labour, (struct record){0, member, other, POSITION_END, PRECISION_DAY}, err);
}

/* Draws a career that began before the study; returns when. */
static struct status past_career(struct labour *labour, uint32_t member, int64_t *begin_ms,
                                 struct err *err) {
    struct random *random = &labour->random;
    double share = random_unit(random);
    double age = share * share * CAREER_YEARS * (double)YEAR_MS;
    int64_t room = start_of(labour) - LIMIT_TIME_MIN_MS;
    *begin_ms = start_of(labour) - (age < (double)room ? (int64_t)age : room) - 1;
    *begin_ms = *begin_ms < LIMIT_TIME_MIN_MS ? LIMIT_TIME_MIN_MS : *begin_ms;
    share = random_unit(random);
    int64_t change_ms =
        start_of(labour) - (int64_t)(share * share * (double)(start_of(labour) - *begin_ms));
    uint32_t present = study_group_of(labour->study, member, EMPLOYER);
    uint32_t past = (uint32_t)((uint64_t)study_group_of(labour->study, member, PAST_EMPLOYER) *
                               study_group_count(labour->study, EMPLOYER) /
                               study_group_count(labour->study, PAST_EMPLOYER));
    if (canonical_of(labour, past) != canonical_of(labour, present) &&
        draw_percent(labour, PAST_JOB_PERCENT)) {
        TRY(past_job(labour, member, past, *begin_ms, change_ms, err));
    } else {
        change_ms = *begin_ms;
    }
    if (draw_share(labour, labour->options.study.wart_share)) {
        change_ms = 0; /* before records */
    }
    TRY(past_job(labour, member, present, change_ms, INT64_MAX, err));
    if (draw_percent(labour, SECOND_JOB_PERCENT)) {
        uint32_t second = study_group_of(labour->study, member_draw(labour), EMPLOYER);
        if (employment_find(&labour->employment, member, canonical_of(labour, second)) ==
            JOB_NONE) {
            TRY(past_job(labour, member, second, change_ms, INT64_MAX, err));
        }
    }
    return draw_share(labour, labour->options.study.wart_share)
               ? odd_records(labour, member, *begin_ms, err)
               : status_ok();
}

/* The year of a time, 0 before records. */
static uint32_t year_of(int64_t at_ms) {
    char text[DATE_TEXT_BYTES];
    uint64_t year = 0;
    if (at_ms > 0) {
        date_format(at_ms, text);
        bool is_number = number_parse_u64(text, 4, &year);
        assert(is_number);
    }
    return (uint32_t)year;
}

/* The company of the member's number; with the last member the rest. */
static struct status companies_put(struct labour *labour, uint32_t member, struct err *err) {
    uint32_t count = study_group_count(labour->study, EMPLOYER);
    uint32_t end = member + 1 == labour->employment.members ? count : member + 1;
    for (uint32_t company = member; company < end && company < count; company++) {
        struct fact fact = reference_company(labour->study, company, labour->options.merger_share);
        TRY(fact_copy(&labour->batch.facts[FACT_COMPANIES], &fact, err));
    }
    return status_ok();
}

/* Draws the member's career, and writes the member's and the company's rows of that number. */
static struct status member_prepare(struct labour *labour, uint32_t member, struct err *err) {
    int64_t begin_ms = 0;
    if (draw_one_in(labour, NO_CAREER_ONE_IN)) {
        begin_ms = 0;
    } else if (draw_one_in(labour, ENTRANT_ONE_IN)) {
        begin_ms = start_of(labour) +
                   (int64_t)random_below(&labour->random, (uint64_t)labour->options.study.span_ms);
        TRY(due_put(labour, (struct due){begin_ms, member, JOB_NONE}, err));
    } else {
        TRY(past_career(labour, member, &begin_ms, err));
    }
    struct fact fact;
    if (reference_member(labour->study, member, year_of(begin_ms), labour->options.unknown_share,
                         &fact)) {
        TRY(fact_copy(&labour->batch.facts[FACT_MEMBERS], &fact, err));
    }
    TRY(companies_put(labour, member, err));
    if (labour->options.study.variants > 1) {
        const uint64_t values[] = {
            [ASSIGNMENT_AT] = (uint64_t)labour->options.study.variant_from_ms,
            [ASSIGNMENT_EXPERIMENT] = 1,
            [ASSIGNMENT_MEMBER] = study_member_id(labour->study, member),
            [ASSIGNMENT_VARIANT] = study_variant_of(labour->study, member),
        };
        TRY(fact_put(&labour->batch.facts[FACT_ASSIGNMENTS], values, ASSIGNMENT_VARIANT + 1, err));
    }
    return status_ok();
}

static int record_order(const void *a, const void *b) {
    const struct record *x = a;
    const struct record *y = b;
    if (x->at_ms != y->at_ms) {
        return x->at_ms < y->at_ms ? -1 : 1;
    }
    if (x->member != y->member) {
        return x->member < y->member ? -1 : 1;
    }
    if (x->reported != y->reported) {
        return x->reported < y->reported ? -1 : 1;
    }
    return (int)x->kind - (int)y->kind;
}

/* The next members' careers, or the next of the records that these gave; false when all is done. */
static struct status past_step(struct labour *labour, bool *stepped, struct err *err) {
    *stepped = true;
    uint32_t members = labour->employment.members;
    if (labour->prepared == 0) {
        for (uint32_t i = 0; i < STUDY_INDUSTRIES; i++) {
            struct fact fact = reference_industry(labour->study, i);
            TRY(fact_copy(&labour->batch.facts[FACT_INDUSTRIES], &fact, err));
        }
    }
    if (labour->prepared < members) {
        for (int i = 0; i < BATCH_STEPS && labour->prepared < members; i++) {
            TRY(member_prepare(labour, labour->prepared++, err));
        }
        return status_ok();
    }
    if (!labour->records_are_sorted) {
        qsort(labour->records, labour->record_count, sizeof *labour->records, record_order);
        labour->records_are_sorted = true;
    }
    *stepped = labour->record_at < labour->record_count;
    for (int i = 0; i < BATCH_STEPS && labour->record_at < labour->record_count; i++) {
        TRY(position_put(labour, &labour->records[labour->record_at++], err));
    }
    return status_ok();
}

/* ---- moves ---- */

/* Starts at the company; what becomes of the other jobs is drawn. */
static struct status member_move(struct labour *labour, uint32_t member, uint32_t reported,
                                 enum position_precision precision, struct err *err) {
    uint32_t number = labour->employment.latest[member];
    while (number != JOB_NONE) {
        uint32_t previous = labour->employment.jobs[number].previous;
        uint64_t percent = random_below(&labour->random, 100);
        if (percent < LEAVE_PERCENT) {
            TRY(job_end(labour, member, number, err));
        } else if (percent < LEAVE_PERCENT + LEAVE_LATER_PERCENT) {
            int64_t later_ms =
                now_of(labour) + (int64_t)random_below(&labour->random, LATER_DAYS * DAY_MS);
            TRY(due_put(labour, (struct due){later_ms, member, number}, err));
        }
        number = previous;
    }
    return job_begin(labour, member, reported, precision, err);
}

static bool tie_holds(const struct labour *labour, const struct tie *tie) {
    int64_t ended_ms;
    return !pair_times_get(&labour->ended, tie->a, tie->b, &ended_ms) ||
           tie->created_ms >= ended_ms;
}

/* A candidate for a planted move. */
static struct status hazard_arrive(struct labour *labour, struct err *err) {
    uint64_t side = random_below(&labour->random, 2 * (uint64_t)labour->tie_count);
    struct tie tie = labour->ties[side / 2];
    uint32_t mover = side % 2 == 0 ? tie.a : tie.b;
    uint32_t contact = side % 2 == 0 ? tie.b : tie.a;
    bool accepted = random_unit(&labour->random) < hazard_at(labour->options.hazard, tie.mutual);
    enum position_precision precision = precision_draw(labour);
    struct date start = date_of(now_of(labour), precision);
    if (!accepted || tie.created_ms + TIE_DAYS * DAY_MS > start.lo_ms || !tie_holds(labour, &tie) ||
        !employment_can_move(&labour->employment, mover, start)) {
        return status_ok();
    }
    uint32_t choices = 0;
    while (employment_carrier(&labour->employment, contact, mover, start, choices) != JOB_NONE) {
        choices++;
    }
    if (choices == 0) {
        return status_ok();
    }
    uint32_t choice = (uint32_t)random_below(&labour->random, choices);
    uint32_t number = employment_carrier(&labour->employment, contact, mover, start, choice);
    uint32_t reported = labour->employment.jobs[number].reported;
    const uint64_t values[] = {
        [PLANTED_AT] = (uint64_t)now_of(labour),
        [PLANTED_MOVER] = study_member_id(labour->study, mover),
        [PLANTED_CONTACT] = study_member_id(labour->study, contact),
        [PLANTED_COMPANY] = reference_company_id(labour->employment.jobs[number].company),
        [PLANTED_MUTUAL] = tie.mutual,
    };
    TRY(fact_put(&labour->batch.planted, values, PLANTED_MUTUAL + 1, err));
    labour->truth.moves_planted++;
    labour->truth.planted_by_mutual[tie.mutual]++;
    return member_move(labour, mover, reported, precision, err);
}

/* Draws where to go by chance: where somebody works. JOB_NONE where nothing is found. */
static uint32_t opening_draw(struct labour *labour, uint32_t member, struct date start,
                             bool *is_rehire) {
    const struct employment *employment = &labour->employment;
    for (int i = 0; i < COMPANY_TRIES; i++) {
        uint32_t other = draw_share(labour, labour->options.study.homophily)
                             ? study_peer(labour->study, member, &labour->random)
                             : member_draw(labour);
        uint32_t opening = employment_open(employment, other);
        if (opening == JOB_NONE) {
            continue;
        }
        uint32_t before = employment_find(employment, member, employment->jobs[opening].company);
        *is_rehire = before != JOB_NONE;
        if (!*is_rehire || (employment->jobs[before].end.hi_ms < start.lo_ms &&
                            draw_one_in(labour, REHIRE_ONE_IN))) {
            return opening;
        }
    }
    return JOB_NONE;
}

static struct status chance_arrive(struct labour *labour, struct err *err) {
    uint32_t member = member_draw(labour);
    enum position_precision precision = precision_draw(labour);
    struct date start = date_of(now_of(labour), precision);
    if (!employment_can_move(&labour->employment, member, start)) {
        return status_ok();
    }
    if (draw_one_in(labour, QUIT_ONE_IN)) {
        uint32_t open = employment_open(&labour->employment, member);
        return open == JOB_NONE ? status_ok() : job_end(labour, member, open, err);
    }
    bool is_rehire;
    uint32_t opening = opening_draw(labour, member, start, &is_rehire);
    if (opening == JOB_NONE) {
        return status_ok();
    }
    *(is_rehire ? &labour->truth.rehires : &labour->truth.moves_by_chance) += 1;
    return member_move(labour, member, labour->employment.jobs[opening].reported, precision, err);
}

/* ---- interactions and applications ---- */

/* A tie has a liveliness of its own, and is livelier the more it is embedded. */
static struct status interaction_arrive(struct labour *labour, struct err *err) {
    size_t number = (size_t)random_below(&labour->random, labour->tie_count);
    const struct tie *tie = &labour->ties[number];
    double own = (double)(random_mix(number ^ labour->options.study.seed << 32) >> 11) * 0x1p-53;
    double lively = 0.25 + 0.75 * tie->mutual / (tie->mutual + (double)BUSY_SHIFT);
    if (random_unit(&labour->random) >= own * own * lively || !tie_holds(labour, tie)) {
        return status_ok();
    }
    bool reversed = draw_one_in(labour, 2);
    const uint64_t values[] = {
        [INTERACTION_AT] = (uint64_t)now_of(labour),
        [INTERACTION_FROM] = study_member_id(labour->study, reversed ? tie->b : tie->a),
        [INTERACTION_TO] = study_member_id(labour->study, reversed ? tie->a : tie->b),
        [INTERACTION_KIND] = random_below(&labour->random, INTERACTION_KINDS),
        [INTERACTION_COUNT] = count_draw(labour),
    };
    return fact_put(&labour->batch.facts[FACT_INTERACTIONS], values, INTERACTION_COUNT + 1, err);
}

static struct status application_arrive(struct labour *labour, struct err *err) {
    const uint64_t values[] = {
        [APPLICATION_AT] = (uint64_t)now_of(labour),
        [APPLICATION_MEMBER] = study_member_id(labour->study, member_draw(labour)),
        [APPLICATION_COUNT] = count_draw(labour),
    };
    return fact_put(&labour->batch.facts[FACT_APPLICATIONS], values, APPLICATION_COUNT + 1, err);
}

/* ---- time ---- */

/* Rates per millisecond; returns their sum. */
static double rates_of(const struct labour *labour, double rates[PROCESSES]) {
    const struct labour_options *options = &labour->options;
    double ties = (double)labour->tie_count / (double)YEAR_MS;
    double members = (double)labour->employment.members / (double)YEAR_MS;
    rates[HAZARD] = options->hazard == HAZARD_NONE ? 0.0 : 2.0 * ties * options->hazard_per_year;
    rates[CHANCE] = members * options->moves_per_year;
    rates[INTERACTION] = ties * options->interactions_per_year;
    rates[APPLICATION] = members * options->applications_per_year;
    return rates[HAZARD] + rates[CHANCE] + rates[INTERACTION] + rates[APPLICATION];
}

static struct status process_arrive(struct labour *labour, const double rates[PROCESSES],
                                    double rate, struct err *err) {
    double draw = random_unit(&labour->random) * rate;
    if (draw < rates[HAZARD]) {
        return hazard_arrive(labour, err);
    }
    draw -= rates[HAZARD];
    if (draw < rates[CHANCE]) {
        return chance_arrive(labour, err);
    }
    draw -= rates[CHANCE];
    return labour->tie_count > 0 && draw < rates[INTERACTION] ? interaction_arrive(labour, err)
                                                              : application_arrive(labour, err);
}

/* Lets everything happen that happens before an instant. */
static struct status time_pass(struct labour *labour, int64_t until_ms, struct err *err) {
    double until = (double)until_ms;
    for (;;) {
        double rates[PROCESSES];
        double rate = rates_of(labour, rates);
        double due = labour->due_count > 0 ? (double)labour->dues[0].at_ms : INFINITY;
        double stop = due < until ? due : until;
        double used = rate * (stop - labour->now_ms);
        if (!(rate > 0.0) || used < labour->patience) {
            labour->patience -= used > 0.0 ? used : 0.0;
            if (!(due < until)) {
                labour->now_ms = until;
                return status_ok();
            }
            TRY(due_run(labour, err));
        } else {
            labour->now_ms += labour->patience / rate;
            labour->now_ms = labour->now_ms < stop ? labour->now_ms : stop;
            labour->patience = random_exponential(&labour->random);
            TRY(process_arrive(labour, rates, rate, err));
        }
    }
}

/* ---- ties ---- */

/* Whether the two were tied before the instant at hand. */
static bool tied_before(const struct labour *labour, uint32_t a, uint32_t b) {
    for (size_t i = 0; i < labour->change_count; i++) {
        const struct change *change = &labour->changes[i];
        if ((change->a == a && change->b == b) || (change->a == b && change->b == a)) {
            return !change->made;
        }
    }
    return study_tied(labour->study, a, b);
}

/* Who else a change of this instant ties to a or b, or parts from them: *third. */
static bool change_touches(const struct change *change, uint32_t a, uint32_t b, uint32_t *third) {
    bool first = change->a == a || change->a == b;
    bool second = change->b == a || change->b == b;
    *third = first ? change->b : change->a;
    return first != second;
}

/* Common neighbours of a new tie's members before the instant at hand: as the graph stands now,
 * put right for all whom a change of this instant concerns. */
static uint32_t mutual_before(struct labour *labour, uint32_t a, uint32_t b) {
    uint32_t mutual = study_common(labour->study, a, b);
    for (size_t i = 0; i < labour->change_count; i++) {
        uint32_t third;
        uint32_t other;
        bool is_known = !change_touches(&labour->changes[i], a, b, &third);
        for (size_t k = 0; k < i && !is_known; k++) {
            is_known = change_touches(&labour->changes[k], a, b, &other) && other == third;
        }
        if (!is_known) {
            mutual += tied_before(labour, a, third) && tied_before(labour, b, third);
            mutual -= study_tied(labour->study, a, third) && study_tied(labour->study, b, third);
        }
    }
    return mutual;
}

static struct status truth_reserve(struct labour_truth *truth, uint32_t mutual, struct err *err) {
    if (mutual < truth->mutual_count) {
        return status_ok();
    }
    size_t count = (size_t)mutual + 1;
    uint64_t **arrays[] = {&truth->ties_by_mutual, &truth->planted_by_mutual};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        uint64_t *array = realloc(*arrays[i], count * sizeof *array);
        if (array == NULL) {
            return err_memory(err, count * sizeof *array, "the truth");
        }
        memset(array + truth->mutual_count, 0, (count - truth->mutual_count) * sizeof *array);
        *arrays[i] = array;
    }
    truth->mutual_count = count;
    return status_ok();
}

static struct status tie_note(struct labour *labour, uint32_t a, uint32_t b, int64_t at_ms,
                              struct err *err) {
    uint32_t mutual = mutual_before(labour, a, b);
    TRY(truth_reserve(&labour->truth, mutual, err));
    TRY(array_reserve(&labour->ties, &labour->tie_capacity, labour->tie_count, sizeof *labour->ties,
                      "ties", err));
    labour->ties[labour->tie_count++] = (struct tie){a, b, mutual, at_ms};
    labour->truth.ties++;
    labour->truth.ties_by_mutual[mutual]++;
    return status_ok();
}

/* Notes what the study's latest event changed. */
static struct status change_note(struct labour *labour, int64_t at_ms, struct err *err) {
    uint32_t a;
    uint32_t b;
    enum study_change change = study_latest(labour->study, &a, &b);
    if (at_ms != labour->changes_ms) {
        labour->changes_ms = at_ms;
        labour->change_count = 0;
    }
    if (change == CHANGE_NONE) {
        return status_ok();
    }
    TRY(change == CHANGE_MADE ? tie_note(labour, a, b, at_ms, err)
                              : pair_times_set(&labour->ended, a, b, at_ms, err));
    TRY(array_reserve(&labour->changes, &labour->change_capacity, labour->change_count,
                      sizeof *labour->changes, "changes", err));
    labour->changes[labour->change_count++] = (struct change){a, b, change == CHANGE_MADE};
    return status_ok();
}

/* ---- the world ---- */

static struct status labour_begin(struct labour *labour, struct err *err) {
    TRY(study_new(&labour->study, &labour->options.study, err));
    TRY(employment_init(&labour->employment, (uint32_t)labour->options.study.members, err));
    size_t bytes = BATCH_STEPS * sizeof *labour->batch.events;
    labour->batch.events = malloc(bytes);
    if (labour->batch.events == NULL) {
        return err_memory(err, bytes, "a batch of events");
    }
    random_seed(&labour->random, random_mix(labour->options.study.seed + 6));
    labour->now_ms = (double)start_of(labour);
    labour->changes_ms = INT64_MIN;
    labour->patience = random_exponential(&labour->random);
    labour->truth.members = labour->employment.members;
    labour->truth.companies = study_group_count(labour->study, EMPLOYER);
    return status_ok();
}

struct status labour_new(struct labour **labour_out, const struct labour_options *options,
                         struct err *err) {
    *labour_out = NULL;
    TRY(options_check(options, err));
    struct labour *labour = calloc(1, sizeof *labour);
    if (labour == NULL) {
        return err_memory(err, sizeof *labour, "careers");
    }
    labour->options = *options;
    struct status status = labour_begin(labour, err);
    if (failed(status)) {
        labour_free(labour);
        return status;
    }
    *labour_out = labour;
    return status_ok();
}

void labour_free(struct labour *labour) {
    if (labour == NULL) {
        return;
    }
    for (int log = 0; log < FACT_LOGS; log++) {
        free(labour->batch.facts[log].facts);
    }
    free(labour->batch.planted.facts);
    free(labour->batch.events);
    free(labour->truth.ties_by_mutual);
    free(labour->truth.planted_by_mutual);
    free(labour->records);
    free(labour->ties);
    free(labour->changes);
    free(labour->dues);
    pair_times_release(&labour->ended);
    employment_release(&labour->employment);
    study_free(labour->study);
    free(labour);
}

struct status labour_next(struct labour *labour, const struct labour_batch **batch, bool *more,
                          struct err *err) {
    batch_clear(&labour->batch);
    *batch = &labour->batch;
    *more = !labour->is_over;
    bool stepped = false;
    TRY(past_step(labour, &stepped, err));
    for (int i = 0; i < BATCH_STEPS && !stepped && !labour->is_over; i++) {
        struct event *event = &labour->batch.events[labour->batch.event_count];
        size_t count;
        TRY(study_next(labour->study, event, 1, &count, err));
        TRY(time_pass(labour, count == 0 ? end_of(labour) : event->at_ms, err));
        if (count > 0) {
            TRY(change_note(labour, event->at_ms, err));
        }
        labour->batch.event_count += count;
        labour->is_over = count == 0;
    }
    return status_ok();
}

const struct labour_truth *labour_truth(const struct labour *labour) {
    return &labour->truth;
}
