#include "stages/kafka/client_clock.h"

#include "tests/testing.h"

#include <dlfcn.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

enum { SHORT_MS = 50, LONG_MS = 20000, HOUR_S = 3600, GIVE_UP_S = 60 };

/* By how much the time of day is ahead of what the system waits by: as if it had been set back
 * since a deadline was computed. */
static time_t ahead_s;

/* In the place of the C library's. */
int pretended_clock(clockid_t clock, struct timespec *now) __asm__("clock_gettime");

int pretended_clock(clockid_t clock, struct timespec *now) {
    int (*ask)(clockid_t, struct timespec *);
    *(void **)&ask = dlsym(RTLD_NEXT, "clock_gettime");
    int failure = ask(clock, now);
    now->tv_sec += clock == CLOCK_REALTIME ? ahead_s : 0;
    return failure;
}

struct condition {
    cnd_t condition;
    mtx_t mutex;
};

static int condition_make(void **state) {
    static struct condition made;
    assert_int_equal(cnd_init(&made.condition), thrd_success);
    assert_int_equal(mtx_init(&made.mutex, mtx_plain), thrd_success);
    assert_int_equal(mtx_lock(&made.mutex), thrd_success);
    ahead_s = 0;
    (void)alarm(GIVE_UP_S);
    *state = &made;
    return 0;
}

static int condition_remove(void **state) {
    struct condition *condition = *state;
    (void)alarm(0);
    mtx_unlock(&condition->mutex);
    mtx_destroy(&condition->mutex);
    cnd_destroy(&condition->condition);
    return 0;
}

/* Waits until so many milliseconds from now, as librdkafka does; returns how it ended. */
static int wait_ms(struct condition *condition, int64_t ms) {
    struct timespec deadline;
    assert_int_equal(clock_gettime(CLOCK_REALTIME, &deadline), 0);
    int64_t ns = deadline.tv_nsec + ms % 1000 * 1000000;
    deadline.tv_sec += ms / 1000 + (ns >= 1000000000) - (ns < 0);
    deadline.tv_nsec = (ns + 1000000000) % 1000000000;
    return cnd_timedwait(&condition->condition, &condition->mutex, &deadline);
}

static void test_wait_ends_in_time_and_says_so(void **state) {
    int64_t start_ms = client_now_ms();
    assert_int_equal(wait_ms(*state, SHORT_MS), thrd_timedout);
    assert_in_range(client_now_ms() - start_ms, SHORT_MS, LONG_MS);
}

static void test_deadline_that_is_over_ends_the_wait_at_once(void **state) {
    int64_t start_ms = client_now_ms();
    assert_int_equal(wait_ms(*state, -1), thrd_timedout);
    assert_int_equal(wait_ms(*state, -100000), thrd_timedout);
    assert_in_range(client_now_ms() - start_ms, 0, LONG_MS);
}

static void test_clock_that_was_set_does_not_change_the_wait(void **state) {
    for (ahead_s = -HOUR_S; ahead_s <= HOUR_S; ahead_s += HOUR_S) {
        int64_t start_ms = client_now_ms();
        assert_int_equal(wait_ms(*state, SHORT_MS), thrd_timedout);
        assert_in_range(client_now_ms() - start_ms, SHORT_MS, LONG_MS);
    }
}

static int wake(void *argument) {
    struct condition *condition = argument;
    (void)mtx_lock(&condition->mutex); /* free once somebody waits */
    (void)cnd_signal(&condition->condition);
    return mtx_unlock(&condition->mutex);
}

static void test_signal_ends_the_wait(void **state) {
    struct condition *condition = *state;
    thrd_t thread;
    int64_t start_ms = client_now_ms();
    assert_int_equal(thrd_create(&thread, wake, condition), thrd_success);
    assert_int_equal(wait_ms(condition, 2LL * LONG_MS), thrd_success);
    assert_in_range(client_now_ms() - start_ms, 0, LONG_MS);
    assert_int_equal(thrd_join(thread, NULL), thrd_success);
}

#define WITH_CONDITION(test) cmocka_unit_test_setup_teardown(test, condition_make, condition_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_CONDITION(test_wait_ends_in_time_and_says_so),
        WITH_CONDITION(test_deadline_that_is_over_ends_the_wait_at_once),
        WITH_CONDITION(test_clock_that_was_set_does_not_change_the_wait),
        WITH_CONDITION(test_signal_ends_the_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
