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

static struct topic_batch record_of(uint64_t offset, const char *key, const char *value) {
    return (struct topic_batch){
        .record = {.offset = (int64_t)offset,
                   .key = (const uint8_t *)key,
                   .key_bytes = key == NULL ? 0 : strlen(key),
                   .value = (const uint8_t *)value,
                   .value_bytes = value == NULL ? 0 : strlen(value)},
        .found = KAFKA_RECORD,
    };
}

/* What a run that reads records 20, 25 and 29 of partition 0 up to 30 knows of it afterwards. */
static struct extent extent_left(void) {
    struct err err;
    bool is_wanted;
    struct log_walk walk = {.name = first_name};
    struct topic_batch batches[] = {record_of(20, "a", "b"), record_of(25, NULL, "c"),
                                    record_of(29, "key", "value")};
    for (size_t i = 0; i < 3; i++) {
        MUST(topic_walk_step(&walk, &batches[i], &is_wanted, &err));
        assert_true(is_wanted);
    }
    assert_int_equal(walk.record, 29);
    assert_true(walk.extent.last.is_known);
    assert_int_equal(walk.extent.last.record, 29);
    walk.extent.name = first_name;
    walk.extent.first = 30;
    walk.extent.end = 30;
    return walk.extent;
}

/* Plans partition 0 with what is known of it, and begins to walk. */
static struct log_walk walk_after(struct extent *known, int64_t range_first) {
    struct err err;
    struct topic_plan plan;
    struct extents previous = {known, 1};
    MUST(topic_plan_make(&plan, &previous, NULL, &topic, &err));
    assert_range(&plan, 0, range_first, 100);
    struct log_walk walk = topic_plan_walk(&plan, &topic, 0);
    topic_plan_release(&plan);
    return walk;
}

static void test_a_topic_that_has_another_record_where_the_last_one_was_is_refused(void **state) {
    (void)state;
    const struct topic_batch others[] = {
        record_of(29, "key", "valu\xe9"), record_of(29, "key", NULL),
        record_of(29, NULL, "value"),     record_of(29, "", "keyvalue"),
        record_of(29, "keyvalue", ""),    record_of(29, NULL, NULL),
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct err err;
        bool is_wanted;
        struct extent known = extent_left();
        struct log_walk walk = walk_after(&known, 29);
        struct topic_batch other = others[i];
        MUST_FAIL(topic_walk_step(&walk, &other, &is_wanted, &err), FAILURE_DATA,
                  "t/0: at offset 29 is another record than an earlier run read there: the topic "
                  "was made anew");
    }
}

static void test_the_last_record_is_read_again_to_know_the_topic_and_taken_once(void **state) {
    (void)state;
    struct err err;
    bool is_wanted;
    struct extent known = extent_left();
    struct log_walk walk = walk_after(&known, 29);
    struct topic_batch last = record_of(29, "key", "value");
    struct topic_batch next = record_of(30, "x", "y");
    MUST(topic_walk_step(&walk, &last, &is_wanted, &err));
    assert_false(is_wanted);
    MUST(topic_walk_step(&walk, &next, &is_wanted, &err));
    assert_true(is_wanted);
    assert_int_equal(walk.extent.last.record, 30);
    /* Where some before it were left, it is on the way, and those before it are not it. */
    known = extent_left();
    known.first = 20;
    known.left = 2;
    walk = walk_after(&known, 20);
    struct topic_batch early = record_of(20, "not what", "it was");
    MUST(topic_walk_step(&walk, &early, &is_wanted, &err));
    assert_true(is_wanted);
    assert_int_equal(walk.extent.last.record, 29);
    next = record_of(29, "not what", "it was");
    MUST_FAIL(topic_walk_step(&walk, &next, &is_wanted, &err), FAILURE_DATA, "made anew");
}

static void test_a_repeated_date_needs_the_last_record_that_it_was_computed_from(void **state) {
    (void)state;
    struct err err;
    bool is_wanted;
    struct topic_plan plan;
    struct extent then = extent_left();
    struct extents repeated = {&then, 1};
    MUST(topic_plan_make(&plan, NULL, &repeated, &topic, &err));
    assert_range(&plan, 0, 10, 30);
    struct log_walk walk = topic_plan_walk(&plan, &topic, 0);
    struct topic_batch early = record_of(20, "not what", "it was");
    struct topic_batch gap = {.found = KAFKA_GAP, .record = {.offset = 21, .gap_end = 29}};
    struct topic_batch last = record_of(29, "key", "value");
    MUST(topic_walk_step(&walk, &early, &is_wanted, &err));
    assert_true(is_wanted);
    MUST(topic_walk_step(&walk, &gap, &is_wanted, &err));
    MUST(topic_walk_step(&walk, &last, &is_wanted, &err));
    assert_true(is_wanted);
    struct extent after = topic_plan_close(&plan, 0, &walk);
    assert_int_equal(after.last.record, then.last.record);
    assert_true(after.last.sum == then.last.sum);
    walk = topic_plan_walk(&plan, &topic, 0);
    MUST(topic_walk_step(&walk, &gap, &is_wanted, &err));
    last = record_of(29, "key", "another");
    MUST_FAIL(topic_walk_step(&walk, &last, &is_wanted, &err), FAILURE_DATA, "made anew");
    topic_plan_release(&plan);
}

static void test_a_last_record_that_is_gone_tells_nothing(void **state) {
    (void)state;
    struct err err;
    bool is_wanted;
    struct extent known = extent_left();
    known.last.record = 9; /* the brokers have those from 10 on */
    struct log_walk walk = walk_after(&known, 30);
    struct topic_batch next = record_of(40, "x", "y"); /* nor is one where it was */
    MUST(topic_walk_step(&walk, &next, &is_wanted, &err));
    known = extent_left();
    walk = walk_after(&known, 29);
    MUST(topic_walk_step(&walk, &next, &is_wanted, &err));
    assert_true(is_wanted);
    assert_int_equal(walk.extent.last.record, 40);
}

static void assert_gap(const struct extent *known, int64_t first, int64_t end, bool is_wanted,
                       uint64_t record) {
    struct err err;
    bool is;
    struct log_walk walk = {
        .wanted_from = known->first, .seen_below = known->end, .extent.last = known->last};
    struct topic_batch gap = {.found = KAFKA_GAP, .record = {.offset = first, .gap_end = end}};
    MUST(topic_walk_step(&walk, &gap, &is, &err));
    assert_int_equal(is, is_wanted);
    assert_int_equal(walk.record, record);
    assert_int_equal(gap.record.offset, record);
    assert_int_equal(walk.extent.last.is_known, (int64_t)known->last.record >= end);
}

/* The next run would have to read from before the gap, and fail there for what was passed over. */
static void test_nothing_is_marked_behind_a_gap_and_what_was_seen_of_it_is_left_out(void **state) {
    (void)state;
    struct extent known = extent_left();
    assert_gap(&known, 35, 40, true, 35);
    assert_gap(&known, 29, 30, false, 29);
    assert_gap(&known, 29, 40, true, 30);
    known.first = 20; /* of 20 to 30 some were left */
    assert_gap(&known, 22, 28, true, 22);
    assert_gap(&known, 22, 40, true, 30);
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
        cmocka_unit_test(test_a_topic_that_has_another_record_where_the_last_one_was_is_refused),
        cmocka_unit_test(test_the_last_record_is_read_again_to_know_the_topic_and_taken_once),
        cmocka_unit_test(test_a_repeated_date_needs_the_last_record_that_it_was_computed_from),
        cmocka_unit_test(test_a_last_record_that_is_gone_tells_nothing),
        cmocka_unit_test(test_nothing_is_marked_behind_a_gap_and_what_was_seen_of_it_is_left_out),
        cmocka_unit_test(test_a_state_of_something_else_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
