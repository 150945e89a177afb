/* The graph's statistics are compared with what the recursion gives by arithmetic. */
#include "tests/drawn_log.h"
#include "tests/testing.h"

#include "stages/base/number.h"
#include "stages/generate/rmat.h"

#include <math.h>

static struct rmat_options options_for(uint64_t ties, unsigned scale) {
    return (struct rmat_options){
        .seed = 3, .ties = ties, .scale = scale, .start_ms = 0, .span_ms = 100 * DAY_MS};
}

static struct status next_of(void *model, struct event *events, size_t capacity, size_t *count,
                             struct err *err) {
    return rmat_next(model, events, capacity, count, err);
}

static struct drawn_log log_make(const struct rmat_options *options, size_t capacity) {
    struct err err;
    struct rmat *rmat;
    MUST(rmat_new(&rmat, options, &err));
    struct drawn_log log = drawn_log_of(rmat, next_of, capacity);
    rmat_free(rmat);
    return log;
}

static void same_options_give_the_same_events_for_any_capacity(void **state) {
    (void)state;
    struct rmat_options options = options_for(20000, 12);
    struct drawn_log whole = log_make(&options, 100000);
    const size_t capacities[] = {1, 7, 1000, 4096};
    for (size_t i = 0; i < sizeof capacities / sizeof *capacities; i++) {
        struct drawn_log log = log_make(&options, capacities[i]);
        assert_same_log(&whole, &log);
        free(log.events);
    }
    free(whole.events);
}

static void each_pair_comes_once_in_time_order(void **state) {
    (void)state;
    struct rmat_options options = options_for(500000, 14); /* dense: draws repeat */
    struct drawn_log log = log_make(&options, 4096);
    assert_int_equal(log.count, options.ties);
    assert_in_time_order(&log, options.start_ms, options.span_ms);
    assert_pairs_are_tied_once(&log, UINT64_C(1) << options.scale);
    free(log.events);
}

static int degrees_compare(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x < y) - (x > y);
}

/* With few repeats a vertex whose number has z zeros among its `scale` bits gets the share 0.76^z
 * 0.24^(scale - z) of all ends: there is one of no ones, `scale` of one. */
static void degrees_are_as_skewed_as_the_parameters_say(void **state) {
    (void)state;
    struct rmat_options options = options_for(100000, 18);
    struct drawn_log log = log_make(&options, 4096);
    uint64_t members = UINT64_C(1) << options.scale;
    uint32_t *degrees = calloc(members + 1, sizeof *degrees);
    assert_non_null(degrees);
    uint64_t of_greatest_half = 0;
    for (size_t i = 0; i < log.count; i++) {
        degrees[log.events[i].from.v]++;
        degrees[log.events[i].to.v]++;
        of_greatest_half += log.events[i].from.v > members / 2;
    }
    qsort(degrees + 1, members, sizeof *degrees, degrees_compare);
    double ends = 2.0 * (double)options.ties;
    double hub = ends * pow(0.76, 18);
    assert_true(degrees[1] > 0.8 * hub && degrees[1] < 1.1 * hub);
    double next = hub * 0.24 / 0.76;
    double sum = 0;
    for (unsigned i = 0; i < 18; i++) {
        sum += degrees[2 + i];
    }
    assert_true(sum > 0.8 * 18 * next && sum < 1.2 * 18 * next);
    /* labels are at random: the hubs are not the first */
    assert_true(of_greatest_half > log.count / 5 && of_greatest_half < log.count / 5 * 4);
    free(degrees);
    free(log.events);
}

static void the_smallest_end(void **state) {
    (void)state;
    const uint64_t sizes[][2] = {{1, 1}, {1, 2}, {2, 2}, {7, 3}, {30, 4}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct rmat_options options = options_for(sizes[i][0], (unsigned)sizes[i][1]);
        struct drawn_log log = log_make(&options, 3);
        assert_int_equal(log.count, options.ties);
        free(log.events);
    }
}

static void random_ids_spread_over_all_bits(void **state) {
    (void)state;
    struct rmat_options options = options_for(100, 10);
    options.ids_are_random = true;
    struct drawn_log log = log_make(&options, 100);
    uint64_t all = 0;
    for (size_t i = 0; i < log.count; i++) {
        all |= log.events[i].from.v;
    }
    assert_int_equal(all, UINT64_MAX);
    free(log.events);
}

static void refuse(const struct rmat_options *options, const char *says) {
    struct err err;
    struct rmat *rmat;
    MUST_FAIL(rmat_new(&rmat, options, &err), FAILURE_USAGE, says);
    assert_null(rmat);
}

static void contradictions_are_refused(void **state) {
    (void)state;
    struct rmat_options options = options_for(10, 0);
    refuse(&options, "scale");
    options.scale = RMAT_SCALE_MAX + 1;
    refuse(&options, "scale");
    options = options_for(131, 5); /* 496 pairs, a quarter of them is 124 */
    refuse(&options, "pairs");
    options = options_for(0, 5);
    refuse(&options, "ties");
    options = options_for(10, 5);
    options.span_ms = 0;
    refuse(&options, "span");
}

static void draws_that_would_not_end_are_given_up(void **state) {
    (void)state;
    struct err err;
    struct rmat *rmat;
    struct event events[100];
    size_t count;
    struct rmat_options options = options_for(130944, 10); /* takes nine draws per tie */
    MUST(rmat_new(&rmat, &options, &err));
    struct status status;
    do {
        status = rmat_next(rmat, events, 100, &count, &err);
    } while (status.failure == FAILURE_NONE && count > 0);
    assert_int_equal(status.failure, FAILURE_USAGE);
    assert_int_equal(count, 0);
    assert_non_null(strstr(err.text, "raise the scale"));
    rmat_free(rmat);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_options_give_the_same_events_for_any_capacity),
        cmocka_unit_test(each_pair_comes_once_in_time_order),
        cmocka_unit_test(degrees_are_as_skewed_as_the_parameters_say),
        cmocka_unit_test(the_smallest_end),
        cmocka_unit_test(random_ids_spread_over_all_bits),
        cmocka_unit_test(contradictions_are_refused),
        cmocka_unit_test(draws_that_would_not_end_are_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
