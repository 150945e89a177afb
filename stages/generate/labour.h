/* A study with careers in which the truth is planted: the connection log of study.h, and beside it
 * who worked where, who moved, and how often a tie of a given embeddedness caused it.
 *
 * Every side of a tie that is at risk (definitions, section 4, preset `default`) makes its mover
 * move to the contact's company at the rate
 *
 *     hazard_per_year * hazard_at(hazard, M)    M: the tie's embeddedness at its creation
 *
 * and members move to companies by chance besides. Interactions, applications and the assignment of
 * an experiment's variants come with it.
 *
 * Invariants: the same options give the same world on every machine. Each log is in time order.
 * The rules are kept by the dates as they are reported, of days, months and years, so that every
 * planted move is a transmission of the tie that caused it.
 *
 * Memory: that of the study, 30 bytes per tie and 300 per member.
 */
#ifndef TIEFLOW_STAGES_GENERATE_LABOUR_H
#define TIEFLOW_STAGES_GENERATE_LABOUR_H

#include "schemas/event.h"
#include "schemas/facts.h"
#include "schemas/status.h"
#include "stages/generate/hazard.h"
#include "stages/generate/study.h"

#include <stddef.h>
#include <stdint.h>

struct labour_options {
    struct study_options study; /* its share of warts holds for the positions too */
    enum hazard_shape hazard;
    double hazard_per_year;       /* at the curve's peak, per side at risk */
    double moves_per_year;        /* by chance, per member in the labour market */
    double coarse_share;          /* of dates known to the month, one in five of them to the year */
    double merger_share;          /* of companies that became part of another */
    double unknown_share;         /* of members who have no row among the members */
    double interactions_per_year; /* per tie, of the liveliest ties */
    double applications_per_year; /* per member */
};

/* study_defaults and, around them, every share and rate at its default. The experiment has no date
 * yet: study.variant_from_ms. */
struct labour_options labour_defaults(uint64_t ties, double mean_degree);

/* The log of planted moves: at, mover, contact, company, mutual. */
extern const struct fact_shape planted_shape;
enum planted_field {
    PLANTED_AT,
    PLANTED_MOVER,
    PLANTED_CONTACT,
    PLANTED_COMPANY,
    PLANTED_MUTUAL,
};

struct fact_list {
    struct fact *facts;
    size_t count;
    size_t capacity;
};

/* What happened next: of each log the records that follow those of the batch before. */
struct labour_batch {
    struct event *events;
    size_t event_count;
    struct fact_list facts[FACT_LOGS];
    struct fact_list planted;
};

/* What the world is made of so far. Of the ties with exactly m common neighbours, m <
 * mutual_count: how many were made, and how many moves they caused. */
struct labour_truth {
    uint64_t ties;
    uint64_t members;
    uint64_t companies;
    uint64_t moves_planted;
    uint64_t moves_by_chance; /* to a company where the member has never been */
    uint64_t rehires;
    uint64_t *ties_by_mutual;
    uint64_t *planted_by_mutual;
    size_t mutual_count;
};

struct labour;

/* FAILURE_USAGE for options that study_new refuses, shares outside 0..1, rates below 0. */
FALLIBLE labour_new(struct labour **labour, const struct labour_options *options, struct err *err);

/* Accepts NULL. */
void labour_free(struct labour *labour);

/* Lends the next batch until the next call; *more is false, and the batch empty, at the end. After
 * a failure the world is good for nothing but labour_free. */
FALLIBLE labour_next(struct labour *labour, const struct labour_batch **batch, bool *more,
                     struct err *err);

/* Lent until the next call of labour_next. */
const struct labour_truth *labour_truth(const struct labour *labour);

/* The rate that was planted for ties with so many common neighbours, per year and side at risk. */
double labour_hazard(const struct labour_options *options, uint32_t mutual);

#endif
