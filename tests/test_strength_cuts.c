#include "stages/attribution/strength_cuts.h"
#include "stages/base/random.h"
#include "tests/testing.h"

#include <stdlib.h>

enum { ROUNDS = 400, TIES_MAX = 3000, MANY = 300000 };

struct fraction {
    uint32_t mutual;
    uint64_t in_union;
};

static double value_of(const struct fraction *fraction) {
    return fraction->in_union == 0 ? 0.0 : (double)fraction->mutual / (double)fraction->in_union;
}

static int compare_fractions(const void *a, const void *b) {
    double x = value_of(a);
    double y = value_of(b);
    return (x > y) - (x < y);
}

static void assert_cuts_are_those_of_a_sorted_list(struct fraction *ties, size_t count) {
    struct err err;
    struct strength_cuts cuts = {0};
    struct classes classes = {0};
    MUST(strength_cuts_init(&cuts, &err));
    for (size_t i = 0; i < count; i++) {
        strength_cuts_count(&cuts, ties[i].mutual, ties[i].in_union);
    }
    strength_cuts_settle(&cuts);
    for (size_t i = 0; i < count; i++) {
        MUST(strength_cuts_keep(&cuts, ties[i].mutual, ties[i].in_union, &err));
    }
    strength_cuts_finish(&cuts, &classes);
    qsort(ties, count, sizeof *ties, compare_fractions);
    for (size_t k = 1; k <= STRENGTH_CUTS; k++) {
        double expected = value_of(&ties[(k * count + 9) / 10 - 1]);
        assert_true(classes.strength_cut[k - 1] == expected);
    }
    double median = value_of(&ties[(count + 1) / 2 - 1]);
    uint64_t least = UINT64_MAX;
    for (size_t i = 0; i < count; i++) {
        least = value_of(&ties[i]) == median && ties[i].in_union < least ? ties[i].in_union : least;
    }
    struct fraction named = {(uint32_t)classes.median_mutual, classes.median_union};
    assert_true(value_of(&named) == median);
    assert_int_equal(classes.median_union, least);
    strength_cuts_release(&cuts);
}

static struct fraction draw(struct random *random, uint64_t size) {
    uint64_t in_union = random_below(random, size);
    return (struct fraction){(uint32_t)random_below(random, in_union + 1), in_union};
}

static void cuts_agree_with_a_sorted_list(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, 8);
    struct fraction *ties = malloc(TIES_MAX * sizeof *ties);
    assert_non_null(ties);
    for (int round = 0; round < ROUNDS; round++) {
        size_t count = 1 + random_below(&random, TIES_MAX);
        uint64_t size = 1 + random_below(&random, 1 + random_below(&random, 5000));
        for (size_t i = 0; i < count; i++) {
            ties[i] = draw(&random, size);
        }
        assert_cuts_are_those_of_a_sorted_list(ties, count);
    }
    free(ties);
}

/* More of them than the array holds at first, in one bucket: few values, then as many as ties. */
static void crowded_buckets_are_joined_or_given_room(void **state) {
    (void)state;
    struct fraction *ties = malloc(MANY * sizeof *ties);
    assert_non_null(ties);
    for (size_t i = 0; i < MANY; i++) {
        ties[i] = (struct fraction){1 + (uint32_t)(i % 3), 10};
    }
    assert_cuts_are_those_of_a_sorted_list(ties, MANY);
    for (size_t i = 0; i < MANY; i++) {
        ties[i] = (struct fraction){(uint32_t)(1000000 + (i * 7919) % MANY), UINT64_C(1) << 32};
    }
    assert_cuts_are_those_of_a_sorted_list(ties, MANY);
    free(ties);
}

static void no_ties_have_no_cuts(void **state) {
    (void)state;
    struct err err;
    struct strength_cuts cuts = {0};
    struct classes classes = {0};
    MUST(strength_cuts_init(&cuts, &err));
    strength_cuts_settle(&cuts);
    strength_cuts_finish(&cuts, &classes);
    assert_true(classes.strength_cut[0] == 0 && classes.median_union == 0);
    strength_cuts_release(&cuts);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_agree_with_a_sorted_list),
        cmocka_unit_test(crowded_buckets_are_joined_or_given_room),
        cmocka_unit_test(no_ties_have_no_cuts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
