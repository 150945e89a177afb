/* Days and dates by whole numbers of the proleptic Gregorian calendar, years from March on, so that
 * the leap day is a year's last. Rejected: gmtime, whose result for years below 1 and whose time_t
 * are the platform's.
 */
#include "stages/careers/span.h"

#include "stages/base/number.h"

enum { YEARS_PER_ERA = 400, DAYS_PER_ERA = 146097, DAYS_TO_1970 = 719468 };

static int64_t floor_divide(int64_t a, int64_t b) {
    return a / b - (a % b < 0);
}

/* The UTC year and month (1 to 12) of a time. */
static void month_of(int64_t at_ms, int64_t *year, int *month) {
    int64_t days = floor_divide(at_ms, DAY_MS) + DAYS_TO_1970; /* since 0000-03-01 */
    int64_t era = floor_divide(days, DAYS_PER_ERA);
    int64_t day_of_era = days - era * DAYS_PER_ERA;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int from_march = (int)((5 * day_of_year + 2) / 153);
    *month = from_march < 10 ? from_march + 3 : from_march - 9;
    *year = era * YEARS_PER_ERA + year_of_era + (*month <= 2);
}

/* The first instant of a month; 13 is the next year's January. */
static int64_t month_start(int64_t year, int month) {
    year += month > 12;
    month -= month > 12 ? 12 : 0;
    int64_t march_year = year - (month <= 2);
    int64_t era = floor_divide(march_year, YEARS_PER_ERA);
    int64_t year_of_era = march_year - era * YEARS_PER_ERA;
    int from_march = month > 2 ? month - 3 : month + 9;
    int64_t day_of_era =
        365 * year_of_era + year_of_era / 4 - year_of_era / 100 + (153 * from_march + 2) / 5;
    return (era * DAYS_PER_ERA + day_of_era - DAYS_TO_1970) * DAY_MS;
}

struct span month_span(int64_t at_ms) {
    int64_t year;
    int month;
    month_of(at_ms, &year, &month);
    return (struct span){month_start(year, month), month_start(year, month + 1)};
}

static struct span day_span(int64_t at_ms) {
    int64_t first = floor_divide(at_ms, DAY_MS) * DAY_MS;
    return (struct span){first, first + DAY_MS};
}

static struct span year_span(int64_t at_ms) {
    int64_t year;
    int month;
    month_of(at_ms, &year, &month);
    return (struct span){month_start(year, 1), month_start(year, 13)};
}

struct span position_span(int64_t at_ms, enum position_precision precision) {
    if (at_ms <= 0) {
        return SPAN_EVER;
    }
    return precision == PRECISION_DAY     ? day_span(at_ms)
           : precision == PRECISION_MONTH ? month_span(at_ms)
                                          : year_span(at_ms);
}

enum position_precision span_precision(struct span span) {
    int64_t days = (span.hi_ms - span.lo_ms) / DAY_MS;
    return days <= 1 ? PRECISION_DAY : days <= 31 ? PRECISION_MONTH : PRECISION_YEAR;
}
