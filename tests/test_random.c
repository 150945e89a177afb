#include "tests/testing.h"

#include "stages/base/random.h"

#include <string.h>

/* The published test values of splitmix64 for the seeds 1234567 and 0. */
static void test_seed_words_are_the_published_splitmix64_stream(void **state) {
    (void)state;
    static const uint64_t published[] = {
        UINT64_C(6457827717110365317), UINT64_C(3203168211198807973), UINT64_C(9817491932198370423),
        UINT64_C(4593380528125082431)};
    static const uint64_t published_zero[] = {
        UINT64_C(0xe220a8397b1dcdaf), UINT64_C(0x6e789e6aa1b965f4), UINT64_C(0x06c45d188009454f),
        UINT64_C(0xf88bb8a8724c81ec)};
    struct random random;
    random_seed(&random, 1234567);
    assert_memory_equal(random.state, published, sizeof published);
    random_seed(&random, 0);
    assert_memory_equal(random.state, published_zero, sizeof published_zero);
}

/* The values of the reference implementation from the state 1, 2, 3, 4. */
static void test_stream_is_the_published_xoshiro256starstar(void **state) {
    (void)state;
    static const uint64_t published[] = {UINT64_C(11520),
                                         UINT64_C(0),
                                         UINT64_C(1509978240),
                                         UINT64_C(1215971899390074240),
                                         UINT64_C(1216172134540287360),
                                         UINT64_C(607988272756665600),
                                         UINT64_C(16172922978634559625),
                                         UINT64_C(8476171486693032832),
                                         UINT64_C(10595114339597558777),
                                         UINT64_C(2904607092377533576)};
    struct random random = {{1, 2, 3, 4}};
    for (size_t i = 0; i < sizeof published / sizeof published[0]; i++) {
        assert_int_equal(random_u64(&random), published[i]);
    }
}

static void test_same_seed_same_stream_other_seed_another(void **state) {
    (void)state;
    struct random a;
    struct random b;
    struct random c;
    random_seed(&a, 42);
    random_seed(&b, 42);
    random_seed(&c, 43);
    int equal = 0;
    for (int i = 0; i < 1000; i++) {
        uint64_t value = random_u64(&a);
        assert_int_equal(random_u64(&b), value);
        equal += random_u64(&c) == value;
    }
    assert_int_equal(equal, 0);
}

/* The steps of random_mix undone from the last to the first. */
static uint64_t unmix(uint64_t x) {
    x ^= x >> 31 ^ x >> 62;
    x *= UINT64_C(0x319642b2d24d8ec3);
    x ^= x >> 27 ^ x >> 54;
    x *= UINT64_C(0x96de1b173f119089);
    x ^= x >> 30 ^ x >> 60;
    return x - UINT64_C(0x9e3779b97f4a7c15);
}

static void test_mix_is_one_to_one(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, 13);
    for (uint64_t i = 0; i < 100000; i++) {
        uint64_t value = random_u64(&random);
        assert_int_equal(unmix(random_mix(value)), value);
        assert_int_equal(unmix(random_mix(i)), i);
        assert_int_equal(unmix(random_mix(0 - i)), 0 - i);
    }
}

static void test_numbers_below_a_bound_stay_below_and_reach_all_of_it(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, 14);
    for (uint64_t bound = 1; bound <= 50; bound++) {
        uint64_t seen = 0;
        for (int i = 0; i < 2000; i++) {
            uint64_t value = random_below(&random, bound);
            assert_true(value < bound);
            seen |= UINT64_C(1) << value;
        }
        assert_int_equal(seen, (UINT64_C(1) << bound) - 1);
    }
    bool reached_upper_half = false;
    for (int i = 0; i < 1000; i++) {
        reached_upper_half |= random_below(&random, UINT64_MAX) >> 63 != 0;
    }
    assert_true(reached_upper_half);
}

/* 100 cells of 10,000 expected: chi square of 99 degrees lies in 50..170 but for one in 10^5. */
static void test_numbers_below_a_bound_are_even(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, 15);
    double chi_square = 0;
    uint32_t counts[100] = {0};
    for (int i = 0; i < 1000000; i++) {
        counts[random_below(&random, 100)]++;
    }
    for (int i = 0; i < 100; i++) {
        double off = (double)counts[i] - 10000.0;
        chi_square += off * off / 10000.0;
    }
    assert_true(chi_square > 50 && chi_square < 170);
}

static void test_unit_numbers_lie_in_zero_to_one_and_average_a_half(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, 16);
    double sum = 0;
    for (int i = 0; i < 1000000; i++) {
        double value = random_unit(&random);
        assert_true(value >= 0.0 && value < 1.0);
        sum += value;
    }
    assert_true(sum > 499000 && sum < 501000); /* standard deviation 289 */
}

static void test_exponential_numbers_have_the_law_they_should(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, 17);
    enum { DRAWS = 1000000, CUTS = 6 };
    /* multiples of ln 2, each of which halves what is left; and an uneven one */
    const double cuts[CUTS] = {0.69314718, 1.38629436, 2.07944154, 2.77258872, 3.4657359, 0.1};
    const double shares[CUTS] = {0.5, 0.25, 0.125, 0.0625, 0.03125, 0.904837418};
    double beyond[CUTS] = {0};
    double sum = 0;
    for (int i = 0; i < DRAWS; i++) {
        double value = random_exponential(&random);
        assert_true(value >= 0.0);
        sum += value;
        for (int k = 0; k < CUTS; k++) {
            beyond[k] += value > cuts[k];
        }
    }
    assert_true(sum > 996000 && sum < 1004000); /* standard deviation 1,000 */
    for (int k = 0; k < CUTS; k++) {
        double off = beyond[k] / DRAWS - shares[k];
        assert_true(off > -0.002 && off < 0.002); /* standard deviation at most 0.0005 */
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seed_words_are_the_published_splitmix64_stream),
        cmocka_unit_test(test_stream_is_the_published_xoshiro256starstar),
        cmocka_unit_test(test_same_seed_same_stream_other_seed_another),
        cmocka_unit_test(test_mix_is_one_to_one),
        cmocka_unit_test(test_numbers_below_a_bound_stay_below_and_reach_all_of_it),
        cmocka_unit_test(test_numbers_below_a_bound_are_even),
        cmocka_unit_test(test_unit_numbers_lie_in_zero_to_one_and_average_a_half),
        cmocka_unit_test(test_exponential_numbers_have_the_law_they_should),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
