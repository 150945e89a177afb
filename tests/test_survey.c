#include "pipeline/survey.h"

#include "stages/base/random.h"
#include "tests/testing.h"

static struct survey survey;

/* Events between members drawn from `members` of them. */
static void survey_draw(uint64_t members, size_t events) {
    struct random random;
    random_seed(&random, members);
    survey = (struct survey){0};
    for (size_t i = 0; i < events; i++) {
        struct event event = {
            .from = {random_mix(random_below(&random, members))},
            .to = {random_mix(random_below(&random, members))},
        };
        survey_events(&survey, &event, 1);
    }
}

static void members_of_a_log_that_was_seen_whole_are_counted(void **state) {
    (void)state;
    for (uint64_t members = 1; members < 40000; members = members * 3 + 1) {
        survey_draw(members, 60000);
        survey.is_whole = true;
        uint64_t found = survey_members(&survey);
        assert_in_range(found, members - members / 10, members + members / 10 + 2);
    }
    survey = (struct survey){.is_whole = true};
    assert_int_equal(survey_members(&survey), 0);
}

static void members_of_a_sample_are_estimated_from_above(void **state) {
    (void)state;
    for (uint64_t members = 100; members < 30000000; members *= 7) {
        survey_draw(members, SURVEY_SAMPLE_EVENTS + 1000);
        uint64_t found = survey_members(&survey);
        assert_in_range(found, members - members / 100, members * 4);
    }
}

static void disconnects_are_counted(void **state) {
    (void)state;
    const struct event events[] = {
        {.from = {1}, .to = {2}, .kind = EVENT_DISCONNECT},
        {.from = {1}, .to = {2}, .kind = EVENT_CONNECT},
        {.from = {3}, .to = {2}, .kind = EVENT_DISCONNECT},
    };
    survey = (struct survey){0};
    survey_events(&survey, events, 2);
    survey_events(&survey, events, 3);
    assert_int_equal(survey.disconnects, 3);
    assert_int_equal(survey.events, 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_of_a_log_that_was_seen_whole_are_counted),
        cmocka_unit_test(members_of_a_sample_are_estimated_from_above),
        cmocka_unit_test(disconnects_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
