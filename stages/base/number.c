/* Calendar arithmetic follows the proleptic Gregorian calendar by counting days from 0000-03-01,
 * so that the leap day is the last day of its year. */
#include "stages/base/number.h"

#include "schemas/event.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool number_parse_u64(const char *text, size_t bytes, uint64_t *value) {
    if (bytes == 0) {
        return false;
    }
    uint64_t sum = 0;
    for (size_t i = 0; i < bytes; i++) {
        unsigned digit = (unsigned char)text[i] - (unsigned)'0';
        if (digit > 9 || sum > (UINT64_MAX - digit) / 10) {
            return false;
        }
        sum = sum * 10 + digit;
    }
    *value = sum;
    return true;
}

bool number_parse_i64(const char *text, size_t bytes, int64_t *value) {
    bool negative = bytes > 0 && text[0] == '-';
    uint64_t magnitude;
    if (!number_parse_u64(text + negative, bytes - negative, &magnitude)) {
        return false;
    }
    if (magnitude > (uint64_t)INT64_MAX + negative) {
        return false;
    }
    *value = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

/* "00" to "99": two digits per division halve the time, which is a quarter of writing CSV. */
static const char digit_pairs[] = "00010203040506070809101112131415161718192021222324"
                                  "25262728293031323334353637383940414243444546474849"
                                  "50515253545556575859606162636465666768697071727374"
                                  "75767778798081828384858687888990919293949596979899";

size_t number_format_u64(char *at, uint64_t value) {
    char digits[NUMBER_U64_BYTES];
    size_t first = NUMBER_U64_BYTES;
    while (value >= 100) {
        first -= 2;
        memcpy(digits + first, digit_pairs + 2 * (value % 100), 2);
        value /= 100;
    }
    if (value >= 10) {
        first -= 2;
        memcpy(digits + first, digit_pairs + 2 * value, 2);
    } else {
        digits[--first] = (char)('0' + value);
    }
    memcpy(at, digits + first, NUMBER_U64_BYTES - first);
    return NUMBER_U64_BYTES - first;
}

size_t number_format_i64(char *at, int64_t value) {
    if (value >= 0) {
        return number_format_u64(at, (uint64_t)value);
    }
    at[0] = '-';
    return 1 + number_format_u64(at + 1, 0 - (uint64_t)value);
}

size_t number_format_double(char at[NUMBER_DOUBLE_BYTES], double value) {
    /* 15 digits always print the shorter texts too, but for the doubles of less precision. */
    for (int digits = fabs(value) < DBL_MIN ? 1 : 15; digits <= 17; digits++) {
        int count = snprintf(at, NUMBER_DOUBLE_BYTES, "%.*g", digits, value);
        assert(count > 0 && count < NUMBER_DOUBLE_BYTES);
        if (strtod(at, NULL) == value) {
            return (size_t)count;
        }
    }
    return strlen(at); /* 17 digits always read back; only NaN comes here */
}

/* Days from 1970-01-01 to the given day. */
static int64_t days_from_civil(int64_t year, int month, int day) {
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static int days_in_month(int year, int month) {
    static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

bool date_parse(const char *text, int64_t *day_start_ms) {
    uint64_t year;
    uint64_t month;
    uint64_t day;
    if (strlen(text) != DATE_TEXT_BYTES - 1 || text[4] != '-' || text[7] != '-' ||
        !number_parse_u64(text, 4, &year) || !number_parse_u64(text + 5, 2, &month) ||
        !number_parse_u64(text + 8, 2, &day)) {
        return false;
    }
    if (year < 1 || month < 1 || month > 12 || day < 1 ||
        (int)day > days_in_month((int)year, (int)month)) {
        return false;
    }
    *day_start_ms = days_from_civil((int64_t)year, (int)month, (int)day) * DAY_MS;
    return true;
}

int64_t date_day_start(int64_t at_ms) {
    int64_t into_day = at_ms % DAY_MS;
    return at_ms - (into_day < 0 ? into_day + DAY_MS : into_day);
}

void date_format(int64_t at_ms, char text[DATE_TEXT_BYTES]) {
    assert(event_time_is_valid(at_ms));
    int64_t days = date_day_start(at_ms) / DAY_MS + 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted_month = (5 * day_of_year + 2) / 153;
    int day = (int)(day_of_year - (153 * shifted_month + 2) / 5 + 1);
    int month = (int)(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
    int year = (int)(year_of_era + era * 400 + (month <= 2));
    char wide[40];
    (void)snprintf(wide, sizeof wide, "%04d-%02d-%02d", year, month, day);
    memcpy(text, wide, DATE_TEXT_BYTES);
    text[DATE_TEXT_BYTES - 1] = '\0';
}
