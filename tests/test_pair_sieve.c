#include "tests/testing.h"

#include "stages/generate/pair_sieve.h"

static void what_was_added_is_held_in_either_order(void **state) {
    (void)state;
    struct err err;
    struct pair_sieve sieve;
    struct random random;
    random_seed(&random, 1);
    MUST(pair_sieve_init(&sieve, 1000, &err));
    for (int i = 0; i < 4000; i++) { /* four times what it was made for */
        uint32_t a = (uint32_t)random_u64(&random);
        uint32_t b = (uint32_t)random_u64(&random);
        pair_sieve_add(&sieve, pair_sieve_locate(&sieve, a, b));
        assert_true(pair_sieve_holds(&sieve, pair_sieve_locate(&sieve, a, b)));
        assert_true(pair_sieve_holds(&sieve, pair_sieve_locate(&sieve, b, a)));
    }
    pair_sieve_release(&sieve);
}

static void few_others_are_held_when_it_is_full(void **state) {
    (void)state;
    enum { PAIRS = 100000 };
    struct err err;
    struct pair_sieve sieve;
    MUST(pair_sieve_init(&sieve, PAIRS, &err));
    uint32_t held = 0;
    for (uint32_t i = 0; i < PAIRS; i++) {
        assert_true(i != 0 || !pair_sieve_holds(&sieve, pair_sieve_locate(&sieve, 0, 1)));
        pair_sieve_add(&sieve, pair_sieve_locate(&sieve, i, i + 1));
    }
    for (uint32_t i = 0; i < PAIRS; i++) {
        held += pair_sieve_holds(&sieve, pair_sieve_locate(&sieve, i, i + 2));
    }
    assert_true(held > PAIRS / 100 && held < PAIRS / 20);
    pair_sieve_release(&sieve);
}

static void made_for_none_it_holds_none(void **state) {
    (void)state;
    struct err err;
    struct pair_sieve sieve;
    MUST(pair_sieve_init(&sieve, 0, &err));
    assert_false(pair_sieve_holds(&sieve, pair_sieve_locate(&sieve, 3, 4)));
    pair_sieve_release(&sieve);
    pair_sieve_release(&sieve);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_added_is_held_in_either_order),
        cmocka_unit_test(few_others_are_held_when_it_is_full),
        cmocka_unit_test(made_for_none_it_holds_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
