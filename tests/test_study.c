/* The study is checked against a replay that keeps a matrix of who is tied to whom. */
#include "tests/testing.h"

#include "schemas/limits.h"
#include "stages/base/number.h"
#include "stages/generate/study.h"
#include "tests/log_replay.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static struct status next_of(void *model, struct event *events, size_t capacity, size_t *count,
                             struct err *err) {
    return study_next(model, events, capacity, count, err);
}

static struct drawn_log log_make(const struct study_options *options, size_t capacity) {
    struct err err;
    struct study *study;
    MUST(study_new(&study, options, &err));
    struct drawn_log log = drawn_log_of(study, next_of, capacity);
    study_free(study);
    return log;
}

static struct study_options small_options(uint64_t ties, uint64_t members) {
    struct study_options options = study_defaults(ties, 10.0);
    options.seed = 7;
    options.members = members;
    options.ids_are_random = false;
    return options;
}

static struct study_options clean_options(uint64_t ties, uint64_t members) {
    struct study_options options = small_options(ties, members);
    options.disconnect_share = 0.0;
    options.wart_share = 0.0;
    return options;
}

static bool logs_are_equal(const struct drawn_log *a, const struct drawn_log *b) {
    if (a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        /* the strict comparison covers every field */
        if (event_compare(&a->events[i], &b->events[i], SIMULTANEOUS_STRICT) != 0) {
            return false;
        }
    }
    return true;
}

static void assert_about(double value, double expected, double tolerance) {
    if (value < expected * (1.0 - tolerance) || value > expected * (1.0 + tolerance)) {
        fail_msg("%g is not within %g of %g", value, tolerance, expected);
    }
}

static void same_options_give_the_same_events_for_any_capacity(void **state) {
    (void)state;
    struct study_options options = small_options(20000, 1000);
    options.wart_share = 0.1;
    options.disconnect_share = 0.2;
    struct drawn_log whole = log_make(&options, 100000);
    const size_t capacities[] = {1, 7, 64, 1000};
    for (size_t i = 0; i < sizeof capacities / sizeof *capacities; i++) {
        struct drawn_log log = log_make(&options, capacities[i]);
        assert_true(logs_are_equal(&whole, &log));
        free(log.events);
    }
    free(whole.events);
}

static void another_seed_gives_other_events(void **state) {
    (void)state;
    struct study_options options = small_options(1000, 200);
    struct drawn_log a = log_make(&options, 100);
    options.seed++;
    struct drawn_log b = log_make(&options, 100);
    assert_false(logs_are_equal(&a, &b));
    free(a.events);
    free(b.events);
}

static void exactly_the_wanted_ties_are_made(void **state) {
    (void)state;
    struct study_options options = small_options(30000, 2000);
    options.disconnect_share = 0.1;
    options.wart_share = 0.1;
    struct drawn_log log = log_make(&options, 4096);
    struct log_replay replay = log_replay_of(&log, options.members);
    assert_int_equal(replay.ties, options.ties);
    assert_true(replay.ties_again > 0);
    free(log.events);
}

static void a_clean_log_holds_nothing_but_ties(void **state) {
    (void)state;
    struct study_options options = clean_options(30000, 2000);
    struct drawn_log log = log_make(&options, 4096);
    struct log_replay replay = log_replay_of(&log, options.members);
    assert_int_equal(log.count, options.ties);
    assert_int_equal(replay.ties, options.ties);
    free(log.events);
}

static void times_never_fall_and_stay_in_the_span(void **state) {
    (void)state;
    const int64_t spans_ms[] = {1, 2, 100, 5000, 1000 * DAY_MS};
    for (size_t i = 0; i < sizeof spans_ms / sizeof *spans_ms; i++) {
        struct study_options options = small_options(5000, 500);
        options.start_ms = -12345;
        options.span_ms = spans_ms[i];
        options.disconnect_share = 0.2;
        options.wart_share = 0.2;
        struct drawn_log log = log_make(&options, 333);
        int64_t latest_ms = options.start_ms;
        for (size_t k = 0; k < log.count; k++) {
            assert_true(log.events[k].at_ms >= latest_ms);
            latest_ms = log.events[k].at_ms;
        }
        assert_true(latest_ms < options.start_ms + options.span_ms);
        assert_int_equal(log_replay_of(&log, options.members).ties, options.ties);
        free(log.events);
    }
}

static void the_span_may_be_all_the_time_there_is(void **state) {
    (void)state;
    struct study_options options = small_options(2000, 200);
    options.start_ms = LIMIT_TIME_MIN_MS;
    options.span_ms = LIMIT_TIME_MAX_MS - LIMIT_TIME_MIN_MS;
    struct drawn_log log = log_make(&options, 100);
    for (size_t i = 0; i < log.count; i++) {
        assert_true(event_time_is_valid(log.events[i].at_ms));
    }
    assert_true(log.events[log.count - 1].at_ms > LIMIT_TIME_MAX_MS / 2);
    free(log.events);
}

static void ties_spread_evenly_but_not_regularly(void **state) {
    (void)state;
    struct study_options options = clean_options(20000, 2000);
    struct drawn_log log = log_make(&options, 1000);
    double mean_ms = (double)options.span_ms / (double)options.ties;
    uint64_t short_gaps = 0;
    for (size_t i = 1; i < log.count; i++) {
        short_gaps += (double)(log.events[i].at_ms - log.events[i - 1].at_ms) < mean_ms;
    }
    /* of a Poisson process's gaps, 1 - 1/e are below the mean */
    assert_about((double)short_gaps / (double)log.count, 0.632, 0.05);
    int64_t middle_ms = log.events[log.count / 2].at_ms - options.start_ms;
    assert_about((double)middle_ms, (double)options.span_ms / 2, 0.02);
    free(log.events);
}

static void without_warts_every_disconnect_ends_a_tie(void **state) {
    (void)state;
    struct study_options options = small_options(20000, 1000);
    options.wart_share = 0.0;
    options.disconnect_share = 0.3;
    struct drawn_log log = log_make(&options, 1000);
    struct log_replay replay = log_replay_of(&log, options.members);
    assert_int_equal(replay.ties, options.ties);
    assert_int_equal(replay.orphans + replay.duplicates + replay.self_loops, 0);
    assert_about((double)replay.endings, 6000.0, 0.05);
    assert_true(replay.ties_again > 500 && replay.ties_again < replay.endings / 2);
    free(log.events);
}

static void warts_come_in_the_asked_share(void **state) {
    (void)state;
    struct study_options options = small_options(40000, 2000);
    options.wart_share = 0.1;
    options.disconnect_share = 0.0;
    struct drawn_log log = log_make(&options, 1000);
    struct log_replay replay = log_replay_of(&log, options.members);
    assert_int_equal(replay.endings, 0);
    assert_about((double)replay.duplicates, 2400.0, 0.1);
    assert_about((double)replay.orphans, 1000.0, 0.1);
    assert_about((double)replay.self_loops, 600.0, 0.15);
    free(log.events);
}

static void duplicates_come_in_both_directions(void **state) {
    (void)state;
    struct study_options options = small_options(5000, 500);
    options.wart_share = 0.2;
    options.disconnect_share = 0.0;
    struct drawn_log log = log_make(&options, 1000);
    uint64_t *inviters = calloc(options.members * options.members, sizeof *inviters);
    assert_non_null(inviters);
    uint64_t same = 0;
    uint64_t reversed = 0;
    for (size_t i = 0; i < log.count; i++) {
        uint64_t a = log.events[i].from.v;
        uint64_t b = log.events[i].to.v;
        if (log.events[i].kind != EVENT_CONNECT || a == b) {
            continue;
        }
        uint64_t *inviter =
            &inviters[(a < b ? a - 1 : b - 1) * options.members + (a < b ? b - 1 : a - 1)];
        same += *inviter == a;
        reversed += *inviter == b;
        *inviter = *inviter == 0 ? a : *inviter;
    }
    free(inviters);
    assert_true(same > 100 && reversed > 100);
    free(log.events);
}

static int event_order(const void *a, const void *b) {
    return event_compare(a, b, SIMULTANEOUS_STRICT);
}

static void crowded_instants_mean_the_same_in_strict_order(void **state) {
    (void)state;
    struct study_options options = small_options(20000, 300);
    options.span_ms = 15000; /* more than one tie in a millisecond */
    options.wart_share = 0.3;
    options.disconnect_share = 0.5;
    struct drawn_log log = log_make(&options, 1000);
    struct log_replay in_log_order = log_replay_of(&log, options.members);
    qsort(log.events, log.count, sizeof *log.events, event_order);
    struct log_replay in_strict_order = log_replay_of(&log, options.members);
    assert_int_equal(in_log_order.ties, options.ties);
    assert_true(in_log_order.endings > 5000);
    assert_int_equal(in_strict_order.ties, in_log_order.ties);
    assert_int_equal(in_strict_order.ties_again, in_log_order.ties_again);
    assert_int_equal(in_strict_order.endings, in_log_order.endings);
    assert_int_equal(in_strict_order.orphans, in_log_order.orphans);
    assert_int_equal(in_strict_order.duplicates, in_log_order.duplicates);
    free(log.events);
}

static int id_order(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void random_ids_are_another_name_for_the_same_members(void **state) {
    (void)state;
    struct study_options options = small_options(20000, 1000);
    struct drawn_log plain = log_make(&options, 1000);
    options.ids_are_random = true;
    struct drawn_log named = log_make(&options, 1000);
    assert_int_equal(plain.count, named.count);
    uint64_t names[1001] = {0};
    for (size_t i = 0; i < plain.count; i++) {
        uint64_t member = plain.events[i].from.v;
        assert_true(names[member] == 0 || names[member] == named.events[i].from.v);
        names[member] = named.events[i].from.v;
        member = plain.events[i].to.v;
        assert_true(names[member] == 0 || names[member] == named.events[i].to.v);
        names[member] = named.events[i].to.v;
    }
    qsort(names + 1, 1000, sizeof *names, id_order);
    uint64_t high = 0;
    for (size_t i = 2; i <= 1000; i++) {
        assert_true(names[i] == 0 || names[i] != names[i - 1]);
        high += names[i] >> 63;
    }
    assert_true(high > 400 && high < 600);
    free(plain.events);
    free(named.events);
}

static void members_join_over_time(void **state) {
    (void)state;
    struct study_options options = clean_options(20000, 1000);
    struct drawn_log log = log_make(&options, 1000);
    uint64_t newest[2] = {0, 0};
    for (size_t i = 0; i < log.count; i++) {
        uint64_t *half = &newest[i >= log.count / 2];
        *half = log.events[i].from.v > *half ? log.events[i].from.v : *half;
        *half = log.events[i].to.v > *half ? log.events[i].to.v : *half;
    }
    assert_true(newest[0] > 500 && newest[0] <= 601);
    assert_true(newest[1] > 950);
    free(log.events);
}

static void closure_shows_in_common_neighbours(void **state) {
    (void)state;
    struct study_options options = clean_options(15000, 3000);
    options.closure = 0.0;
    struct drawn_log log = log_make(&options, 1000);
    struct log_replay without = log_replay_of(&log, options.members);
    free(log.events);
    options.closure = 0.7;
    log = log_make(&options, 1000);
    struct log_replay with = log_replay_of(&log, options.members);
    free(log.events);
    assert_true(with.mutual > 2 * without.mutual);
    assert_true((with.ties - with.embedded) < (without.ties - without.embedded) / 2);
}

static void closing_ties_are_recommended_more_often(void **state) {
    (void)state;
    struct study_options options = clean_options(20000, 2000);
    double recommended[2];
    for (int i = 0; i < 2; i++) {
        options.closure = i == 0 ? 0.0 : 0.8;
        struct drawn_log log = log_make(&options, 1000);
        uint64_t origins[EVENT_ORIGINS] = {0};
        for (size_t k = 0; k < log.count; k++) {
            assert_true(log.events[k].origin < EVENT_ORIGINS);
            origins[log.events[k].origin]++;
        }
        assert_int_equal(origins[ORIGIN_UNKNOWN], 0);
        assert_true(origins[ORIGIN_ORGANIC] > 1000 && origins[ORIGIN_IMPORT] > 1000);
        recommended[i] = (double)origins[ORIGIN_RECOMMENDED];
        free(log.events);
    }
    assert_true(recommended[1] > 1.5 * recommended[0]);
}

static void degrees_have_a_heavy_tail_up_to_the_limit(void **state) {
    (void)state;
    struct study_options options = clean_options(30000, 3000);
    struct drawn_log log = log_make(&options, 1000);
    assert_true(log_replay_of(&log, options.members).degree_max > 8 * 20);
    free(log.events);
    options.degree_max = 40;
    log = log_make(&options, 1000);
    struct log_replay replay = log_replay_of(&log, options.members);
    assert_int_equal(replay.degree_max, 40);
    assert_int_equal(replay.ties, options.ties);
    free(log.events);
}

static void two_members_and_one_tie(void **state) {
    (void)state;
    struct study_options options = clean_options(1, 2);
    struct drawn_log log = log_make(&options, 10);
    assert_int_equal(log.count, 1);
    assert_int_equal(log.events[0].from.v + log.events[0].to.v, 3);
    free(log.events);
}

static void a_complete_graph_ends(void **state) {
    (void)state;
    const uint64_t members[] = {2, 3, 4, 5, 17, 300};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        for (int churn = 0; churn < 2; churn++) {
            struct study_options options =
                small_options(members[i] * (members[i] - 1) / 2, members[i]);
            options.disconnect_share = churn;
            options.wart_share = churn;
            struct drawn_log log = log_make(&options, 100);
            assert_int_equal(log_replay_of(&log, options.members).ties, options.ties);
            free(log.events);
        }
    }
}

/* For every small graph, the most ties that study_new admits must be reached. */
static void the_tightest_degree_limits_that_are_admitted_end(void **state) {
    (void)state;
    for (uint64_t members = 2; members <= 14; members++) {
        for (uint32_t degree_max = 1; degree_max <= members; degree_max++) {
            struct study_options options = clean_options(members * (members - 1) / 2 + 1, members);
            options.degree_max = degree_max;
            struct study *study = NULL;
            do {
                options.ties--;
            } while (failed(study_new(&study, &options, NULL)));
            study_free(study);
            assert_true(2 * options.ties + (degree_max + 1) * (degree_max + 1) / 4 >=
                        members * (degree_max < members - 1 ? degree_max : members - 1));
            for (options.seed = 0; options.seed < 20; options.seed++) {
                struct drawn_log log = log_make(&options, 100);
                struct log_replay replay = log_replay_of(&log, options.members);
                assert_int_equal(replay.ties, options.ties);
                assert_true(replay.degree_max <= degree_max);
                free(log.events);
            }
        }
    }
}

static void refused(struct study_options options, const char *part) {
    struct err err;
    struct study *study = NULL;
    MUST_FAIL(study_new(&study, &options, &err), FAILURE_USAGE, part);
    assert_null(study);
}

static void too_many_ties_are_refused(void **state) {
    (void)state;
    refused(clean_options(46, 10), "45 pairs");
    refused(clean_options(UINT64_MAX, 10), "45 pairs");
    refused(clean_options(0, 10), "0 ties");
    struct study_options options = clean_options(40, 20);
    options.degree_max = 3;
    refused(options, "a degree of at most 3");
    options.degree_max = 0;
    refused(options, "a degree of at most 0");
}

static void numbers_of_members_that_cannot_be_are_refused(void **state) {
    (void)state;
    refused(clean_options(1, 1), "1 members");
    refused(clean_options(1, 0), "0 members");
    refused(clean_options(1, UINT64_MAX), "members");
    refused(study_defaults(1000, 0.0), "0 members");
    refused(study_defaults(1000, -3.0), "0 members");
    refused(study_defaults(1000, (double)NAN), "0 members");
    refused(study_defaults(1000, 500.0), "pairs");
}

static void shares_outside_zero_to_one_are_refused(void **state) {
    (void)state;
    const double shares[] = {-0.01, 1.01, (double)NAN, (double)INFINITY};
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        struct study_options options = clean_options(100, 100);
        options.closure = shares[i];
        refused(options, "closure");
        options = clean_options(100, 100);
        options.disconnect_share = shares[i];
        refused(options, "disconnects");
        options = clean_options(100, 100);
        options.wart_share = shares[i];
        refused(options, "warts");
        options = clean_options(100, 100);
        options.coworkers = shares[i];
        refused(options, "coworkers");
        options = clean_options(100, 100);
        options.homophily = shares[i];
        refused(options, "homophily");
    }
}

static void more_regions_than_can_be_numbered_with_industries_are_refused(void **state) {
    (void)state;
    struct study_options options = clean_options(100, 100);
    options.regions = UINT32_MAX;
    refused(options, "4294967295 regions");
}

static void times_out_of_range_are_refused(void **state) {
    (void)state;
    struct study_options options = clean_options(100, 100);
    options.span_ms = 0;
    refused(options, "span 0 ms");
    options.span_ms = -1;
    refused(options, "span -1 ms");
    options.span_ms = INT64_MAX;
    refused(options, "before the year 10000");
    options = clean_options(100, 100);
    options.start_ms = INT64_MIN;
    refused(options, "start");
    options.start_ms = LIMIT_TIME_MAX_MS;
    refused(options, "span");
}

static void defaults_have_the_asked_mean_degree(void **state) {
    (void)state;
    struct study_options options = study_defaults(1000000, 200.0);
    assert_int_equal(options.ties, 1000000);
    assert_int_equal(options.members, 10000);
    char day[DATE_TEXT_BYTES];
    date_format(options.start_ms, day);
    assert_string_equal(day, "2015-01-01");
    date_format(options.start_ms + options.span_ms, day);
    assert_string_equal(day, "2020-01-01");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_options_give_the_same_events_for_any_capacity),
        cmocka_unit_test(another_seed_gives_other_events),
        cmocka_unit_test(exactly_the_wanted_ties_are_made),
        cmocka_unit_test(a_clean_log_holds_nothing_but_ties),
        cmocka_unit_test(times_never_fall_and_stay_in_the_span),
        cmocka_unit_test(the_span_may_be_all_the_time_there_is),
        cmocka_unit_test(ties_spread_evenly_but_not_regularly),
        cmocka_unit_test(without_warts_every_disconnect_ends_a_tie),
        cmocka_unit_test(warts_come_in_the_asked_share),
        cmocka_unit_test(duplicates_come_in_both_directions),
        cmocka_unit_test(crowded_instants_mean_the_same_in_strict_order),
        cmocka_unit_test(random_ids_are_another_name_for_the_same_members),
        cmocka_unit_test(members_join_over_time),
        cmocka_unit_test(closure_shows_in_common_neighbours),
        cmocka_unit_test(closing_ties_are_recommended_more_often),
        cmocka_unit_test(degrees_have_a_heavy_tail_up_to_the_limit),
        cmocka_unit_test(two_members_and_one_tie),
        cmocka_unit_test(a_complete_graph_ends),
        cmocka_unit_test(the_tightest_degree_limits_that_are_admitted_end),
        cmocka_unit_test(too_many_ties_are_refused),
        cmocka_unit_test(numbers_of_members_that_cannot_be_are_refused),
        cmocka_unit_test(shares_outside_zero_to_one_are_refused),
        cmocka_unit_test(more_regions_than_can_be_numbered_with_industries_are_refused),
        cmocka_unit_test(times_out_of_range_are_refused),
        cmocka_unit_test(defaults_have_the_asked_mean_degree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
