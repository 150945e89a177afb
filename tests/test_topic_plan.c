#include "tests/testing.h"

#include "pipeline/topic_plan.h"

#include <string.h>

/* A topic of two partitions, which the brokers hold from 10 to 100 and from 0 to 50. */
static struct kafka_partition partitions[] = {{.low = 10, .end = 100}, {.low = 0, .end = 50}};
static int64_t stops[] = {100, 50};
static char first_name[] = "t/0";
static char second_name[] = "t/1";
static char *part_names[] = {first_name, second_name};
static const struct topic topic = {
    .name = "t",
    .partitions = partitions,
    .stops = stops,
    .part_names = {.items = part_names, .count = 2},
    .count = 2,
};

static struct extents one_extent(struct extent *extent, char *name, uint64_t first, uint64_t end) {
    *extent = (struct extent){.name = name, .first = first, .end = end};
    return (struct extents){extent, 1};
}

static void assert_range(const struct topic_plan *plan, size_t index, int64_t first, int64_t end) {
    assert_int_equal(plan->ranges[index].partition, index);
    assert_int_equal(plan->ranges[index].first, first);
    assert_int_equal(plan->ranges[index].end, end);
}

static void test_what_the_state_knows_is_gone_on_with_and_the_rest_is_read_whole(void **state) {
    (void)state;
    struct err err;
    struct topic_plan plan;
    struct extent extent;
    struct extents previous = one_extent(&extent, first_name, 30, 40);
    MUST(topic_plan_make(&plan, &previous, NULL, &topic, &err));
    assert_range(&plan, 0, 30, 100);
    assert_range(&plan, 1, 0, 50);
    assert_false(plan.is_new_topic);
    topic_plan_release(&plan);
    MUST(topic_plan_make(&plan, NULL, NULL, &topic, &err));
    assert_range(&plan, 0, 10, 100);
    topic_plan_release(&plan);
}

static void test_a_repeat_reads_as_far_as_the_date_was_read(void **state) {
    (void)state;
    struct err err;
    struct topic_plan plan;
    struct extent extent;
    struct extents repeated = one_extent(&extent, second_name, 0, 20);
    MUST(topic_plan_make(&plan, NULL, &repeated, &topic, &err));
    assert_range(&plan, 0, 10, 10);
    assert_range(&plan, 1, 0, 20);
    topic_plan_release(&plan);
}

static void refused(const struct extents *previous, const struct extents *repeated,
                    const char *part) {
    struct err err;
    struct topic_plan plan;
    MUST_FAIL(topic_plan_make(&plan, previous, repeated, &topic, &err), FAILURE_DATA, part);
}

static void test_a_topic_that_was_made_anew_or_cut_is_refused(void **state) {
    (void)state;
    static char third_name[] = "t/2";
    struct extent extent;
    struct extents known = one_extent(&extent, third_name, 0, 5);
    refused(&known, NULL, "2 partitions, but the state has read partition 2");
    refused(NULL, &known, "2 partitions, but the state has read partition 2");
    known = one_extent(&extent, second_name, 0, 60);
    refused(&known, NULL, "t/1: ends at offset 50, but an earlier run read to 60");
    known = one_extent(&extent, first_name, 5, 20);
    refused(&known, NULL, "t/0: offsets before 10 are gone");
}

static void test_a_state_of_something_else_is_refused(void **state) {
    (void)state;
    static char other_name[] = "u/0";
    struct extent extent;
    struct extents known = one_extent(&extent, other_name, 0, 5);
    refused(NULL, &known, "was not computed from topic t");
    extent.left = 1;
    refused(&known, NULL, "u/0: 1 of its records were left for later dates");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_the_state_knows_is_gone_on_with_and_the_rest_is_read_whole),
        cmocka_unit_test(test_a_repeat_reads_as_far_as_the_date_was_read),
        cmocka_unit_test(test_a_topic_that_was_made_anew_or_cut_is_refused),
        cmocka_unit_test(test_a_state_of_something_else_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
