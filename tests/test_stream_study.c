/* The log is replayed on a matrix of who is tied to whom. */
#include "tests/log_replay.h"
#include "tests/testing.h"

#include "schemas/limits.h"
#include "stages/base/number.h"
#include "stages/generate/stream_study.h"

#include <math.h>

static struct stream_options options_for(uint64_t ties, uint64_t members) {
    return (struct stream_options){
        .seed = 7,
        .ties = ties,
        .members = members,
        .start_ms = 1000000,
        .span_ms = 1826 * DAY_MS,
        .closure = 0.3,
        .degree_max = 30000,
    };
}

static struct status next_of(void *model, struct event *events, size_t capacity, size_t *count,
                             struct err *err) {
    return stream_study_next(model, events, capacity, count, err);
}

static struct drawn_log log_make(const struct stream_options *options, size_t capacity) {
    struct err err;
    struct stream_study *study;
    MUST(stream_study_new(&study, options, &err));
    struct drawn_log log = drawn_log_of(study, next_of, capacity);
    stream_study_free(study);
    return log;
}

/* Pairs that were tied once have no further event. */
static struct log_replay log_replay(const struct drawn_log *log, uint64_t members) {
    struct log_replay replay = log_replay_of(log, members);
    assert_int_equal(replay.ties_again, 0);
    assert_int_equal(replay.orphans_again, 0);
    return replay;
}

static void same_options_give_the_same_events_for_any_capacity(void **state) {
    (void)state;
    struct stream_options options = options_for(20000, 1000);
    options.wart_share = 0.1;
    options.disconnect_share = 0.2;
    struct drawn_log whole = log_make(&options, 100000);
    const size_t capacities[] = {1, 7, 1000, 4096};
    for (size_t i = 0; i < sizeof capacities / sizeof *capacities; i++) {
        struct drawn_log log = log_make(&options, capacities[i]);
        assert_same_log(&whole, &log);
        free(log.events);
    }
    free(whole.events);
}

static void another_seed_gives_other_events(void **state) {
    (void)state;
    struct stream_options options = options_for(1000, 200);
    struct drawn_log a = log_make(&options, 100);
    options.seed++;
    struct drawn_log b = log_make(&options, 100);
    assert_int_equal(a.count, b.count);
    size_t same = 0;
    for (size_t i = 0; i < a.count; i++) {
        same += a.events[i].from.v == b.events[i].from.v && a.events[i].to.v == b.events[i].to.v;
    }
    assert_true(same < a.count / 10);
    free(a.events);
    free(b.events);
}

static void a_clean_log_holds_each_pair_once_in_time_order(void **state) {
    (void)state;
    struct stream_options options = options_for(1000000, 10000);
    struct drawn_log log = log_make(&options, 4096);
    assert_int_equal(log.count, options.ties);
    assert_in_time_order(&log, options.start_ms, options.span_ms);
    assert_pairs_are_tied_once(&log, options.members);
    free(log.events);
}

static void endings_and_warts_come_in_their_shares_at_instants_of_their_own(void **state) {
    (void)state;
    struct stream_options options = options_for(30000, 2000);
    options.disconnect_share = 0.1;
    options.wart_share = 0.1;
    options.span_ms = 8 * (int64_t)options.ties; /* the shortest that is taken */
    struct drawn_log log = log_make(&options, 4096);
    struct log_replay replay = log_replay(&log, options.members);
    assert_int_equal(replay.ties, options.ties);
    assert_true(replay.endings > 2700 && replay.endings < 3300);
    assert_true(replay.duplicates > 1500 && replay.duplicates < 2100);
    assert_true(replay.orphans > 550 && replay.orphans < 950);
    assert_true(replay.self_loops > 300 && replay.self_loops < 600);
    for (size_t i = 1; i < log.count; i++) {
        assert_true(log.events[i - 1].at_ms < log.events[i].at_ms);
    }
    free(log.events);
}

static void degrees_stay_within_their_limit(void **state) {
    (void)state;
    struct stream_options options = options_for(20000, 2000);
    options.degree_max = 80; /* the least that is taken */
    struct drawn_log log = log_make(&options, 4096);
    struct log_replay replay = log_replay(&log, options.members);
    assert_int_equal(replay.ties, options.ties);
    assert_int_equal(replay.made_max, 80);
    free(log.events);
}

static void closure_makes_embedded_ties(void **state) {
    (void)state;
    struct log_replay replays[2];
    for (int i = 0; i < 2; i++) {
        struct stream_options options = options_for(40000, 4000);
        options.closure = i == 0 ? 0.0 : 0.6;
        struct drawn_log log = log_make(&options, 4096);
        replays[i] = log_replay(&log, options.members);
        free(log.events);
    }
    /* a triangle that was to be closed is closed, but for the last tries and the first ties */
    assert_true(replays[1].embedded > 40000 * 6 / 10);
    assert_true(replays[1].embedded > replays[0].embedded + 40000 / 10);
}

static void activity_is_uneven_and_numbers_do_not_tell_who_joined_when(void **state) {
    (void)state;
    struct stream_options options = options_for(200000, 10000);
    struct drawn_log log = log_make(&options, 4096);
    uint32_t *degrees = calloc(options.members + 1, sizeof *degrees);
    assert_non_null(degrees);
    double sums[2] = {0};
    for (size_t i = 0; i < log.count; i++) {
        degrees[log.events[i].from.v]++;
        degrees[log.events[i].to.v]++;
        if (i < log.count / 10) {
            sums[log.events[i].from.v > options.members / 2]++;
        }
    }
    double squares = 0;
    for (uint64_t member = 1; member <= options.members; member++) {
        squares += (double)degrees[member] * degrees[member];
    }
    double size_biased = squares / (2.0 * (double)log.count);
    assert_true(size_biased > 80.0 && size_biased < 200.0); /* the mean is 40 */
    assert_true(fabs(sums[0] - sums[1]) < 0.2 * (sums[0] + sums[1]));
    free(degrees);
    free(log.events);
}

static void the_smallest_and_the_densest_end(void **state) {
    (void)state;
    const uint64_t sizes[][2] = {{1, 4}, {1, 5}, {2, 5}, {13, 11}, {12, 30}, {1237, 100}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct stream_options options = options_for(sizes[i][0], sizes[i][1]);
        for (options.seed = 0; options.seed < 20; options.seed++) {
            struct drawn_log log = log_make(&options, 10);
            struct log_replay replay = log_replay(&log, options.members);
            assert_int_equal(replay.ties, options.ties);
            free(log.events);
        }
    }
}

static void random_ids_are_the_same_members_under_other_names(void **state) {
    (void)state;
    struct stream_options options = options_for(5000, 500);
    struct drawn_log plain = log_make(&options, 100);
    options.ids_are_random = true;
    struct drawn_log spread = log_make(&options, 100);
    assert_int_equal(plain.count, spread.count);
    uint64_t *names = calloc(options.members + 1, sizeof *names);
    assert_non_null(names);
    uint64_t greatest = 0;
    for (size_t i = 0; i < plain.count; i++) {
        uint64_t *name = &names[plain.events[i].from.v];
        assert_true(*name == 0 || *name == spread.events[i].from.v);
        *name = spread.events[i].from.v;
        greatest = *name > greatest ? *name : greatest;
    }
    assert_true(greatest > UINT64_C(1) << 60);
    free(names);
    free(plain.events);
    free(spread.events);
}

static void refuse(const struct stream_options *options, const char *says) {
    struct err err;
    struct stream_study *study;
    MUST_FAIL(stream_study_new(&study, options, &err), FAILURE_USAGE, says);
    assert_null(study);
}

static void contradictions_are_refused(void **state) {
    (void)state;
    struct stream_options options = options_for(1000, 1);
    refuse(&options, "members");
    options.members = UINT64_C(1) << 28;
    refuse(&options, "members");
    options = options_for(1250, 100); /* 4950 pairs */
    refuse(&options, "here 1237");
    options = options_for(0, 100);
    refuse(&options, "ties");
    options = options_for(20001, 2000);
    options.degree_max = 80;
    refuse(&options, "degree of 80");
    options = options_for(1000, 1000);
    options.closure = 1.5;
    refuse(&options, "closure");
    options.closure = NAN;
    refuse(&options, "closure");
    options = options_for(1000, 1000);
    options.disconnect_share = -0.1;
    refuse(&options, "disconnects");
    options = options_for(1000, 1000);
    options.wart_share = 2;
    refuse(&options, "warts");
    options = options_for(1000, 1000);
    options.disconnect_share = 0.01;
    options.span_ms = 7999;
    refuse(&options, "more days");
    options = options_for(1000, 1000);
    options.span_ms = 0;
    refuse(&options, "span");
    options = options_for(1000, 1000);
    options.start_ms = LIMIT_TIME_MAX_MS + 1;
    refuse(&options, "years 1 to 9999");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_options_give_the_same_events_for_any_capacity),
        cmocka_unit_test(another_seed_gives_other_events),
        cmocka_unit_test(a_clean_log_holds_each_pair_once_in_time_order),
        cmocka_unit_test(endings_and_warts_come_in_their_shares_at_instants_of_their_own),
        cmocka_unit_test(degrees_stay_within_their_limit),
        cmocka_unit_test(closure_makes_embedded_ties),
        cmocka_unit_test(activity_is_uneven_and_numbers_do_not_tell_who_joined_when),
        cmocka_unit_test(the_smallest_and_the_densest_end),
        cmocka_unit_test(random_ids_are_the_same_members_under_other_names),
        cmocka_unit_test(contradictions_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
