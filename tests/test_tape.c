#include "stages/order/tape.h"

#include "schemas/event.h"
#include "schemas/limits.h"
#include "stages/base/random.h"
#include "tests/scratch.h"
#include "tests/testing.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

/* A plain copy of what went onto the tape. */
struct plain {
    size_t count;
    int64_t *at_ms;
    uint32_t *from;
    uint32_t *to;
    uint8_t *code;
};

static void *must_alloc(size_t count, size_t size) {
    void *made = calloc(count + 1, size);
    assert_non_null(made);
    return made;
}

/* What the events of a test are like. */
struct shape {
    uint64_t nodes;
    uint64_t gap_ms; /* greatest difference of two times */
    unsigned silent; /* one difference in this many is a long one; 0: none */
    bool one_code;
};

static struct plain plain_make(size_t count, const struct shape *shape, uint64_t seed) {
    struct plain plain = {
        .count = count,
        .at_ms = must_alloc(count, sizeof *plain.at_ms),
        .from = must_alloc(count, sizeof *plain.from),
        .to = must_alloc(count, sizeof *plain.to),
        .code = must_alloc(count, sizeof *plain.code),
    };
    struct random random;
    random_seed(&random, seed);
    int64_t at_ms = -5;
    for (size_t i = 0; i < count; i++) {
        at_ms += (int64_t)random_below(&random, shape->gap_ms + 1);
        if (shape->silent != 0 && random_below(&random, shape->silent) == 0) {
            at_ms += 86400000;
        }
        plain.at_ms[i] = at_ms;
        plain.from[i] = (uint32_t)random_below(&random, shape->nodes);
        plain.to[i] = (uint32_t)random_below(&random, shape->nodes);
        plain.code[i] = shape->one_code ? 5 : (uint8_t)random_below(&random, 8);
    }
    return plain;
}

static void plain_release(struct plain *plain) {
    free(plain->at_ms);
    free(plain->from);
    free(plain->to);
    free(plain->code);
}

static void block_fill(struct tape_block *block, const struct plain *plain, size_t first,
                       size_t count) {
    block->count = count;
    memcpy(block->at_ms, plain->at_ms + first, count * sizeof *plain->at_ms);
    memcpy(block->from, plain->from + first, count * sizeof *plain->from);
    memcpy(block->to, plain->to + first, count * sizeof *plain->to);
    memcpy(block->code, plain->code + first, count * sizeof *plain->code);
}

/* Puts the events in portions of up to `portion`. */
static struct tape *tape_of(void **folder, const struct plain *plain, size_t portion,
                            uint64_t memory_bytes) {
    struct err err;
    struct tape *tape;
    struct tape_block *block = malloc(sizeof *block);
    assert_non_null(block);
    MUST(tape_new(&tape, *folder, memory_bytes, &err));
    for (size_t first = 0; first < plain->count;) {
        size_t left = plain->count - first;
        block_fill(block, plain, first, left < portion ? left : portion);
        MUST(tape_put(tape, block, &err));
        first += block->count;
        assert_int_equal(tape_count(tape), first);
    }
    MUST(tape_end(tape, &err));
    free(block);
    return tape;
}

static bool block_is(const struct plain *plain, const struct tape_block *block) {
    size_t first = (size_t)block->first;
    size_t count = block->count;
    return memcmp(block->at_ms, plain->at_ms + first, count * sizeof *plain->at_ms) == 0 &&
           memcmp(block->from, plain->from + first, count * sizeof *plain->from) == 0 &&
           memcmp(block->to, plain->to + first, count * sizeof *plain->to) == 0 &&
           memcmp(block->code, plain->code + first, count * sizeof *plain->code) == 0;
}

/* Reads all blocks from `first_block` on. */
static void assert_tape_holds(const struct tape *tape, const struct plain *plain,
                              size_t first_block) {
    struct err err;
    struct tape_block *block = malloc(sizeof *block);
    assert_non_null(block);
    assert_int_equal(tape_count(tape), plain->count);
    assert_int_equal(tape_blocks(tape), (plain->count + TAPE_BLOCK_EVENTS - 1) / TAPE_BLOCK_EVENTS);
    for (size_t i = first_block; i < tape_blocks(tape); i++) {
        MUST(tape_read(tape, i, block, &err));
        assert_int_equal(block->first, i * TAPE_BLOCK_EVENTS);
        size_t left = plain->count - i * TAPE_BLOCK_EVENTS;
        assert_int_equal(block->count, left < TAPE_BLOCK_EVENTS ? left : TAPE_BLOCK_EVENTS);
        assert_true(block_is(plain, block));
    }
    free(block);
}

static void check(void **folder, size_t count, const struct shape *shape, size_t portion,
                  uint64_t memory_bytes) {
    struct plain plain = plain_make(count, shape, count + portion);
    struct tape *tape = tape_of(folder, &plain, portion, memory_bytes);
    assert_true(tape_memory(tape) <= memory_bytes);
    assert_tape_holds(tape, &plain, 0);
    tape_free(tape);
    plain_release(&plain);
}

static void events_of_every_shape_come_back(void **folder) {
    static const uint64_t nodes[] = {1, 2, 3, 1000, 20000000, LIMIT_NODES};
    static const uint64_t gaps[] = {0, 1, 300, 1 << 20, UINT64_C(1) << 33};
    for (size_t n = 0; n < sizeof nodes / sizeof *nodes; n++) {
        for (size_t g = 0; g < sizeof gaps / sizeof *gaps; g++) {
            for (unsigned silent = 0; silent < 2; silent++) {
                struct shape shape = {nodes[n], gaps[g], silent * 3000, silent == 0};
                check(folder, 2 * TAPE_BLOCK_EVENTS + 777, &shape, TAPE_BLOCK_EVENTS,
                      UINT64_C(1) << 30);
            }
        }
    }
}

static void every_count_and_portion_gives_the_same_blocks(void **folder) {
    static const struct shape shape = {5000, 90, 0, false};
    static const size_t counts[] = {0,
                                    1,
                                    511,
                                    512,
                                    513,
                                    TAPE_BLOCK_EVENTS - 1,
                                    TAPE_BLOCK_EVENTS,
                                    TAPE_BLOCK_EVENTS + 1,
                                    5 * TAPE_BLOCK_EVENTS + 5};
    static const size_t portions[] = {1, 100, 4096, 16000, TAPE_BLOCK_EVENTS};
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        for (size_t p = 0; p < sizeof portions / sizeof *portions; p++) {
            check(folder, counts[c], &shape, portions[p], UINT64_C(1) << 30);
        }
    }
}

static void events_beyond_the_memory_lie_on_disk(void **folder) {
    static const struct shape shape = {1 << 25, 300, 5000, false};
    static const uint64_t memories[] = {0, 1, 1 << 18, 1 << 20, 2500000, 1 << 22};
    for (size_t m = 0; m < sizeof memories / sizeof *memories; m++) {
        check(folder, 40 * TAPE_BLOCK_EVENTS + 3, &shape, TAPE_BLOCK_EVENTS, memories[m]);
    }
}

static void the_greatest_and_the_smallest_values_come_back(void **folder) {
    static int64_t at_ms[] = {LIMIT_TIME_MIN_MS, LIMIT_TIME_MAX_MS, LIMIT_TIME_MAX_MS};
    static uint32_t from[] = {LIMIT_NODES - 1, 0, LIMIT_NODES - 1};
    static uint32_t to[] = {0, LIMIT_NODES - 1, 1};
    static uint8_t code[] = {7, 0, 1};
    struct plain plain = {3, at_ms, from, to, code};
    struct tape *tape = tape_of(folder, &plain, 2, 0);
    assert_tape_holds(tape, &plain, 0);
    tape_free(tape);
}

static void a_study_takes_about_7_and_a_half_bytes_per_event(void **folder) {
    static const struct shape shape = {20000000, 300, 0, true};
    struct plain plain = plain_make(64 * TAPE_BLOCK_EVENTS, &shape, 1);
    struct tape *tape = tape_of(folder, &plain, TAPE_BLOCK_EVENTS, UINT64_C(1) << 30);
    /* Memory is counted in whole pieces. */
    assert_in_range(tape_memory(tape), plain.count * 7, plain.count * 8 + (1 << 22));
    tape_free(tape);
    plain_release(&plain);
}

static void forgotten_blocks_give_back_memory_and_leave_the_rest(void **folder) {
    static const struct shape shape = {1 << 25, 300, 0, false};
    static const uint64_t memories[] = {0, 3 << 20, 1 << 24};
    struct plain plain = plain_make(48 * TAPE_BLOCK_EVENTS + 9, &shape, 3);
    for (size_t m = 0; m < sizeof memories / sizeof *memories; m++) {
        struct tape *tape = tape_of(folder, &plain, 1000, memories[m]);
        uint64_t before_bytes = tape_memory(tape);
        for (size_t block = 0; block < tape_blocks(tape); block += 7) {
            tape_forget(tape, block);
            assert_tape_holds(tape, &plain, block);
            assert_true(tape_memory(tape) <= before_bytes);
        }
        tape_forget(tape, tape_blocks(tape));
        assert_int_equal(tape_memory(tape), 0);
        tape_free(tape);
    }
    plain_release(&plain);
}

static void a_limit_moves_what_is_beyond_it_to_disk(void **folder) {
    static const struct shape shape = {1 << 25, 300, 0, false};
    struct err err;
    struct plain plain = plain_make(60 * TAPE_BLOCK_EVENTS, &shape, 4);
    struct tape *tape;
    struct tape_block *block = malloc(sizeof *block);
    assert_non_null(block);
    MUST(tape_new(&tape, *folder, 1 << 23, &err));
    for (size_t i = 0; i < 60; i++) {
        block_fill(block, &plain, i * TAPE_BLOCK_EVENTS, TAPE_BLOCK_EVENTS);
        MUST(tape_put(tape, block, &err));
        if (i == 39) {
            assert_true(tape_memory(tape) > 4000000);
            MUST(tape_limit(tape, 2500000, &err));
            assert_in_range(tape_memory(tape), 1, 2500000);
        }
    }
    MUST(tape_end(tape, &err));
    assert_in_range(tape_memory(tape), 1, 2500000);
    assert_tape_holds(tape, &plain, 0);
    tape_uncache(tape);
    assert_tape_holds(tape, &plain, 0);
    tape_free(tape);
    free(block);
    plain_release(&plain);
}

struct reader {
    const struct tape *tape;
    const struct plain *plain;
    size_t first;
    bool is_right;
};

static void *reader_main(void *argument) {
    struct reader *reader = argument;
    struct tape_block *block = malloc(sizeof *block);
    reader->is_right = block != NULL;
    for (size_t i = reader->first; reader->is_right && i < tape_blocks(reader->tape); i++) {
        reader->is_right =
            !failed(tape_read(reader->tape, i, block, NULL)) && block_is(reader->plain, block);
    }
    free(block);
    return NULL;
}

static void several_threads_read_while_earlier_blocks_are_forgotten(void **folder) {
    enum { READERS = 3, FORGOTTEN = 30 };
    static const struct shape shape = {1 << 25, 300, 0, false};
    struct plain plain = plain_make(48 * TAPE_BLOCK_EVENTS, &shape, 5);
    struct tape *tape = tape_of(folder, &plain, TAPE_BLOCK_EVENTS, 3 << 20);
    struct reader readers[READERS];
    pthread_t threads[READERS];
    for (size_t i = 0; i < READERS; i++) {
        readers[i] = (struct reader){tape, &plain, FORGOTTEN, false};
        assert_int_equal(pthread_create(&threads[i], NULL, reader_main, &readers[i]), 0);
    }
    for (size_t block = 0; block <= FORGOTTEN; block++) {
        tape_forget(tape, block);
    }
    for (size_t i = 0; i < READERS; i++) {
        (void)pthread_join(threads[i], NULL);
        assert_true(readers[i].is_right);
    }
    tape_free(tape);
    plain_release(&plain);
}

static void a_scratch_file_that_may_not_grow_fails_the_put(void **folder) {
    static const struct shape shape = {1 << 25, 300, 0, true};
    struct err err;
    struct tape *tape;
    struct rlimit before;
    struct plain plain = plain_make(TAPE_BLOCK_EVENTS, &shape, 6);
    struct tape_block *block = malloc(sizeof *block);
    assert_non_null(block);
    block_fill(block, &plain, 0, TAPE_BLOCK_EVENTS);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit limited = {.rlim_cur = 1200000, .rlim_max = before.rlim_max};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limited), 0);
    MUST(tape_new(&tape, *folder, 0, &err));
    struct status status = status_ok();
    size_t puts = 0;
    while (!failed(status) && puts < 40) {
        memset(block->at_ms, 0, sizeof block->at_ms);
        status = tape_put(tape, block, &err);
        puts++;
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, handler);
    assert_int_equal(status.failure, FAILURE_IO);
    assert_non_null(strstr(err.text, "ulimit -f"));
    tape_free(tape);
    free(block);
    plain_release(&plain);
}

static void freeing_nothing_and_an_unfinished_tape_is_fine(void **folder) {
    struct err err;
    struct tape *tape;
    tape_free(NULL);
    MUST(tape_new(&tape, *folder, 0, &err));
    tape_free(tape);
}

#define SCRATCH_TEST(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(events_of_every_shape_come_back),
        SCRATCH_TEST(every_count_and_portion_gives_the_same_blocks),
        SCRATCH_TEST(events_beyond_the_memory_lie_on_disk),
        SCRATCH_TEST(the_greatest_and_the_smallest_values_come_back),
        SCRATCH_TEST(a_study_takes_about_7_and_a_half_bytes_per_event),
        SCRATCH_TEST(forgotten_blocks_give_back_memory_and_leave_the_rest),
        SCRATCH_TEST(a_limit_moves_what_is_beyond_it_to_disk),
        SCRATCH_TEST(several_threads_read_while_earlier_blocks_are_forgotten),
        SCRATCH_TEST(a_scratch_file_that_may_not_grow_fails_the_put),
        SCRATCH_TEST(freeing_nothing_and_an_unfinished_tape_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
