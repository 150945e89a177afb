#include "stages/order/order.h"

#include "stages/base/random.h"
#include "tests/testing.h"

#include <stdlib.h>
#include <string.h>

enum { EVENTS_MAX = 200000 };

static struct event random_event(struct random *random, uint64_t instants) {
    return (struct event){
        .at_ms = (int64_t)random_below(random, instants),
        .from = {random_below(random, 5)},
        .to = {random_below(random, 5)},
        .kind = (uint8_t)random_below(random, EVENT_KINDS),
        .origin = (uint8_t)random_below(random, EVENT_ORIGINS),
    };
}

/* Adds in blocks, takes out in blocks; returns how many came out. */
static size_t order_through(enum simultaneous simultaneous, const struct event *in, size_t count,
                            size_t add_block, size_t least, struct event *out) {
    struct order *order;
    struct err err;
    size_t got_all = 0;
    MUST(order_new(&order, simultaneous, &err));
    for (size_t i = 0; i < count; i += add_block) {
        size_t rest = count - i;
        MUST(order_add(order, in + i, rest < add_block ? rest : add_block, &err));
    }
    MUST(order_finish(order, &err));
    assert_int_equal(order_count(order), count);
    for (;;) {
        const struct event *events;
        size_t got;
        MUST(order_next(order, least, &events, &got, &err));
        if (got == 0) {
            break;
        }
        assert_true(got >= least || got_all + got == count);
        if (got_all > 0 && simultaneous == SIMULTANEOUS_STRICT) {
            assert_true(events[0].at_ms > out[got_all - 1].at_ms); /* whole instants */
        }
        memcpy(out + got_all, events, got * sizeof *events);
        got_all += got;
    }
    order_free(order);
    return got_all;
}

/* Stable insertion sort: the oracle. */
static void slow_sort(struct event *events, size_t count, enum simultaneous simultaneous) {
    for (size_t i = 1; i < count; i++) {
        struct event moved = events[i];
        size_t j = i;
        while (j > 0 && event_compare(&moved, &events[j - 1], simultaneous) < 0) {
            events[j] = events[j - 1];
            j--;
        }
        events[j] = moved;
    }
}

static void any_order_comes_out_as_the_slow_sort_has_it(void **state) {
    (void)state;
    static struct event in[600];
    static struct event out[600];
    static struct event slow[600];
    for (uint64_t seed = 0; seed < 1000; seed++) {
        struct random random;
        random_seed(&random, seed);
        enum simultaneous simultaneous = (enum simultaneous)(seed % 2);
        size_t count = (size_t)random_below(&random, 600);
        uint64_t instants = 1 + random_below(&random, 900);
        for (size_t i = 0; i < count; i++) {
            in[i] = random_event(&random, instants);
        }
        memcpy(slow, in, sizeof slow);
        slow_sort(slow, count, simultaneous);
        size_t add_block = 1 + (size_t)random_below(&random, 100);
        size_t least = 1 + (size_t)random_below(&random, 100);
        assert_int_equal(order_through(simultaneous, in, count, add_block, least, out), count);
        assert_memory_equal(out, slow, count * sizeof *out);
    }
}

static int compare_strict(const void *a, const void *b) {
    return event_compare(a, b, SIMULTANEOUS_STRICT);
}

static void many_runs_are_merged(void **state) {
    (void)state;
    struct event *in = malloc(EVENTS_MAX * sizeof *in);
    struct event *out = malloc(EVENTS_MAX * sizeof *out);
    struct random random;
    random_seed(&random, 1);
    for (size_t i = 0; i < EVENTS_MAX; i++) {
        in[i] = random_event(&random, EVENTS_MAX / 3);
    }
    size_t count = order_through(SIMULTANEOUS_STRICT, in, EVENTS_MAX, 4096, 1000, out);
    qsort(in, EVENTS_MAX, sizeof *in, compare_strict);
    assert_int_equal(count, EVENTS_MAX);
    assert_memory_equal(in, out, EVENTS_MAX * sizeof *out);
    free(in);
    free(out);
}

static void equal_times_keep_their_log_position_under_sequence(void **state) {
    (void)state;
    struct event *in = calloc(EVENTS_MAX, sizeof *in);
    struct event *out = malloc(EVENTS_MAX * sizeof *out);
    for (size_t i = 0; i < EVENTS_MAX; i++) {
        in[i].at_ms = (int64_t)((EVENTS_MAX - i) / 70000); /* falls, in three steps */
        in[i].from.v = i;
    }
    assert_int_equal(order_through(SIMULTANEOUS_SEQUENCE, in, EVENTS_MAX, 999, 1000, out),
                     EVENTS_MAX);
    for (size_t i = 1; i < EVENTS_MAX; i++) {
        assert_true(out[i].at_ms > out[i - 1].at_ms ||
                    (out[i].at_ms == out[i - 1].at_ms && out[i].from.v > out[i - 1].from.v));
    }
    free(in);
    free(out);
}

static void an_instant_is_never_cut_under_strict(void **state) {
    (void)state;
    static struct event in[1000];
    static struct event out[1000];
    memset(in, 0, sizeof in);
    for (uint64_t i = 0; i < 1000; i++) {
        in[i].from.v = 1000 - i;
    }
    struct order *order;
    struct err err;
    const struct event *events;
    size_t got;
    MUST(order_new(&order, SIMULTANEOUS_STRICT, &err));
    MUST(order_add(order, in, 1000, &err));
    MUST(order_finish(order, &err));
    MUST(order_next(order, 1, &events, &got, &err));
    assert_int_equal(got, 1000);
    memcpy(out, events, sizeof out);
    MUST(order_next(order, 1, &events, &got, &err));
    assert_int_equal(got, 0);
    order_free(order);
}

static void no_events_give_no_events(void **state) {
    (void)state;
    struct event none[1] = {{0}};
    assert_int_equal(order_through(SIMULTANEOUS_STRICT, none, 0, 1, 1, none), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_order_comes_out_as_the_slow_sort_has_it),
        cmocka_unit_test(many_runs_are_merged),
        cmocka_unit_test(equal_times_keep_their_log_position_under_sequence),
        cmocka_unit_test(an_instant_is_never_cut_under_strict),
        cmocka_unit_test(no_events_give_no_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
