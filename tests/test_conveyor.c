#include "tests/testing.h"

#include "stages/base/conveyor.h"
#include "stages/base/random.h"

#include <stdatomic.h>
#include <stdint.h>

enum { SLOTS_MAX = 8, PIECES = 2000 };

/* Slots with a number to work on and the outcome. */
struct pieces {
    uint64_t in[SLOTS_MAX];
    uint64_t out[SLOTS_MAX];
    atomic_uint done;
};

/* Takes longer for some than for others, so that pieces overtake each other. */
static void piece_work(void *context, size_t slot) {
    struct pieces *pieces = context;
    uint64_t value = pieces->in[slot];
    for (uint64_t i = 0; i < pieces->in[slot] % 7 * 300; i++) {
        value = random_mix(value);
    }
    pieces->out[slot] = value;
    atomic_fetch_add(&pieces->done, 1);
}

static uint64_t piece_slowly(uint64_t in) {
    uint64_t value = in;
    for (uint64_t i = 0; i < in % 7 * 300; i++) {
        value = random_mix(value);
    }
    return value;
}

static void test_results_come_in_the_order_of_the_puts(void **state) {
    (void)state;
    for (unsigned threads = 1; threads <= 5; threads++) {
        for (size_t slots = 1; slots <= SLOTS_MAX; slots++) {
            struct err err;
            struct pieces pieces = {.done = 0};
            struct conveyor *conveyor;
            uint64_t put = 0;
            uint64_t taken = 0;
            MUST(conveyor_new(&conveyor, threads, slots, piece_work, &pieces, &err));
            while (taken < PIECES) {
                while (put < PIECES && !conveyor_is_full(conveyor)) {
                    pieces.in[conveyor_next(conveyor)] = put++;
                    conveyor_put(conveyor);
                }
                assert_int_equal(conveyor_count(conveyor), put - taken);
                size_t slot = conveyor_take(conveyor);
                assert_true(pieces.out[slot] == piece_slowly(taken));
                taken++;
            }
            assert_int_equal(conveyor_count(conveyor), 0);
            assert_int_equal(atomic_load(&pieces.done), PIECES);
            conveyor_free(conveyor);
        }
    }
}

static void test_a_conveyor_may_be_left_with_work_on_it(void **state) {
    (void)state;
    for (size_t put = 0; put <= SLOTS_MAX; put++) {
        struct err err;
        struct pieces pieces = {.done = 0};
        struct conveyor *conveyor;
        MUST(conveyor_new(&conveyor, 3, SLOTS_MAX, piece_work, &pieces, &err));
        for (size_t i = 0; i < put; i++) {
            pieces.in[conveyor_next(conveyor)] = 6;
            conveyor_put(conveyor);
        }
        conveyor_free(conveyor);
        assert_true(atomic_load(&pieces.done) <= put);
    }
    conveyor_free(NULL);
}

static void test_one_thread_works_when_the_result_is_wanted(void **state) {
    (void)state;
    struct err err;
    struct pieces pieces = {.done = 0};
    struct conveyor *conveyor;
    MUST(conveyor_new(&conveyor, 1, 2, piece_work, &pieces, &err));
    conveyor_put(conveyor);
    conveyor_put(conveyor);
    assert_int_equal(atomic_load(&pieces.done), 0);
    assert_int_equal(conveyor_take(conveyor), 0);
    assert_int_equal(atomic_load(&pieces.done), 1);
    conveyor_free(conveyor);
}

static void test_slots_are_enough_for_all_threads(void **state) {
    (void)state;
    assert_int_equal(conveyor_slots(1), 1);
    assert_int_equal(conveyor_slots(2), 3);
    assert_int_equal(conveyor_slots(16), 17);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_results_come_in_the_order_of_the_puts),
        cmocka_unit_test(test_a_conveyor_may_be_left_with_work_on_it),
        cmocka_unit_test(test_one_thread_works_when_the_result_is_wanted),
        cmocka_unit_test(test_slots_are_enough_for_all_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
