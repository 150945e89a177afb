#include "stages/order/event_list.h"

#include "stages/base/random.h"
#include "tests/testing.h"

#include <stdlib.h>
#include <string.h>

enum { EVENTS_MAX = 700 };

/* Few values, so that many events are equal; the origin tells them apart under SEQUENCE. */
static struct event random_event(struct random *random, uint64_t instants) {
    return (struct event){
        .at_ms = (int64_t)random_below(random, instants) - 3,
        .from = {random_below(random, 4)},
        .to = {random_below(random, 4)},
        .kind = (uint8_t)random_below(random, EVENT_KINDS),
        .origin = (uint8_t)random_below(random, EVENT_ORIGINS),
    };
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

static void check(const struct event *events, size_t count, enum simultaneous simultaneous) {
    struct err err;
    struct event slow[EVENTS_MAX];
    struct event_list list = {0};
    memcpy(slow, events, count * sizeof *slow);
    slow_sort(slow, count, simultaneous);
    for (size_t first = 0; first < count; first += 13) {
        MUST(event_list_add(&list, events + first, count - first < 13 ? count - first : 13, &err));
    }
    MUST(event_list_sort(&list, simultaneous, &err));
    assert_int_equal(list.count, count);
    if (count > 0) {
        assert_memory_equal(list.items, slow, count * sizeof *slow);
    }
    event_list_release(&list);
}

static void any_order_comes_out_as_the_slow_sort_has_it(void **state) {
    (void)state;
    struct event events[EVENTS_MAX];
    memset(events, 0, sizeof events);
    for (uint64_t seed = 0; seed < 1500; seed++) {
        struct random random;
        random_seed(&random, seed);
        size_t count = (size_t)random_below(&random, EVENTS_MAX + 1);
        uint64_t instants = 1 + random_below(&random, 900);
        for (size_t i = 0; i < count; i++) {
            events[i] = random_event(&random, instants);
        }
        check(events, count, (enum simultaneous)(seed % 2));
    }
}

static void what_is_nearly_in_order_comes_out_right(void **state) {
    (void)state;
    struct event events[EVENTS_MAX];
    memset(events, 0, sizeof events);
    for (uint64_t seed = 0; seed < 500; seed++) {
        struct random random;
        random_seed(&random, seed);
        uint64_t stretch = 1 + random_below(&random, 300);
        for (size_t i = 0; i < EVENTS_MAX; i++) {
            events[i] = random_event(&random, 1);
            events[i].at_ms = (int64_t)(i % stretch + random_below(&random, 2));
        }
        check(events, EVENTS_MAX, (enum simultaneous)(seed % 2));
    }
}

static void more_can_be_added_after_sorting(void **state) {
    (void)state;
    struct err err;
    struct event_list list = {0};
    for (uint64_t i = 0; i < 1000; i++) {
        struct event event = {.at_ms = (int64_t)(random_mix(i) % 100), .from = {i}};
        MUST(event_list_add(&list, &event, 1, &err));
        if (i % 97 == 0) {
            MUST(event_list_sort(&list, SIMULTANEOUS_STRICT, &err));
            assert_int_equal(list.count, i + 1);
            for (size_t k = 1; k < list.count; k++) {
                assert_false(
                    event_is_before(&list.items[k], &list.items[k - 1], SIMULTANEOUS_STRICT));
            }
        }
    }
    event_list_release(&list);
}

static void room_is_made_as_it_was_asked_for(void **state) {
    (void)state;
    struct err err;
    struct event_list list = {0};
    struct event event = {.at_ms = 1};
    MUST(event_list_reserve(&list, 100, &err));
    MUST(event_list_add(&list, &event, 1, &err));
    MUST(event_list_reserve(&list, 50, &err));
    assert_int_equal(list.capacity, 100);
    assert_int_equal(list.count, 1);
    event_list_release(&list);
    assert_null(list.items);
}

static void an_empty_list_is_sorted(void **state) {
    (void)state;
    struct err err;
    struct event_list list = {0};
    MUST(event_list_add(&list, NULL, 0, &err));
    MUST(event_list_sort(&list, SIMULTANEOUS_STRICT, &err));
    assert_int_equal(list.count, 0);
    event_list_release(&list);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_order_comes_out_as_the_slow_sort_has_it),
        cmocka_unit_test(what_is_nearly_in_order_comes_out_right),
        cmocka_unit_test(more_can_be_added_after_sorting),
        cmocka_unit_test(room_is_made_as_it_was_asked_for),
        cmocka_unit_test(an_empty_list_is_sorted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
