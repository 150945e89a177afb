#include "stages/order/event_queue.h"

#include "stages/base/random.h"
#include "tests/testing.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* What took the events. */
struct taker {
    pthread_t caller;
    uint64_t count;
    uint64_t fails_at; /* the portion with this event fails */
    size_t portions;
    bool is_right;
    bool was_threaded;
};

static struct status take(void *context, const struct event *events, size_t count,
                          struct err *err) {
    struct taker *taker = context;
    for (size_t i = 0; i < count; i++) {
        taker->is_right &= events[i].at_ms == (int64_t)(taker->count + i);
    }
    taker->count += count;
    taker->portions++;
    taker->was_threaded |= pthread_equal(taker->caller, pthread_self()) == 0;
    if (taker->count > taker->fails_at) {
        return err_set(err, FAILURE_IO, "taken %d", 7);
    }
    return status_ok();
}

static struct taker taker_make(void) {
    return (struct taker){.caller = pthread_self(), .fails_at = UINT64_MAX, .is_right = true};
}

/* Adds events numbered on from `first`, in portions of up to `most`, until `count` or a failure. */
static struct status add_all(struct event_queue *queue, size_t count, size_t most,
                             struct random *random, struct err *err) {
    struct event events[10000];
    memset(events, 0, sizeof events);
    for (size_t first = 0; first < count;) {
        size_t step = 1 + (size_t)random_below(random, most);
        step = step < count - first ? step : count - first;
        for (size_t i = 0; i < step; i++) {
            events[i].at_ms = (int64_t)(first + i);
        }
        TRY(event_queue_add(queue, events, step, err));
        first += step;
    }
    return status_ok();
}

static void events_are_taken_in_the_order_of_adding(void **state) {
    (void)state;
    static const size_t counts[] = {0, 1, 4095, 4096, 4097, 65536, 65537, 500000};
    static const size_t mosts[] = {1, 100, 10000};
    struct random random;
    random_seed(&random, 1);
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        size_t portions = 0;
        for (size_t m = 0; m < sizeof mosts / sizeof *mosts; m++) {
            struct err err;
            struct event_queue *queue;
            struct taker taker = taker_make();
            MUST(event_queue_new(&queue, take, &taker, &err));
            MUST(add_all(queue, counts[c], mosts[m], &random, &err));
            MUST(event_queue_finish(queue, &err));
            assert_true(taker.is_right);
            assert_int_equal(taker.count, counts[c]);
            assert_true(taker.was_threaded == (counts[c] >= 4096));
            assert_true(m == 0 || portions == taker.portions);
            portions = taker.portions;
            event_queue_free(queue);
        }
    }
}

static void a_failure_reaches_the_caller_wherever_it_happens(void **state) {
    (void)state;
    static const uint64_t fails_at[] = {0, 4095, 4096, 100000, 299999};
    struct random random;
    random_seed(&random, 2);
    for (size_t f = 0; f < sizeof fails_at / sizeof *fails_at; f++) {
        struct err err;
        struct event_queue *queue;
        struct taker taker = taker_make();
        taker.fails_at = fails_at[f];
        MUST(event_queue_new(&queue, take, &taker, &err));
        struct status status = add_all(queue, 300000, 1000, &random, &err);
        if (!failed(status)) {
            status = event_queue_finish(queue, &err);
        }
        assert_int_equal(status.failure, FAILURE_IO);
        assert_string_equal(err.text, "taken 7");
        event_queue_free(queue);
        assert_true(taker.is_right);
        assert_in_range(taker.count, fails_at[f] + 1, fails_at[f] + 4096);
    }
}

static void a_queue_can_be_freed_at_any_time(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, 3);
    event_queue_free(NULL);
    for (size_t i = 0; i < 100; i++) {
        struct err err;
        struct event_queue *queue;
        struct taker taker = taker_make();
        MUST(event_queue_new(&queue, take, &taker, &err));
        MUST(add_all(queue, (size_t)random_below(&random, 100000), 5000, &random, &err));
        event_queue_free(queue);
        assert_true(taker.is_right);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_are_taken_in_the_order_of_adding),
        cmocka_unit_test(a_failure_reaches_the_caller_wherever_it_happens),
        cmocka_unit_test(a_queue_can_be_freed_at_any_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
