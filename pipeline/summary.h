/* The few numbers that a person wants to see first: how embedded the ties are, and the classes that
 * the cohort's terciles cut them into (definitions, section 2). */
#ifndef TIEFLOW_PIPELINE_SUMMARY_H
#define TIEFLOW_PIPELINE_SUMMARY_H

#include "stages/base/json_writer.h"
#include "stages/tie_store/histogram.h"

#include <stdint.h>
#include <stdio.h>

struct summary {
    uint64_t ties;
    uint64_t sum; /* of mutual */
    double mean;
    uint32_t median;
    uint32_t p90;
    uint32_t p99;
    uint32_t max;
    uint32_t weak_to; /* tercile cuts: weak <= weak_to < medium <= medium_to < strong */
    uint32_t medium_to;
    uint64_t weak;
    uint64_t medium;
    uint64_t strong;
};

/* Cuts come from `cohort`, everything else from `ties`. All zero where there are no ties. */
struct summary summary_of(const struct histogram *ties, const struct histogram *cohort);

/* As a JSON object under `key`. */
void summary_put(struct json_writer *writer, const char *key, const struct summary *summary);

/* As a few lines of text. */
void summary_print(FILE *stream, const struct summary *summary);

#endif
