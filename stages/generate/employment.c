/* Jobs of all members in one array, each pointing at the member's job before: careers are short,
 * and most are never looked at. Rejected: an array per member, which costs an allocation each. */
#include "stages/generate/employment.h"

#include "stages/base/number.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* The first instant of the month, or year, that holds an instant. */
static int64_t unit_start(int64_t at_ms, enum position_precision precision) {
    char text[DATE_TEXT_BYTES];
    date_format(at_ms, text);
    memcpy(text + 8, "01", 2);
    if (precision == PRECISION_YEAR) {
        memcpy(text + 5, "01", 2);
    }
    int64_t start_ms;
    bool is_date = date_parse(text, &start_ms);
    assert(is_date);
    return start_ms;
}

struct date date_of(int64_t at_ms, enum position_precision precision) {
    enum { MONTH_DAYS_MAX = 31, YEAR_DAYS_MAX = 366 };
    if (at_ms <= 0) {
        return DATE_EVER;
    }
    if (precision == PRECISION_DAY) {
        int64_t lo_ms = date_day_start(at_ms);
        return (struct date){lo_ms, lo_ms + DAY_MS};
    }
    int64_t lo_ms = unit_start(at_ms, precision);
    int64_t beyond_ms =
        lo_ms + (precision == PRECISION_MONTH ? MONTH_DAYS_MAX : YEAR_DAYS_MAX) * DAY_MS;
    return (struct date){lo_ms, unit_start(beyond_ms, precision)};
}

struct status employment_init(struct employment *employment, uint32_t members, struct err *err) {
    employment->members = members;
    employment->latest = malloc(members * sizeof *employment->latest);
    employment->entry = malloc(members * sizeof *employment->entry);
    if (employment->latest == NULL || employment->entry == NULL) {
        return err_memory(err, members * sizeof *employment->entry, "careers");
    }
    for (uint32_t i = 0; i < members; i++) {
        employment->latest[i] = JOB_NONE;
        employment->entry[i] = DATE_NEVER;
    }
    return status_ok();
}

void employment_release(struct employment *employment) {
    free(employment->jobs);
    free(employment->latest);
    free(employment->entry);
    *employment = (struct employment){0};
}

static struct status job_reserve(struct employment *employment, struct err *err) {
    if (employment->count < employment->capacity) {
        return status_ok();
    }
    uint32_t capacity = employment->capacity + employment->capacity / 2 + 1024;
    struct job *jobs =
        capacity < employment->capacity ? NULL : realloc(employment->jobs, capacity * sizeof *jobs);
    if (jobs == NULL) {
        return err_memory(err, capacity * sizeof *jobs, "jobs");
    }
    employment->jobs = jobs;
    employment->capacity = capacity;
    return status_ok();
}

struct status employment_start(struct employment *employment, uint32_t member, uint32_t company,
                               uint32_t reported, struct date start, struct err *err) {
    assert(member < employment->members);
    TRY(job_reserve(employment, err));
    employment->jobs[employment->count] = (struct job){
        .previous = employment->latest[member],
        .company = company,
        .reported = reported,
        .start = start,
        .end = DATE_NEVER,
    };
    employment->latest[member] = employment->count++;
    struct date *entry = &employment->entry[member];
    if (start.lo_ms < entry->lo_ms || (start.lo_ms == entry->lo_ms && start.hi_ms > entry->hi_ms)) {
        *entry = start;
    }
    return status_ok();
}

uint32_t employment_find(const struct employment *employment, uint32_t member, uint32_t company) {
    uint32_t job = employment->latest[member];
    while (job != JOB_NONE && employment->jobs[job].company != company) {
        job = employment->jobs[job].previous;
    }
    return job;
}

uint32_t employment_open(const struct employment *employment, uint32_t member) {
    uint32_t job = employment->latest[member];
    while (job != JOB_NONE && employment->jobs[job].end.lo_ms != DATE_NEVER.lo_ms) {
        job = employment->jobs[job].previous;
    }
    return job;
}

bool employment_can_move(const struct employment *employment, uint32_t member, struct date start) {
    return employment->latest[member] != JOB_NONE && employment->entry[member].hi_ms <= start.lo_ms;
}

bool job_carries(const struct job *job, struct date start) {
    if (job->end.hi_ms <= start.lo_ms || job->start.hi_ms > start.lo_ms) {
        return false;
    }
    return job->start.lo_ms == DATE_EVER.lo_ms ||
           job->start.lo_ms + CONTACT_JOB_DAYS * DAY_MS <= start.lo_ms;
}

uint32_t employment_carrier(const struct employment *employment, uint32_t contact, uint32_t mover,
                            struct date start, uint32_t number) {
    uint32_t job = employment->latest[contact];
    for (; job != JOB_NONE; job = employment->jobs[job].previous) {
        const struct job *held = &employment->jobs[job];
        if (job_carries(held, start) &&
            employment_find(employment, mover, held->company) == JOB_NONE && number-- == 0) {
            return job;
        }
    }
    return JOB_NONE;
}
