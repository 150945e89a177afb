/* Sets are compared with one flag per number. */
#include "stages/adjacency/neighbour_set.h"
#include "stages/adjacency/node_set.h"
#include "stages/base/random.h"
#include "tests/testing.h"

#include <stdlib.h>
#include <string.h>

enum { RANGE = 300000 };

/* Numbers below RANGE: every one of a few stretches, and others here and there. */
static size_t values_make(struct random *random, uint32_t *values) {
    static const uint64_t gaps[] = {1, 2, 40, 5000, RANGE};
    size_t count = 0;
    uint64_t gap = gaps[random_below(random, 5)];
    for (uint64_t value = random_below(random, 2 * gap); value < RANGE;
         value += 1 + random_below(random, gap)) {
        if (random_below(random, 1000) == 0) {
            gap = gaps[random_below(random, 5)];
        }
        values[count++] = (uint32_t)value;
    }
    return count;
}

static void assert_intersects(const struct node_set *set, const bool *is_in, const uint32_t *values,
                              size_t count, uint32_t *common) {
    size_t found = node_set_intersect(set, values, count, common);
    size_t expected = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t value = values[i];
        assert_int_equal(node_set_has(set, value), is_in[value]);
        if (is_in[value]) {
            assert_true(expected < found && common[expected] == value);
            expected++;
        }
    }
    assert_int_equal(found, expected);
}

static void sets_hold_and_intersect_what_they_were_made_of(void **state) {
    (void)state;
    struct err err;
    struct random random;
    random_seed(&random, 1);
    uint32_t *members = calloc(RANGE, sizeof *members);
    uint32_t *values = calloc(RANGE, sizeof *values);
    uint32_t *common = calloc(RANGE, sizeof *common);
    bool *is_in = calloc(RANGE, sizeof *is_in);
    assert_true(members != NULL && values != NULL && common != NULL && is_in != NULL);
    for (int round = 0; round < 200; round++) {
        size_t member_count = values_make(&random, members);
        struct node_set *set;
        MUST(node_set_new(&set, members, member_count, &err));
        assert_int_equal(node_set_count(set), member_count);
        for (size_t i = 0; i < member_count; i++) {
            is_in[members[i]] = true;
        }
        size_t count = values_make(&random, values);
        assert_intersects(set, is_in, values, count, common);
        size_t found = node_set_intersect(set, values, count, values); /* in place */
        assert_memory_equal(values, common, found * sizeof *values);
        assert_intersects(set, is_in, values, 0, common);
        for (size_t i = 0; i < member_count; i++) {
            is_in[members[i]] = false;
        }
        node_set_free(set);
    }
    free(members);
    free(values);
    free(common);
    free(is_in);
}

static void the_ends_of_the_range_are_numbers_like_any_other(void **state) {
    (void)state;
    struct err err;
    static const uint32_t members[] = {0, 70000, UINT32_MAX - 1, UINT32_MAX};
    struct node_set *set;
    uint32_t common[100] = {0};
    uint32_t values[100];
    for (uint32_t i = 0; i < 100; i++) {
        values[i] = i < 50 ? i : UINT32_MAX - 99 + i;
    }
    MUST(node_set_new(&set, members, 4, &err));
    for (size_t count = 51; count <= 100; count++) { /* by look-up, then by search */
        size_t found = node_set_intersect(set, values, count, common);
        assert_int_equal(found, count < 99 ? 1 : count - 97);
        assert_int_equal(common[0], 0);
    }
    assert_true(common[1] == UINT32_MAX - 1 && common[2] == UINT32_MAX);
    node_set_free(set);
}

static void the_empty_set_has_nothing(void **state) {
    (void)state;
    struct err err;
    struct node_set *set;
    const uint32_t value = 0;
    uint32_t common;
    MUST(node_set_new(&set, NULL, 0, &err));
    assert_int_equal(node_set_count(set), 0);
    assert_false(node_set_has(set, 0));
    assert_int_equal(node_set_intersect(set, &value, 1, &common), 0);
    node_set_free(set);
    node_set_free(NULL);
}

static void a_set_is_encoded_behind_what_is_there(void **state) {
    (void)state;
    struct err err;
    struct random random;
    random_seed(&random, 2);
    uint32_t *members = calloc(RANGE, sizeof *members);
    assert_non_null(members);
    for (int round = 0; round < 20; round++) {
        size_t count = values_make(&random, members);
        struct node_set *set;
        struct bytes bytes = {0};
        struct bytes decoded = {0};
        MUST(node_set_new(&set, members, count, &err));
        MUST(bytes_append(&bytes, "kept", 4, &err));
        MUST(node_set_encode(set, &bytes, &err));
        assert_memory_equal(bytes.data, "kept", 4);
        MUST(neighbour_set_decode_u32(bytes.data + 4, bytes.count - 4, RANGE, &decoded, &err));
        assert_int_equal(decoded.count, count * sizeof *members);
        assert_true(count == 0 || memcmp(decoded.data, members, decoded.count) == 0);
        bytes_release(&bytes);
        bytes_release(&decoded);
        node_set_free(set);
    }
    free(members);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_hold_and_intersect_what_they_were_made_of),
        cmocka_unit_test(the_ends_of_the_range_are_numbers_like_any_other),
        cmocka_unit_test(the_empty_set_has_nothing),
        cmocka_unit_test(a_set_is_encoded_behind_what_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
