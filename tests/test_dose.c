#include "stages/attribution/dose.h"
#include "stages/base/random.h"
#include "tests/dose_testing.h"
#include "tests/testing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROUNDS = 300,
    MOVERS_MAX = 12,
    SIDES_MAX = 8,
    SEGMENTS = 6,
    HORIZON_SEGMENT = 4,
    OWN_SEGMENT = 5
};

/* One side as it was added, with whom it belongs to. */
struct added {
    size_t mover;
    struct side side;
    bool in_segment[SEGMENTS];
    struct tally tallies[2];
    struct tally late[2];
};

static const uint8_t horizon_of[SEGMENTS] = {[HORIZON_SEGMENT] = 1};

static struct tally tally_make(struct random *random) {
    struct tally tally = {.exposure_ms = random_below(random, 3) * random_below(random, 1U << 30)};
    if (random_below(random, 3) == 0) {
        tally.pairs = 1 + (uint32_t)random_below(random, 5);
        tally.unmatched = (uint32_t)random_below(random, tally.pairs + 1);
        tally.expected = random_below(random, UINT64_C(1) << 40);
        if (tally.exposure_ms != 0) {
            tally.transmissions = (uint32_t)random_below(random, tally.pairs + 1);
            uint32_t both =
                tally.transmissions < tally.unmatched ? tally.transmissions : tally.unmatched;
            tally.unmatched_transmissions = (uint32_t)random_below(random, both + 1);
        }
        for (int rule = 0; rule < CREDIT_RULES && tally.transmissions != 0; rule++) {
            tally.credit[rule] = random_below(random, CREDIT_ONE);
        }
    }
    return tally;
}

static struct classes classes_make(struct random *random, uint32_t mutual_max) {
    struct err err;
    struct histogram histogram = {0};
    for (uint32_t m = 0; m <= mutual_max; m++) {
        MUST(histogram_add(&histogram, m, 1 + random_below(random, 9), &err));
    }
    struct classes classes = {0};
    MUST(classes_set_mutual(&classes, &histogram, 2, &err));
    for (size_t k = 0; k < 9; k++) {
        classes.strength_cut[k] = 0.1 * (double)k;
    }
    const uint32_t counts[] = {0, 1, 2};
    const uint64_t ties[] = {3, 4, 5};
    if (random_below(random, 2) == 0) {
        MUST(classes_set_interactions(&classes, counts, ties, 3, &err));
    }
    histogram_release(&histogram);
    return classes;
}

static size_t sides_make(struct random *random, uint32_t mutual_max, struct added *added) {
    size_t count = 0;
    for (size_t mover = 0; mover < MOVERS_MAX; mover++) {
        bool is_own = random_below(random, 2) == 0;
        for (size_t i = random_below(random, SIDES_MAX); i > 0; i--) {
            uint32_t mutual = (uint32_t)random_below(random, mutual_max + 1);
            struct added *one = &added[count++];
            *one = (struct added){
                .mover = mover,
                .side = {.mutual = mutual,
                         .degree_mover = mutual + (uint32_t)random_below(random, 9),
                         .degree_contact = mutual,
                         .interactions = (uint32_t)random_below(random, 3)},
                .in_segment = {[0] = true, [OWN_SEGMENT] = is_own},
            };
            for (size_t segment = 1; segment < OWN_SEGMENT; segment++) {
                one->in_segment[segment] = random_below(random, 2) == 0;
            }
            for (size_t h = 0; h < 2; h++) {
                one->tallies[h] = tally_make(random);
                one->late[h] = tally_make(random);
            }
        }
    }
    return count;
}

/* Adds the sides of the movers that the table is to have. */
static void table_fill(struct dose_table *table, const struct classes *classes,
                       const struct added *added, size_t count, size_t part, size_t parts) {
    const uint16_t own[] = {OWN_SEGMENT};
    for (size_t mover = part; mover < MOVERS_MAX; mover += parts) {
        bool is_own = false;
        for (size_t i = 0; i < count; i++) {
            if (added[i].mover != mover) {
                continue;
            }
            uint16_t segments[SEGMENTS];
            size_t segment_count = 0;
            for (size_t segment = 0; segment < OWN_SEGMENT; segment++) {
                if (added[i].in_segment[segment]) {
                    segments[segment_count++] = (uint16_t)segment;
                }
            }
            is_own = added[i].in_segment[OWN_SEGMENT];
            dose_table_add(table, &added[i].side, segments, segment_count, added[i].tallies,
                           classes->has_intensity ? added[i].late : NULL);
        }
        dose_table_end_mover(table, own, is_own);
    }
}

static struct dose dose_slowly(const struct classes *classes, const struct added *added,
                               size_t count, enum measure measure, size_t segment, size_t bin) {
    struct dose dose = {0};
    uint64_t y[MOVERS_MAX] = {0};
    uint64_t n[MOVERS_MAX] = {0};
    for (size_t i = 0; i < count; i++) {
        if (!added[i].in_segment[segment] || side_bin(classes, measure, &added[i].side) != bin) {
            continue;
        }
        const struct tally *tally = measure == MEASURE_INTENSITY
                                        ? &added[i].late[horizon_of[segment]]
                                        : &added[i].tallies[horizon_of[segment]];
        dose.sides++;
        dose.at_risk += tally->exposure_ms != 0;
        dose.exposure_ms += tally->exposure_ms;
        dose.transmitting += tally->transmissions != 0;
        dose.transmissions += tally->transmissions;
        for (int rule = 0; rule < CREDIT_RULES; rule++) {
            dose.credit[rule] += tally->credit[rule];
        }
        dose.pairs += tally->pairs;
        dose.unmatched += tally->unmatched;
        dose.unmatched_transmissions += tally->unmatched_transmissions;
        dose.expected += tally->expected;
        y[added[i].mover] += tally->transmissions != 0;
        n[added[i].mover] += tally->exposure_ms != 0;
    }
    for (size_t mover = 0; mover < MOVERS_MAX; mover++) {
        dose.sum_yy += y[mover] * y[mover];
        dose.sum_yn += y[mover] * n[mover];
        dose.sum_nn += n[mover] * n[mover];
    }
    return dose;
}

static void every_cell_holds_the_sum_of_its_sides(void **state) {
    (void)state;
    struct err err;
    struct random random;
    random_seed(&random, 9);
    static struct added added[MOVERS_MAX * SIDES_MAX];
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t mutual_max = (uint32_t)random_below(&random, 12);
        struct classes classes = classes_make(&random, mutual_max);
        size_t count = sides_make(&random, mutual_max, added);
        size_t parts = 1 + random_below(&random, 3); /* threads */
        struct dose_table *tables[3];
        for (size_t part = 0; part < parts; part++) {
            MUST(dose_table_new(&tables[part], &classes, SEGMENTS, horizon_of, &err));
            table_fill(tables[part], &classes, added, count, part, parts);
        }
        for (size_t part = 1; part < parts; part++) {
            dose_table_merge(tables[0], tables[part]);
            dose_table_free(tables[part]);
        }
        struct dose *doses[MEASURES];
        dose_table_take(tables[0], doses);
        dose_table_free(tables[0]);
        for (int m = 0; m < MEASURES; m++) {
            size_t bins = measure_bins(&classes, (enum measure)m);
            for (size_t at = 0; at < bins * SEGMENTS; at++) {
                struct dose expected =
                    dose_slowly(&classes, added, count, (enum measure)m, at / bins, at % bins);
                assert_same_dose(&doses[m][at], &expected);
            }
            free(doses[m]);
        }
        classes_release(&classes);
    }
}

/* The definition, over movers with y of n sides. */
static long double error_slowly(const uint64_t *y, const uint64_t *n, size_t movers) {
    long double all_y = 0;
    long double all_n = 0;
    long double squares = 0;
    for (size_t g = 0; g < movers; g++) {
        all_y += (long double)y[g];
        all_n += (long double)n[g];
    }
    for (size_t g = 0; g < movers; g++) {
        long double residual = (long double)y[g] * all_n - all_y * (long double)n[g];
        squares += residual * residual;
    }
    return all_n == 0 ? 0 : sqrtl(squares) / (all_n * all_n);
}

static void assert_error(const uint64_t *y, const uint64_t *n, size_t movers) {
    struct dose dose = {0};
    for (size_t g = 0; g < movers; g++) {
        dose.transmitting += y[g];
        dose.at_risk += n[g];
        dose.sum_yy += y[g] * y[g];
        dose.sum_yn += y[g] * n[g];
        dose.sum_nn += n[g] * n[g];
    }
    double expected = (double)error_slowly(y, n, movers);
    double got = dose_standard_error(&dose);
    assert_true(fabs(got - expected) <= 1e-12 * expected);
}

static void standard_errors_agree_with_the_sum_of_squares(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, 10);
    for (int round = 0; round < 2000; round++) {
        uint64_t y[50];
        uint64_t n[50];
        size_t movers = 1 + random_below(&random, 50);
        uint64_t most = UINT64_C(1) << random_below(&random, 26);
        for (size_t g = 0; g < movers; g++) {
            n[g] = random_below(&random, most + 1);
            y[g] = random_below(&random, n[g] / (1 + random_below(&random, 100)) + 1);
        }
        assert_error(y, n, movers);
    }
}

static void standard_errors_hold_at_the_size_of_the_largest_study(void **state) {
    (void)state;
    /* Four thousand movers with a million sides each: 4e9 sides, 1e6 of them transmitting. */
    enum { MOVERS = 4000 };
    static uint64_t y[MOVERS];
    static uint64_t n[MOVERS];
    for (size_t g = 0; g < MOVERS; g++) {
        n[g] = 1000000 - g;
        y[g] = g % 500;
    }
    assert_error(y, n, MOVERS);
    for (size_t g = 0; g < MOVERS;
         g++) { /* nearly all transmit: the terms wrap, their sum does not */
        y[g] = n[g] - g % 2;
    }
    assert_error(y, n, MOVERS);
}

static void no_sides_at_risk_have_no_interval(void **state) {
    (void)state;
    struct dose dose = {.sides = 4};
    double low;
    double high;
    dose_wilson(&dose, &low, &high);
    assert_true(isnan(low) && isnan(high));
    assert_true(dose_standard_error(&dose) == 0);
}

/* 10 of 100: the interval that textbooks print. */
static void wilson_is_the_known_interval(void **state) {
    (void)state;
    struct dose dose = {.sides = 100, .at_risk = 100, .transmitting = 10};
    double low;
    double high;
    dose_wilson(&dose, &low, &high);
    assert_true(fabs(low - 0.05522914) < 1e-7 && fabs(high - 0.17436566) < 1e-7);
    dose.transmitting = 0;
    dose_wilson(&dose, &low, &high);
    assert_true(low < 1e-15 && fabs(high - 0.03699350) < 1e-7);
    dose.transmitting = 100;
    dose_wilson(&dose, &low, &high);
    assert_true(fabs(low - (1 - 0.03699350)) < 1e-7 && high > 1 - 1e-15);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cell_holds_the_sum_of_its_sides),
        cmocka_unit_test(standard_errors_agree_with_the_sum_of_squares),
        cmocka_unit_test(standard_errors_hold_at_the_size_of_the_largest_study),
        cmocka_unit_test(no_sides_at_risk_have_no_interval),
        cmocka_unit_test(wilson_is_the_known_interval),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
