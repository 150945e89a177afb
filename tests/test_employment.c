#include "stages/generate/employment.h"

#include "stages/base/number.h"
#include "stages/base/random.h"
#include "tests/testing.h"

#include <time.h>

static struct err err;

/* First instant of a day of 2019 or 2020. */
static int64_t day(int year, int month, int number) {
    struct tm tm = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = number};
    return (int64_t)timegm(&tm) * 1000;
}

static void assert_date(struct date date, int64_t lo_ms, int64_t hi_ms) {
    assert_true(date.lo_ms == lo_ms);
    assert_true(date.hi_ms == hi_ms);
}

static void dates_are_the_units_that_hold_an_instant(void **state) {
    (void)state;
    int64_t noon = day(2020, 2, 29) + DAY_MS / 2;
    assert_date(date_of(noon, PRECISION_DAY), day(2020, 2, 29), day(2020, 3, 1));
    assert_date(date_of(noon, PRECISION_MONTH), day(2020, 2, 1), day(2020, 3, 1));
    assert_date(date_of(noon, PRECISION_YEAR), day(2020, 1, 1), day(2021, 1, 1));
    int64_t last = day(2020, 1, 1) - 1;
    assert_date(date_of(last, PRECISION_MONTH), day(2019, 12, 1), day(2020, 1, 1));
    assert_date(date_of(last, PRECISION_YEAR), day(2019, 1, 1), day(2020, 1, 1));
    assert_date(date_of(1, PRECISION_YEAR), 0, day(1971, 1, 1));
    assert_date(date_of(0, PRECISION_DAY), INT64_MIN, INT64_MIN);
    assert_date(date_of(-DAY_MS, PRECISION_YEAR), INT64_MIN, INT64_MIN);
}

static void months_and_years_agree_with_the_c_library(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, 1);
    for (int i = 0; i < 20000; i++) {
        int64_t at_ms = 1 + (int64_t)random_below(&random, UINT64_C(200) * 365 * DAY_MS);
        time_t seconds = (time_t)(at_ms / 1000);
        struct tm tm;
        assert_non_null(gmtime_r(&seconds, &tm));
        int year = tm.tm_year + 1900;
        int month = tm.tm_mon + 1;
        assert_date(date_of(at_ms, PRECISION_MONTH), day(year, month, 1), day(year, month + 1, 1));
        assert_date(date_of(at_ms, PRECISION_YEAR), day(year, 1, 1), day(year + 1, 1, 1));
    }
}

/* Member 0 is the contact, 1 the mover. */
static struct employment two_members(void) {
    struct employment employment = {0};
    MUST(employment_init(&employment, 2, &err));
    return employment;
}

static struct date on(int year, int month, int number) {
    return date_of(day(year, month, number), PRECISION_DAY);
}

static void jobs_are_found_by_company_and_by_being_open(void **state) {
    (void)state;
    struct employment employment = two_members();
    assert_int_equal(employment_find(&employment, 0, 7), JOB_NONE);
    assert_int_equal(employment_open(&employment, 0), JOB_NONE);
    MUST(employment_start(&employment, 0, 7, 8, on(2019, 1, 1), &err));
    MUST(employment_start(&employment, 1, 7, 7, on(2019, 1, 2), &err));
    MUST(employment_start(&employment, 0, 5, 5, on(2019, 1, 3), &err));
    assert_int_equal(employment_find(&employment, 0, 7), 0);
    assert_int_equal(employment_find(&employment, 1, 7), 1);
    assert_int_equal(employment_find(&employment, 0, 5), 2);
    assert_int_equal(employment_find(&employment, 1, 5), JOB_NONE);
    assert_int_equal(employment_open(&employment, 0), 2);
    employment.jobs[2].end = on(2019, 2, 1);
    assert_int_equal(employment_open(&employment, 0), 0);
    assert_int_equal(employment.jobs[0].reported, 8);
    employment_release(&employment);
}

static void the_entry_is_the_earliest_start_and_the_coarsest_of_equal_ones(void **state) {
    (void)state;
    struct employment employment = two_members();
    assert_false(employment_can_move(&employment, 0, on(2020, 1, 1)));
    MUST(employment_start(&employment, 0, 1, 1, on(2019, 6, 1), &err));
    MUST(employment_start(&employment, 0, 2, 2, on(2019, 1, 1), &err));
    MUST(employment_start(&employment, 0, 3, 3, on(2019, 7, 1), &err));
    assert_date(employment.entry[0], day(2019, 1, 1), day(2019, 1, 2));
    assert_true(employment_can_move(&employment, 0, on(2019, 1, 2)));
    assert_false(employment_can_move(&employment, 0, on(2019, 1, 1)));
    MUST(employment_start(&employment, 0, 4, 4, date_of(day(2019, 1, 9), PRECISION_YEAR), &err));
    assert_date(employment.entry[0], day(2019, 1, 1), day(2020, 1, 1));
    assert_false(employment_can_move(&employment, 0, on(2019, 12, 31)));
    assert_true(employment_can_move(&employment, 0, on(2020, 1, 1)));
    MUST(employment_start(&employment, 1, 4, 4, DATE_EVER, &err));
    assert_true(employment_can_move(&employment, 1, on(1970, 1, 2)));
    employment_release(&employment);
}

static void a_job_carries_after_a_year_and_while_it_may_go_on(void **state) {
    (void)state;
    struct job job = {.start = on(2019, 1, 1), .end = DATE_NEVER};
    assert_false(job_carries(&job, on(2019, 12, 31)));
    assert_true(job_carries(&job, on(2020, 1, 1)));
    job.end = on(2020, 3, 1);
    assert_true(job_carries(&job, on(2020, 3, 1)));
    assert_false(job_carries(&job, on(2020, 3, 2)));
    job.start = date_of(day(2019, 5, 5), PRECISION_YEAR);
    assert_true(job_carries(&job, on(2020, 1, 1)));
    job.start = DATE_EVER;
    assert_true(job_carries(&job, on(1970, 1, 2)));
}

static void carriers_are_jobs_where_the_mover_has_never_been(void **state) {
    (void)state;
    struct employment employment = two_members();
    struct date s = on(2020, 6, 1);
    for (uint32_t company = 1; company <= 3; company++) {
        MUST(employment_start(&employment, 0, company, company, on(2019, 1, 1), &err));
    }
    MUST(employment_start(&employment, 0, 4, 4, on(2020, 1, 1), &err));
    MUST(employment_start(&employment, 1, 2, 2, on(2018, 1, 1), &err));
    employment.jobs[employment_find(&employment, 1, 2)].end = on(2018, 2, 1);
    assert_int_equal(employment_carrier(&employment, 0, 1, s, 0), 2);
    assert_int_equal(employment_carrier(&employment, 0, 1, s, 1), 0);
    assert_int_equal(employment_carrier(&employment, 0, 1, s, 2), JOB_NONE);
    employment_release(&employment);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_are_the_units_that_hold_an_instant),
        cmocka_unit_test(months_and_years_agree_with_the_c_library),
        cmocka_unit_test(jobs_are_found_by_company_and_by_being_open),
        cmocka_unit_test(the_entry_is_the_earliest_start_and_the_coarsest_of_equal_ones),
        cmocka_unit_test(a_job_carries_after_a_year_and_while_it_may_go_on),
        cmocka_unit_test(carriers_are_jobs_where_the_mover_has_never_been),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
