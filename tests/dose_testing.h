/* Doses compared number by number, for every test that has some. */
#ifndef TIEFLOW_TESTS_DOSE_TESTING_H
#define TIEFLOW_TESTS_DOSE_TESTING_H

#include "stages/attribution/dose.h"
#include "tests/testing.h"

static inline void assert_same_dose(const struct dose *a, const struct dose *b) {
    assert_int_equal(a->sides, b->sides);
    assert_int_equal(a->at_risk, b->at_risk);
    assert_true(a->exposure_ms == b->exposure_ms);
    assert_int_equal(a->transmitting, b->transmitting);
    assert_int_equal(a->transmissions, b->transmissions);
    assert_memory_equal(a->credit, b->credit, sizeof a->credit);
    assert_int_equal(a->pairs, b->pairs);
    assert_int_equal(a->unmatched, b->unmatched);
    assert_int_equal(a->unmatched_transmissions, b->unmatched_transmissions);
    assert_true(a->expected == b->expected);
    assert_int_equal(a->sum_yy, b->sum_yy);
    assert_int_equal(a->sum_yn, b->sum_yn);
    assert_int_equal(a->sum_nn, b->sum_nn);
}

#endif
