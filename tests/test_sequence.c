#include "stages/order/sequence.h"

#include "stages/base/random.h"
#include "stages/order/event_list.h"
#include "tests/scratch.h"
#include "tests/testing.h"

#include <signal.h>
#include <sys/resource.h>

/* A log and how it is added. */
struct trial {
    enum simultaneous simultaneous;
    struct event *events;
    size_t count;
    size_t most; /* events per call */
    uint64_t memory_bytes;
    uint64_t tape_memory_bytes;
    size_t known; /* of members 0 .. known - 1 the dictionary has nodes before */
};

static struct event *events_new(size_t count) {
    struct event *events = calloc(count + 1, sizeof *events);
    assert_non_null(events);
    return events;
}

/* Members are numbers below `members`, mixed so that their order is not that of the numbers. */
static struct event random_event(struct random *random, int64_t at_ms, uint64_t members) {
    uint64_t from = random_below(random, members);
    uint64_t to = (from + 1 + random_below(random, members - 1)) % members;
    return (struct event){
        .at_ms = at_ms,
        .from = {random_mix(from)},
        .to = {random_mix(to)},
        .kind = (uint8_t)random_below(random, EVENT_KINDS),
        .origin = (uint8_t)random_below(random, EVENT_ORIGINS),
    };
}

/* The oracle's sort: by the order of adding where events compare equal. */
struct placed {
    struct event event;
    size_t place;
};

static int placed_compare(const struct placed *a, const struct placed *b,
                          enum simultaneous simultaneous) {
    int compared = event_compare(&a->event, &b->event, simultaneous);
    return compared != 0 ? compared : (a->place > b->place) - (a->place < b->place);
}

static int compare_strict(const void *a, const void *b) {
    return placed_compare(a, b, SIMULTANEOUS_STRICT);
}

static int compare_sequence(const void *a, const void *b) {
    return placed_compare(a, b, SIMULTANEOUS_SEQUENCE);
}

static struct placed *sorted_make(const struct trial *trial) {
    struct placed *sorted = calloc(trial->count + 1, sizeof *sorted);
    assert_non_null(sorted);
    for (size_t i = 0; i < trial->count; i++) {
        sorted[i] = (struct placed){trial->events[i], i};
    }
    qsort(sorted, trial->count, sizeof *sorted,
          trial->simultaneous == SIMULTANEOUS_STRICT ? compare_strict : compare_sequence);
    return sorted;
}

/* The sequence as it must be: sorted events, and nodes by a dictionary that is shown the sorted
 * events one member at a time. */
static void assert_sequence(struct sequence *sequence, const struct trial *trial,
                            struct dictionary *dictionary) {
    struct err err;
    struct placed *sorted = sorted_make(trial);
    struct tape *tape = sequence_tape(sequence);
    struct tape_block *block = malloc(sizeof *block);
    assert_non_null(block);
    assert_int_equal(sequence_count(sequence), trial->count);
    assert_int_equal(tape_count(tape), trial->count);
    uint32_t next = (uint32_t)trial->known;
    for (size_t i = 0; i < tape_blocks(tape); i++) {
        MUST(tape_read(tape, i, block, &err));
        for (size_t k = 0; k < block->count; k++) {
            const struct event *event = &sorted[block->first + k].event;
            assert_true(block->at_ms[k] == event->at_ms);
            assert_int_equal(block->code[k], event_code(event->kind, event->origin));
            assert_true(block->from[k] <= next);
            next += block->from[k] == next;
            assert_true(block->to[k] <= next);
            next += block->to[k] == next;
            assert_true(dictionary_member(dictionary, (struct node_id){block->from[k]}).v ==
                        event->from.v);
            assert_true(dictionary_member(dictionary, (struct node_id){block->to[k]}).v ==
                        event->to.v);
        }
    }
    assert_int_equal(next, dictionary_count(dictionary));
    free(block);
    free(sorted);
}

static void dictionary_prepare(struct dictionary *dictionary, size_t known) {
    struct err err;
    for (size_t i = 0; i < known; i++) {
        struct member_id member = {random_mix(i)};
        struct node_id node;
        MUST(dictionary_resolve(dictionary, &member, 1, &node, &err));
    }
}

/* The look-up works both ways after the numbering, and the known have kept their nodes. */
static void assert_dictionary(struct dictionary *dictionary, size_t known) {
    struct err err;
    size_t count = dictionary_count(dictionary);
    for (size_t i = 0; i < count; i++) {
        struct member_id member = dictionary_member(dictionary, (struct node_id){(uint32_t)i});
        struct node_id node;
        assert_true(i >= known || member.v == random_mix(i));
        MUST(dictionary_resolve(dictionary, &member, 1, &node, &err));
        assert_int_equal(node.v, i);
    }
    assert_int_equal(dictionary_count(dictionary), count);
}

static void check(void **folder, const struct trial *trial) {
    struct err err;
    struct random random;
    struct dictionary dictionary = {0};
    struct sequence *sequence;
    random_seed(&random, trial->count);
    dictionary_prepare(&dictionary, trial->known);
    struct sequence_options options = {.simultaneous = trial->simultaneous,
                                       .dictionary = &dictionary,
                                       .scratch_folder = *folder,
                                       .memory_bytes = trial->memory_bytes,
                                       .tape_memory_bytes = trial->tape_memory_bytes};
    MUST(sequence_new(&sequence, &options, &err));
    for (size_t first = 0; first < trial->count;) {
        size_t step = (size_t)random_below(&random, trial->most + 1);
        step = step < trial->count - first ? step : trial->count - first;
        MUST(sequence_add(sequence, trial->events + first, step, &err));
        first += step;
    }
    MUST(sequence_finish(sequence, &err));
    assert_sequence(sequence, trial, &dictionary);
    assert_dictionary(&dictionary, trial->known);
    sequence_free(sequence);
    dictionary_release(&dictionary);
}

/* Under both rules, with several budgets and portions. */
static void check_all(void **folder, struct event *events, size_t count, size_t known) {
    static const uint64_t memories[] = {0, 3 << 20, 1 << 24};
    static const size_t mosts[] = {7, 5000};
    for (int simultaneous = 0; simultaneous < 2; simultaneous++) {
        for (size_t m = 0; m < sizeof memories / sizeof *memories; m++) {
            struct trial trial = {.simultaneous = (enum simultaneous)simultaneous,
                                  .events = events,
                                  .count = count,
                                  .most = mosts[m % 2],
                                  .memory_bytes = memories[m],
                                  .tape_memory_bytes = memories[(m + 1) % 3],
                                  .known = known};
            check(folder, &trial);
        }
    }
}

static void short_logs_in_any_order_come_out_as_the_plain_sort_has_them(void **folder) {
    for (uint64_t seed = 0; seed < 60; seed++) {
        struct random random;
        random_seed(&random, seed);
        size_t count = (size_t)random_below(&random, 600);
        struct event *events = events_new(count);
        uint64_t instants = 1 + random_below(&random, 900);
        for (size_t i = 0; i < count; i++) {
            events[i] = random_event(&random, (int64_t)random_below(&random, instants) - 50, 40);
        }
        check_all(folder, events, count, (size_t)random_below(&random, 41));
        free(events);
    }
}

static void a_shuffled_log_is_merged_from_many_runs(void **folder) {
    enum { COUNT = 120000 };
    struct random random;
    random_seed(&random, 1);
    struct event *events = events_new(COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        events[i] = random_event(&random, (int64_t)random_below(&random, COUNT / 3), 20000);
    }
    check_all(folder, events, COUNT, 1000);
    free(events);
}

static void a_log_that_runs_backwards_is_turned_round(void **folder) {
    enum { COUNT = 60000 };
    struct random random;
    random_seed(&random, 2);
    struct event *events = events_new(COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        events[i] = random_event(&random, (int64_t)((COUNT - i) / 5), 9000);
    }
    check_all(folder, events, COUNT, 0);
    free(events);
}

static void a_log_in_order_stays_as_it_is(void **folder) {
    enum { COUNT = 100000 };
    struct random random;
    random_seed(&random, 3);
    struct event *events = events_new(COUNT);
    struct event_list list = {0};
    struct err err;
    for (size_t i = 0; i < COUNT; i++) {
        events[i] = random_event(&random, (int64_t)(i / 3), 30000);
    }
    MUST(event_list_add(&list, events, COUNT, &err));
    MUST(event_list_sort(&list, SIMULTANEOUS_STRICT, &err));
    check_all(folder, list.items, COUNT, 0);
    check_all(folder, list.items, COUNT, 30000);
    event_list_release(&list);
    free(events);
}

static void a_log_in_order_of_time_alone_is_ordered_within_its_instants(void **folder) {
    enum { COUNT = 60000 };
    static const int64_t instant_sizes[] = {2, 50, 3000, 9000};
    struct random random;
    random_seed(&random, 9);
    struct event *events = events_new(COUNT);
    for (size_t s = 0; s < sizeof instant_sizes / sizeof *instant_sizes; s++) {
        for (size_t i = 0; i < COUNT; i++) {
            events[i] = random_event(&random, (int64_t)i / instant_sizes[s], 3000);
        }
        check_all(folder, events, COUNT, 0);
    }
    free(events);
}

static void files_in_order_one_behind_the_other_are_merged(void **folder) {
    enum { COUNT = 120000, FILES = 3 };
    struct random random;
    random_seed(&random, 4);
    struct event *events = events_new(COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        size_t at = i % (COUNT / FILES);
        events[i] = random_event(&random, (int64_t)(at + random_below(&random, 2)), 30000);
    }
    check_all(folder, events, COUNT, 10);
    free(events);
}

static void events_that_are_a_little_late_find_their_place(void **folder) {
    enum { COUNT = 100000 };
    struct random random;
    random_seed(&random, 5);
    struct event *events = events_new(COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        int64_t late = random_below(&random, 50) == 0 ? (int64_t)random_below(&random, 3000) : 0;
        events[i] = random_event(&random, (int64_t)i - late, 5000);
    }
    check_all(folder, events, COUNT, 0);
    free(events);
}

static void events_of_one_instant_are_ordered_by_member(void **folder) {
    enum { COUNT = 50000 };
    struct random random;
    random_seed(&random, 6);
    struct event *events = events_new(COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        events[i] = random_event(&random, 86400000, 300);
    }
    check_all(folder, events, COUNT, 100);
    free(events);
}

static void no_events_make_an_empty_tape(void **folder) {
    struct event none = {0};
    check_all(folder, &none, 0, 0);
    check_all(folder, &none, 0, 5);
}

/* Adds a shuffled log where files may not grow; the failure must come out. */
static void a_scratch_file_that_may_not_grow_fails_the_run(void **folder) {
    enum { COUNT = 300000 };
    struct err err;
    struct random random;
    struct rlimit before;
    struct dictionary dictionary = {0};
    struct sequence *sequence;
    struct sequence_options options = {.dictionary = &dictionary, .scratch_folder = *folder};
    random_seed(&random, 7);
    struct event *events = events_new(COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        events[i] = random_event(&random, (int64_t)random_below(&random, COUNT), 5000);
    }
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit limited = {.rlim_cur = 100000, .rlim_max = before.rlim_max};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limited), 0);
    MUST(sequence_new(&sequence, &options, &err));
    struct status status = status_ok();
    for (size_t i = 0; i < COUNT && !failed(status); i += 1000) {
        status = sequence_add(sequence, events + i, 1000, &err);
    }
    if (!failed(status)) {
        status = sequence_finish(sequence, &err);
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, handler);
    assert_int_equal(status.failure, FAILURE_IO);
    assert_non_null(strstr(err.text, "ulimit -f"));
    sequence_free(sequence);
    dictionary_release(&dictionary);
    free(events);
}

static void a_sequence_can_be_freed_before_it_is_finished(void **folder) {
    struct err err;
    struct random random;
    random_seed(&random, 8);
    sequence_free(NULL);
    struct event *events = events_new(50000);
    for (size_t count = 0; count <= 50000; count += 5000) {
        struct dictionary dictionary = {0};
        struct sequence *sequence;
        struct sequence_options options = {.dictionary = &dictionary, .scratch_folder = *folder};
        for (size_t i = 0; i < count; i++) {
            events[i] = random_event(&random, (int64_t)random_below(&random, 90), 500);
        }
        MUST(sequence_new(&sequence, &options, &err));
        MUST(sequence_add(sequence, events, count, &err));
        sequence_free(sequence);
        dictionary_release(&dictionary);
    }
    free(events);
}

#define SCRATCH_TEST(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(short_logs_in_any_order_come_out_as_the_plain_sort_has_them),
        SCRATCH_TEST(a_shuffled_log_is_merged_from_many_runs),
        SCRATCH_TEST(a_log_that_runs_backwards_is_turned_round),
        SCRATCH_TEST(a_log_in_order_stays_as_it_is),
        SCRATCH_TEST(a_log_in_order_of_time_alone_is_ordered_within_its_instants),
        SCRATCH_TEST(files_in_order_one_behind_the_other_are_merged),
        SCRATCH_TEST(events_that_are_a_little_late_find_their_place),
        SCRATCH_TEST(events_of_one_instant_are_ordered_by_member),
        SCRATCH_TEST(no_events_make_an_empty_tape),
        SCRATCH_TEST(a_scratch_file_that_may_not_grow_fails_the_run),
        SCRATCH_TEST(a_sequence_can_be_freed_before_it_is_finished),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
