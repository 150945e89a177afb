#include "stages/attribution/credit.h"
#include "stages/base/random.h"
#include "tests/testing.h"

#include <math.h>
#include <stdlib.h>

enum { CONTACTS_MAX = 50 };

struct dealt {
    uint32_t credit[CREDIT_RULES][CONTACTS_MAX];
};

static struct dealt deal(const struct eligible *eligible, size_t count) {
    struct dealt dealt = {0};
    uint32_t *credits[CREDIT_RULES];
    for (int rule = 0; rule < CREDIT_RULES; rule++) {
        credits[rule] = dealt.credit[rule];
    }
    credit_deal(eligible, count, credits);
    return dealt;
}

static void one_contact_gets_all_by_every_rule(void **state) {
    (void)state;
    for (uint32_t mutual = 0; mutual < 3; mutual++) {
        struct eligible only = {.created_ms = 5, .mutual = mutual, .in_union = mutual + 1};
        struct dealt dealt = deal(&only, 1);
        for (int rule = 0; rule < CREDIT_RULES; rule++) {
            assert_int_equal(dealt.credit[rule][0], CREDIT_ONE);
        }
    }
}

static void a_known_case_is_dealt_by_hand(void **state) {
    (void)state;
    const struct eligible eligible[] = {
        {.created_ms = 1, .mutual = 0, .in_union = 0},
        {.created_ms = 2, .mutual = 1, .in_union = 4},
        {.created_ms = 7, .mutual = 0, .in_union = 9},
        {.created_ms = 7, .mutual = 2, .in_union = 4},
    };
    struct dealt dealt = deal(eligible, 4);
    const uint32_t quarter = CREDIT_ONE / 4;
    const uint32_t third = CREDIT_ONE / 3; /* leaves one over */
    const uint32_t expected[CREDIT_RULES][4] = {
        [CREDIT_EACH] = {CREDIT_ONE, CREDIT_ONE, CREDIT_ONE, CREDIT_ONE},
        [CREDIT_EQUAL] = {quarter, quarter, quarter, quarter},
        [CREDIT_LAST] = {0, 0, 2 * quarter, 2 * quarter},
        [CREDIT_STRENGTH] = {0, third + 1, 0, 2 * third},
    };
    for (int rule = 0; rule < CREDIT_RULES; rule++) {
        for (size_t k = 0; k < 4; k++) {
            assert_int_equal(dealt.credit[rule][k], expected[rule][k]);
        }
    }
}

static void without_any_mutual_contact_strength_is_equal(void **state) {
    (void)state;
    const struct eligible eligible[3] = {{.created_ms = 1}, {.created_ms = 1}, {.created_ms = 3}};
    struct dealt dealt = deal(eligible, 3);
    for (size_t k = 0; k < 3; k++) {
        assert_int_equal(dealt.credit[CREDIT_STRENGTH][k], dealt.credit[CREDIT_EQUAL][k]);
    }
    assert_int_equal(dealt.credit[CREDIT_EQUAL][0], CREDIT_ONE - 2 * (CREDIT_ONE / 3));
    assert_int_equal(dealt.credit[CREDIT_LAST][2], CREDIT_ONE);
}

/* The words of section 5, one contact at a time. */
static uint64_t credit_slowly(const struct eligible *eligible, size_t count, enum credit_rule rule,
                              size_t k) {
    int64_t newest = INT64_MIN;
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        newest = eligible[i].created_ms > newest ? eligible[i].created_ms : newest;
        sum +=
            eligible[i].mutual == 0 ? 0 : (double)eligible[i].mutual / (double)eligible[i].in_union;
    }
    uint64_t parts[CONTACTS_MAX] = {0};
    uint64_t left = CREDIT_ONE;
    size_t first = count;
    for (size_t i = 0; i < count; i++) {
        double weight = rule == CREDIT_EQUAL || sum == 0
                            ? 1
                            : (double)eligible[i].mutual / (double)eligible[i].in_union;
        double whole = rule == CREDIT_EQUAL || sum == 0 ? (double)count : sum;
        if (rule == CREDIT_LAST) {
            weight = eligible[i].created_ms == newest;
            whole = 0;
            for (size_t n = 0; n < count; n++) {
                whole += eligible[n].created_ms == newest;
            }
        }
        parts[i] = (uint64_t)floor(weight / whole * 1073741824.0);
        left -= parts[i];
        first = first == count && weight > 0 ? i : first;
    }
    return rule == CREDIT_EACH ? CREDIT_ONE : parts[k] + (k == first ? left : 0);
}

static void random_moves_are_dealt_as_the_definition_says(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, 3);
    for (int round = 0; round < 5000; round++) {
        struct eligible eligible[CONTACTS_MAX];
        size_t count = 1 + random_below(&random, CONTACTS_MAX);
        uint64_t mutual_max = 1 + random_below(&random, 40);
        int64_t at = 0;
        for (size_t k = 0; k < count; k++) {
            at += (int64_t)random_below(&random, 2);
            uint32_t mutual = (uint32_t)random_below(&random, mutual_max);
            eligible[k] = (struct eligible){at, mutual, mutual + random_below(&random, 500) + 1};
        }
        struct dealt dealt = deal(eligible, count);
        for (int rule = 0; rule < CREDIT_RULES; rule++) {
            uint64_t sum = 0;
            for (size_t k = 0; k < count; k++) {
                uint64_t expected = credit_slowly(eligible, count, (enum credit_rule)rule, k);
                assert_int_equal(dealt.credit[rule][k], expected);
                sum += dealt.credit[rule][k];
            }
            assert_int_equal(sum, rule == CREDIT_EACH ? count * (uint64_t)CREDIT_ONE : CREDIT_ONE);
        }
    }
}

static void a_million_contacts_still_sum_to_one(void **state) {
    (void)state;
    const size_t count = 1000000;
    struct eligible *eligible = malloc(count * sizeof *eligible);
    uint32_t *memory = malloc(count * CREDIT_RULES * sizeof *memory);
    assert_true(eligible != NULL && memory != NULL);
    uint32_t *credits[CREDIT_RULES];
    for (size_t rule = 0; rule < CREDIT_RULES; rule++) {
        credits[rule] = memory + rule * count;
    }
    struct random random;
    random_seed(&random, 4);
    for (size_t k = 0; k < count; k++) {
        eligible[k] = (struct eligible){7, (uint32_t)random_below(&random, 4), 3};
    }
    credit_deal(eligible, count, credits);
    for (size_t rule = CREDIT_EQUAL; rule < CREDIT_RULES; rule++) {
        uint64_t sum = 0;
        for (size_t k = 0; k < count; k++) {
            sum += credits[rule][k];
        }
        assert_int_equal(sum, CREDIT_ONE);
    }
    free(eligible);
    free(memory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_contact_gets_all_by_every_rule),
        cmocka_unit_test(a_known_case_is_dealt_by_hand),
        cmocka_unit_test(without_any_mutual_contact_strength_is_equal),
        cmocka_unit_test(random_moves_are_dealt_as_the_definition_says),
        cmocka_unit_test(a_million_contacts_still_sum_to_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
