/* Arms against two passes over lists of values, as a textbook has it. */
#include "stages/attribution/arms.h"

#include "stages/base/random.h"
#include "tests/testing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { EXPERIMENTS = 3, VARIANTS = 4, MEMBERS_MAX = 40 };

static const uint64_t experiment_ids[EXPERIMENTS] = {0, 7, UINT64_MAX};
static const uint32_t variant_ids[VARIANTS] = {0, 1, 5, UINT32_MAX};

struct member {
    struct member_row rows[1 + EXPERIMENTS];
    size_t count;
};

struct world {
    struct member members[MEMBERS_MAX];
    size_t count;
};

static uint32_t part_of(struct random *random, uint32_t whole) {
    return (uint32_t)random_below(random, (uint64_t)whole + 1);
}

static void row_fill(struct member_row *row, struct random *random, uint64_t bound) {
    row->new_ties = (uint32_t)random_below(random, bound);
    row->transmissions = (uint32_t)random_below(random, bound);
    row->moves = (uint32_t)random_below(random, bound);
    row->moves_carried = part_of(random, row->moves);
    row->applications = random_below(random, bound << 24);
    row->above_threshold = part_of(random, row->new_ties);
    for (size_t i = 0; i < TERCILES; i++) {
        row->by_tercile[i] = part_of(random, row->new_ties);
    }
}

static void window_fill(struct member_row *row, const struct member_row *whole,
                        struct random *random) {
    row->new_ties = part_of(random, whole->new_ties);
    row->transmissions = part_of(random, whole->transmissions);
    row->moves = part_of(random, whole->moves);
    row->moves_carried = part_of(random, whole->moves_carried);
    row->applications = random_below(random, whole->applications + 1);
    row->above_threshold = part_of(random, whole->above_threshold);
    for (size_t i = 0; i < TERCILES; i++) {
        row->by_tercile[i] = part_of(random, whole->by_tercile[i]);
    }
}

static void world_make(struct world *world, struct random *random) {
    static const uint64_t bounds[] = {1, 3, 100, UINT32_MAX};
    memset(world, 0, sizeof *world);
    world->count = random_below(random, MEMBERS_MAX + 1);
    uint64_t bound = bounds[random_below(random, 4)];
    uint64_t variants = 1 + random_below(random, VARIANTS);
    uint64_t skipped = random_below(random, 2); /* often nobody is in variant 0 */
    for (uint32_t i = 0; i < world->count; i++) {
        struct member *member = &world->members[i];
        member->rows[0].person = i;
        row_fill(&member->rows[0], random, bound);
        member->count = 1;
        for (uint32_t e = 0; e < EXPERIMENTS; e++) {
            if (random_below(random, 3) == 0) {
                continue;
            }
            struct member_row *row = &member->rows[member->count++];
            uint64_t variant = skipped + random_below(random, variants);
            *row = (struct member_row){
                .person = i,
                .window = 1 + e,
                .has_variant = true,
                .experiment = experiment_ids[e],
                .variant = variant_ids[variant % VARIANTS],
            };
            window_fill(row, &member->rows[0], random);
        }
    }
}

/* --- the oracle --- */

static uint64_t fact_of(const struct member_row *whole, const struct member_row *row, size_t fact) {
    const uint64_t facts[ARM_FACTS] = {
        row->transmissions,
        row->moves,
        row->moves_carried,
        row->applications,
        row->new_ties,
        row->by_tercile[0],
        row->by_tercile[1],
        row->by_tercile[2],
        row->above_threshold,
        whole->new_ties - row->new_ties,
        whole->moves - row->moves,
        whole->transmissions - row->transmissions,
        whole->applications - row->applications,
    };
    return facts[fact];
}

struct sample {
    long double values[MEMBERS_MAX];
    size_t count;
    long double mean;
    long double variance;
};

static void sample_take(const struct world *world, size_t experiment, uint32_t variant, size_t fact,
                        struct sample *sample) {
    sample->count = 0;
    for (size_t i = 0; i < world->count; i++) {
        const struct member *member = &world->members[i];
        for (size_t k = 1; k < member->count; k++) {
            const struct member_row *row = &member->rows[k];
            if (row->window == 1 + experiment && row->variant == variant) {
                sample->values[sample->count++] = fact_of(&member->rows[0], row, fact);
            }
        }
    }
    sample->mean = 0;
    sample->variance = 0;
    for (size_t i = 0; i < sample->count; i++) {
        sample->mean += sample->values[i] / (long double)sample->count;
    }
    for (size_t i = 0; i < sample->count; i++) {
        long double deviation = sample->values[i] - sample->mean;
        sample->variance += deviation * deviation;
    }
    sample->variance =
        sample->count < 2 ? NAN : sample->variance / (long double)(sample->count - 1);
}

static void must_be_near(double value, long double expected) {
    if (isnan(expected)) {
        assert_true(isnan(value));
        return;
    }
    long double most = fabsl(expected) * 1e-9L + 1e-9L;
    if (!(fabsl(value - expected) <= most)) {
        fail_msg("%.17g where %.17g was expected", value, (double)expected);
    }
}

static void row_must_agree(const struct arm_row *row, const struct sample *sample,
                           const struct sample *control, size_t members) {
    assert_int_equal(row->members, sample->count);
    must_be_near(row->share, (long double)sample->count / (long double)members);
    must_be_near(row->mean, sample->mean);
    must_be_near(row->variance, sample->variance);
    long double error = NAN;
    if (row->variant != 0 && control->count > 0) {
        error = sqrtl(sample->variance / (long double)sample->count +
                      control->variance / (long double)control->count);
        must_be_near(row->difference / (1 + fabs(row->mean)),
                     (sample->mean - control->mean) / (1 + fabsl(sample->mean)));
    } else {
        assert_true(isnan(row->difference));
    }
    must_be_near(row->standard_error, error);
    long double normal = erfcl(fabsl(sample->mean - control->mean) / error / sqrtl(2.0L));
    must_be_near(row->p, error > 0 ? normal : NAN);
}

static size_t members_of(const struct world *world, size_t experiment) {
    size_t members = 0;
    for (size_t i = 0; i < world->count; i++) {
        for (size_t k = 1; k < world->members[i].count; k++) {
            members += world->members[i].rows[k].window == 1 + experiment;
        }
    }
    return members;
}

static void world_add(struct arms *arms, const struct world *world) {
    struct err err;
    for (size_t i = 0; i < world->count; i++) {
        MUST(arms_add(arms, world->members[i].rows, world->members[i].count, &err));
    }
}

static void random_worlds_agree_with_the_textbook(void **state) {
    (void)state;
    static struct world world;
    for (uint64_t seed = 0; seed < 2000; seed++) {
        struct err err;
        struct random random;
        struct arms *arms;
        struct arm_row *rows;
        size_t count;
        random_seed(&random, seed);
        world_make(&world, &random);
        MUST(arms_new(&arms, experiment_ids, EXPERIMENTS, &err));
        world_add(arms, &world);
        MUST(arms_rows(arms, &rows, &count, &err));
        size_t at = 0;
        for (size_t e = 0; e < EXPERIMENTS; e++) {
            size_t members = members_of(&world, e);
            for (size_t v = 0; v < VARIANTS; v++) {
                for (size_t fact = 0; fact < ARM_FACTS; fact++) {
                    struct sample sample;
                    struct sample control;
                    sample_take(&world, e, variant_ids[v], fact, &sample);
                    sample_take(&world, e, 0, fact, &control);
                    if (sample.count == 0) {
                        continue;
                    }
                    assert_true(at < count);
                    assert_true(rows[at].experiment == experiment_ids[e]);
                    assert_int_equal(rows[at].variant, variant_ids[v]);
                    assert_int_equal(rows[at].fact, fact);
                    row_must_agree(&rows[at++], &sample, &control, members);
                }
            }
        }
        assert_int_equal(at, count);
        free(rows);
        arms_free(arms);
    }
}

static void the_order_of_members_leaves_no_trace(void **state) {
    (void)state;
    static struct world world;
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct err err;
        struct random random;
        struct arms *arms[2];
        struct arm_row *rows[2];
        size_t counts[2];
        random_seed(&random, seed);
        world_make(&world, &random);
        for (size_t i = 0; i < 2; i++) {
            MUST(arms_new(&arms[i], experiment_ids, EXPERIMENTS, &err));
            world_add(arms[i], &world);
            MUST(arms_rows(arms[i], &rows[i], &counts[i], &err));
            for (size_t k = 0; k < world.count / 2; k++) {
                struct member member = world.members[k];
                world.members[k] = world.members[world.count - 1 - k];
                world.members[world.count - 1 - k] = member;
            }
        }
        assert_int_equal(counts[0], counts[1]);
        for (size_t k = 0; k < counts[0]; k++) {
            assert_memory_equal(&rows[0][k].mean, &rows[1][k].mean, 5 * sizeof(double));
        }
        for (size_t i = 0; i < 2; i++) {
            free(rows[i]);
            arms_free(arms[i]);
        }
    }
}

/* 1,000 values of 2^40 + 0 .. 999 have the variance of 0 .. 999, where doubles that add squares
 * have nothing left of it. */
static void a_small_variance_beside_a_large_mean_is_exact(void **state) {
    (void)state;
    struct err err;
    struct arms *arms;
    struct arm_row *rows;
    size_t count;
    uint64_t id = 3;
    MUST(arms_new(&arms, &id, 1, &err));
    for (uint32_t i = 0; i < 1000; i++) {
        struct member_row pair[2] = {
            {.person = i, .applications = (UINT64_C(1) << 40) + i},
            {.person = i, .window = 1, .has_variant = true, .experiment = 3},
        };
        pair[1].applications = pair[0].applications;
        MUST(arms_add(arms, pair, 2, &err));
    }
    MUST(arms_rows(arms, &rows, &count, &err));
    assert_int_equal(count, ARM_FACTS);
    assert_true(rows[ARM_APPLICATIONS].variance == 1000.0 * 1001.0 / 12.0);
    assert_true(rows[ARM_APPLICATIONS].mean == 0x1p40 + 499.5);
    assert_true(isnan(rows[ARM_APPLICATIONS].p));
    free(rows);
    arms_free(arms);
}

static void known_numbers_come_out(void **state) {
    (void)state;
    /* Control 0, 2, 4; treated 4, 6, 8: difference 4, variances 4, error sqrt(8/3), z 2.449. */
    struct err err;
    struct arms *arms;
    struct arm_row *rows;
    size_t count;
    uint64_t id = 3;
    MUST(arms_new(&arms, &id, 1, &err));
    for (uint32_t i = 0; i < 6; i++) {
        struct member_row pair[2] = {
            {.person = i, .moves = 10},
            {.person = i, .window = 1, .has_variant = true, .experiment = 3},
        };
        pair[1].variant = i / 3;
        pair[1].moves = i / 3 * 4 + i % 3 * 2;
        MUST(arms_add(arms, pair, 2, &err));
    }
    MUST(arms_rows(arms, &rows, &count, &err));
    const struct arm_row *treated = &rows[ARM_FACTS + ARM_MOVES];
    assert_true(treated->difference == 4.0 && treated->variance == 4.0);
    assert_float_equal(treated->standard_error, 1.6329931618554521, 1e-12);
    assert_float_equal(treated->p, 0.014305878435429631, 1e-12);
    assert_true(rows[ARM_FACTS + ARM_BEFORE_MOVES].difference == -4.0);
    free(rows);
    arms_free(arms);
}

static void facts_have_names_and_parts(void **state) {
    (void)state;
    for (int i = 0; i < ARM_FACTS; i++) {
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(arm_fact_name((enum arm_fact)i),
                                    arm_fact_name((enum arm_fact)j));
        }
    }
    assert_string_equal(arm_fact_part(ARM_APPLICATIONS), "outcome");
    assert_string_equal(arm_fact_part(ARM_NEW_TIES), "ties");
    assert_string_equal(arm_fact_part(ARM_ABOVE_THRESHOLD), "ties");
    assert_string_equal(arm_fact_part(ARM_BEFORE_TIES), "balance");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_worlds_agree_with_the_textbook),
        cmocka_unit_test(the_order_of_members_leaves_no_trace),
        cmocka_unit_test(a_small_variance_beside_a_large_mean_is_exact),
        cmocka_unit_test(known_numbers_come_out),
        cmocka_unit_test(facts_have_names_and_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
