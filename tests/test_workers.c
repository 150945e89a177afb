/* Bodies run on several threads, where cmocka's checks may not be called: they take notes, the
 * test judges afterwards. */
#include "tests/testing.h"

#include "schemas/limits.h"
#include "stages/base/workers.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum { COUNT_MAX = 1000 };

struct notes {
    size_t count;
    size_t chunk;
    unsigned threads;
    atomic_int turns[COUNT_MAX];
    atomic_int busy[LIMIT_THREADS];
    atomic_int wrong_ranges;
    atomic_int wrong_workers;
    atomic_int shared_workers;
    atomic_uint workers_seen_max;
};

static void take_notes(void *context, unsigned worker, size_t first, size_t end) {
    struct notes *notes = context;
    if (worker >= notes->threads) {
        atomic_fetch_add(&notes->wrong_workers, 1);
        return;
    }
    if (first >= end || end > notes->count || end - first > notes->chunk) {
        atomic_fetch_add(&notes->wrong_ranges, 1);
        return;
    }
    if (atomic_exchange(&notes->busy[worker], 1) != 0) {
        atomic_fetch_add(&notes->shared_workers, 1);
    }
    for (size_t i = first; i < end; i++) {
        atomic_fetch_add(&notes->turns[i], 1);
    }
    atomic_store(&notes->busy[worker], 0);
    unsigned seen = atomic_load(&notes->workers_seen_max);
    while (worker > seen &&
           !atomic_compare_exchange_weak(&notes->workers_seen_max, &seen, worker)) {
    }
}

static void assert_covers_once(struct notes *notes, unsigned threads, size_t count, size_t chunk) {
    memset(notes, 0, sizeof *notes);
    notes->threads = threads;
    notes->count = count;
    notes->chunk = chunk;
    workers_run(threads, count, chunk, take_notes, notes);
    if (notes->wrong_workers != 0 || notes->wrong_ranges != 0 || notes->shared_workers != 0) {
        fail_msg("%u threads, %zu items by %zu: %d wrong workers, %d wrong ranges, %d workers "
                 "used twice at a time",
                 threads, count, chunk, notes->wrong_workers, notes->wrong_ranges,
                 notes->shared_workers);
    }
    for (size_t i = 0; i < COUNT_MAX; i++) {
        if (notes->turns[i] != (i < count)) {
            fail_msg("%u threads, %zu items by %zu: item %zu was served %d times", threads, count,
                     chunk, i, notes->turns[i]);
        }
    }
}

static void test_every_item_is_served_once_for_any_threads_and_chunks(void **state) {
    (void)state;
    static const unsigned threads[] = {1, 2, 3, 7, 16};
    static const size_t counts[] = {0, 1, 2, 3, 10, 99, 100, 101, COUNT_MAX};
    static const size_t chunks[] = {1, 2, 7, 100, COUNT_MAX, SIZE_MAX};
    struct notes notes;
    for (size_t i = 0; i < sizeof threads / sizeof threads[0]; i++) {
        for (size_t j = 0; j < sizeof counts / sizeof counts[0]; j++) {
            for (size_t k = 0; k < sizeof chunks / sizeof chunks[0]; k++) {
                assert_covers_once(&notes, threads[i], counts[j], chunks[k]);
            }
        }
    }
}

static void test_most_threads_serve_every_item_once(void **state) {
    (void)state;
    struct notes notes;
    assert_covers_once(&notes, LIMIT_THREADS, COUNT_MAX, 1);
    assert_covers_once(&notes, LIMIT_THREADS, 3, 1);
}

struct meeting {
    pthread_barrier_t barrier;
    unsigned workers[4];
};

static void meet(void *context, unsigned worker, size_t first, size_t end) {
    struct meeting *meeting = context;
    (void)end;
    meeting->workers[first] = worker;
    (void)pthread_barrier_wait(&meeting->barrier);
}

/* Ends only if all four bodies are inside at the same time. */
static void test_bodies_run_at_the_same_time_on_workers_of_their_own(void **state) {
    (void)state;
    struct meeting meeting = {.workers = {0}};
    assert_int_equal(pthread_barrier_init(&meeting.barrier, NULL, 4), 0);
    workers_run(4, 4, 1, meet, &meeting);
    unsigned seen = 0;
    for (int i = 0; i < 4; i++) {
        assert_true(meeting.workers[i] < 4);
        seen |= 1U << meeting.workers[i];
    }
    assert_int_equal(seen, 15);
    assert_int_equal(pthread_barrier_destroy(&meeting.barrier), 0);
}

static void note_thread(void *context, unsigned worker, size_t first, size_t end) {
    (void)first;
    (void)end;
    pthread_t *thread = context;
    *thread = pthread_self();
    assert_int_equal(worker, 0); /* on the test's own thread, if the next check holds */
}

static void test_one_thread_is_the_callers_own(void **state) {
    (void)state;
    pthread_t thread = 0;
    workers_run(1, 10, 3, note_thread, &thread);
    assert_true(pthread_equal(thread, pthread_self()));
}

/* Stacks that no address space holds: pthread_create fails. */
static void test_threads_that_cannot_start_leave_their_share_to_the_others(void **state) {
    (void)state;
    pthread_attr_t usual;
    pthread_attr_t impossible;
    assert_int_equal(pthread_getattr_default_np(&usual), 0);
    assert_int_equal(pthread_attr_init(&impossible), 0);
    assert_int_equal(pthread_attr_setstacksize(&impossible, (size_t)1 << 52), 0);
    assert_int_equal(pthread_setattr_default_np(&impossible), 0);
    struct notes notes;
    assert_covers_once(&notes, 8, COUNT_MAX, 3);
    assert_int_equal(pthread_setattr_default_np(&usual), 0);
    assert_int_equal(notes.workers_seen_max, 0);
    (void)pthread_attr_destroy(&impossible);
    (void)pthread_attr_destroy(&usual);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_item_is_served_once_for_any_threads_and_chunks),
        cmocka_unit_test(test_most_threads_serve_every_item_once),
        cmocka_unit_test(test_bodies_run_at_the_same_time_on_workers_of_their_own),
        cmocka_unit_test(test_one_thread_is_the_callers_own),
        cmocka_unit_test(test_threads_that_cannot_start_leave_their_share_to_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
